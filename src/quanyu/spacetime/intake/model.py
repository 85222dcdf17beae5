"""What an ingest is asked, what it plans, what it reports."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quanyu.kernel import ControlStore
from quanyu.spacetime.model import Bbox, GeometryType, Reject, Version


class Place(Protocol):
    """What ingest needs of the store it writes to."""

    @property
    def control(self) -> ControlStore: ...

    @property
    def tables_url(self) -> str: ...

    @property
    def cache_dir(self) -> Path: ...


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How a source is to be read; whatever is left out is found out from the source.

    format      a name of :data:`quanyu.spacetime.intake.detect.FORMATS`.
    layer       layer, sheet or OSM theme, where a source holds several.
    encoding    character set of delimited text and shapefiles, such as ``GB18030``.
    delimiter   of delimited text.
    crs         of the source: ``EPSG:4547``, ``GCJ-02``, ``BD-09``, WKT, PROJ JSON.
    lon, lat    columns that hold the coordinates (easting and northing when projected).
    wkt         column that holds geometry as well-known text.
    id_column   column whose values become the features' ids; repeated values are rejected.
    time        column with the instant at which each row was observed.
    valid_from, valid_to   columns with the period for which each row holds.
    timezone    IANA name for times without an offset.
    types       types of columns by name, over what the sample suggests.
    datetime    when a scene was taken; a time without an offset is of ``timezone``.
    bands       names of a scene's bands, in order.
    nodata      the value that stands for no data in a scene.
    heights     what a scene's pixels are counted from when they are heights of the ground:
                ``geoid``, ``ellipsoid``; ``none`` when they are none.
    replace     a scene takes the place of all scenes of its dataset, not just of its namesake.
    repair      mend invalid polygons instead of rejecting their rows.
    allow_private   whether a URL may lead into private networks.
    max_bytes   most bytes that are taken from a URL or out of an archive.
    """

    format: str | None = None
    layer: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    crs: str | None = None
    lon: str | None = None
    lat: str | None = None
    wkt: str | None = None
    id_column: str | None = None
    time: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    timezone: str = "UTC"
    types: Mapping[str, str] = field(default_factory=dict)
    datetime: str | None = None
    bands: tuple[str, ...] = ()
    nodata: float | None = None
    heights: str | None = None
    replace: bool = False
    repair: bool = False
    allow_private: bool = False
    max_bytes: int = 16 << 30


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A property as it will be stored: its name in the source, its type, its first values."""

    name: str
    source_name: str
    type: str
    samples: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """What an ingest would do, shown before anything is committed.

    ``rows`` is an estimate unless the format knows. ``extent`` is that of the sample, in CRS84.
    ``id_from`` names the column that ids are taken from when it proves unique, ``None`` for row
    numbers.
    """

    dataset: str
    source: str
    format: str
    layers: tuple[str, ...]
    layer: str | None
    encoding: str | None
    delimiter: str | None
    fields: tuple[PlannedField, ...]
    geometry: GeometryType
    geometry_from: tuple[str, ...]
    crs: str | None
    crs_from: str
    swapped: bool
    extent: Bbox | None
    rows: int | None
    id_from: str | None
    time_from: tuple[str | None, str | None]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The plan in types that JSON has."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest is: ``stage`` is fetching, reading, sorting or publishing."""

    stage: str
    done: int
    total: int | None
    rejects: int = 0


Report: TypeAlias = Callable[[Progress], None]
"""Who is told of progress."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did. ``rejects_file`` is the URL of the JSON lines of rejected rows.

    ``findings_file`` is that of what is wrong with rows that were kept, ``findings`` their number.
    """

    version: Version
    rows: int
    rejects: int
    rejects_file: str | None
    seconds: float
    resumed: bool
    notes: tuple[str, ...] = ()
    findings: int = 0
    findings_file: str | None = None


class Widened(Exception):
    """A column taken for whole numbers holds others too."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class Sieve:
    """Rows of one chunk that fall through, each with the first reason it gave."""

    def __init__(self, size: int) -> None:
        self.keep: NDArray[np.bool_] = np.ones(size, dtype=bool)
        self._reasons: dict[int, str] = {}

    def drop(self, mask: NDArray[np.bool_], reason: str | Callable[[int], str]) -> None:
        """Let the rows of ``mask`` fall; ``reason`` may depend on the row."""
        fallen = np.flatnonzero(mask & self.keep)
        self.keep[fallen] = False
        for row in fallen.tolist():
            self._reasons[row] = reason if isinstance(reason, str) else reason(row)

    @property
    def reasons(self) -> dict[int, str]:
        """Reasons by row, in order of rows."""
        return dict(sorted(self._reasons.items()))


@dataclass(frozen=True, slots=True)
class Points:
    """Points as a table of x and y, NaN for none: the way of most rows, and ten times quicker.

    ``z`` are their heights where they have any.
    """

    xy: NDArray[np.float64]
    z: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a source, whole columns at a time.

    ``geometry`` holds shapely geometries in the source's CRS, ``lines`` where each row stands,
    ``raw`` the row as the source wrote it, ``lost`` rows that could not even be split into
    columns. ``extents`` are least and greatest x, y, z of each row where they say more than its
    geometry does; ``findings`` tell what is wrong with rows that are kept.
    """

    batch: pa.RecordBatch
    geometry: NDArray[np.object_] | Points | None
    lines: NDArray[np.int64]
    sieve: Sieve
    raw: pa.RecordBatch | None = None
    lost: tuple[Reject, ...] = ()
    extents: NDArray[np.float64] | None = None
    findings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows there are; a batch without properties does not know."""
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class Reading:
    """An opened source. ``schema`` holds its properties; ``chunks`` begins anew at each call.

    ``identity`` is the column that holds the ids by the rules of the format: repeats are rejected.
    ``city`` is what a city model says of itself; its last column is then ``lod_geometry``.
    ``scenes`` says that rows are scenes; their last column is then ``scene_asset``. The version is
    published only while ``after`` is the newest one, where that is given.
    """

    format: str
    schema: pa.Schema
    chunks: Callable[[], Iterator[Chunk]]
    geometry_from: tuple[str, ...] = ()
    crs: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    layers: tuple[str, ...] = ()
    layer: str | None = None
    rows: int | None = None
    warnings: tuple[str, ...] = ()
    identity: str | None = None
    city: Mapping[str, Any] | None = None
    scenes: bool = False
    after: int | None = None
