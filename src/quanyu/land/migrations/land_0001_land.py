"""Roles of datasets for the land space, and compliance checks that were made."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "land_0001"
down_revision = None
branch_labels = ("land",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "land_role",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("columns", Json(), nullable=False),
        sa.Column("scheme", sa.String(24), nullable=False),
        sa.Column("values", Json(), nullable=False),
        sa.Column("note", Json(), nullable=True),
        sa.Column("declared_at", Moment(), nullable=False),
        sa.Column("declared_by", sa.String(40), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_land_role"),
        sa.UniqueConstraint("id", name="uq_land_role_id"),
        sa.UniqueConstraint("role", "dataset", "revision", name="uq_land_role_role"),
    )
    op.create_index("ix_land_role_dataset", "land_role", ["dataset"])
    op.create_index("ix_land_role_ended_at", "land_role", ["ended_at"])
    op.create_table(
        "land_check",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.Column("uses", Json(), nullable=False),
        sa.Column("rerun_of", sa.String(40), nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_land_check"),
        sa.UniqueConstraint("id", name="uq_land_check_id"),
    )
    op.create_index("ix_land_check_at", "land_check", ["at"])
    op.create_index("ix_land_check_member", "land_check", ["member"])
    op.create_index("ix_land_check_party_number", "land_check", ["party", "number"])


def downgrade() -> None:
    op.drop_table("land_check")
    op.drop_table("land_role")
