"""Since when a subscription could not be told."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Moment

revision = "observations_0002"
down_revision = "observations_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stream_subscription", sa.Column("failing_at", Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("stream_subscription", "failing_at")
