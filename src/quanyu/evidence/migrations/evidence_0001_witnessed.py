"""What this node has seen of other logs."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Moment

revision = "evidence_0001"
down_revision = None
branch_labels = ("evidence",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "witnessed_log",
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_witnessed_log"),
    )


def downgrade() -> None:
    op.drop_table("witnessed_log")
