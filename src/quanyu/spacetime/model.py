"""What the space-time store speaks: queries, restrictions, versions, pages.

Geometry is stored in longitude/latitude order (OGC:CRS84, or CRS84h with heights in metres).
Bounding boxes are ``(xmin, ymin, xmax, ymax)`` in degrees unless a CRS says otherwise.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

import orjson

Bbox: TypeAlias = tuple[float, float, float, float]
Interval: TypeAlias = tuple[datetime | None, datetime | None]
Cql2: TypeAlias = Mapping[str, Any]
"""A CQL2-JSON expression, validated by :func:`quanyu.spacetime.parse_filter`."""

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CRS84H = "http://www.opengis.net/def/crs/OGC/0/CRS84h"
GCJ02 = "urn:quanyu:crs:GCJ-02"
BD09 = "urn:quanyu:crs:BD-09"
"""The two offsets of Chinese web maps, longitude first. No authority has registered them, so they
have names of ours."""

FID = "fid"
GEOMETRY = "geometry"
BOUNDS = ("xmin", "ymin", "xmax", "ymax")
HEIGHTS = ("zmin", "zmax")
VALID = ("valid_from", "valid_to")
LOD_GEOMETRY = "lod_geometry"
"""Column of the geometries of a city object in all its levels of detail. It is a field of its
version, which an agreement may give or keep, but no property that a view shows."""
SCENE_ASSET = "scene_asset"
"""Column of the file behind a scene of imagery: a field of its version that no view ever shows."""
RESERVED = frozenset({FID, GEOMETRY, *BOUNDS, *HEIGHTS, *VALID})
"""Columns that the store keeps for itself in every table; no property may be called so."""


class FieldType(StrEnum):
    """Types of a property, named as in JSON Schema plus the temporal ones."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "date-time"
    BINARY = "binary"
    JSON = "json"


class GeometryType(StrEnum):
    """Geometry of a table; ``GEOMETRY`` when mixed, ``NONE`` for a plain table."""

    POINT = "Point"
    LINESTRING = "LineString"
    POLYGON = "Polygon"
    MULTIPOINT = "MultiPoint"
    MULTILINESTRING = "MultiLineString"
    MULTIPOLYGON = "MultiPolygon"
    GEOMETRY = "Geometry"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class Field:
    """A property column of a dataset."""

    name: str
    type: FieldType
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of a dataset: its tables at their Delta versions, what is in it.

    base   the version whose rows the table holds: its own number, or that of an older version over
           which the edits since are laid.
    whole  the version that brought all its rows in at once, from which edits led to this one.
    """

    dataset: str
    number: int
    table: str
    delta_version: int
    fields: tuple[Field, ...]
    geometry: GeometryType
    has_z: bool
    rows: int
    rejects: int
    bbox: Bbox | None
    interval: Interval
    source_crs: str | None
    source: str
    source_sha256: str | None
    created_at: datetime
    base: int = 0
    whole: int = 0

    @property
    def edited(self) -> bool:
        """Whether its table is that of an older version (:attr:`base`), with edits laid over it."""
        return self.base != self.number

    @property
    def storage_crs(self) -> str:
        """URI of the CRS that coordinates are stored in."""
        return CRS84H if self.has_z else CRS84

    @property
    def city_model(self) -> bool:
        """Whether its rows are city objects with geometries in levels of detail."""
        return any(f.name == LOD_GEOMETRY for f in self.fields)

    @property
    def imagery(self) -> bool:
        """Whether its rows are scenes, with one JSON field a band."""
        return any(f.name == SCENE_ASSET for f in self.fields)


class Mask(StrEnum):
    """Ways to blur a column instead of hiding it; ``MARK`` so little that it only tells whose
    copy it is: the parity of each value's last step follows from the row's id and the salt."""

    KEEP_LAST_4 = "keep-last-4"
    HASH = "hash"
    ROUND = "round"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that may be seen, perhaps masked; ``step`` is the grain of ``ROUND``, ``MARK``."""

    name: str
    mask: Mask | None = None
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is declared of a column, so that a row's weight in a figure is bounded whatever the row
    holds: a number from ``least`` to ``most``, or one of ``values``."""

    column: str
    least: float = 0.0
    most: float = 0.0
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noise:
    """Figures under differential privacy: ``epsilon`` of a question, and the bounds declared."""

    epsilon: float
    bounds: tuple[Bounds, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """No row is given, only figures of groups: of at least ``least`` rows each (k-anonymity), or
    with ``noise``. With ``person``, the column whose values each stand for one person, a group has
    at least ``least`` persons; a row without a value counts for nobody."""

    least: int = 1
    noise: Noise | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """An agreement compiled for the engine, the only thing the engine knows of law.

    Everything that narrows *what may be seen* is here; quotas and purposes are kept by the gate.

    columns  properties that may be seen; ``None`` is all of them. Others do not exist for the
             caller: not in answers, not in filters, sorting, schemas or statistics.
    rows     CQL2-JSON filter over the *unrestricted* table (it may name hidden columns).
    region   GeoJSON geometry in CRS84: features that do not meet it do not exist, those that
             cross its edge are clipped to it.
    interval rows valid within it.
    grid_m   geometry is coarsened to cells of this size in metres (centres of cells).
    salt     key of ``Mask.HASH``, per agreement, hexadecimal.
    figures  when not ``None``, rows are not given at all: only figures of groups of them.
    """

    columns: tuple[Column, ...] | None = None
    rows: Cql2 | None = None
    region: Mapping[str, Any] | None = None
    interval: Interval = (None, None)
    grid_m: float | None = None
    salt: str = ""
    figures: Figures | None = None

    @property
    def open(self) -> bool:
        """Whether nothing is narrowed."""
        return self == Restriction()

    @property
    def key(self) -> str:
        """A digest that is equal for equal restrictions: the key of caches and the log."""
        document = {
            "columns": None
            if self.columns is None
            else [[c.name, c.mask, c.step] for c in self.columns],
            "rows": self.rows,
            "region": self.region,
            "interval": [None if t is None else t.isoformat() for t in self.interval],
            "grid_m": self.grid_m,
            "salt": self.salt,
        }
        if self.figures is not None:
            figures = asdict(self.figures)
            if self.figures.person is None:  # the key of answers that were paid for already
                del figures["person"]
            document["figures"] = figures
        data = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(data).hexdigest()[:32]

    def __hash__(self) -> int:
        return hash(self.key)


OPEN = Restriction()


@dataclass(frozen=True, slots=True)
class Query:
    """What a caller asks within its restriction.

    bbox        in ``bbox_crs``; features whose geometry intersects it.
    interval    features valid at some time in it (``None`` = open end).
    filter      CQL2-JSON; ``filter_crs`` is the CRS of geometries in it.
    properties  which to return; ``None`` is all visible.
    sortby      ``(property, descending)`` pairs.
    limit       most features on a page.
    after       token of the page before, from :attr:`Page.next`.
    crs         URI of the CRS of the answer.
    count       compute ``numberMatched`` exactly even when that is not cheap.
    """

    bbox: tuple[float, ...] | None = None
    bbox_crs: str = CRS84
    interval: Interval | None = None
    filter: Cql2 | None = None
    filter_crs: str = CRS84
    properties: tuple[str, ...] | None = None
    sortby: tuple[tuple[str, bool], ...] = ()
    limit: int = 10
    after: str | None = None
    crs: str = CRS84
    count: bool = False


class Format(StrEnum):
    """Forms of an answer, by their short names in ``f=`` and on the command line."""

    GEOJSON = "geojson"
    JSONFG = "jsonfg"
    CSV = "csv"
    GEOPARQUET = "parquet"
    FLATGEOBUF = "fgb"
    ARROW = "arrow"
    GEOPACKAGE = "gpkg"
    XLSX = "xlsx"
    NDJSON = "ndjson"
    CITYJSON = "cityjson"
    CITYJSONSEQ = "cityjsonseq"
    LAZ = "laz"


CITY_FORMATS = frozenset({Format.CITYJSON, Format.CITYJSONSEQ})
"""Forms that hold geometries in levels of detail."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of features, each already encoded.

    ``features`` is the JSON array's inside: features joined by commas. ``matched`` is exact or
    ``None`` when it was not asked and not cheap. ``next`` is the token of the next page.
    """

    features: bytes
    returned: int
    matched: int | None
    next: str | None


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be read: where it stands in its source, and why."""

    line: int
    reason: str
    raw: str = field(default="", repr=False)
