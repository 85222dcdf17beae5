"""CityJSON 1.1 and 2.0, whole and in sequence: one row a city object.

The geometry of a row is its footprint at the height where it stands: the union of its ground
surfaces, or of everything that is not upright where surfaces have no meaning, as MultiPolygon Z in
the finest level of detail that the object has. ``height`` is how far it rises above that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime.intake.model import Chunk, Reading, Sieve
from quanyu.spacetime.intake.settle import JSON

_WHOLE = 1 << 30
_ROWS = 5_000
_VERSIONS = ("1.0", "1.1", "2.0")
_EPSG = re.compile(r"EPSG(?:/[\w.]*/|::|:)(\d+)$")
_OWN = ("id", "type", "parents", "lod", "height")
_DEPTH = {
    "MultiSurface": 0,
    "CompositeSurface": 0,
    "Solid": 1,
    "MultiSolid": 2,
    "CompositeSolid": 2,
}
_FLAT = 1e-3  # square metres: an upright surface seen from above


@dataclass(frozen=True, slots=True)
class Model:
    """City objects and their vertices in the source's CRS."""

    objects: dict[str, dict[str, Any]]
    vertices: NDArray[np.float64]


def read_cityjson(path: Path, form: str) -> Reading:
    """Open a city model; raises ``Invalid`` when it is damaged, or of a version not read here."""
    head = _head(path, form)
    if str(head.get("version")) not in _VERSIONS:
        raise Invalid(
            "CityJSON {version} is not read here",
            field="source",
            mend="upgrade it to 2.0 (cjio upgrade)",
            version=head.get("version", "without a version"),
        )
    kinds, count = _attributes(_models(path, form, head))
    if count == 0:
        raise Invalid("the file holds no rows", field="source", mend="give a model with objects")
    text = pa.string()
    fields = [pa.field("id", text), pa.field("type", text), pa.field("parents", text),
              pa.field("lod", text), pa.field("height", pa.float64())]  # fmt: skip
    names = {name: f"{name}_" if name in _OWN else name for name in kinds}
    fields += [_field(names[name], kinds[name]) for name in kinds]
    schema = pa.schema(fields)

    def chunks() -> Iterator[Chunk]:
        rows: list[dict[str, Any]] = []
        shapes: list[shapely.Geometry | None] = []
        lines: list[int] = []
        number = 0
        for model in _models(path, form, head):
            footprints = _footprints(model)
            for key, thing in model.objects.items():
                number += 1
                footprint = footprints[key]
                rows.append(_row(key, thing, footprint, names, schema))
                shapes.append(footprint.shape)
                lines.append(number)
                if len(rows) >= _ROWS:
                    yield _chunk(rows, shapes, lines, schema)
                    rows, shapes, lines = [], [], []
        yield _chunk(rows, shapes, lines, schema)

    return Reading(
        format=form,
        schema=schema,
        chunks=chunks,
        geometry_from=("geometry",),
        crs=_crs(head),
        encoding="utf-8",
        rows=count,
    )


def _attributes(models: Iterator[Model]) -> tuple[dict[str, set[type]], int]:
    """Types of the values of each attribute, and how many objects there are."""
    kinds: dict[str, set[type]] = {}
    count = 0
    for model in models:
        count += len(model.objects)
        for thing in model.objects.values():
            for name, value in (thing.get("attributes") or {}).items():
                if value is not None:
                    kinds.setdefault(name, set()).add(type(value))
    return kinds, count


def _head(path: Path, form: str) -> dict[str, Any]:
    """The model's own properties: of the whole file, or of the first line of a sequence."""
    if form == "cityjson" and path.stat().st_size > _WHOLE:
        raise TooLarge(
            "a city model of more than {limit} bytes is not read whole",
            field="source",
            mend="make it a CityJSONSeq (cjseq cat), which is read as a stream",
            limit=_WHOLE,
        )
    with path.open("rb") as source:
        return _parsed(source.read() if form == "cityjson" else source.readline(), 1)


def _parsed(data: bytes, line: int) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid(
            "the city model is damaged or cut off in line {line}: {why}",
            field="source",
            mend="fetch or write it again",
            line=line + data.count(b"\n", 0, error.pos),
            why=error.msg,
        ) from error
    if not isinstance(found, dict) or not str(found.get("type", "")).startswith("CityJSON"):
        raise Invalid("this is no CityJSON", field="source", mend="give the format")
    return found


def _crs(head: dict[str, Any]) -> str | None:
    given = (head.get("metadata") or {}).get("referenceSystem")
    code = _EPSG.search(str(given)) if given else None
    return f"EPSG:{code[1]}" if code else given


def _models(path: Path, form: str, head: dict[str, Any]) -> Iterator[Model]:
    if form == "cityjson":
        yield Model(head.get("CityObjects") or {}, _vertices(head, head))
        return
    with path.open("rb") as source:
        for number, line in enumerate(source, start=1):
            if not line.strip():
                continue
            found = _parsed(line, number)
            objects = found.get("CityObjects") or {}
            if objects:
                yield Model(objects, _vertices(found, head))


def _vertices(found: dict[str, Any], head: dict[str, Any]) -> NDArray[np.float64]:
    raw = np.asarray(found.get("vertices") or [], dtype=np.float64).reshape(-1, 3)
    transform = head.get("transform") or {}
    scale = np.asarray(transform.get("scale", (1, 1, 1)), dtype=np.float64)
    return raw * scale + np.asarray(transform.get("translate", (0, 0, 0)), dtype=np.float64)


def _field(name: str, kinds: set[type]) -> pa.Field:
    if kinds == {bool}:
        return pa.field(name, pa.bool_())
    if kinds == {int}:
        return pa.field(name, pa.int64())
    if kinds <= {int, float}:
        return pa.field(name, pa.float64())
    if kinds & {dict, list}:
        return pa.field(name, pa.string(), metadata={b"quanyu": JSON})
    return pa.field(name, pa.string())


@dataclass(frozen=True, slots=True)
class Footprint:
    """Where an object stands, at which level of detail, and how high it rises, in metres."""

    shape: shapely.Geometry | None = None
    lod: str | None = None
    height: float | None = None


def _footprints(model: Model) -> dict[str, Footprint]:
    """Of each object; one without geometry has that of its children."""
    found = {key: _footprint(thing, model.vertices) for key, thing in model.objects.items()}
    for key, thing in model.objects.items():
        if found[key].shape is None:
            parts = [found[c] for c in thing.get("children", ()) if c in found]
            shapes = [p.shape for p in parts if p.shape is not None]
            if shapes:
                heights = [p.height for p in parts if p.height is not None]
                corners = shapely.get_coordinates(np.asarray(shapes, dtype=object), include_z=True)
                low = float(corners[:, 2].min())
                found[key] = Footprint(
                    _standing(shapes, low), parts[0].lod, max(heights, default=None)
                )
    return found


def _footprint(thing: dict[str, Any], vertices: NDArray[np.float64]) -> Footprint:
    geometries = thing.get("geometry") or []
    if not geometries:
        return Footprint()
    best = max(geometries, key=lambda geometry: str(geometry.get("lod", "")))
    lod = None if best.get("lod") is None else str(best["lod"])
    kind, boundaries = best.get("type"), best.get("boundaries") or []
    if kind in {"MultiPoint", "GeometryInstance"}:
        return Footprint(shapely.multipoints(vertices[np.asarray(boundaries, dtype=int)]), lod)
    if kind == "MultiLineString":
        lines = [shapely.linestrings(vertices[np.asarray(line, dtype=int)]) for line in boundaries]
        return Footprint(shapely.multilinestrings(lines), lod)
    if kind not in _DEPTH:
        return Footprint(None, lod)
    surfaces = _flat(boundaries, _DEPTH[kind])
    used = np.unique(np.fromiter((i for s in surfaces for r in s for i in r), dtype=np.int64))
    if not len(used):
        return Footprint(None, lod)
    low, high = float(vertices[used, 2].min()), float(vertices[used, 2].max())
    chosen = _ground(best, surfaces, _DEPTH[kind]) or surfaces
    polygons = [
        shapely.Polygon(vertices[rings[0], :2], [vertices[r, :2] for r in rings[1:] if len(r) > 2])
        for rings in chosen
        if rings and len(rings[0]) > 2
    ]
    level = [p for p in polygons if p.area > _FLAT]
    return Footprint(_standing(level, low) if level else None, lod, round(high - low, 3))


def _flat(nested: list[Any], depth: int) -> list[Any]:
    for _ in range(depth):
        nested = [inner for outer in nested for inner in (outer or ())]
    return nested


def _ground(geometry: dict[str, Any], surfaces: list[Any], depth: int) -> list[Any]:
    """The ground surfaces, where the model says which they are."""
    semantics = geometry.get("semantics") or {}
    kinds = [surface.get("type") for surface in semantics.get("surfaces") or []]
    values = _flat(semantics.get("values") or [], depth)
    if "GroundSurface" not in kinds or len(values) != len(surfaces):
        return []
    return [
        surface
        for surface, value in zip(surfaces, values, strict=True)
        if value is not None and kinds[value] == "GroundSurface"
    ]


def _standing(shapes: list[shapely.Geometry], z: float) -> shapely.Geometry | None:
    """Their union as MultiPolygon Z at height ``z``."""
    sound = shapely.make_valid(shapely.force_2d(np.asarray(shapes, dtype=object)))
    parts = shapely.get_parts(shapely.get_parts(shapely.union_all(sound)))
    areas = parts[shapely.get_type_id(parts) == 3]
    if not len(areas):
        return None
    return shapely.force_3d(shapely.multipolygons(areas), z)


def _row(
    key: str,
    thing: dict[str, Any],
    footprint: Footprint,
    names: dict[str, str],
    schema: pa.Schema,
) -> dict[str, Any]:
    row = {
        "id": key,
        "type": thing.get("type"),
        "parents": " ".join(thing.get("parents", ())) or None,
        "lod": footprint.lod,
        "height": footprint.height,
    }
    for name, value in (thing.get("attributes") or {}).items():
        if value is None:
            continue
        field = schema.field(names[name])
        if field.metadata:
            row[field.name] = orjson.dumps(value).decode()
        else:
            row[field.name] = str(value) if field.type == pa.string() else value
    return row


def _chunk(
    rows: list[dict[str, Any]],
    shapes: list[shapely.Geometry | None],
    lines: list[int],
    schema: pa.Schema,
) -> Chunk:
    geometry = np.full(len(shapes), None, dtype=object)
    geometry[:] = shapes
    batch = pa.RecordBatch.from_pylist(rows, schema=schema)
    return Chunk(batch, geometry, np.asarray(lines, dtype=np.int64), Sieve(len(rows)))
