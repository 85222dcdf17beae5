"""The outbox."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel.control import Moment

revision = "kernel_0001"
down_revision = None
branch_labels = ("kernel",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("position", _NUMBER, nullable=True),
        sa.UniqueConstraint("leaf", name="uq_outbox_leaf"),
    )
    op.create_index("ix_outbox_kind", "outbox", ["kind"])
    op.create_index("ix_outbox_subject", "outbox", ["subject"])
    op.create_index("ix_outbox_pending", "outbox", ["position", "number"])


def downgrade() -> None:
    op.drop_table("outbox")
