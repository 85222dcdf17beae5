"""Indexes that the figures of departments are counted from, without reading entries."""

from alembic import op

revision = "catalogue_0008"
down_revision = "catalogue_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_resource_owned", "resource", ["provider", "state", "number"])
    op.drop_index("ix_resource_provider", table_name="resource")
    op.create_index("ix_resource_theme_counted", "resource_theme", ["theme", "number"])
    op.drop_index("ix_resource_theme_theme", table_name="resource_theme")
    op.create_index(
        "ix_resource_care_counted", "resource_care", ["number", "score", "due_at", "overdue_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_resource_care_counted", table_name="resource_care")
    op.create_index("ix_resource_theme_theme", "resource_theme", ["theme"])
    op.drop_index("ix_resource_theme_counted", table_name="resource_theme")
    op.create_index("ix_resource_provider", "resource", ["provider"])
    op.drop_index("ix_resource_owned", table_name="resource")
