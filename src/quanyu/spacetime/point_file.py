"""Points with heights as LAZ (LAS 1.4, ASPRS; compressed), written in bounded memory.

In the CRS that they came in where that is projected and no other is asked for. Properties that the
point format knows go where it has them, other numbers into extra bytes under their names; texts,
times and ids are left out. What a point lacks is 0.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.spacetime.answer import Answer
from quanyu.spacetime.engine import identifier
from quanyu.spacetime.model import GEOMETRY, Field, FieldType, GeometryType
from quanyu.spacetime.projection import check_defined, crs_code, native

if TYPE_CHECKING:
    import laspy
    import pyarrow as pa
    import pyproj

_BATCH = 262_144
_CHUNK = 1 << 20
_COLOURS = frozenset({"red", "green", "blue"})
_LONGEST = 32  # bytes of the name of an extra dimension
_KINDS = {FieldType.INTEGER: "int64", FieldType.NUMBER: "float64", FieldType.BOOLEAN: "uint8"}
_MILLIMETRES, _DEGREES = 0.001, 1e-7


def laz(answer: Answer, source_crs: str | None) -> Iterator[bytes]:
    """The answer as a LAZ file; ``source_crs`` is what its data came in.

    Raises ``Invalid`` for rows that are no points with heights, and (``properties``) for a value
    that does not fit the dimension of its name.
    """
    relation = answer.question.source.relation
    if relation.geometry is not GeometryType.POINT or not relation.has_z:
        raise Invalid(
            "these data are no points with heights, which LAZ needs",
            field="f",
            mend="take csv or parquet",
        )
    check_defined(answer.query.crs)
    return _written(answer, _crs(answer.query.crs, source_crs))


def _crs(asked: str, source: str | None) -> "pyproj.CRS":
    import pyproj

    if not native(asked):
        return pyproj.CRS.from_user_input(crs_code(asked))
    if source is not None:
        try:
            found = pyproj.CRS.from_user_input(source)
        except pyproj.exceptions.CRSError:  # one that no register knows, such as GCJ-02
            return pyproj.CRS.from_epsg(4326)
        if found.is_projected:
            return found
    return pyproj.CRS.from_epsg(4326)


def _written(answer: Answer, crs: "pyproj.CRS") -> Iterator[bytes]:
    import laspy
    import pyproj

    flat = crs.sub_crs_list[0] if crs.is_compound else crs
    move = pyproj.Transformer.from_crs("OGC:CRS84", flat, always_xy=True)
    header, fields = _header(answer.question.fields, crs)
    names = ", ".join([GEOMETRY, *(identifier(field.name) for field in fields)])
    with tempfile.TemporaryDirectory(prefix="quanyu-") as folder:
        path = Path(folder) / "points.laz"
        writer: Any = None
        for batch in answer.batches(f"{names}", _BATCH):
            places = _places(batch, move)
            if writer is None:
                header.offsets = np.floor(places.min(axis=0))
                writer = laspy.open(path, mode="w", header=header)
            writer.write_points(_record(header, places, batch, fields))
            answer.counted(batch.num_rows)
        (writer or laspy.open(path, mode="w", header=header)).close()
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece


def _header(fields: tuple[Field, ...], crs: "pyproj.CRS") -> "tuple[laspy.LasHeader, list[Field]]":
    """A header with a place for each field that is a number, and those fields."""
    import laspy

    numbers = [field for field in fields if field.type in _KINDS]
    known = {field.name for field in numbers}
    form = 6 if not known >= _COLOURS else 8 if "nir" in known else 7
    header = laspy.LasHeader(version="1.4", point_format=form)
    own = set(header.point_format.dimension_names)
    others = [
        field for field in numbers if field.name not in own and len(field.name.encode()) <= _LONGEST
    ]
    header.add_extra_dims(
        [laspy.ExtraBytesParams(field.name, _KINDS[field.type]) for field in others]
    )
    step = _DEGREES if crs.is_geographic else _MILLIMETRES
    header.scales = np.array([step, step, _MILLIMETRES])
    header.add_crs(crs, keep_compatibility=False)
    return header, [field for field in numbers if field.name in own or field in others]


def _places(batch: "pa.RecordBatch", move: "pyproj.Transformer") -> NDArray[np.float64]:
    shapes = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
    found: NDArray[np.float64] = np.full((len(shapes), 3), np.nan)
    there = ~shapely.is_missing(shapes)
    found[there] = shapely.get_coordinates(shapes[there], include_z=True)
    found[:, 0], found[:, 1] = move.transform(found[:, 0], found[:, 1])
    if not np.isfinite(found).all():
        raise Invalid(
            "a point has no place in this system, which LAZ needs",
            field="crs",
            mend="leave crs out, or ask for a smaller box",
        )
    return found


def _record(
    header: "laspy.LasHeader",
    places: NDArray[np.float64],
    batch: "pa.RecordBatch",
    fields: list[Field],
) -> Any:
    import laspy
    import pyarrow.compute as pc

    record = laspy.ScaleAwarePointRecord.zeros(len(places), header=header)
    record.x, record.y, record.z = places.T
    for field in fields:
        column = pc.fill_null(batch.column(field.name), False if field.type is FieldType.BOOLEAN
                              else 0)  # fmt: skip
        values = column.to_numpy(zero_copy_only=False)
        about = header.point_format.dimension_by_name(field.name)
        whole = about.kind.name != "FloatingPoint" and len(values) > 0
        if whole and (values.min() < about.min or values.max() > about.max):
            raise Invalid(
                "a value of “{name}” does not fit the dimension of that name",
                field="properties",
                mend="leave it out with properties=, or take parquet",
                name=field.name,
            )
        record[field.name] = values
    return record
