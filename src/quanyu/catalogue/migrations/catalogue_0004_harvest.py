"""Sources that are harvested, runs, records."""

revision = "catalogue_0004"
down_revision = "catalogue_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
