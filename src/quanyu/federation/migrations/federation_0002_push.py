"""Files that transfers push to an address, and files that were pushed here."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Moment

revision = "federation_0002"
down_revision = "federation_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "federation_push",
        sa.Column("process", sa.String(40), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(500), nullable=False),
        sa.Column("media_type", sa.String(200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("use", sa.String(64), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["process"], ["federation_process.id"], name="fk_federation_push_process"
        ),
        sa.PrimaryKeyConstraint("process", name="pk_federation_push"),
    )
    op.create_index("ix_federation_push_due", "federation_push", ["due_at"])
