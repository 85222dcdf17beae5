"""The index of words by blocks of entries, alike on both databases. It is made anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "catalogue_0007"
down_revision = "catalogue_0006"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEY = sa.String(80).with_variant(sa.String(80, collation="C"), "postgresql")


def upgrade() -> None:
    """Entries are indexed anew by the duty ``search.index`` and by :func:`index_missing`."""
    op.drop_table("resource_text")
    op.create_table(
        "resource_text",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("keywords", sa.Text(), nullable=False),
        sa.Column("rest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_resource_text"),
        sa.ForeignKeyConstraint(
            ["number"], ["resource.number"], name="fk_resource_text_number", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "search_posting",
        sa.Column("word", _KEY, nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("word", "block", name="pk_search_posting"),
        sqlite_with_rowid=False,
    )
    op.execute("DELETE FROM resource_facet")


def downgrade() -> None:
    """The index as it was, empty; it is made anew likewise."""
    op.drop_table("search_posting")
    op.drop_table("resource_text")
    if op.get_context().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE resource_text USING fts5(title, keywords, rest, tags, "
            "tokenize = \"unicode61 remove_diacritics 0 tokenchars '_'\", "
            "detail = column, columnsize = 0)"
        )
    else:
        op.create_table(
            "resource_text",
            sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
            sa.Column("title", sa.Text(), nullable=False),
            sa.Column("keywords", sa.Text(), nullable=False),
            sa.Column("words", postgresql.TSVECTOR(), nullable=False),
            sa.PrimaryKeyConstraint("number", name="pk_resource_text"),
        )
        op.create_index(
            "ix_resource_text_words", "resource_text", ["words"], postgresql_using="gin"
        )
    op.execute("DELETE FROM resource_facet")
