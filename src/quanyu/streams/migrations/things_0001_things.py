"""Things, locations, sensors, observed properties, datastreams and features of streams."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "things_0001"
down_revision = None
branch_labels = ("things",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "stream_root",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_stream_root"),
        sa.UniqueConstraint("resource", name="uq_stream_root_resource"),
        sqlite_autoincrement=True,
    )
    _entity("stream_thing", *_named(), sa.Column("feature", _NUMBER, nullable=True))
    _entity("stream_location", *_named(), *_placed(), sa.Column("feature", _NUMBER, nullable=True))
    _extent("stream_location")
    op.create_table(
        "stream_thing_location",
        sa.Column("thing", _NUMBER, nullable=False),
        sa.Column("location", _NUMBER, nullable=False),
        _foreign("stream_thing_location", "thing", "stream_thing"),
        _foreign("stream_thing_location", "location", "stream_location"),
        sa.PrimaryKeyConstraint("thing", "location", name="pk_stream_thing_location"),
    )
    op.create_index("ix_stream_thing_location_location", "stream_thing_location", ["location"])
    _entity(
        "stream_historical_location",
        sa.Column("time", Moment(), nullable=False),
        sa.Column("thing", _NUMBER, nullable=False),
        _foreign("stream_historical_location", "thing", "stream_thing"),
        named=False,
    )
    op.create_index(
        "ix_stream_historical_location_thing_time",
        "stream_historical_location",
        ["thing", "time"],
    )
    op.create_table(
        "stream_historical_place",
        sa.Column("historical", _NUMBER, nullable=False),
        sa.Column("location", _NUMBER, nullable=False),
        _foreign("stream_historical_place", "historical", "stream_historical_location"),
        _foreign("stream_historical_place", "location", "stream_location"),
        sa.PrimaryKeyConstraint("historical", "location", name="pk_stream_historical_place"),
    )
    op.create_index("ix_stream_historical_place_location", "stream_historical_place", ["location"])
    _entity(
        "stream_sensor",
        *_named(),
        sa.Column("encoding_type", sa.String(255), nullable=False),
        sa.Column("document", Json(), nullable=False),
    )
    _entity("stream_observed_property", *_named(), sa.Column("definition", sa.Text, nullable=False))
    _entity(
        "stream_datastream",
        *_named(),
        sa.Column("multi", sa.Boolean(), nullable=False),
        sa.Column("observation_type", sa.String(255), nullable=False),
        sa.Column("unit", Json(), nullable=False),
        sa.Column("symbol", sa.String(64), nullable=False),
        sa.Column("types", Json(), nullable=True),
        sa.Column("thing", _NUMBER, nullable=False),
        sa.Column("sensor", _NUMBER, nullable=False),
        sa.Column("observed_property", _NUMBER, nullable=True),
        _foreign("stream_datastream", "thing", "stream_thing"),
        _foreign("stream_datastream", "sensor", "stream_sensor"),
        _foreign("stream_datastream", "observed_property", "stream_observed_property"),
    )
    for column in ("thing", "sensor", "observed_property"):
        op.create_index(f"ix_stream_datastream_{column}", "stream_datastream", [column, "number"])
    op.create_table(
        "stream_multi_property",
        sa.Column("datastream", _NUMBER, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("observed_property", _NUMBER, nullable=False),
        _foreign("stream_multi_property", "datastream", "stream_datastream"),
        _foreign("stream_multi_property", "observed_property", "stream_observed_property"),
        sa.PrimaryKeyConstraint("datastream", "position", name="pk_stream_multi_property"),
    )
    op.create_index(
        "ix_stream_multi_property_observed_property",
        "stream_multi_property",
        ["observed_property"],
    )
    _entity("stream_feature", *_named(), *_placed())
    _extent("stream_feature")
    op.create_table(
        "stream_observed_feature",
        sa.Column("datastream", _NUMBER, nullable=False),
        sa.Column("feature", _NUMBER, nullable=False),
        _foreign("stream_observed_feature", "datastream", "stream_datastream"),
        _foreign("stream_observed_feature", "feature", "stream_feature"),
        sa.PrimaryKeyConstraint("datastream", "feature", name="pk_stream_observed_feature"),
    )
    op.create_index("ix_stream_observed_feature_feature", "stream_observed_feature", ["feature"])
    op.create_table(
        "stream_name",
        sa.Column("root", _NUMBER, nullable=False),
        sa.Column("key", sa.String(260), nullable=False),
        sa.Column("datastream", _NUMBER, nullable=False),
        sa.Column("start", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["root"], ["stream_root.number"], name="fk_stream_name_root"),
        _foreign("stream_name", "datastream", "stream_datastream"),
        sa.PrimaryKeyConstraint("root", "key", name="pk_stream_name"),
    )
    op.create_index("ix_stream_name_datastream", "stream_name", ["datastream"])
    op.create_table(
        "stream_gone",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("datastream", _NUMBER, nullable=False),
        sa.Column("feature", _NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_stream_gone"),
    )


def _entity(table: str, *columns: sa.schema.SchemaItem, named: bool = True) -> None:
    op.create_table(
        table,
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("root", _NUMBER, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["root"], ["stream_root.number"], name=f"fk_{table}_root"),
        sa.PrimaryKeyConstraint("number", name=f"pk_{table}"),
        sa.UniqueConstraint("root", "id", name=f"uq_{table}_root"),
        sqlite_autoincrement=True,
    )
    op.create_index(f"ix_{table}_root_number", table, ["root", "number"])
    if named:
        op.create_index(f"ix_{table}_name", table, ["root", "name"])


def _named() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("properties", Json(), nullable=True),
    )


def _placed() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("encoding_type", sa.String(255), nullable=False),
        sa.Column("place", Json(), nullable=False),
        sa.Column("geometry", sa.LargeBinary(), nullable=True),
        *(sa.Column(side, sa.Double(), nullable=True) for side in _SIDES),
    )


_SIDES = ("west", "south", "east", "north")


def _extent(table: str) -> None:
    op.create_index(f"ix_{table}_extent", table, ["root", "west", "east"])


def _foreign(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{to}.number"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )


def downgrade() -> None:
    for table in (
        "stream_gone",
        "stream_name",
        "stream_observed_feature",
        "stream_feature",
        "stream_multi_property",
        "stream_datastream",
        "stream_observed_property",
        "stream_sensor",
        "stream_historical_place",
        "stream_historical_location",
        "stream_thing_location",
        "stream_location",
        "stream_thing",
        "stream_root",
    ):
        op.drop_table(table)
