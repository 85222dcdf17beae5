"""What an ingest will do with a source, found out from its beginning."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.spacetime.crs import SourceCrs, source_crs
from quanyu.spacetime.intake.detect import CITY_FORMATS
from quanyu.spacetime.intake.geometry import (
    AWAY,
    Geometries,
    common_type,
    far,
    objects,
    shape,
    without,
)
from quanyu.spacetime.intake.model import (
    Chunk,
    IngestOptions,
    IngestPlan,
    PlannedField,
    Reading,
    Sieve,
)
from quanyu.spacetime.intake.names import IDENTITY, INSTANT, first_of, stored_names
from quanyu.spacetime.intake.settle import field_type, settle, settled_field
from quanyu.spacetime.intake.source import Source
from quanyu.spacetime.intake.values import TIMESTAMP, infer
from quanyu.spacetime.model import LOD_GEOMETRY, SCENE_ASSET, VALID, Bbox, GeometryType

_SAMPLES = 5
_SAMPLE_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that is decided before rows are read.

    ``fields`` are the stored properties, in the order of ``reading.schema``. ``times`` are source
    columns for ``valid_from`` and ``valid_to``; ``adopted`` are those of them that are no property
    besides. ``identity`` is a stored column that may hold the ids.
    """

    reading: Reading
    options: IngestOptions
    fields: tuple[pa.Field, ...]
    crs: SourceCrs | None
    swap: bool
    times: tuple[str | None, str | None]
    adopted: tuple[str, ...]
    identity: str | None
    plan: IngestPlan

    @property
    def spatial(self) -> bool:
        """Whether rows have geometry."""
        return bool(self.reading.geometry_from)


def opened(source: Source, options: IngestOptions) -> Reading:
    """The reader of a source's format over it; raises ``Invalid``."""
    if source.path is None:
        raise ValueError("rows that are made here have no file")
    reading = _read(source.path, source.said, source.form, options)
    return replace(reading, warnings=(*source.warnings, *reading.warnings))


def _read(  # noqa: PLR0911 - one return a format
    path: Path, said: str, form: str, options: IngestOptions
) -> Reading:
    # Readers are imported where used: GDAL and Parquet take their time to load.
    if form == "csv":
        from quanyu.spacetime.intake.delimited import read_delimited

        return read_delimited(path, options)
    if form == "parquet":
        from quanyu.spacetime.intake.columnar import read_parquet

        return read_parquet(path, options)
    if form == "osm":
        from quanyu.spacetime.intake.osm import read_osm

        return read_osm(path, options)
    if form in CITY_FORMATS:
        from quanyu.spacetime.intake.city import read_city

        return read_city(path, form, options)
    if form == "las":
        from quanyu.spacetime.intake.cloud import read_cloud

        return read_cloud(path, options)
    if form == "excel":
        from quanyu.spacetime.intake.sheets import read_sheet

        return read_sheet(path, options)
    if form == "geotiff":
        from quanyu.spacetime.intake.scene import read_scene

        return read_scene(path, said, options)
    from quanyu.spacetime.intake.vector import read_vector

    return read_vector(path, form, options)


def planned(source: Source, reading: Reading, options: IngestOptions) -> Recipe:
    """Decide names, types, place, time and identity; raises ``Invalid`` naming field and mend."""
    sample = _sample(reading)
    stored = stored_names(reading.schema.names)
    if reading.city is not None:
        stored[-1] = LOD_GEOMETRY
    if reading.scenes:
        stored[-1] = SCENE_ASSET
    fields = tuple(
        settled_field(field).with_name(name)
        for field, name in zip(reading.schema, stored, strict=True)
    )
    warnings = list(reading.warnings)
    warnings += [
        f"column “{old}” will be called “{new}”"
        for old, new in zip(reading.schema.names, stored, strict=True)
        if old != new and old not in VALID
    ]
    crs, swap, extent, kind, told = _located(reading, options, sample)
    times, adopted = _times(reading, options, sample)
    identity = _identity(reading, options, stored)
    plan = IngestPlan(
        dataset=source.proposed,
        source=source.said,
        format=reading.format,
        layers=reading.layers,
        layer=reading.layer,
        encoding=reading.encoding,
        delimiter=reading.delimiter,
        fields=tuple(
            PlannedField(field.name, name, field_type(field).value, _first(sample, name))
            for field, name in zip(fields, reading.schema.names, strict=True)
            if name not in adopted and field.name not in {LOD_GEOMETRY, SCENE_ASSET}
        ),
        geometry=kind,
        geometry_from=reading.geometry_from,
        crs=crs.name if crs else None,
        crs_from="option" if options.crs else "source" if reading.crs else "assumed",
        swapped=swap,
        extent=extent,
        rows=reading.rows,
        id_from=identity,
        time_from=times,
        warnings=(*warnings, *told),
    )
    return Recipe(reading, options, fields, crs, swap, times, adopted, identity, plan)


def _sample(reading: Reading) -> Chunk:
    chunks = reading.chunks()
    chunk = next((c for c in chunks if c.rows), None)
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    if chunk is None:
        raise Invalid("the file holds no rows", field="source", mend="give a file with data")
    rows = min(chunk.rows, _SAMPLE_ROWS)
    sieve = Sieve(rows)
    sieve.drop(~chunk.sieve.keep[:rows], "")
    geometry = None if chunk.geometry is None else objects(chunk.geometry)[:rows]
    return Chunk(chunk.batch.slice(0, rows), geometry, chunk.lines[:rows], sieve)


def _first(sample: Chunk, name: str) -> tuple[Any, ...]:
    values = sample.batch.column(name).slice(0, 1000).drop_null()[:_SAMPLES].to_pylist()
    return tuple(v if isinstance(v, (bool, int, float, str)) else str(v)[:200] for v in values)


def _located(
    reading: Reading, options: IngestOptions, sample: Chunk
) -> tuple[SourceCrs | None, bool, Bbox | None, GeometryType, list[str]]:
    """CRS, whether axes are exchanged, extent and kind of the sample, and warnings."""
    if sample.geometry is None:
        return None, False, None, GeometryType.NONE, []
    given = options.crs or reading.crs
    crs = source_crs(given) if given else None
    geometry = objects(sample.geometry)
    geometry = without(geometry, ~sample.sieve.keep | shapely.is_empty(geometry))
    if shapely.is_missing(geometry).all():
        return crs, False, None, GeometryType.GEOMETRY, ["the first rows have no geometry"]
    if reading.city is not None and crs is None:
        raise Invalid(
            "the city model names no coordinate reference system",
            field="crs",
            mend="name it, such as EPSG:4547 for CGCS2000 at 114° E",
        )
    if crs is None and _mostly(far(shapely.bounds(geometry))):
        raise Invalid(
            "the coordinates are not degrees, and the source names no coordinate reference system",
            field="crs",
            mend="name it, such as EPSG:4547 for CGCS2000 at 114° E",
        )
    swap, told = _swapped(geometry, crs) if crs else (False, [])
    sieve = Sieve(len(geometry))
    shaped = shape(geometry, crs, sieve, swap=swap, repair=options.repair)
    given_rows = ~shapely.is_missing(geometry)
    away = np.isin(np.arange(len(geometry)), [r for r, why in sieve.reasons.items() if why in AWAY])
    if _mostly(away[given_rows]):
        raise Invalid(
            "most of the first rows cannot be placed: {why}",
            field="crs",
            mend="check the coordinate reference system (taken: {crs}) and the coordinate columns",
            why=next(why for why in sieve.reasons.values() if why in AWAY),
            crs=crs.name if crs else "CRS84",
        )
    if not sieve.keep.all():
        fallen = int((~sieve.keep).sum())
        reason = next(iter(sieve.reasons.values()))
        told = [*told, f"{fallen} of the first {len(geometry)} rows will be rejected: {reason}"]
    box = _box(shaped.bounds[sieve.keep & given_rows])
    kinds = frozenset(int(t) for t in np.unique(shaped.types[sieve.keep]) if t >= 0)
    return crs, swap, box, common_type(kinds), told


def _box(bounds: NDArray[np.float64]) -> Bbox | None:
    if not len(bounds):
        return None
    west, south = bounds[:, :2].min(axis=0).tolist()
    east, north = bounds[:, 2:].max(axis=0).tolist()
    return west, south, east, north


def _mostly(flags: np.ndarray[Any, np.dtype[np.bool_]]) -> bool:
    return len(flags) > 0 and float(flags.mean()) > 0.5


def _swapped(geometry: Geometries, crs: SourceCrs) -> tuple[bool, list[str]]:
    """Whether only exchanging the axes brings the sample to where the CRS is used.

    Chinese surveyors write northing as X and easting as Y.
    """
    xy = shapely.get_coordinates(geometry)[:10_000]
    if crs.to_crs84 is None or not crs.projected:
        return False, []
    west, south, east, north = crs.area

    def inside(lon: Any, lat: Any) -> float:
        with np.errstate(invalid="ignore"):
            within = (lon > west - 3) & (lon < east + 3) & (lat > south - 3) & (lat < north + 3)
        return float(within.mean())

    straight = inside(*crs.to_crs84(xy[:, 0].copy(), xy[:, 1].copy()))
    crossed = inside(*crs.to_crs84(xy[:, 1].copy(), xy[:, 0].copy()))
    if straight < 0.5 < crossed:
        return True, ["the first coordinate is the northing: the axes are exchanged"]
    return False, []


def _times(
    reading: Reading, options: IngestOptions, sample: Chunk
) -> tuple[tuple[str | None, str | None], tuple[str, ...]]:
    """Columns of valid time, and those of them that become it wholly."""
    names = reading.schema.names
    for field in ("id_column", "time", "valid_from", "valid_to"):
        wanted = getattr(options, field)
        if wanted is not None and wanted not in names:
            raise Invalid(
                "there is no column “{name}”",
                field=field,
                mend="columns are: {columns}",
                name=wanted,
                columns=", ".join(names),
            )
    if reading.city is not None and not (options.time or options.valid_from or options.valid_to):
        return (None, None), ()
    if options.time:
        return (options.time, options.time), ()
    if options.valid_from or options.valid_to:
        return (options.valid_from, options.valid_to), ()
    usable = [name for name in names if _temporal(sample.batch.column(name), reading.schema, name)]
    reserved = tuple(name for name in VALID if name in usable)
    if reserved:
        low, high = (name if name in reserved else None for name in VALID)
        return (low, high), reserved
    instant = first_of(usable, INSTANT)
    return (instant, instant), ()


def _temporal(column: pa.Array, schema: pa.Schema, name: str) -> bool:
    kind = schema.field(name).type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return True
    if kind != pa.string() or first_of([name], (*INSTANT, *VALID)) is None:
        return False
    return infer(column.slice(0, 1000))[0] in {"date", "date-time"}


def _identity(reading: Reading, options: IngestOptions, stored: list[str]) -> str | None:
    if reading.identity and options.id_column:
        raise Invalid(
            "objects of this format have ids of their own",
            field="id_column",
            mend="leave it out",
        )
    wanted = options.id_column or reading.identity or first_of(reading.schema.names, IDENTITY)
    if wanted is None:
        return None
    names: list[str] = reading.schema.names
    return stored[names.index(wanted)]


def settled(recipe: Recipe, chunk: Chunk) -> list[pa.Array]:
    """The chunk's properties in their stored types; values that have none let their rows fall."""
    columns = []
    for column, field in zip(chunk.batch.columns, recipe.fields, strict=True):
        try:
            columns.append(settle(column, field, recipe.options.timezone))
        except pa.ArrowInvalid:
            columns.append(_forgiving(column, field, chunk.sieve))
    return columns


def _forgiving(column: pa.Array, field: pa.Field, sieve: Sieve) -> pa.Array:
    """Numbers too great for 64 bits: their rows fall, the others are kept."""
    wide = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        over = np.abs(wide) >= 2.0**63
    sieve.drop(over, f"{field.name}: the number needs more than 64 bits")
    return pa.array(
        np.where(over | np.isnan(wide), 0, wide).astype(np.int64), mask=over | np.isnan(wide)
    )


__all__ = ["TIMESTAMP", "Recipe", "planned", "settled"]
