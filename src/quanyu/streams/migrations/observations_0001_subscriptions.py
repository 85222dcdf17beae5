"""Who is told of new observations, and how far it has heard."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Moment

revision = "observations_0001"
down_revision = None
branch_labels = ("observations",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stream_subscription",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("slug", sa.String(255), nullable=False),
        sa.Column("agreement", sa.String(40), nullable=True),
        sa.Column("purpose", sa.String(64), nullable=True),
        sa.Column("datastream", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("qos", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("delivered_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stream_subscription"),
    )
    op.create_index("ix_stream_subscription_party", "stream_subscription", ["party"])
    op.create_index("ix_stream_subscription_due", "stream_subscription", ["kind", "due_at"])
    op.create_index("ix_stream_subscription_client", "stream_subscription", ["client"])


def downgrade() -> None:
    op.drop_table("stream_subscription")
