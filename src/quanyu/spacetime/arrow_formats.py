"""Answers as GeoParquet, Arrow streams and FlatGeobuf: Arrow batches, in others' writers."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import shapely

from quanyu.spacetime.answer import Answer, Sink
from quanyu.spacetime.engine import BATCH_ROWS, identifier
from quanyu.spacetime.model import (
    BOUNDS,
    FID,
    GEOMETRY,
    VALID,
    FieldType,
    GeometryType,
    Query,
)
from quanyu.spacetime.projection import crs_code, crs_projjson, native
from quanyu.spacetime.questions import Question
from quanyu.spacetime.use_mark import NAMED, PLACE

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 1 << 20
_ROW_GROUP = 65_536


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
    return pa.schema(fields, metadata={NAMED: PLACE} if answer.named else None)


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


def parquet(answer: Answer) -> Iterator[bytes]:
    """GeoParquet 1.1 with a covering box, so that readers can skip row groups."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(answer, bbox=answer.shaped)
    if answer.shaped:
        geo = {b"geo": orjson.dumps(_geo(answer))}
        schema = schema.with_metadata({**(schema.metadata or {}), **geo})
    sink = Sink()
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


def arrow(answer: Answer) -> Iterator[bytes]:
    """An Arrow IPC stream; geometry is ``geoarrow.wkb``."""
    import pyarrow as pa

    schema = _schema(answer, bbox=False)
    sink = Sink()
    with pa.ipc.new_stream(pa.PythonFile(sink, "w"), schema) as writer:
        for batch in _batches(answer, schema):
            writer.write_batch(batch)
            answer.counted(batch.num_rows)
            yield sink.take()
    yield sink.take()


def flatgeobuf(answer: Answer) -> Iterator[bytes]:
    """FlatGeobuf with its index; GDAL writes a whole file first, which is then sent."""
    # The format's index cannot hold a feature that is nowhere.
    index = "NO" if answer.lacking() else "YES"
    return _by_gdal(answer, "FlatGeobuf", "answer.fgb", SPATIAL_INDEX=index, **_described(answer))


def geopackage(answer: Answer) -> Iterator[bytes]:
    """GeoPackage (OGC 12-128r19): one table, of features or of attributes."""
    # Its own key is a number: ours is a text and stays a column like the others.
    described = _described(answer)
    return _by_gdal(answer, "GPKG", "answer.gpkg", layer="data", FID="gpkg_fid", **described)


def _described(answer: Answer) -> dict[str, str]:
    return {"DESCRIPTION": f"{NAMED} {PLACE}"} if answer.named else {}


def _by_gdal(
    answer: Answer, driver: str, name: str, layer: str | None = None, **options: str
) -> Iterator[bytes]:
    import pyarrow as pa
    import pyogrio

    schema = _schema(answer, bbox=False)
    batches = _batches(answer, schema)
    shaped = {}
    if answer.shaped:
        shaped = {
            "geometry_name": GEOMETRY,
            "geometry_type": _ogr_type(answer.question),
            # GDAL keeps x eastward in files, whatever the order of the CRS.
            "crs": "EPSG:4326" if native(answer.query.crs) else crs_code(answer.query.crs),
        }
    with tempfile.TemporaryDirectory(prefix="quanyu-") as folder:
        path = Path(folder) / name
        rows = 0

        def heard() -> Iterator[pa.RecordBatch]:
            nonlocal rows
            for batch in batches:
                rows += batch.num_rows
                yield batch

        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, heard()),
            path,
            driver=driver,
            layer=layer,
            **shaped,
            **options,
        )
        answer.counted(rows)
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece


def _ogr_type(question: Question) -> str:
    relation = question.source.relation
    if relation.geometry is GeometryType.GEOMETRY:
        return "Unknown"  # which takes heights as they come
    return f"{relation.geometry.value} Z" if relation.has_z else relation.geometry.value
