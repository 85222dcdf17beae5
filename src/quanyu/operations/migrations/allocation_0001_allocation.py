"""Capacities of resources, their slots and quotas, and who has them."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "allocation_0001"
down_revision = None
branch_labels = ("allocation",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "capacity",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("said", Json(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_capacity"),
    )
    op.create_index("ix_capacity_resource", "capacity", ["resource"])
    op.create_index("ix_capacity_provider", "capacity", ["provider"])
    op.create_table(
        "capacity_slot",
        sa.Column("capacity", sa.String(40), nullable=False),
        sa.Column("start", Moment(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("capacity", "start", name="pk_capacity_slot"),
        sa.ForeignKeyConstraint(["capacity"], ["capacity.id"], name="fk_capacity_slot_capacity"),
        sa.CheckConstraint("taken >= 0 AND taken <= most", name="ck_capacity_slot_within"),
    )
    op.create_table(
        "capacity_quota",
        sa.Column("capacity", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("capacity", "party", "month", name="pk_capacity_quota"),
        sa.ForeignKeyConstraint(["capacity"], ["capacity.id"], name="fk_capacity_quota_capacity"),
        sa.CheckConstraint("taken >= 0 AND taken <= most", name="ck_capacity_quota_within"),
    )
    op.create_table(
        "allocation",
        sa.Column("number", _NUMBER, nullable=False, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("capacity", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("starts", Json(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("requested_at", Moment(), nullable=False),
        sa.Column("hold_until", Moment()),
        sa.Column("ended_at", Moment()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_allocation"),
        sa.UniqueConstraint("id", name="uq_allocation_id"),
        sa.ForeignKeyConstraint(["capacity"], ["capacity.id"], name="fk_allocation_capacity"),
    )
    op.create_index("ix_allocation_due", "allocation", ["state", "hold_until"])
    op.create_index("ix_allocation_of", "allocation", ["capacity", "state", "number"])
    for column in ("resource", "provider", "party"):
        op.create_index(f"ix_allocation_{column}", "allocation", [column])
