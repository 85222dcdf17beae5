"""Notices, their ways, webhooks."""

revision = "parties_0003"
down_revision = "parties_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
