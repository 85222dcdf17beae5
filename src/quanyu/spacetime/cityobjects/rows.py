"""Families of a model as rows of a table, whole columns at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.cityobjects import kinds
from quanyu.spacetime.cityobjects.footprints import (
    best_geometry,
    plain_shape,
    polygons,
    standing,
    united,
)
from quanyu.spacetime.cityobjects.model import (
    ADDRESS,
    DEPTHS,
    HEIGHT,
    LODS,
    OWN,
    PARENTS,
    TYPE,
    CityModel,
    Family,
    Json,
    Lost,
)
from quanyu.spacetime.cityobjects.pieces import Broken, Piece, cut_out
from quanyu.spacetime.cityobjects.soundness import faults
from quanyu.spacetime.cityobjects.surfaces import Floats, Ints, Surfaces, collect
from quanyu.spacetime.cityobjects.templates import Templates
from quanyu.spacetime.model import LOD_GEOMETRY

_OBJECTS = 2_000
_LARGEST = 64 << 20
_POLYGON = 3  # shapely's type id
_JSON = {b"quanyu": kinds.JSON}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of some objects. ``extents`` are least and greatest x, y, z in the model's own CRS.

    ``reasons`` say why rows are not to be kept, ``findings`` what is wrong with others; ``raw`` are
    the rows for the file of rejects.
    """

    batch: pa.RecordBatch
    shapes: NDArray[np.object_]
    extents: Floats
    lines: Ints
    raw: pa.RecordBatch
    reasons: Mapping[int, str]
    findings: tuple[str, ...]
    lost: tuple[Lost, ...]


def schema_of(model: CityModel) -> tuple[pa.Schema, dict[str, str]]:
    """The columns of a model's rows, and which of them holds which attribute."""
    text = pa.string()
    own = [pa.field("fid", text), pa.field(TYPE, text), pa.field(PARENTS, text, metadata=_JSON),
           pa.field(ADDRESS, text, metadata=_JSON), pa.field(LODS, text),
           pa.field(HEIGHT, pa.float64())]  # fmt: skip
    names: dict[str, str] = {}
    taken = {*OWN, LOD_GEOMETRY}
    for attribute in model.kinds:
        name = attribute
        while name in taken:
            name += "_"
        taken.add(name)
        names[name] = attribute
    fields = [kinds.column(name, model.kinds[names[name]]) for name in names]
    return pa.schema([*own, *fields, pa.field(LOD_GEOMETRY, pa.binary())]), names


def rows_of(model: CityModel) -> Iterator[Rows]:
    """The rows of a model, some thousand objects at a time."""
    schema, names = schema_of(model)
    transform = model.head["transform"]
    maker = _Maker(
        schema,
        names,
        np.asarray(transform["scale"], dtype=np.float64),
        np.asarray(transform["translate"], dtype=np.float64),
        Templates(model.head.get("geometry-templates")),
    )
    gathered, lost, objects = [], [], 0
    line = 1
    for family in model.families():
        if isinstance(family, Lost):
            lost.append(family)
            continue
        gathered.append(family)
        objects += len(family.objects)
        if objects >= _OBJECTS:
            yield maker.rows(gathered, lost, line)
            line += objects
            gathered, lost, objects = [], [], 0
    yield maker.rows(gathered, lost, line)


@dataclass(slots=True)
class _Batch:
    """Objects on their way into rows."""

    keys: list[str] = field(default_factory=list)
    things: list[Json] = field(default_factory=list)
    documents: list[bytes] = field(default_factory=list)
    pieces: list[Piece | None] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Maker:
    schema: pa.Schema
    names: Mapping[str, str]
    scale: Floats
    translate: Floats
    templates: Templates

    def rows(self, families: Sequence[Family], lost: Sequence[Lost], line: int) -> Rows:
        batch = _Batch()
        for family in families:
            for key, thing in family.objects.items():
                self._take(batch, key, thing, family)
        solid = _Solids(batch, self.scale, self.translate, self.templates)
        findings = solid.check()
        shapes, extents = solid.footprints()
        _from_children(batch, families, shapes, extents)
        lines = np.arange(line, line + len(batch.keys), dtype=np.int64)
        return Rows(
            self._table(batch, extents),
            shapes,
            extents,
            lines,
            _raw(batch),
            batch.reasons,
            findings,
            tuple(lost),
        )

    def _take(self, batch: _Batch, key: str, thing: Any, family: Family) -> None:
        row = len(batch.keys)
        piece, document = None, b""
        try:
            _check(thing)
            piece = cut_out(thing, family.vertices, family.appearance)
            self.templates.check(piece.geometry)
            document = piece.encoded()
            _check_size(document)
        except (Broken, TypeError) as error:
            why = error if isinstance(error, Broken) else "it cannot be understood"
            batch.reasons[row] = f"object “{key}”: {why}"
            document = orjson.dumps(thing)[:_LARGEST]
            piece, thing = None, {"type": thing.get("type") if isinstance(thing, dict) else None}
        batch.keys.append(key)
        batch.things.append(thing)
        batch.documents.append(document)
        batch.pieces.append(piece)

    def _table(self, batch: _Batch, extents: Floats) -> pa.RecordBatch:
        heights = np.round(extents[:, 5] - extents[:, 2], 3)
        own = {
            "fid": pa.array(batch.keys, pa.string()),
            TYPE: pa.array([_text(t.get("type")) for t in batch.things], pa.string()),
            PARENTS: _jsons([t.get("parents") or None for t in batch.things]),
            ADDRESS: _jsons([t.get("address") or None for t in batch.things]),
            LODS: pa.array([_lods(p) for p in batch.pieces], pa.string()),
            HEIGHT: pa.array(heights, mask=np.isnan(heights)),
            LOD_GEOMETRY: pa.array(batch.documents, pa.binary()),
        }
        columns = [
            own[f.name] if f.name in own else kinds.values(batch.things, self.names[f.name], f)
            for f in self.schema
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _check_size(document: bytes) -> None:
    if len(document) > _LARGEST:
        raise Broken(f"it is larger than {_LARGEST >> 20} MiB")


def _check(thing: Any) -> None:
    if not isinstance(thing, dict) or not isinstance(thing.get("type"), str):
        raise Broken("it has no type")
    attributes = thing.get("attributes")
    if attributes is not None and not isinstance(attributes, dict):
        raise Broken("its attributes are no object")
    parents = thing.get("parents")
    if parents is not None and not (
        isinstance(parents, list) and all(isinstance(p, str) for p in parents)
    ):
        raise Broken("its parents are no list of ids")


class _Solids:
    """The geometries of a batch in one set of arrays."""

    def __init__(self, batch: _Batch, scale: Floats, translate: Floats, templates: Templates):
        self._batch = batch
        self._templates = templates
        vertices = _corners(batch.pieces)
        if vertices is None:
            self._drop_broken()
            vertices = _corners(batch.pieces)
        assert vertices is not None  # noqa: S101 - the others were let fall
        self._vertices = vertices
        counts = np.asarray([len(p.vertices) if p else 0 for p in batch.pieces], dtype=np.int64)
        self._starts = np.cumsum(counts) - counts
        self._xyz = self._vertices * scale + translate
        self._counts = counts
        self._geometries: list[Json] = []
        self._owners: list[int] = []
        for row, piece in enumerate(batch.pieces):
            for one in piece.geometry if piece else ():
                self._geometries.append(one)
                self._owners.append(row)
        offsets = self._starts[self._owners].tolist()
        self._found: Surfaces = collect(self._geometries, offsets)

    def _drop_broken(self) -> None:
        """Let objects fall whose vertices are not three whole numbers each."""
        for row, piece in enumerate(self._batch.pieces):
            if piece is not None and not all(map(_three_whole, piece.vertices)):
                key = self._batch.keys[row]
                self._batch.reasons[row] = f"object “{key}”: a vertex is not three whole numbers"
                self._batch.pieces[row] = None

    def check(self) -> tuple[str, ...]:
        """Let objects with grave faults fall; tells the slight ones."""
        wrong = faults(self._found, self._vertices, self._xyz)
        for number, why in wrong.grave.items():
            self._batch.reasons.setdefault(self._owners[number], self._said(number, why))
        return tuple(
            self._said(number, why)
            for number, why in wrong.slight.items()
            if self._owners[number] not in self._batch.reasons
        )

    def _said(self, number: int, why: str) -> str:
        lod = self._geometries[number].get("lod")
        return f"object “{self._batch.keys[self._owners[number]]}”, LoD {lod}: {why}"

    def footprints(self) -> tuple[NDArray[np.object_], Floats]:
        """The footprint of each object (``None`` where it has none) and its extent."""
        size = len(self._batch.keys)
        shapes = np.full(size, None, dtype=object)
        extents = self._extents()
        best = np.zeros(len(self._geometries), dtype=bool)
        first = 0
        for row, piece in enumerate(self._batch.pieces):
            if piece is None:
                continue
            chosen = best_geometry(piece.geometry)
            if chosen is not None and row not in self._batch.reasons:
                best[first + chosen] = True
            first += len(piece.geometry)
        wanted = standing(self._found, self._xyz, self._geometries)
        wanted &= best[self._found.surface_geometry]
        flat, numbers = polygons(self._found, self._xyz, wanted)
        if len(flat):
            self._settle(flat, numbers, shapes, extents)
        self._rest(best, shapes, extents)
        return shapes, extents

    def _settle(
        self,
        flat: NDArray[np.object_],
        numbers: Ints,
        shapes: NDArray[np.object_],
        extents: Floats,
    ) -> None:
        """Footprints of areas, of which most objects have just one."""
        starts = np.flatnonzero(np.r_[True, np.diff(numbers) != 0])
        ends = np.r_[starts[1:], len(flat)]
        rows = np.asarray(self._owners, dtype=np.int64)[numbers[starts]]
        lone = (ends - starts == 1) & (shapely.get_type_id(flat[starts]) == _POLYGON)
        if lone.any():
            ones = shapely.multipolygons(flat[starts[lone]], indices=np.arange(int(lone.sum())))
            shapes[rows[lone]] = shapely.force_3d(ones, extents[rows[lone], 2])
        for at in np.flatnonzero(~lone).tolist():
            row = int(rows[at])
            shapes[row] = united(flat[starts[at] : ends[at]], float(extents[row, 2]))

    def _rest(self, best: NDArray[np.bool_], shapes: NDArray[np.object_], extents: Floats) -> None:
        """Points, lines, and what stands upright."""
        for number in np.flatnonzero(best).tolist():
            row, geometry = self._owners[number], self._geometries[number]
            if shapes[row] is None:
                start = int(self._starts[row])
                shapes[row] = plain_shape(geometry, self._xyz[start : start + self._counts[row]])
            if DEPTHS[geometry["type"]] == 0:
                self._templates.reach(geometry, self._xyz[int(self._starts[row]) :], extents[row])

    def _extents(self) -> Floats:
        extents = np.full((len(self._batch.keys), 6), np.nan)
        given = np.flatnonzero(self._counts)
        if len(given):
            starts = self._starts[given]
            extents[given, :3] = np.minimum.reduceat(self._xyz, starts)
            extents[given, 3:] = np.maximum.reduceat(self._xyz, starts)
        return extents


def _corners(pieces: Sequence[Piece | None]) -> Ints | None:
    """All vertices, or ``None`` when one of them is not three whole numbers."""
    listed = [corner for piece in pieces if piece for corner in piece.vertices]
    if not listed:
        return np.zeros((0, 3), dtype=np.int64)
    try:
        found = np.array(listed)
    except (ValueError, OverflowError):
        return None
    sound = found.dtype == np.int64 and found.ndim == 2 and found.shape[1] == 3
    return found if sound else None


def _three_whole(corner: Any) -> bool:
    return (
        type(corner) is list
        and len(corner) == 3
        and all(type(v) is int and abs(v) < 1 << 53 for v in corner)
    )


def _from_children(
    batch: _Batch, families: Sequence[Family], shapes: NDArray[np.object_], extents: Floats
) -> None:
    """Objects without a geometry of their own stand where what is below them stands."""
    row = 0
    for family in families:
        places = {key: row + number for number, key in enumerate(family.objects)}
        row += len(family.objects)
        if len(places) < 2 or all(shapes[at] is not None for at in places.values()):
            continue
        below: dict[int, list[int]] = {}
        for key, at in places.items():
            for parent in batch.things[at].get("parents") or ():
                if parent in places and parent != key and at not in batch.reasons:
                    below.setdefault(places[parent], []).append(at)
        for at in places.values():
            _stand(at, below, shapes, extents)


def _stand(
    at: int, below: dict[int, list[int]], shapes: NDArray[np.object_], extents: Floats
) -> None:
    children = below.pop(at, [])  # taken away, so that each is visited once
    for child in children:
        _stand(child, below, shapes, extents)
    if shapes[at] is not None or not children:
        return
    boxes = extents[children]
    if np.isnan(boxes).all():
        return
    extents[at, :3], extents[at, 3:] = np.nanmin(boxes[:, :3], 0), np.nanmax(boxes[:, 3:], 0)
    areas = [
        shapes[c]
        for c in children
        if shapes[c] is not None and shapes[c].geom_type == "MultiPolygon"
    ]
    if areas:
        shapes[at] = united(np.asarray(areas, dtype=object), float(extents[at, 2]))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _lods(piece: Piece | None) -> str | None:
    if piece is None:
        return None
    found = {str(one["lod"]) for one in piece.geometry if one.get("lod") is not None}
    return " ".join(sorted(found)) or None


def _jsons(values: list[Any]) -> pa.Array:
    return pa.array([None if v is None else orjson.dumps(v).decode() for v in values], pa.string())


def _raw(batch: _Batch) -> pa.RecordBatch:
    kinds_ = [_text(thing.get("type")) for thing in batch.things]
    documents = pa.array(batch.documents, pa.binary()).cast(pa.string())
    return pa.RecordBatch.from_arrays(
        [pa.array(batch.keys, pa.string()), pa.array(kinds_, pa.string()), documents],
        names=["id", "type", "object"],
    )
