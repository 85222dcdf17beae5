"""Edits: versions that are an older table with a few rows laid over it."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "spacetime_0002"
down_revision = "spacetime_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("base", "whole"):
        column = sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        op.add_column("spacetime_version", column)
    op.execute("UPDATE spacetime_version SET base = number, whole = number")
    op.create_table(
        "spacetime_edit",
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("editor", sa.String(40), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("inserted", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.Column("restores", sa.Integer()),
        sa.Column("undoes", sa.Integer()),
        sa.Column("top", sa.BigInteger()),
        sa.Column("changed_rows", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset", "number"],
            ["spacetime_version.dataset", "spacetime_version.number"],
            name="fk_spacetime_edit_version",
        ),
    )
    op.create_index("ix_spacetime_edit_editor", "spacetime_edit", ["editor"])
    op.create_table(
        "spacetime_edited",
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("fid", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("change", sa.String(8), nullable=False),
    )
    op.create_index("ix_spacetime_edited_number", "spacetime_edited", ["dataset", "number"])
    op.create_table(
        "spacetime_edit_key",
        sa.Column("editor", sa.String(40), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("payload", sa.String(64), nullable=False),
        sa.Column("answer", Json(), nullable=False),
    )
    op.create_table(
        "spacetime_fold",
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("table_url", sa.Text(), nullable=False),
        sa.Column("delta_version", sa.BigInteger(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
    )


def downgrade() -> None:
    for table in ("spacetime_fold", "spacetime_edit_key", "spacetime_edited", "spacetime_edit"):
        op.drop_table(table)
    for name in ("whole", "base"):
        op.drop_column("spacetime_version", name)
