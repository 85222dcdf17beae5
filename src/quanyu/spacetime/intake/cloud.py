"""Point clouds: LAS 1.0 to 1.4, LAZ, and COPC, which is LAZ in an order of its own; a point a row.

Properties are those of the point format under the names of LAS 1.4 (ASPRS): ``intensity``,
``classification``, ``return_number``, ``red`` … and extra bytes that are single numbers. Values are
as the file has them: colours of 16 bits, ``gps_time`` in seconds of the file's own count.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import laspy
import laspy.errors
import lazrs
import numpy as np
import pyarrow as pa

from quanyu.kernel import Invalid
from quanyu.spacetime.intake.model import Chunk, IngestOptions, Points, Reading, Sieve

_POINTS = 262_144
_LEFT_OUT = frozenset({"X", "Y", "Z", "scan_angle_rank", "raw_classification"})
_WHERE = ("X", "Y", "Z")


def read_cloud(path: Path, _options: IngestOptions) -> Reading:
    """Open a point cloud; raises ``Invalid`` when it is damaged or holds no points."""
    with _read(), laspy.open(path) as source:
        header = source.header
        crs = _crs(header)
        names = _names(header)
        if not header.point_count:
            raise Invalid("the file holds no points", field="source", mend="give a file with data")
        schema = _table(names, laspy.ScaleAwarePointRecord.zeros(1, header=header)).schema
        count = int(header.point_count)

    def chunks() -> Iterator[Chunk]:
        line = 1
        with _read(), laspy.open(path) as source:
            for points in source.chunk_iterator(_POINTS):
                size = len(points)
                lines = np.arange(line, line + size, dtype=np.int64)
                line += size
                xy = np.column_stack([np.asarray(points.x), np.asarray(points.y)])
                place = Points(xy, np.asarray(points.z, dtype=np.float64))
                yield Chunk(_table(names, points), place, lines, Sieve(size))
        if line - 1 != count:
            raise _cut()

    return Reading(
        format="las",
        schema=schema,
        chunks=chunks,
        geometry_from=_WHERE,
        crs=crs,
        rows=count,
    )


def _names(header: laspy.LasHeader) -> list[str]:
    """Dimensions that are a number a point."""
    return [
        one.name
        for one in header.point_format.dimensions
        if one.num_elements == 1 and one.name not in _LEFT_OUT
    ]


def _table(names: list[str], points: Any) -> pa.RecordBatch:
    columns = [np.asarray(points[name]) for name in names]
    arrays = [
        pa.array(one.astype(np.float64 if one.dtype.kind == "f" else np.int64)) for one in columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[name.lower() for name in names])


def _crs(header: laspy.LasHeader) -> str | None:
    """The system that the file's records name, as WKT; ``None`` where they name none."""
    found = header.parse_crs()
    return None if found is None else str(found.to_wkt())


@contextmanager
def _read() -> Iterator[None]:
    try:
        yield
    except (laspy.errors.LaspyException, lazrs.LazrsError, ValueError, EOFError) as error:
        raise _cut() from error


def _cut() -> Invalid:
    return Invalid(
        "the point cloud is damaged or cut off",
        field="source",
        mend="get the file again, or write it anew with a tool that can read it",
    )
