"""Answers as files: GeoJSON, JSON-FG, CSV, GeoParquet, FlatGeobuf and Arrow, streamed."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import shapely

from quanyu.kernel import Invalid
from quanyu.spacetime.encode import DECIMALS, METRE_DECIMALS, features, text_value
from quanyu.spacetime.engine import BATCH_ROWS, Engine, identifier
from quanyu.spacetime.model import (
    BOUNDS,
    FID,
    GEOMETRY,
    VALID,
    FieldType,
    Format,
    GeometryType,
    Query,
)
from quanyu.spacetime.projection import crs_code, crs_is_degrees, crs_projjson, native, project
from quanyu.spacetime.questions import Question, feature_columns

if TYPE_CHECKING:
    import pyarrow as pa

Counted = Callable[[int], None]
_CHUNK = 1 << 20
_ROW_GROUP = 65_536
_JSONFG = (
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/core",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/time",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be written: rows of ``question`` from ``place`` on; ``counted`` hears of them."""

    engine: Engine
    question: Question
    query: Query
    place: int
    counted: Counted

    @property
    def shaped(self) -> bool:
        """Whether there is a geometry."""
        return self.question.source.relation.has_geometry

    @property
    def decimals(self) -> int:
        """Of coordinates in text."""
        return DECIMALS if crs_is_degrees(self.query.crs) else METRE_DECIMALS

    def batches(self, columns: str, size: int = BATCH_ROWS) -> "Iterator[pa.RecordBatch]":
        """The rows, with those columns."""
        sql, params = self.question.rows(columns, self.query.limit, self.place)
        return self.engine.batches(sql, params, size)

    def lacking(self) -> bool:
        """Whether some feature has no geometry."""
        sql, params = self.question.count()
        return bool(self.engine.rows(f"{sql} AND {GEOMETRY} IS NULL", params)[0][0])

    def geometries(self, batch: "pa.RecordBatch") -> Any:
        """Geometry of a batch in the CRS of the answer."""
        if not self.shaped:
            return None
        found = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
        return project(found, self.query.crs)


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
    writers = {
        Format.CSV: _csv,
        Format.GEOPARQUET: _parquet,
        Format.FLATGEOBUF: _flatgeobuf,
        Format.ARROW: _arrow,
    }
    return writers[form](answer)


def _json(answer: Answer, form: Format) -> Iterator[bytes]:
    jsonfg = form is Format.JSONFG
    elsewhere = jsonfg and not native(answer.query.crs)
    head: dict[str, Any] = {"type": "FeatureCollection"}
    if jsonfg:
        head["conformsTo"] = list(_JSONFG)
        if elsewhere:
            head["coordRefSys"] = answer.query.crs
    yield orjson.dumps(head)[:-1] + b',"features":['
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


def _data(text: "pa.LargeStringArray") -> Iterator[memoryview]:
    """The bytes of a whole string array, without an object for each string."""
    _, offsets, data = text.buffers()
    if data is not None and len(text):
        ends = memoryview(offsets).cast("q")
        yield memoryview(data)[ends[text.offset] : ends[text.offset + len(text)]]


class _Sink:
    """A file that Arrow writes to and whose bytes are taken out as they come."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing to do: bytes wait to be taken."""

    def close(self) -> None:
        self.closed = True

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _columns(question: Question) -> str:
    relation = question.source.relation
    names = [FID, *(identifier(f.name) for f in question.fields), *VALID]
    if relation.has_geometry:
        names += [GEOMETRY, *BOUNDS]
    return ", ".join(names)


def _schema(answer: Answer, *, bbox: bool) -> "pa.Schema":
    import pyarrow as pa

    types = {
        FieldType.STRING: pa.string(),
        FieldType.INTEGER: pa.int64(),
        FieldType.NUMBER: pa.float64(),
        FieldType.BOOLEAN: pa.bool_(),
        FieldType.DATE: pa.date32(),
        FieldType.DATETIME: pa.timestamp("us", "UTC"),
        FieldType.BINARY: pa.binary(),
        FieldType.JSON: pa.string(),
    }
    fields = [pa.field(FID, pa.string(), nullable=False)]
    fields += [pa.field(f.name, types[f.type]) for f in answer.question.fields]
    fields += [pa.field(name, pa.timestamp("us", "UTC")) for name in VALID]
    if answer.shaped:
        described = {"crs": crs_projjson(answer.query.crs), "crs_type": "projjson"}
        extension = {
            "ARROW:extension:name": "geoarrow.wkb",
            "ARROW:extension:metadata": orjson.dumps(described).decode(),
        }
        fields.append(pa.field(GEOMETRY, pa.binary(), metadata=extension))
        if bbox:
            corners = pa.struct([pa.field(name, pa.float64()) for name in BOUNDS])
            fields.append(pa.field("bbox", corners))
    return pa.schema(fields)


def _batches(
    answer: Answer, schema: "pa.Schema", size: int = BATCH_ROWS
) -> Iterator["pa.RecordBatch"]:
    """Rows as Arrow batches of ``schema``, geometry as WKB in the CRS of the answer."""
    import pyarrow as pa

    query = answer.query
    for batch in answer.batches(_columns(answer.question), size):
        arrays = []
        geometries = None
        if GEOMETRY in schema.names:
            geometries = answer.geometries(batch)
        for field in schema:
            if field.name == GEOMETRY and geometries is not None and not native(query.crs):
                # GeoParquet and GeoArrow fix the order: x is east, whatever the CRS says.
                wkb = shapely.to_wkb(_east_first(geometries, query.crs))
                arrays.append(pa.array(wkb, pa.binary()))
            elif field.name == "bbox" and pa.types.is_struct(field.type):
                arrays.append(_bbox_column(batch, geometries, query))
            else:
                arrays.append(batch.column(field.name).cast(field.type))
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _east_first(geometries: Any, crs: str) -> Any:
    import pyproj

    axes = pyproj.CRS.from_user_input(crs_code(crs)).axis_info
    if axes and axes[0].direction in ("north", "south"):
        return shapely.transform(geometries, lambda points: points[:, ::-1])
    return geometries


def _bbox_column(batch: "pa.RecordBatch", geometries: Any, query: Query) -> "pa.Array":
    import pyarrow as pa

    if native(query.crs):
        columns = [batch.column(name) for name in BOUNDS]
    else:
        bounds = shapely.bounds(_east_first(geometries, query.crs))
        columns = [pa.array(bounds[:, k], from_pandas=True) for k in range(4)]
    return pa.StructArray.from_arrays(columns, names=list(BOUNDS))


def _parquet(answer: Answer) -> Iterator[bytes]:
    """GeoParquet 1.1 with a covering box, so that readers can skip row groups."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(answer, bbox=answer.shaped)
    if answer.shaped:
        schema = schema.with_metadata({"geo": orjson.dumps(_geo(answer))})
    sink = _Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd") as writer:
        for batch in _batches(answer, schema, _ROW_GROUP):
            writer.write_batch(batch)
            answer.counted(batch.num_rows)
            if piece := sink.take():
                yield piece
    yield sink.take()


def _geo(answer: Answer) -> dict[str, Any]:
    relation = answer.question.source.relation
    kind, suffix = relation.geometry, " Z" if relation.has_z else ""
    kinds = [] if kind is GeometryType.GEOMETRY else [f"{kind.value}{suffix}"]
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": kinds,
        "crs": crs_projjson(answer.query.crs),
        "covering": {"bbox": {name: ["bbox", name] for name in BOUNDS}},
    }
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}


def _arrow(answer: Answer) -> Iterator[bytes]:
    """An Arrow IPC stream; geometry is ``geoarrow.wkb``."""
    import pyarrow as pa

    schema = _schema(answer, bbox=False)
    sink = _Sink()
    with pa.ipc.new_stream(pa.PythonFile(sink, "w"), schema) as writer:
        for batch in _batches(answer, schema):
            writer.write_batch(batch)
            answer.counted(batch.num_rows)
            yield sink.take()
    yield sink.take()


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
    sink = _Sink()
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


def _flatgeobuf(answer: Answer) -> Iterator[bytes]:
    """FlatGeobuf with its index; GDAL writes a whole file first, which is then sent."""
    import pyarrow as pa
    import pyogrio

    schema = _schema(answer, bbox=False)
    batches = _batches(answer, schema)
    with tempfile.TemporaryDirectory(prefix="quanyu-") as folder:
        path = Path(folder) / "answer.fgb"
        rows = 0

        def heard() -> Iterator[pa.RecordBatch]:
            nonlocal rows
            for batch in batches:
                rows += batch.num_rows
                yield batch

        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, heard()),
            path,
            driver="FlatGeobuf",
            geometry_name=GEOMETRY,
            geometry_type=_ogr_type(answer.question),
            # GDAL keeps x eastward in files, whatever the order of the CRS.
            crs="EPSG:4326" if native(answer.query.crs) else crs_code(answer.query.crs),
            # The format's index cannot hold a feature that is nowhere.
            SPATIAL_INDEX="NO" if answer.lacking() else "YES",
        )
        answer.counted(rows)
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece


def _ogr_type(question: Question) -> str:
    relation = question.source.relation
    kind = "Unknown" if relation.geometry is GeometryType.GEOMETRY else relation.geometry.value
    return f"{kind} Z" if relation.has_z else kind
