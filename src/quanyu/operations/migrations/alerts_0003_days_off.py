"""Days off of members who are on call, and who stands in."""

import sqlalchemy as sa
from alembic import op

revision = "alerts_0003"
down_revision = "alerts_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operations_day_off",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("calendar", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("substitute", sa.String(40), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operations_day_off"),
    )
    op.create_index("ix_operations_day_off_calendar", "operations_day_off", ["calendar", "last"])
