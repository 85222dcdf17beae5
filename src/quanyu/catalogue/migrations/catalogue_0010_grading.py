"""Classes and grades: what was proposed and confirmed, and what is confirmed now."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "catalogue_0010"
down_revision = "catalogue_0009"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "resource_grading",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("industry", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("persons", sa.Boolean(), nullable=False),
        sa.Column("rows", _NUMBER, nullable=True),
        sa.Column("data_version", sa.Integer(), nullable=True),
        sa.Column("reasons", Json(), nullable=False),
        sa.Column("table_digest", sa.String(64), nullable=False),
        sa.Column("party", sa.String(40), nullable=True),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_resource_grading"),
        sa.UniqueConstraint("id", name="uq_resource_grading_id"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_resource_grading_resource"),
    )
    op.create_index("ix_resource_grading_of", "resource_grading", ["resource", "number"])
    op.create_table(
        "resource_grade",
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("proposed", sa.String(40), nullable=False),
        sa.Column("confirmed", sa.String(40), nullable=True),
        sa.Column("level", sa.String(8), nullable=True),
        sa.Column("waits", _NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("resource", name="pk_resource_grade"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_resource_grade_resource"),
    )
    op.create_index("ix_resource_grade_waits", "resource_grade", ["waits"])


def downgrade() -> None:
    op.drop_table("resource_grade")
    op.drop_table("resource_grading")
