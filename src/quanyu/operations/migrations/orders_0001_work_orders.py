"""Work orders, what happened to them, their pictures, and who may know of them."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "orders_0001"
down_revision = None
branch_labels = ("orders",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "work_order",
        sa.Column("number", _NUMBER, nullable=False, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("title", Json(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("priority", sa.String(8), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("source_kind", sa.String(12), nullable=False),
        sa.Column("source_id", sa.String(200), nullable=False),
        sa.Column("open_source", sa.String(220)),
        sa.Column("resource", sa.String(40)),
        sa.Column("thing", sa.String(200)),
        sa.Column("lon", sa.Double()),
        sa.Column("lat", sa.Double()),
        sa.Column("address", sa.String(300), nullable=False),
        sa.Column("division", sa.String(12), nullable=False),
        sa.Column("raiser", sa.String(40)),
        sa.Column("raiser_member", sa.String(40)),
        sa.Column("party", sa.String(40)),
        sa.Column("member", sa.String(40)),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("promised_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("accepted_at", Moment()),
        sa.Column("done_at", Moment()),
        sa.Column("took_s", _NUMBER),
        sa.Column("closed_at", Moment()),
        sa.Column("escalated", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.String(40)),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_work_order"),
        sa.UniqueConstraint("id", name="uq_work_order_id"),
        sa.UniqueConstraint("open_source", name="uq_work_order_open_source"),
    )
    op.create_index("ix_work_order_owed", "work_order", ["state", "due_at"])
    op.create_index("ix_work_order_same", "work_order", ["category", "thing", "closed_at"])
    op.create_index("ix_work_order_party", "work_order", ["party", "state", "due_at"])
    for column in ("resource", "thing", "raiser", "raiser_member", "member", "opened_at"):
        op.create_index(f"ix_work_order_{column}", "work_order", [column])
    op.create_table(
        "work_order_concerned",
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("work_order", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("party", "work_order", name="pk_work_order_concerned"),
        sa.ForeignKeyConstraint(
            ["work_order"], ["work_order.id"], name="fk_work_order_concerned_work_order"
        ),
    )
    op.create_table(
        "work_order_step",
        sa.Column("number", _NUMBER, nullable=False, autoincrement=True),
        sa.Column("work_order", sa.String(40), nullable=False),
        sa.Column("move", sa.String(12), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("party", sa.String(40)),
        sa.Column("member", sa.String(40)),
        sa.Column("to_party", sa.String(40)),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_work_order_step"),
        sa.ForeignKeyConstraint(
            ["work_order"], ["work_order.id"], name="fk_work_order_step_work_order"
        ),
    )
    op.create_index("ix_work_order_step_of", "work_order_step", ["work_order", "number"])
    op.create_index("ix_work_order_step_member", "work_order_step", ["member"])
    op.create_table(
        "work_order_photo",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("work_order", sa.String(40), nullable=False),
        sa.Column("step", _NUMBER, nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_work_order_photo"),
        sa.ForeignKeyConstraint(
            ["work_order"], ["work_order.id"], name="fk_work_order_photo_work_order"
        ),
    )
    op.create_index("ix_work_order_photo_of", "work_order_photo", ["work_order", "id"])
