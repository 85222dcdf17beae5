"""The entities of SensorThings 1.1 (OGC 18-088, clause 8): properties, navigation, tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import InstrumentedAttribute

from quanyu.kernel import Invalid, NotFound
from quanyu.streams.tables import (
    DatastreamRow,
    FeatureRow,
    HistoricalLocationRow,
    HistoricalPlaceRow,
    LocationRow,
    MultiPropertyRow,
    ObservedPropertyRow,
    SensorRow,
    ThingLocationRow,
    ThingRow,
)

GEOJSON = ("application/geo+json", "application/vnd.geo+json")
"""Encoding types whose value is GeoJSON in CRS84."""
OBSERVATION = "Observation"


class Kind(StrEnum):
    """What a property is, for checks before a store sees it."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    INSTANT = "a time"
    JSON = "a JSON object"
    GEOMETRY = "a geometry"
    ANY = "any value"


@dataclass(frozen=True, slots=True)
class Property:
    """A property: its JSON name and its column; ``given`` by the service where it has no column."""

    name: str
    column: str | None
    kind: Kind = Kind.TEXT
    required: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Pairs of entities: two columns of one table."""

    source: InstrumentedAttribute[Any]
    target: InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Navigation:
    """From an entity to another one or many; without a link where observations are at an end."""

    name: str
    target: str
    many: bool
    link: Link | None
    required: bool = False


@dataclass(frozen=True, slots=True)
class EntityType:
    """An entity: ``set`` is the name of its collection, ``row`` the class of its rows (``None`` for
    observations), ``made`` the kind of ids made for it."""

    name: str
    set: str
    row: Any
    made: str
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]
    multi: bool | None = None


_PROPERTIES = Property("properties", "properties", Kind.JSON)
_NAMED = (
    Property("name", "name", required=True),
    Property("description", "description", required=True),
)
_COMPUTED = (
    Property("observedArea", None, Kind.GEOMETRY),
    Property("phenomenonTime", None, Kind.INSTANT),
    Property("resultTime", None, Kind.INSTANT),
)
_ENCODING = Property("encodingType", "encoding_type", required=True)


def _type(  # noqa: PLR0917 (a row of the table below)
    name: str,
    plural: str,
    row: type[Any] | None,
    made: str,
    properties: tuple[Property, ...],
    navigations: tuple[Navigation, ...],
    multi: bool | None = None,
) -> EntityType:
    return EntityType(
        name,
        plural,
        row,
        made,
        MappingProxyType({one.name: one for one in properties}),
        MappingProxyType({one.name: one for one in navigations}),
        multi,
    )


def _one(name: str, row: type[Any], column: Any, *, required: bool = True) -> Navigation:
    return Navigation(name, name, False, Link(row.number, column), required)


def _of_thing(name: str, target: str, row: type[Any], column: Any) -> Navigation:
    return Navigation(name, target, True, Link(column, row.number))


_OBSERVATIONS = Navigation("Observations", OBSERVATION, True, None)
_H, _D, _TL, _HP = HistoricalLocationRow, DatastreamRow, ThingLocationRow, HistoricalPlaceRow
_M = MultiPropertyRow

TYPES: Mapping[str, EntityType] = MappingProxyType(
    {
        one.name: one
        for one in (
            _type(
                "Thing",
                "Things",
                ThingRow,
                "thing",
                (*_NAMED, _PROPERTIES),
                (
                    Navigation("Locations", "Location", True, Link(_TL.thing, _TL.location)),
                    _of_thing("HistoricalLocations", "HistoricalLocation", _H, _H.thing),
                    _of_thing("Datastreams", "Datastream", _D, _D.thing),
                    _of_thing("MultiDatastreams", "MultiDatastream", _D, _D.thing),
                ),
            ),
            _type(
                "Location",
                "Locations",
                LocationRow,
                "location",
                (
                    *_NAMED,
                    _ENCODING,
                    Property("location", "place", Kind.GEOMETRY, required=True),
                    _PROPERTIES,
                ),
                (
                    Navigation("Things", "Thing", True, Link(_TL.location, _TL.thing)),
                    Navigation(
                        "HistoricalLocations",
                        "HistoricalLocation",
                        True,
                        Link(_HP.location, _HP.historical),
                    ),
                ),
            ),
            _type(
                "HistoricalLocation",
                "HistoricalLocations",
                HistoricalLocationRow,
                "historical_location",
                (Property("time", "time", Kind.INSTANT, required=True),),
                (
                    _one("Thing", _H, _H.thing),
                    Navigation("Locations", "Location", True, Link(_HP.historical, _HP.location)),
                ),
            ),
            _type(
                "Datastream",
                "Datastreams",
                DatastreamRow,
                "datastream",
                (
                    *_NAMED,
                    Property("observationType", "observation_type", required=True),
                    Property("unitOfMeasurement", "unit", Kind.JSON, required=True),
                    *_COMPUTED,
                    _PROPERTIES,
                ),
                (
                    _one("Thing", _D, _D.thing),
                    _one("Sensor", _D, _D.sensor),
                    _one("ObservedProperty", _D, _D.observed_property),
                    _OBSERVATIONS,
                ),
                multi=False,
            ),
            _type(
                "MultiDatastream",
                "MultiDatastreams",
                DatastreamRow,
                "datastream",
                (
                    *_NAMED,
                    Property("observationType", "observation_type", required=True),
                    Property("multiObservationDataTypes", "types", Kind.JSON, required=True),
                    Property("unitOfMeasurements", "unit", Kind.JSON, required=True),
                    *_COMPUTED,
                    _PROPERTIES,
                ),
                (
                    _one("Thing", _D, _D.thing),
                    _one("Sensor", _D, _D.sensor),
                    Navigation(
                        "ObservedProperties",
                        "ObservedProperty",
                        True,
                        Link(_M.datastream, _M.observed_property),
                        required=True,
                    ),
                    _OBSERVATIONS,
                ),
                multi=True,
            ),
            _type(
                "Sensor",
                "Sensors",
                SensorRow,
                "sensor",
                (
                    *_NAMED,
                    _ENCODING,
                    Property("metadata", "document", Kind.ANY, required=True),
                    _PROPERTIES,
                ),
                (
                    _of_thing("Datastreams", "Datastream", _D, _D.sensor),
                    _of_thing("MultiDatastreams", "MultiDatastream", _D, _D.sensor),
                ),
            ),
            _type(
                "ObservedProperty",
                "ObservedProperties",
                ObservedPropertyRow,
                "observed_property",
                (*_NAMED, Property("definition", "definition", required=True), _PROPERTIES),
                (
                    _of_thing("Datastreams", "Datastream", _D, _D.observed_property),
                    Navigation(
                        "MultiDatastreams",
                        "MultiDatastream",
                        True,
                        Link(_M.observed_property, _M.datastream),
                    ),
                ),
            ),
            _type(
                OBSERVATION,
                "Observations",
                None,
                "",
                (
                    Property("phenomenonTime", None, Kind.INSTANT),
                    Property("result", None, Kind.ANY, required=True),
                    Property("resultTime", None, Kind.INSTANT),
                    Property("resultQuality", None, Kind.ANY),
                    Property("validTime", None, Kind.INSTANT),
                    Property("parameters", None, Kind.JSON),
                ),
                (
                    Navigation("Datastream", "Datastream", False, None),
                    Navigation("MultiDatastream", "MultiDatastream", False, None),
                    Navigation("FeatureOfInterest", "FeatureOfInterest", False, None),
                ),
            ),
            _type(
                "FeatureOfInterest",
                "FeaturesOfInterest",
                FeatureRow,
                "feature",
                (
                    *_NAMED,
                    _ENCODING,
                    Property("feature", "place", Kind.GEOMETRY, required=True),
                    _PROPERTIES,
                ),
                (_OBSERVATIONS,),
            ),
        )
    }
)
SETS: Mapping[str, EntityType] = MappingProxyType({one.set: one for one in TYPES.values()})
"""Entity types by the names of their collections."""


def set_of(name: str) -> EntityType:
    """The entity type of a collection; raises :class:`NotFound`."""
    found = SETS.get(name)
    if found is None:
        raise NotFound(
            "there is no collection {name}",
            field="path",
            mend="use one of: {known}",
            name=name[:60],
            known=", ".join(SETS),
        )
    return found


def target_of(kind: EntityType, name: str, option: str = "path") -> tuple[Navigation, EntityType]:
    """Where a navigation of an entity leads; raises :class:`Invalid` on ``option``."""
    found = kind.navigations.get(name)
    if found is None:
        raise Invalid(
            "{entity} has no navigation {name}",
            field=option,
            mend="use one of: {known}",
            entity=kind.name,
            name=name[:60],
            known=", ".join(kind.navigations),
        )
    return found, TYPES[found.target]


ANY_DATASTREAM = "AnyDatastream"
"""For restrictions, to which a datastream is one whether its results are one value or several."""
INNER_TYPES: Mapping[str, EntityType] = MappingProxyType(
    {
        **TYPES,
        ANY_DATASTREAM: replace(
            TYPES["Datastream"],
            name=ANY_DATASTREAM,
            multi=None,
            navigations={
                **TYPES["Datastream"].navigations,
                "ObservedProperties": TYPES["MultiDatastream"].navigations["ObservedProperties"],
            },
        ),
        OBSERVATION: replace(
            TYPES[OBSERVATION],
            navigations={
                **TYPES[OBSERVATION].navigations,
                ANY_DATASTREAM: Navigation(ANY_DATASTREAM, ANY_DATASTREAM, False, None),
            },
        ),
    }
)
"""The entity types that restrictions are written over."""
