"""Answers with noise that were given and paid for."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Moment

revision = "agreements_0002"
down_revision = "agreements_0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "agreement_noisy_answer",
        sa.Column("agreement", sa.String(80), primary_key=True),
        sa.Column("question", sa.String(64), primary_key=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("loss", _NUMBER, nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("agreement_noisy_answer")
