"""Duties: what is done again and again."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel.control import Moment

revision = "kernel_0002"
down_revision = "kernel_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("holder", sa.String(128), nullable=True),
        sa.Column("until", Moment(), nullable=True),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("problem", sa.String(500), nullable=True),
    )


def downgrade() -> None:
    op.drop_table("duty")
