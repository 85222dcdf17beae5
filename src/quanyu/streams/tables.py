"""Control-store tables of things and datastreams.

Every entity stands under a root: the stream of the catalogue that it belongs to. ``number`` is its
key here and is never given twice; ``id`` is its ``@iot.id``, whole where that is an integer.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from quanyu.kernel import Json, Moment, Table

Number = BigInteger().with_variant(Integer(), "sqlite")


class RootRow(Table):
    """A stream of the catalogue that has entities; ``revision`` grows with every change of them,
    ``observed`` with every feature that a datastream comes to have observations of."""

    __tablename__ = "stream_root"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    resource: Mapped[str] = mapped_column(String(40), unique=True)
    revision: Mapped[int]
    observed: Mapped[int] = mapped_column(server_default="0", default=0)


class _Entity:
    """What every entity has."""

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(255))
    whole: Mapped[bool]

    @declared_attr
    def root(cls) -> Mapped[int]:  # noqa: N805
        return mapped_column(ForeignKey("stream_root.number"))


class _Named:
    """What every entity has that people name."""

    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    properties: Mapped[dict[str, Any] | None] = mapped_column(Json)


class _Placed:
    """A geometry beside its document: WKB in CRS84 and its box, for all that is GeoJSON."""

    encoding_type: Mapped[str] = mapped_column(String(255))
    place: Mapped[Any] = mapped_column(Json)
    geometry: Mapped[bytes | None] = mapped_column(LargeBinary)
    west: Mapped[float | None] = mapped_column(Double)
    south: Mapped[float | None] = mapped_column(Double)
    east: Mapped[float | None] = mapped_column(Double)
    north: Mapped[float | None] = mapped_column(Double)


def _args(table: str, *more: Any, named: bool = True) -> tuple[Any, ...]:
    by_name = (Index(f"ix_{table}_name", "root", "name", "number"),) if named else ()
    return (
        UniqueConstraint("root", "id", name=f"uq_{table}_root"),
        Index(f"ix_{table}_root_number", "root", "number"),
        *by_name,
        *more,
        {"sqlite_autoincrement": True},
    )


class ThingRow(_Entity, _Named, Table):
    """A thing; ``feature`` is what is observed by default, made of where it stands."""

    __tablename__ = "stream_thing"
    __table_args__ = _args("stream_thing", Index("ix_stream_thing_feature", "feature"))

    feature: Mapped[int | None] = mapped_column(Number)


class LocationRow(_Entity, _Named, _Placed, Table):
    """A place where things are or were; ``feature`` is the one that was made of it."""

    __tablename__ = "stream_location"
    __table_args__ = _args(
        "stream_location",
        Index("ix_stream_location_extent", "root", "west", "east"),
        Index("ix_stream_location_feature", "feature"),
    )

    feature: Mapped[int | None] = mapped_column(Number)


class ThingLocationRow(Table):
    """Where a thing is now."""

    __tablename__ = "stream_thing_location"

    thing: Mapped[int] = mapped_column(
        ForeignKey("stream_thing.number", ondelete="CASCADE"), primary_key=True
    )
    location: Mapped[int] = mapped_column(
        ForeignKey("stream_location.number", ondelete="CASCADE"), primary_key=True, index=True
    )


class HistoricalLocationRow(_Entity, Table):
    """That a thing was somewhere from a time on."""

    __tablename__ = "stream_historical_location"
    __table_args__ = _args(
        "stream_historical_location",
        Index("ix_stream_historical_location_thing_time", "thing", "time"),
        named=False,
    )

    time: Mapped[datetime] = mapped_column(Moment)
    thing: Mapped[int] = mapped_column(ForeignKey("stream_thing.number", ondelete="CASCADE"))


class HistoricalPlaceRow(Table):
    """The locations of a historical location."""

    __tablename__ = "stream_historical_place"

    historical: Mapped[int] = mapped_column(
        ForeignKey("stream_historical_location.number", ondelete="CASCADE"), primary_key=True
    )
    location: Mapped[int] = mapped_column(
        ForeignKey("stream_location.number", ondelete="CASCADE"), primary_key=True, index=True
    )


class SensorRow(_Entity, _Named, Table):
    """What observes."""

    __tablename__ = "stream_sensor"
    __table_args__ = _args("stream_sensor")

    encoding_type: Mapped[str] = mapped_column(String(255))
    document: Mapped[Any] = mapped_column(Json)


class ObservedPropertyRow(_Entity, _Named, Table):
    """What is observed."""

    __tablename__ = "stream_observed_property"
    __table_args__ = _args("stream_observed_property")

    definition: Mapped[str] = mapped_column(Text)


class DatastreamRow(_Entity, _Named, Table):
    """A datastream, or a multi-datastream where ``multi``: its types and units are lists then.

    ``symbol`` is the symbol of its unit, for restrictions and filters.
    """

    __tablename__ = "stream_datastream"
    __table_args__ = _args(
        "stream_datastream",
        Index("ix_stream_datastream_thing", "thing", "number"),
        Index("ix_stream_datastream_sensor", "sensor", "number"),
        Index("ix_stream_datastream_observed_property", "observed_property", "number"),
    )

    multi: Mapped[bool]
    observation_type: Mapped[str] = mapped_column(String(255))
    unit: Mapped[Any] = mapped_column(Json)
    symbol: Mapped[str] = mapped_column(String(64))
    types: Mapped[list[str] | None] = mapped_column(Json)
    thing: Mapped[int] = mapped_column(ForeignKey("stream_thing.number", ondelete="CASCADE"))
    sensor: Mapped[int] = mapped_column(ForeignKey("stream_sensor.number", ondelete="CASCADE"))
    observed_property: Mapped[int | None] = mapped_column(
        ForeignKey("stream_observed_property.number", ondelete="CASCADE")
    )


class CadenceRow(Table):
    """How often a datastream promises to observe, and up to when it is known that it did.

    ``seconds`` is the longest time between two observations, 0 for no promise of its own; ``seen``
    when an observation ended, microseconds since 1970 (0: not known of any). There may be later
    ones: nobody writes here when one comes, only when somebody asks for those that seem silent.
    """

    __tablename__ = "stream_cadence"
    __table_args__ = (Index("ix_stream_cadence_seen", "root", "seconds", "seen"),)

    datastream: Mapped[int] = mapped_column(
        ForeignKey("stream_datastream.number", ondelete="CASCADE"), primary_key=True
    )
    root: Mapped[int] = mapped_column(ForeignKey("stream_root.number"))
    seconds: Mapped[int] = mapped_column(BigInteger)
    seen: Mapped[int] = mapped_column(BigInteger)


class MultiPropertyRow(Table):
    """The observed properties of a multi-datastream, in the order of its results."""

    __tablename__ = "stream_multi_property"

    datastream: Mapped[int] = mapped_column(
        ForeignKey("stream_datastream.number", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    observed_property: Mapped[int] = mapped_column(
        ForeignKey("stream_observed_property.number", ondelete="CASCADE"), index=True
    )


class FeatureRow(_Entity, _Named, _Placed, Table):
    """What observations are of."""

    __tablename__ = "stream_feature"
    __table_args__ = _args(
        "stream_feature", Index("ix_stream_feature_extent", "root", "west", "east")
    )


class ObservedFeatureRow(Table):
    """That a datastream has observations of a feature."""

    __tablename__ = "stream_observed_feature"

    datastream: Mapped[int] = mapped_column(
        ForeignKey("stream_datastream.number", ondelete="CASCADE"), primary_key=True
    )
    feature: Mapped[int] = mapped_column(
        ForeignKey("stream_feature.number", ondelete="CASCADE"), primary_key=True, index=True
    )


class GoneRow(Table):
    """A datastream, or a feature of one, that was deleted and whose observations have still to be:
    they are in another store."""

    __tablename__ = "stream_gone"

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    datastream: Mapped[int] = mapped_column(Number)
    feature: Mapped[int | None] = mapped_column(Number)


class NameRow(Table):
    """An id that a client gave to an observation, behind a sign that says whether it is whole."""

    __tablename__ = "stream_name"

    root: Mapped[int] = mapped_column(ForeignKey("stream_root.number"), primary_key=True)
    key: Mapped[str] = mapped_column(String(260), primary_key=True)
    datastream: Mapped[int] = mapped_column(
        ForeignKey("stream_datastream.number", ondelete="CASCADE"), index=True
    )
    start: Mapped[datetime] = mapped_column(Moment)
