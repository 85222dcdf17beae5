"""Types of the compute room: what a process declares, what it is given, what it gives, and a job.

A process is described as OGC API – Processes Part 1 (18-062r2) describes one. What runs behind a
description is an :class:`Algorithm` today; a model or code sent to data is described the same way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quanyu.kernel import LocalText, MemberId, PartyId, QuanyuError
from quanyu.spacetime import Bbox

if TYPE_CHECKING:
    import pyarrow as pa


class Holds(StrEnum):
    """What an input or an output is: a plain JSON value, features, or a grid of numbers."""

    VALUE = "value"
    FEATURES = "features"
    GRID = "grid"


class Shape(StrEnum):
    """Kinds of geometry that an input of features takes; multi-geometries go with their parts."""

    POINT = "point"
    LINE = "line"
    AREA = "area"


ANY_SHAPE = frozenset(Shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input of a process.

    schema    JSON Schema of a value; of features and grids it is said by what they are.
    holds     features and grids name a collection of the node, which is read through the gate, or
              are given in the request (GeoJSON in CRS84; grids cannot be).
    shapes    of features, which geometries are taken; others are an error that names the input.
    unit      UCUM code of a number: ``m``, ``min``, ``km/h``.
    default   what counts when it is left out; without one it must be given unless ``optional``.
    most      most features, where fewer than the node's limit make sense.
    empty     whether a collection may have no feature that is there and may be seen.
    words     what the choices of an ``enum`` are called.
    """

    title: LocalText
    description: LocalText
    schema: Mapping[str, Any] = field(default_factory=dict)
    holds: Holds = Holds.VALUE
    shapes: frozenset[Shape] = ANY_SHAPE
    unit: str | None = None
    default: Any = None
    optional: bool = False
    most: int | None = None
    empty: bool = False
    words: Mapping[str, LocalText] = field(default_factory=dict)

    @property
    def needed(self) -> bool:
        """Whether a request must give it."""
        return self.default is None and not self.optional


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output of a process: a figure (``VALUE`` with a ``unit``), features (GeoJSON, CRS84) or a
    grid (GeoTIFF)."""

    title: LocalText
    description: LocalText
    schema: Mapping[str, Any] = field(default_factory=dict)
    holds: Holds = Holds.VALUE
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """The standard, paper or book that a method is from."""

    title: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessDescription:
    """What a process says of itself.

    version     changes whenever the same inputs may give another result.
    references  where the method is from; none is none of ours to publish, so one is needed.
    accuracy    how far a result may be from the truth, in words.
    """

    id: str
    version: str
    title: LocalText
    description: LocalText
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    references: Sequence[Reference]
    accuracy: LocalText
    keywords: Sequence[LocalText] = ()


@dataclass(frozen=True, slots=True)
class Features:
    """Features that go into a process or come out of it.

    geometries  shapely geometries, longitude and latitude in CRS84 degrees, heights in metres.
    table       one row for each: ``fid`` (text) where they have ids, and their properties.
    """

    geometries: NDArray[Any]
    table: "pa.Table"

    def __len__(self) -> int:
        return len(self.geometries)


@dataclass(frozen=True, slots=True)
class Grid:
    """Numbers in cells.

    values  rows from north to south, columns from west to east; NaN where nothing is known.
    west, north  outer corner of the first cell; ``step_x`` and ``step_y`` are positive.
    crs     name that pyproj knows (``EPSG:4549``, ``OGC:CRS84``); the others are in its unit.
    unit    UCUM code of the values, where it is known.
    """

    values: NDArray[np.float64]
    west: float
    north: float
    step_x: float
    step_y: float
    crs: str
    unit: str | None = None


Given: TypeAlias = Mapping[str, Any]
"""What an algorithm gets, by input: a JSON value, :class:`Features` or :class:`Grid`; ``None`` for
an optional input that was left out."""

Made: TypeAlias = Mapping[str, Any]
"""What an algorithm gives, by output: a JSON value, :class:`Features` or :class:`Grid`."""

Progress: TypeAlias = Callable[[float], None]
"""Called with the share that is done, from 0 to 1, as often as an algorithm likes."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A described process and the pure function behind it, which runs in a process of its own.

    ``run`` raises ``Invalid`` naming the input (``field``) and the mend for what cannot be.
    ``around`` says, of the inputs that came in the request itself (those that name a collection are
    ``None``), the box in CRS84 degrees within which collections of the other inputs are read, by
    input; a ``bbox`` that the request itself gives goes before.
    """

    description: ProcessDescription
    run: Callable[[Given, Progress], Made]
    around: "Callable[[Given], Mapping[str, Bbox]]" = lambda _given: {}


class State(StrEnum):
    """How a job stands, in the words of the standard."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in {State.ACCEPTED, State.RUNNING}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a job failed: an error's parts, to be told in the language of whoever asks."""

    status: int
    type: str
    detail: str
    title: str
    params: Mapping[str, Any] = field(default_factory=dict)
    field: str | None = None
    mend: str | None = None
    rule: str | None = None


def problem_of(error: QuanyuError) -> Problem:
    """An error as it is kept with what it ended."""
    params = {
        key: value if isinstance(value, str | int | float) else str(value)
        for key, value in error.params.items()
    }
    return Problem(
        status=error.status,
        type=error.type,
        title=error.title,
        detail=error.detail,
        params=params,
        field=error.field,
        mend=error.mend,
        rule=error.rule,
    )


DEAD = Problem(
    status=503,
    type="unavailable",
    title="Unavailable",
    detail="the server process that ran this has ended",
    mend="run it again",
)
"""Why what a server process fell silent about has failed."""


@dataclass(frozen=True, slots=True)
class Source:
    """A collection that a job read: its version, how many rows, and the use that its receipt is of
    (``None``: counted only)."""

    input: str
    collection: str
    version: int
    rows: int
    use: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of a process, for the party that asked for it.

    inputs   digest of the request (SHA-256, hex, of compact JSON with sorted names).
    sources  what was read: the lineage of the results; empty until they are there.
    leaf     id of the leaf that holds process, inputs, sources and the digest of the results.
    expires  when the job and its results are forgotten.
    """

    id: str
    process: str
    version: str
    state: State
    party: PartyId
    member: MemberId | None
    request: Mapping[str, Any]
    inputs: str
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime
    expires: datetime
    progress: float = 0.0
    problem: Problem | None = None
    sources: tuple[Source, ...] = ()
    leaf: str | None = None
