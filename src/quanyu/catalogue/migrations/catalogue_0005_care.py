"""Quality, discussions, corrections, reuses."""

revision = "catalogue_0005"
down_revision = "catalogue_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
