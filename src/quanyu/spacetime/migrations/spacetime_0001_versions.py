"""Datasets and their versions."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "spacetime_0001"
down_revision = None
branch_labels = ("spacetime",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spacetime_dataset",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("newest", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
    )
    op.create_table(
        "spacetime_version",
        sa.Column(
            "dataset",
            sa.String(64),
            sa.ForeignKey("spacetime_dataset.name", name="fk_spacetime_version_dataset"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("table_url", sa.Text(), nullable=False),
        sa.Column("delta_version", sa.BigInteger(), nullable=False),
        sa.Column("fields", Json(), nullable=False),
        sa.Column("geometry", sa.String(32), nullable=False),
        sa.Column("has_z", sa.Boolean(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("rejects", sa.BigInteger(), nullable=False),
        sa.Column("west", sa.Float(53)),
        sa.Column("south", sa.Float(53)),
        sa.Column("east", sa.Float(53)),
        sa.Column("north", sa.Float(53)),
        sa.Column("valid_from", Moment()),
        sa.Column("valid_to", Moment()),
        sa.Column("source_crs", sa.Text()),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.String(64)),
        sa.Column("created_at", Moment(), nullable=False),
    )
    op.create_index("ix_spacetime_version_created", "spacetime_version", ["created_at"])


def downgrade() -> None:
    op.drop_table("spacetime_version")
    op.drop_table("spacetime_dataset")
