"""The one place where a restriction becomes SQL. Whatever leaves the store goes through here.

A serving copy is built from :func:`restricted`, and every question is asked of that copy: a row or
value outside of the restriction is not there to be found, by whatever filter, sort or count.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import shapely

from quanyu.kernel import Invalid
from quanyu.spacetime.engine import identifier, own
from quanyu.spacetime.filters import compile_filter
from quanyu.spacetime.model import (
    BOUNDS,
    FID,
    GEOMETRY,
    HEIGHTS,
    LOD_GEOMETRY,
    SCENE_ASSET,
    VALID,
    Column,
    Field,
    FieldType,
    GeometryType,
    Mask,
    Restriction,
    Version,
)

METRES_PER_DEGREE = 111_320.0
"""Length of a degree of latitude, for cells of a grid."""

PERSON = own("person")
"""The column of restricted rows by which persons are counted."""

_BLOCK = 64  # bytes of a block of SHA-256, for HMAC (RFC 2104)


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows that may be seen, as SQL: ``fid``, ``fields``, geometry and its box, valid times.

    ``lods`` says whether the geometries of city objects are there too (``lod_geometry``); they are
    no field, so no filter, tile or property can name them.
    """

    sql: str
    fields: tuple[Field, ...]
    geometry: GeometryType
    has_z: bool
    params: Mapping[str, Any] = field(default_factory=dict)
    lods: bool = False

    @property
    def has_geometry(self) -> bool:
        """Whether there are a geometry and its box among the columns."""
        return self.geometry is not GeometryType.NONE

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        boxed = (GEOMETRY, *BOUNDS, *(HEIGHTS if self.has_z else ())) if self.has_geometry else ()
        solid = (LOD_GEOMETRY,) if self.lods else ()
        return (FID, *(f.name for f in self.fields), *solid, *boxed, *VALID)


def restricted(version: Version, restriction: Restriction, table: str) -> Relation:
    """What ``restriction`` lets be seen of ``version``, whose rows are the SQL relation ``table``.

    Order of things: rows are chosen by interval, by the filter over the *unmasked* columns and by
    the region; then columns are dropped or masked, geometry is clipped to the region and coarsened,
    and boxes are computed anew from what is left of it. A row whose validity is wholly unknown is
    outside of any interval. Of a city object the geometries in levels of detail are given only
    with their column, and only while nothing of the shape is narrowed: not on a grid, and by a
    region only where all of the object lies within it. Raises ``Invalid`` for a restriction that
    cannot be applied: then nothing is answered.
    """
    has_geometry = version.geometry is not GeometryType.NONE
    params: dict[str, Any] = {}
    rows = _rows(version, restriction, params)
    masked = [
        _masked(version, column, params, restriction.salt) for column in _kept(restriction, version)
    ]
    given = any(f.name == LOD_GEOMETRY for f, _ in masked)
    lods = given and has_geometry and restriction.grid_m is None
    masked = [pair for pair in masked if pair[0].name != LOD_GEOMETRY]
    solid = [LOD_GEOMETRY] if lods else []
    properties = (f"{sql} AS {identifier(f.name)}" for f, sql in masked)
    values = ", ".join([FID, *properties, *_person(version, restriction, params), *solid, *VALID])
    result = Relation(
        sql="",
        fields=tuple(f for f, _ in masked),
        geometry=version.geometry,
        has_z=version.has_z and has_geometry,
        params=params,
        lods=lods,
    )
    chosen = f"SELECT * FROM {table} WHERE {' AND '.join(rows) or 'TRUE'}"
    if not has_geometry:
        return replace(result, sql=f"SELECT {values} FROM ({chosen})")
    narrowed = restriction.region is not None or restriction.grid_m is not None
    if not narrowed and lods is version.city_model:
        heights = f", {', '.join(HEIGHTS)}" if version.has_z else ""
        boxes = f"{GEOMETRY}, {', '.join(BOUNDS)}{heights}"
        return replace(result, sql=f"SELECT {values}, {boxes} FROM ({chosen})")
    return _reshaped(result, restriction, chosen, values)


def _person(version: Version, restriction: Restriction, params: dict[str, Any]) -> list[str]:
    """Who a row is of, where groups are counted by persons: blinded, and no field, so that no
    filter, group or property can name it."""
    name = None if restriction.figures is None else restriction.figures.person
    if name is None:
        return []
    if all(field.name != name for field in version.fields):
        raise _cannot("there is no column “{name}” to count persons by", name=name)
    text = f"CAST({identifier(name)} AS VARCHAR)"
    return [f"{_hmac(text, params, restriction.salt)} AS {PERSON}"]


def _kept(restriction: Restriction, version: Version) -> list[Column]:
    if restriction.columns is None:
        return [Column(f.name) for f in version.fields if f.name != SCENE_ASSET]
    by_name: dict[str, Column] = {}
    for column in restriction.columns:
        if column.name in by_name and by_name[column.name] != column:
            raise _cannot("column “{name}” is given in two ways", name=column.name)
        by_name[column.name] = column
    return [by_name[f.name] for f in version.fields if f.name in by_name and f.name != SCENE_ASSET]


def _rows(version: Version, restriction: Restriction, params: dict[str, Any]) -> list[str]:
    conditions = []
    start, end = restriction.interval
    if start is not None or end is not None:
        conditions.append("(valid_from IS NOT NULL OR valid_to IS NOT NULL)")
    if start is not None:
        params["r_start"] = start
        conditions.append("(valid_to IS NULL OR valid_to >= $r_start)")
    if end is not None:
        params["r_end"] = end
        conditions.append("(valid_from IS NULL OR valid_from <= $r_end)")
    has_geometry = version.geometry is not GeometryType.NONE
    if restriction.rows is not None:
        condition = compile_filter(
            restriction.rows, version.fields, geometry=has_geometry, prefix="r"
        )
        params.update(condition.params)
        conditions.append(condition.sql)
    if restriction.region is not None:
        if not has_geometry:
            raise _cannot("the agreement names a region, but these data have no geometry")
        region = region_of(restriction)
        west, south, east, north = region.bounds
        params |= {"r_west": west, "r_south": south, "r_east": east, "r_north": north}
        params["r_region"] = shapely.to_wkb(region)
        conditions.append(
            "xmax >= $r_west AND xmin <= $r_east AND ymax >= $r_south AND ymin <= $r_north"
        )
    if restriction.grid_m is not None and has_geometry and not restriction.grid_m > 0:
        raise _cannot("cells of {size} m cannot hold anything", size=restriction.grid_m)
    return conditions


def region_of(restriction: Restriction) -> Any:
    """The region of a restriction as one valid polygonal geometry; raises ``Invalid``."""
    import orjson

    try:
        region = shapely.make_valid(shapely.from_geojson(orjson.dumps(restriction.region)))
    except (shapely.errors.ShapelyError, TypeError, ValueError) as error:
        raise _cannot("the region of the agreement cannot be read") from error
    areas = [part for part in shapely.get_parts(region) if part.geom_type.endswith("Polygon")]
    if not areas:
        raise _cannot("the region of the agreement has no area")
    return shapely.union_all(areas)


def _reshaped(result: Relation, restriction: Restriction, chosen: str, values: str) -> Relation:
    shape = f"ST_GeomFromWKB({GEOMETRY})"
    area, middle, row_y, width = (own(name) for name in ("area", "middle", "row_y", "width"))
    steps = [f"WITH chosen AS ({chosen})"]
    source = "chosen"
    lods = result.lods
    whole = own("whole")
    if restriction.region is not None:
        # What only touches the edge has nothing inside: of each shape the part of its own
        # dimension is kept, and a shape of which none is left is not there.
        steps.append(
            f"clipped AS (SELECT * REPLACE (CASE WHEN ST_Within({shape}, {area}) THEN {shape} ELSE"
            f" ST_CollectionExtract(ST_Intersection(ST_MakeValid({shape}), {area}),"
            f" ST_Dimension({shape}) + 1) END AS {GEOMETRY}{_solid_within(area) if lods else ''})"
            f"{f', {_box_within(area)} AS {whole}' if lods else ''} FROM chosen,"
            f" (SELECT ST_GeomFromWKB($r_region) AS {area})"
            f" WHERE ST_Intersects({shape}, {area}))"
        )
        source = f"(SELECT * FROM clipped WHERE NOT ST_IsEmpty({GEOMETRY}))"
        shape = GEOMETRY
    elif restriction.grid_m is None:
        # Nothing of the shape is narrowed, but the box shall not tell of what is hidden above it.
        source = f"(SELECT * REPLACE ({shape} AS {GEOMETRY}) FROM chosen)"
        shape = GEOMETRY
    kind, has_z = result.geometry, result.has_z
    if restriction.grid_m is not None:
        # Cells are counted from the equator and Greenwich; a column's width follows its row.
        degrees = restriction.grid_m / METRES_PER_DEGREE
        steps.append(
            f"rows AS (SELECT *, (floor(ST_Y({middle}) / $r_cell) + 0.5) * $r_cell AS {row_y}"
            f" FROM (SELECT *, ST_Centroid({shape}) AS {middle} FROM {source})),"
            f" cells AS (SELECT *, $r_cell / greatest(cos(radians({row_y})), 0.001) AS {width}"
            " FROM rows)"
        )
        source = (
            f"(SELECT * REPLACE (ST_Point((floor(ST_X({middle}) / {width}) + 0.5) * {width},"
            f" {row_y}) AS {GEOMETRY}) FROM cells)"
        )
        kind, has_z = GeometryType.POINT, False
        result = replace(result, params={**result.params, "r_cell": degrees})
    axes = dict(zip(BOUNDS, ("XMin", "YMin", "XMax", "YMax"), strict=True))
    if has_z:
        axes |= dict(zip(HEIGHTS, ("ZMin", "ZMax"), strict=True))
    boxes = [
        f"CASE WHEN {whole} THEN {name} ELSE ST_{axis}({GEOMETRY}) END AS {name}"
        if lods
        else f"ST_{axis}({GEOMETRY}) AS {name}"
        for name, axis in axes.items()
    ]
    body = f"SELECT {values}, ST_AsWKB({GEOMETRY}) AS {GEOMETRY}, {', '.join(boxes)} FROM {source}"
    if restriction.region is not None and kind is not GeometryType.POINT:
        kind = _after_clipping(kind)
    return replace(result, sql=f"{', '.join(steps)} {body}", geometry=kind, has_z=has_z)


def _box_within(area: str) -> str:
    """SQL of whether all of an object is within ``area``: its box holds what hangs over too."""
    return f"ST_Within(ST_MakeEnvelope({', '.join(BOUNDS)}), {area})"


def _solid_within(area: str) -> str:
    return f", CASE WHEN {_box_within(area)} THEN {LOD_GEOMETRY} END AS {LOD_GEOMETRY}"


def _after_clipping(kind: GeometryType) -> GeometryType:
    parts = {
        GeometryType.LINESTRING: GeometryType.GEOMETRY,
        GeometryType.POLYGON: GeometryType.GEOMETRY,
        GeometryType.MULTIPOINT: GeometryType.GEOMETRY,
        GeometryType.MULTILINESTRING: GeometryType.GEOMETRY,
        GeometryType.MULTIPOLYGON: GeometryType.GEOMETRY,
    }
    return parts.get(kind, kind)


def _masked(
    version: Version, column: Column, params: dict[str, Any], salt: str
) -> tuple[Field, str]:
    """The field that a caller sees, and its SQL."""
    stored = next(f for f in version.fields if f.name == column.name)
    sql = identifier(stored.name)
    if column.mask is None:
        return stored, sql
    text = f"CAST({sql} AS VARCHAR)"
    if stored.type is FieldType.BINARY:
        raise _cannot("column “{name}” is binary and cannot be masked", name=stored.name)
    if column.mask is Mask.KEEP_LAST_4:
        # The same number of stars for all: a length can name a person too.
        kept = f"CASE WHEN length({text}) > 4 THEN '****' || right({text}, 4) ELSE '****' END"
        masked = f"CASE WHEN {sql} IS NOT NULL THEN {kept} END"
        return Field(stored.name, FieldType.STRING), masked
    if column.mask is Mask.HASH:
        return Field(stored.name, FieldType.STRING), _hmac(text, params, salt)
    if stored.type not in (FieldType.INTEGER, FieldType.NUMBER):
        raise _cannot("column “{name}” is no number and cannot be rounded", name=stored.name)
    if column.step is None or not column.step > 0:
        raise _cannot("column “{name}” has no step to round to", name=stored.name)
    step = f"r_step{len(params)}"
    params[step] = float(column.step)
    rounded = f"round({sql} / ${step}) * ${step}"
    if column.mask is Mask.MARK:
        rounded = _marked(sql, step, params, salt)
    if stored.type is FieldType.INTEGER and float(column.step).is_integer():
        return stored, f"CAST({rounded} AS BIGINT)"
    return Field(stored.name, FieldType.NUMBER, stored.unit), rounded


_DECIMALS = 9
MARKED = "mark:"
"""What a row's id is signed behind, so that no hashed column tells a mark."""


def _marked(sql: str, step: str, params: dict[str, Any], salt: str) -> str:
    """``sql`` on the nearest step below whose parity is the row's bit: at most two steps away."""
    text = f"'{MARKED}' || {FID}"
    signed = f"lower({_hmac(text, params, salt)})"
    bit = f"(left({signed}, 1) IN ('8', '9', 'a', 'b', 'c', 'd', 'e', 'f'))::INTEGER"
    marked = f"round((2 * floor({sql} / (2 * ${step})) + {bit}) * ${step}, {_DECIMALS})"
    return f"CASE WHEN isfinite({sql}::DOUBLE) THEN {marked} END"


def _hmac(text: str, params: dict[str, Any], salt: str) -> str:
    """HMAC-SHA256 (RFC 2104) of a text under the agreement's salt, in hexadecimal."""
    try:
        key = bytes.fromhex(salt)
    except ValueError as error:
        raise _cannot("the salt of the agreement is not hexadecimal") from error
    if not key:
        raise _cannot("a hashed column needs the salt of an agreement")
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(_BLOCK, b"\0")
    params["r_inner"] = bytes(byte ^ 0x36 for byte in padded)
    params["r_outer"] = bytes(byte ^ 0x5C for byte in padded)
    return f"sha256($r_outer || unhex(sha256($r_inner || encode({text}))))"


def _cannot(detail: str, **params: Any) -> Invalid:
    return Invalid(
        detail,
        field="restriction",
        mend="the holder has to change the policy; nothing is given out under this one",
        **params,
    )
