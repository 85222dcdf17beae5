"""Changes of alerts are numbered in the order in which they are committed."""

import sqlalchemy as sa
from alembic import op

revision = "alerts_0002"
down_revision = "alerts_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operations_alert_number",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_operations_alert_number"),
    )
    op.add_column(
        "operations_alert",
        sa.Column("change", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.create_index("ix_operations_alert_change", "operations_alert", ["resource", "change"])
