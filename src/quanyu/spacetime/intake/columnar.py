"""Parquet, with or without the GeoParquet metadata."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from quanyu.kernel import Invalid
from quanyu.spacetime.intake.geometry import Geometries, from_wkb, from_wkt, from_xy
from quanyu.spacetime.intake.model import Chunk, IngestOptions, Points, Reading, Sieve
from quanyu.spacetime.intake.place import place_of

_BATCH_BYTES = 16 << 20
_MOST_ROWS = 65_536


def read_parquet(path: Path, options: IngestOptions) -> Reading:
    """Open a Parquet file; raises ``Invalid`` when it is cut off or its geometry is not kept."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise Invalid(
            "the Parquet file is damaged or cut off: {why}",
            field="source",
            mend="fetch or write it again",
            why=str(error)[:200],
        ) from error
    schema = file.schema_arrow
    metadata = file.metadata
    if metadata.num_rows == 0:
        raise Invalid("the file holds no rows", field="source", mend="give a file with data")
    geo: dict[str, Any] = orjson.loads((schema.metadata or {}).get(b"geo", b"{}"))
    name = geo.get("primary_column")
    column = geo.get("columns", {}).get(name, {}) if name in schema.names else {}
    crs: str | None = None
    if column:
        place: tuple[str, ...] = (str(name),)
        crs = _crs(column)
    else:
        numeric = {
            f.name for f in schema if pa.types.is_floating(f.type) or pa.types.is_integer(f.type)
        }
        sample = next(file.iter_batches(batch_size=100))
        place = place_of(sample, numeric, options)
        if not place and _raw_wkb(sample):
            place = _raw_wkb(sample)
    encoding = str(column.get("encoding", "WKB" if _binary(schema, place) else "WKT"))
    covering = {  # boxes that the file keeps of its own geometry
        corner[0] for corner in column.get("covering", {}).get("bbox", {}).values()
    }
    left = [f for f in schema if f.name not in place and f.name not in covering]
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    batch = max(256, min(_MOST_ROWS, _BATCH_BYTES * metadata.num_rows // max(1, size)))

    def chunks() -> Iterator[Chunk]:
        line = 1
        # Pre-buffering would keep all of the file that has been read until its end.
        with pq.ParquetFile(path, pre_buffer=False) as source:
            wanted = [*(f.name for f in left), *place]
            for found in source.iter_batches(batch_size=batch, columns=wanted, use_threads=False):
                sieve = Sieve(found.num_rows)
                lines = np.arange(line, line + found.num_rows, dtype=np.int64)
                line += found.num_rows
                yield Chunk(
                    found.select([f.name for f in left]),
                    _geometry(found, place, encoding, sieve) if place else None,
                    lines,
                    sieve,
                )

    return Reading(
        format="geoparquet" if column else "parquet",
        schema=pa.schema(left),
        chunks=chunks,
        geometry_from=place,
        crs=crs,
        rows=metadata.num_rows,
    )


def _crs(column: dict[str, Any]) -> str | None:
    """The CRS of a GeoParquet column: CRS84 where none is named, unknown where it is null."""
    if "crs" not in column:
        return "OGC:CRS84"
    given = column["crs"]
    return None if given is None else orjson.dumps(given).decode()


def _binary(schema: pa.Schema, place: tuple[str, ...]) -> bool:
    return len(place) == 1 and pa.types.is_binary(schema.field(place[0]).type)


def _raw_wkb(sample: pa.RecordBatch) -> tuple[str, ...]:
    for name in ("geometry", "geom", "wkb_geometry", "wkb"):
        if name in sample.schema.names and pa.types.is_binary(sample.schema.field(name).type):
            return (name,)
    return ()


def _geometry(
    batch: pa.RecordBatch, place: tuple[str, ...], encoding: str, sieve: Sieve
) -> Geometries | Points:
    columns = [batch.column(name) for name in place]
    if len(place) == 2:
        x, y = (c.cast(pa.float64()).to_numpy(zero_copy_only=False) for c in columns)
        return from_xy(x, y, sieve)
    if encoding.upper() == "WKB":
        storage = getattr(columns[0], "storage", columns[0])
        return from_wkb(storage, sieve)
    if encoding == "WKT":
        return from_wkt(columns[0], sieve)
    if encoding == "point":
        x, y = (columns[0].field(axis).to_numpy(zero_copy_only=False) for axis in ("x", "y"))
        return from_xy(x, y, sieve)
    raise Invalid(
        "GeoParquet geometry encoded as “{encoding}” is not read here",
        field="source",
        mend="write it with the encoding WKB",
        encoding=encoding,
    )
