"""Resources, their themes, lineage, serials, steps and the text index."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from quanyu.kernel import Json, Moment

revision = "catalogue_0001"
down_revision = None
branch_labels = ("catalogue",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "resource",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("access", sa.String(16), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("area", sa.String(6), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("published_at", Moment(), nullable=True),
        sa.Column("west", sa.Double(), nullable=True),
        sa.Column("south", sa.Double(), nullable=True),
        sa.Column("east", sa.Double(), nullable=True),
        sa.Column("north", sa.Double(), nullable=True),
        sa.Column("time_from", Moment(), nullable=True),
        sa.Column("time_to", Moment(), nullable=True),
        sa.Column("sort_zh", sa.LargeBinary(), nullable=False),
        sa.Column("sort_en", sa.LargeBinary(), nullable=False),
        sa.Column("body", Json(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_resource"),
        sa.UniqueConstraint("id", name="uq_resource_id"),
        sa.UniqueConstraint("code", name="uq_resource_code"),
        sa.UniqueConstraint("slug", name="uq_resource_slug"),
    )
    op.create_index("ix_resource_extent", "resource", ["west", "east"])
    op.create_index("ix_resource_newest", "resource", ["state", "updated_at", "number"])
    counted = ["state", "kind", "provider", "access", "number"]
    op.create_index("ix_resource_counted", "resource", counted)
    for column in ("provider", "created_at", "updated_at", "sort_zh", "sort_en"):
        op.create_index(f"ix_resource_{column}", "resource", [column])
    op.create_table(
        "resource_theme",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("theme", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("number", "theme", name="pk_resource_theme"),
        sa.ForeignKeyConstraint(
            ["number"], ["resource.number"], name="fk_resource_theme_number", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_resource_theme_theme", "resource_theme", ["theme"])
    op.create_table(
        "resource_lineage",
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("resource", "source", name="pk_resource_lineage"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_resource_lineage_resource"),
        sa.ForeignKeyConstraint(["source"], ["resource.id"], name="fk_resource_lineage_source"),
    )
    op.create_index("ix_resource_lineage_source", "resource_lineage", ["source"])
    op.create_table(
        "resource_serial",
        sa.Column("prefix", sa.String(32), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name="pk_resource_serial"),
    )
    op.create_table(
        "resource_step",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(40), nullable=True),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("changed", Json(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_resource_step"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_resource_step_resource"),
    )
    op.create_index("ix_resource_step_resource", "resource_step", ["resource"])
    if op.get_context().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE resource_text USING fts5(title, keywords, abstract, other, "
            "tokenize = \"unicode61 remove_diacritics 0\", prefix = '2 3')"
        )
    else:
        op.create_table(
            "resource_text",
            sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
            sa.Column("words", postgresql.TSVECTOR(), nullable=False),
            sa.PrimaryKeyConstraint("number", name="pk_resource_text"),
        )
        op.create_index(
            "ix_resource_text_words", "resource_text", ["words"], postgresql_using="gin"
        )


def downgrade() -> None:
    for table in ("text", "step", "serial", "lineage", "theme"):
        op.drop_table(f"resource_{table}")
    op.drop_table("resource")
