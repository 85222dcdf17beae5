"""Agreements whose prepaid balance is used up."""

import sqlalchemy as sa
from alembic import op

revision = "agreements_0004"
down_revision = "agreements_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agreement", sa.Column("uncovered", sa.String(200), nullable=True))


def downgrade() -> None:
    op.drop_column("agreement", "uncovered")
