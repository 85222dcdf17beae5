"""Answers as files: GeoJSON, JSON-FG, CSV, GeoParquet, FlatGeobuf and Arrow, streamed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson
import shapely

from quanyu.kernel import Invalid
from quanyu.spacetime.answer import Answer, Counted, Sink
from quanyu.spacetime.arrow_formats import arrow, flatgeobuf, geopackage, parquet
from quanyu.spacetime.encode import features, text_value
from quanyu.spacetime.engine import identifier
from quanyu.spacetime.matching import matching
from quanyu.spacetime.model import (
    FID,
    GEOMETRY,
    FieldType,
    Format,
    GeometryType,
    Query,
)
from quanyu.spacetime.projection import check_defined, native
from quanyu.spacetime.questions import feature_columns
from quanyu.spacetime.serving import Served
from quanyu.spacetime.use_mark import NAMED, PLACE
from quanyu.spacetime.xlsx import xlsx

if TYPE_CHECKING:
    import pyarrow as pa

_JSONFG = (
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/core",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/time",
)

_DEFINING = {  # say their reference system within the file
    Format.GEOPARQUET,
    Format.FLATGEOBUF,
    Format.ARROW,
    Format.GEOPACKAGE,
}


def write(answer: Answer, form: Format) -> Iterator[bytes]:
    """The answer as a file of that form; raises ``Invalid`` for one that cannot hold it."""
    if form in (Format.GEOJSON, Format.JSONFG):
        return _json(answer, form)
    if form is Format.FLATGEOBUF and not answer.shaped:
        raise Invalid(
            "these data have no geometry, which FlatGeobuf needs",
            field="f",
            mend="take csv or parquet",
        )
    if form in _DEFINING:
        check_defined(answer.query.crs)
    writers = {
        Format.CSV: _csv,
        Format.GEOPARQUET: parquet,
        Format.FLATGEOBUF: flatgeobuf,
        Format.ARROW: arrow,
        Format.GEOPACKAGE: geopackage,
        Format.XLSX: xlsx,
        Format.NDJSON: _lines,
    }
    return writers[form](answer)


def write_encoded(
    copy: Served, query: Query, place: int, counted: Counted, *, named: bool = False
) -> Iterator[bytes]:
    """A whole GeoJSON file of features as they stand encoded in the copy: slices, nothing else."""
    yield b'{"type":"FeatureCollection",' + _use_member(named) + b'"features":['
    left, first = query.limit, True
    for rows in matching(copy, query, place):
        chosen = rows[:left]
        yield copy.join(chosen) if first else b"," + copy.join(chosen)
        counted(len(chosen))
        first = False
        left -= len(chosen)
        if not left:
            break
    yield b"]}"


def _json(answer: Answer, form: Format) -> Iterator[bytes]:
    jsonfg = form is Format.JSONFG
    elsewhere = jsonfg and not native(answer.query.crs)
    head: dict[str, Any] = {"type": "FeatureCollection"}
    if jsonfg:
        head["conformsTo"] = list(_JSONFG)
        if elsewhere:
            head["coordRefSys"] = answer.query.crs
    yield orjson.dumps(head)[:-1] + b"," + _use_member(answer.named) + b'"features":['
    first = True
    for batch in answer.batches(feature_columns(answer.question, time=jsonfg)):
        shapes = answer.geometries(batch)
        text = features(batch, shapes, decimals=answer.decimals, place=elsewhere)
        joined = b"".join(_data(text))
        if joined:
            yield joined[1:] if first else joined
            first = False
        answer.counted(batch.num_rows)
    yield b"]}"


def _use_member(named: bool) -> bytes:
    return orjson.dumps({NAMED: PLACE})[1:-1] + b"," if named else b""


def _lines(answer: Answer) -> Iterator[bytes]:
    """A feature a line (newline-delimited GeoJSON)."""
    for batch in answer.batches(feature_columns(answer.question)):
        text = features(batch, answer.geometries(batch), decimals=answer.decimals)
        yield b"".join(f"{line[1:]}\n".encode() for line in text.to_pylist())
        answer.counted(batch.num_rows)


def _data(text: "pa.LargeStringArray") -> Iterator[memoryview]:
    """The bytes of a whole string array, without an object for each string."""
    _, offsets, data = text.buffers()
    if data is not None and len(text):
        ends = memoryview(offsets).cast("q")
        yield memoryview(data)[ends[text.offset] : ends[text.offset + len(text)]]


def _csv(answer: Answer) -> Iterator[bytes]:
    """RFC 4180 in UTF-8 with a header; points as two columns, other geometry as WKT."""
    import pyarrow as pa
    import pyarrow.csv as pcsv

    question, query = answer.question, answer.query
    relation = question.source.relation
    names = [FID, *(f.name for f in question.fields)]
    values = [FID]
    values += [
        f"to_base64({identifier(f.name)}) AS {identifier(f.name)}"
        if f.type is FieldType.BINARY
        else f"{text_value(f)} AS {identifier(f.name)}"
        for f in question.fields
    ]
    columns = ", ".join([*values, *([GEOMETRY] if relation.has_geometry else [])])
    shapes = _csv_shapes(relation.geometry, query, set(names))
    sink = Sink()
    schema: pa.Schema | None = None
    writer: Any = None
    for batch in answer.batches(columns):
        arrays = [batch.column(name) for name in names]
        if relation.has_geometry:
            arrays += _csv_geometry(answer, batch, points=len(shapes) == 2)
        if writer is None:
            fields = [pa.field(n, a.type) for n, a in zip([*names, *shapes], arrays, strict=True)]
            schema = pa.schema(fields)
            writer = pcsv.CSVWriter(pa.PythonFile(sink, "w"), schema)
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
        answer.counted(batch.num_rows)
        yield sink.take()
    if writer is None:
        yield ",".join(f'"{name}"' for name in [*names, *shapes]).encode() + b"\n"
        return
    writer.close()
    yield sink.take()


def _csv_shapes(kind: GeometryType, query: Query, taken: set[str]) -> list[str]:
    if kind is GeometryType.NONE:
        return []
    if kind is not GeometryType.POINT:
        return [GEOMETRY]
    names = ["longitude", "latitude"] if native(query.crs) else ["x", "y"]
    return [GEOMETRY] if taken & set(names) else names


def _csv_geometry(answer: Answer, batch: "pa.RecordBatch", *, points: bool) -> list["pa.Array"]:
    import pyarrow as pa

    geometries, decimals = answer.geometries(batch), answer.decimals
    if points:
        numbers = [shapely.get_x(geometries), shapely.get_y(geometries)]
        return [pa.array(values.round(decimals), from_pandas=True) for values in numbers]
    text = shapely.to_wkt(geometries, rounding_precision=decimals)
    return [pa.array(text, pa.string())]
