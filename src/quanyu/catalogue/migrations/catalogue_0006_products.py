"""Products out of resources."""

revision = "catalogue_0006"
down_revision = "catalogue_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
