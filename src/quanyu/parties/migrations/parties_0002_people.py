"""Sign-in by OpenID Connect, invitations, delegations, acts."""

revision = "parties_0002"
down_revision = "parties_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
