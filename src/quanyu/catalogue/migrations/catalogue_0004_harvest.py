"""Sources that are harvested, runs, records; sketches of values."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "catalogue_0004"
down_revision = "catalogue_0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "harvest_source",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name_zh", sa.String(200), nullable=False),
        sa.Column("name_en", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("settings", Json(), nullable=False),
        sa.Column("every_minutes", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("next_at", Moment(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_harvest_source"),
    )
    op.create_index("ix_harvest_source_provider", "harvest_source", ["provider"])
    op.create_index("ix_harvest_source_next_at", "harvest_source", ["next_at"])
    _runs()
    _records()
    op.create_table(
        "harvest_item",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("run", sa.String(40), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("resource", sa.String(40), nullable=True),
        sa.Column("reason", Json(), nullable=True),
        sa.Column("differences", Json(), nullable=False),
        sa.Column("kept", Json(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_harvest_item"),
        sa.ForeignKeyConstraint(["run"], ["harvest_run.id"], name="fk_harvest_item_run"),
    )
    op.create_index("ix_harvest_item_run", "harvest_item", ["run", "outcome", "number"])
    _sketches()


def _runs() -> None:
    op.create_table(
        "harvest_run",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(128), nullable=True),
        sa.Column("begun_at", Moment(), nullable=False),
        sa.Column("heartbeat_at", Moment(), nullable=False),
        sa.Column("progress_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("retry_at", Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cursor", Json(), nullable=True),
        sa.Column("mark", sa.String(32), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("marks", Json(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("counts", Json(), nullable=False),
        sa.Column("problem", Json(), nullable=True),
        sa.Column("warnings", Json(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_harvest_run"),
        sa.UniqueConstraint("id", name="uq_harvest_run_id"),
        sa.ForeignKeyConstraint(["source"], ["harvest_source.id"], name="fk_harvest_run_source"),
    )
    op.create_index("ix_harvest_run_source", "harvest_run", ["source", "number"])
    op.create_index("ix_harvest_run_state", "harvest_run", ["state"])


def _records() -> None:
    op.create_table(
        "harvest_record",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("resource", sa.String(40), nullable=True),
        sa.Column("node", sa.String(200), nullable=False),
        sa.Column("landing_page", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("alike", sa.String(64), nullable=False),
        sa.Column("remote", Json(), nullable=False),
        sa.Column("conflicts", Json(), nullable=False),
        sa.Column("kept", Json(), nullable=False),
        sa.Column("first_seen_at", Moment(), nullable=False),
        sa.Column("last_seen_at", Moment(), nullable=False),
        sa.Column("last_run", sa.String(40), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_harvest_record"),
        sa.ForeignKeyConstraint(["source"], ["harvest_source.id"], name="fk_harvest_record_source"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_harvest_record_resource"),
    )
    op.create_index("uq_harvest_record_source", "harvest_record", ["source", "key"], unique=True)
    op.create_index("ix_harvest_record_key", "harvest_record", ["key"])
    op.create_index("ix_harvest_record_alike", "harvest_record", ["source", "alike"])
    op.create_index("ix_harvest_record_run", "harvest_record", ["source", "last_run"])
    op.create_index("ix_harvest_record_resource", "harvest_record", ["resource"])


def _sketches() -> None:
    op.create_table(
        "harvest_sketch",
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("field", sa.String(500), nullable=False),
        sa.Column("sketch", Json(), nullable=False),
        sa.PrimaryKeyConstraint("resource", "field", name="pk_harvest_sketch"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_harvest_sketch_resource"),
    )
    op.create_table(
        "harvest_sketch_band",
        sa.Column("band", sa.String(16), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("field", sa.String(500), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("band", "resource", "field", name="pk_harvest_sketch_band"),
        sa.ForeignKeyConstraint(
            ["resource"], ["resource.id"], name="fk_harvest_sketch_band_resource"
        ),
    )
    op.create_index("ix_harvest_sketch_band_resource", "harvest_sketch_band", ["resource"])


def downgrade() -> None:
    for table in ("sketch_band", "sketch", "item", "record", "run", "source"):
        op.drop_table(f"harvest_{table}")
