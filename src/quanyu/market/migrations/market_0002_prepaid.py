"""Service levels of offers; what was counted under prepaid agreements."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json

revision = "market_0002"
down_revision = "market_0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("market_plan", sa.Column("level", Json(), nullable=True))
    op.create_table(
        "market_prepaid",
        sa.Column("agreement", sa.String(40), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("uses", _NUMBER, nullable=False),
        sa.Column("rows", _NUMBER, nullable=False),
        sa.Column("bytes", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("agreement", "period", name="pk_market_prepaid"),
    )


def downgrade() -> None:
    op.drop_table("market_prepaid")
    op.drop_column("market_plan", "level")
