"""The health of entries."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Moment

revision = "catalogue_0012"
down_revision = "catalogue_0011"
branch_labels = None
depends_on = None

_COLUMNS = ("health", "sickness")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column(
            "resource_care",
            sa.Column(name, sa.SmallInteger(), nullable=False, server_default="-1"),
        )
        op.create_index(f"ix_resource_care_{name}", "resource_care", [name, "number"])
    op.add_column("resource_care", sa.Column("health_state", sa.String(8), nullable=True))
    op.add_column("resource_care", sa.Column("health_next", Moment(), nullable=True))
    op.create_index("ix_resource_care_health_next", "resource_care", ["health_next"])


def downgrade() -> None:
    op.drop_index("ix_resource_care_health_next", table_name="resource_care")
    for name in _COLUMNS:
        op.drop_index(f"ix_resource_care_{name}", table_name="resource_care")
    for name in (*_COLUMNS, "health_state", "health_next"):
        op.drop_column("resource_care", name)
