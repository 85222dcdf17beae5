"""Rows of an edit as Arrow: the columns of a version, packed for the control store and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from quanyu.spacetime.engine import own
from quanyu.spacetime.model import (
    BOUNDS,
    FID,
    GEOMETRY,
    HEIGHTS,
    VALID,
    Bbox,
    FieldType,
    GeometryType,
    Interval,
    Version,
)

if TYPE_CHECKING:
    import pyarrow as pa

GONE = "quanyu:gone"
"""Column that says of a row that the edit deleted it; no property is called so."""

Row = dict[str, Any]


def schema_of(version: Version) -> "pa.Schema":
    """Columns of the version's table, and :data:`GONE`."""
    import pyarrow as pa

    types = {
        FieldType.STRING: pa.string(),
        FieldType.INTEGER: pa.int64(),
        FieldType.NUMBER: pa.float64(),
        FieldType.BOOLEAN: pa.bool_(),
        FieldType.DATE: pa.date32(),
        FieldType.DATETIME: pa.timestamp("us", tz="UTC"),
        FieldType.BINARY: pa.binary(),
        FieldType.JSON: pa.string(),
    }
    fields = [pa.field(FID, pa.string())]
    fields += [pa.field(f.name, types[f.type]) for f in version.fields]
    if version.geometry is not GeometryType.NONE:
        fields.append(pa.field(GEOMETRY, pa.binary()))
        boxes = (*BOUNDS, *(HEIGHTS if version.has_z else ()))
        fields += [pa.field(name, pa.float64()) for name in boxes]
    fields += [pa.field(name, types[FieldType.DATETIME]) for name in VALID]
    return pa.schema([*fields, pa.field(GONE, pa.bool_())])


def table_of(version: Version, rows: Sequence[Row]) -> "pa.Table":
    """Rows as a table of the version's columns; what a row does not say is null."""
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=schema_of(version))


def packed(table: "pa.Table") -> bytes:
    """A table as an Arrow IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpacked(data: bytes) -> "pa.Table":
    """The table of such a stream."""
    import pyarrow as pa

    return pa.ipc.open_stream(data).read_all()


def bbox_of(rows: list[Row]) -> Bbox | None:
    """The box around rows."""
    boxes = [tuple(row[name] for name in BOUNDS) for row in rows if row.get(BOUNDS[0]) is not None]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def interval_of(rows: list[Row]) -> Interval:
    """First and last known time of rows."""
    starts = [row[VALID[0]] for row in rows if row.get(VALID[0]) is not None]
    ends = [row[VALID[1]] for row in rows if row.get(VALID[1]) is not None]
    return min(starts, default=None), max(ends, default=None)


def last_of_each(table: "pa.Table") -> "pa.Table":
    """The last row of each id, in the order of those."""
    import numpy as np
    import pyarrow as pa

    if not table.num_rows:
        return table
    ids = table.column(FID).to_numpy()[::-1]
    _, first = np.unique(ids, return_index=True)
    return table.take(pa.array(np.sort(table.num_rows - 1 - first)))


def laid_over(base: str, changes: str, columns: Sequence[str]) -> str:
    """SQL of the rows of ``base`` with ``changes`` (a table with :data:`GONE`) laid over them."""
    names = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in columns)
    return (
        f"(SELECT {names} FROM {base} WHERE {FID} NOT IN (SELECT {FID} FROM {changes})"
        f" UNION ALL SELECT {names} FROM {changes} WHERE NOT {own('gone')})"
    )
