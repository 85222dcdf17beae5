"""Quality, discussions, corrections, reuses."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "catalogue_0005"
down_revision = "catalogue_0004"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SCORES = (
    "score",
    "findability",
    "accessibility",
    "interoperability",
    "reusability",
    "contextuality",
)


def upgrade() -> None:
    """The tables of care for entries."""
    op.create_table(
        "resource_care",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        *(sa.Column(name, sa.SmallInteger(), nullable=False) for name in _SCORES),
        sa.Column("data_version", sa.Integer(), nullable=True),
        sa.Column("data_at", Moment(), nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("overdue_at", Moment(), nullable=True),
        sa.Column("sizes", Json(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_resource_care"),
        sa.UniqueConstraint("resource", name="uq_resource_care_resource"),
        sa.ForeignKeyConstraint(
            ["number"], ["resource.number"], name="fk_resource_care_number", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_resource_care_dates", "resource_care", ["overdue_at", "due_at"])
    op.create_index("ix_resource_care_score", "resource_care", ["score"])


def downgrade() -> None:
    """Without them."""
    op.drop_table("resource_care")
