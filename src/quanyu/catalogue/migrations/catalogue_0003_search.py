"""Facets, tags and vocabulary of the search; saved searches. The text index is made anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from quanyu.kernel import Json, Moment

revision = "catalogue_0003"
down_revision = "catalogue_0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORD = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
_KEY = sa.String(80).with_variant(sa.String(80, collation="C"), "postgresql")
_EXTENT = ("west", "south", "east", "north", "from_at", "to_at")


def upgrade() -> None:
    """Entries are indexed anew by the duty ``catalogue.index`` and by :func:`index_missing`."""
    op.drop_table("resource_text")
    _create_text()
    op.create_table(
        "facet_value",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("facet", sa.String(16), nullable=False),
        sa.Column("value", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_facet_value"),
        sa.UniqueConstraint("facet", "value", name="uq_facet_value_facet"),
    )
    op.create_table(
        "resource_facet",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("overdue_at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in _EXTENT),
        sa.PrimaryKeyConstraint("number", name="pk_resource_facet"),
        sa.ForeignKeyConstraint(
            ["number"], ["resource.number"], name="fk_resource_facet_number", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_resource_facet_updated", "resource_facet", ["updated_at", "number"])
    op.create_table(
        "search_word",
        sa.Column("word", _WORD, nullable=False),
        sa.PrimaryKeyConstraint("word", name="pk_search_word"),
    )
    op.create_table(
        "search_key",
        sa.Column("key", _KEY, nullable=False),
        sa.Column("word", _WORD, nullable=False),
        sa.PrimaryKeyConstraint("key", "word", name="pk_search_key"),
    )
    op.create_table(
        "saved_search",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("asked", Json(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("looked_at", Moment(), nullable=False),
        sa.Column("looks_next", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_search"),
    )
    for column in ("member", "looks_next"):
        op.create_index(f"ix_saved_search_{column}", "saved_search", [column])


def _create_text() -> None:
    if op.get_context().dialect.name == "sqlite":
        # Only which entry has which word where matters: no positions, no sizes of columns.
        op.execute(
            "CREATE VIRTUAL TABLE resource_text USING fts5(title, keywords, rest, tags, "
            "tokenize = \"unicode61 remove_diacritics 0 tokenchars '_'\", "
            "detail = column, columnsize = 0)"
        )
        return
    op.create_table(
        "resource_text",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("keywords", sa.Text(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_resource_text"),
    )
    # Words are compared row by row where they are frequent: keep them whole, beside the row.
    op.execute("ALTER TABLE resource_text SET (toast_tuple_target = 8160)")
    op.execute("ALTER TABLE resource_text ALTER COLUMN words SET STORAGE MAIN")
    # Frequent words must be known for what they are, or a plan walks the whole index for them.
    op.execute("ALTER TABLE resource_text ALTER COLUMN words SET STATISTICS 1000")
    op.create_index("ix_resource_text_words", "resource_text", ["words"], postgresql_using="gin")


def downgrade() -> None:
    """Without them; the text index of before is made anew by saving entries."""
    for table in ("saved_search", "search_key", "search_word", "resource_facet", "facet_value"):
        op.drop_table(table)
    op.drop_table("resource_text")
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
