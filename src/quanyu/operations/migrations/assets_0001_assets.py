"""Inventories, assets, their maintenance, and what they use and cost."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "assets_0001"
down_revision = None
branch_labels = ("assets",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PATH = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "asset_inventory",
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("readers", Json(), nullable=False),
        sa.Column("last", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("resource", name="pk_asset_inventory"),
    )
    op.create_index("ix_asset_inventory_provider", "asset_inventory", ["provider"])
    op.create_table(
        "asset",
        sa.Column("number", _NUMBER, nullable=False, autoincrement=True),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("seq", _NUMBER, nullable=False),
        sa.Column("path", _PATH, nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("parent", sa.String(200)),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("template", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("lon", sa.Double()),
        sa.Column("lat", sa.Double()),
        sa.Column("address", sa.String(300), nullable=False),
        sa.Column("division", sa.String(12), nullable=False),
        sa.Column("since", sa.Date()),
        sa.Column("party", sa.String(40)),
        sa.Column("attributes", Json(), nullable=False),
        sa.Column("hours", _NUMBER, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_asset"),
        sa.UniqueConstraint("resource", "id", name="uq_asset_resource"),
        sa.ForeignKeyConstraint(
            ["resource"], ["asset_inventory.resource"], name="fk_asset_resource"
        ),
    )
    op.create_index("ix_asset_tree", "asset", ["resource", "path"])
    op.create_index("ix_asset_parent", "asset", ["resource", "parent"])
    op.create_index("ix_asset_kind", "asset", ["resource", "template", "state"])
    op.create_index("ix_asset_id", "asset", ["id"])
    op.create_table(
        "asset_plan",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("asset", _NUMBER, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("every_days", sa.Integer()),
        sa.Column("every_hours", sa.Integer()),
        sa.Column("due_on", sa.Date()),
        sa.Column("due_hours", _NUMBER),
        sa.Column("done_at", Moment()),
        sa.Column("work_order", sa.String(40)),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_asset_plan"),
        sa.ForeignKeyConstraint(["asset"], ["asset.number"], name="fk_asset_plan_asset"),
    )
    op.create_index("ix_asset_plan_due", "asset_plan", ["due_on"])
    op.create_index("ix_asset_plan_asset", "asset_plan", ["asset"])
    op.create_index("ix_asset_plan_work_order", "asset_plan", ["work_order"])
    op.create_table(
        "asset_entry",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("asset", _NUMBER, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_asset_entry"),
        sa.ForeignKeyConstraint(["asset"], ["asset.number"], name="fk_asset_entry_asset"),
    )
    op.create_index("ix_asset_entry_of", "asset_entry", ["asset", "kind", "since"])
