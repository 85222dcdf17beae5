"""How often a datastream of a stream came to have observations of another feature."""

import sqlalchemy as sa
from alembic import op

revision = "things_0002"
down_revision = "things_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "stream_root", sa.Column("observed", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    op.drop_column("stream_root", "observed")
