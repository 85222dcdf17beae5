"""Vector files through GDAL's Arrow stream: GeoJSON, GeoPackage, Shapefile, FlatGeobuf and kin."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import pyogrio.errors
import pyogrio.raw

from quanyu.kernel import Invalid
from quanyu.spacetime.intake.charset import charset_of, check_charset
from quanyu.spacetime.intake.geometry import Geometries, from_wkb, from_wkt, from_xy
from quanyu.spacetime.intake.model import Chunk, IngestOptions, Points, Reading, Sieve
from quanyu.spacetime.intake.place import place_of
from quanyu.spacetime.intake.settle import JSON, settled_field

_BATCH_BYTES = 16 << 20
_ERRORS = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.GeometryError,
    pa.ArrowException,
    OSError,
    RuntimeError,
)
_ROW = "OGC_FID"
_DRIVERS = {
    "geojson": ("GeoJSON", "JSONFG"),
    "geojsonseq": ("GeoJSONSeq",),
    "gpkg": ("GPKG",),
    "shapefile": ("ESRI Shapefile",),
    "flatgeobuf": ("FlatGeobuf",),
}
_POINTERS = (b"gdal_streamed_alg", b"<OGRVRT", b"<VRTDataset", b"<OGRWFS", b"<GDAL_W")


def read_vector(path: Path, form: str, options: IngestOptions) -> Reading:
    """Open a vector file; raises ``Invalid`` when it is damaged or lacks the layer asked for."""
    _plain(path)
    said: list[str] = []
    with _heard(said):
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
        layer = _layer(layers, options)
        encoding = _encoding(path, form, options)
        info = pyogrio.read_info(path, layer=layer, encoding=encoding)
    if info["driver"] not in _DRIVERS[form]:
        raise Invalid(
            "the content is {driver}, not {format}",
            field="source",
            mend="convert it, or give the right format",
            driver=info["driver"],
            format=form,
        )
    count = int(info["features"])
    if count == 0:
        raise Invalid("the file holds no rows", field="source", mend="give a file with data")
    size = path.stat().st_size
    batch = 4096 if count < 0 else max(64, min(65_536, _BATCH_BYTES * count // max(1, size)))

    def tables() -> Iterator[tuple[pa.RecordBatch, str | None]]:
        with ExitStack() as stack:
            with _heard(said):
                meta, reader = stack.enter_context(
                    pyogrio.raw.open_arrow(
                        path, layer=layer, encoding=encoding, return_fids=True,
                        use_pyarrow=True, batch_size=batch,
                    )
                )  # fmt: skip
            name = meta["geometry_name"] or "wkb_geometry"
            while True:
                with _heard(said):
                    found = next(reader, None)
                if found is None:
                    break
                yield found, name if name in found.schema.names else None

    sample, geometry = next(tables(), (None, None))
    if sample is None:
        raise Invalid("the file holds no rows", field="source", mend="give a file with data")
    fid = info["fid_column"] or _ROW
    kept = fid != _ROW or not _counted(sample.column(_ROW))
    fields = [
        _field(f, sample.column(f.name), fid)
        for f in sample.schema
        if f.name != geometry and (f.name != fid or kept)
    ]
    names = {_given(f.name, fid): f.name for f in sample.schema}
    place: tuple[str, ...] = (geometry,) if geometry else ()
    if not geometry:
        numbers = {f.name for f in fields if f.type in {pa.int64(), pa.float64()}}
        flat = pa.RecordBatch.from_arrays(
            [sample.column(names[f.name]) for f in fields], names=[f.name for f in fields]
        )
        place = place_of(flat, numbers, options)
    schema = pa.schema([f for f in fields if f.name not in place])

    def chunks() -> Iterator[Chunk]:
        line = 1
        for found, column in tables():
            sieve = Sieve(found.num_rows)
            lines = np.arange(line, line + found.num_rows, dtype=np.int64)
            line += found.num_rows
            shapes = _shapes(found, column, tuple(names.get(n, n) for n in place), sieve)
            plain = pa.RecordBatch.from_arrays(
                [_storage(found.column(names[f.name])) for f in schema], names=schema.names
            )
            yield Chunk(plain, shapes, lines, sieve)

    return Reading(
        format=form,
        schema=schema,
        chunks=chunks,
        geometry_from=place,
        crs=info["crs"],
        encoding=encoding or info["encoding"],
        layers=tuple(layers),
        layer=layer,
        rows=count if count >= 0 else None,
        warnings=tuple(said),
    )


def _plain(path: Path) -> None:
    """Refuse files that tell GDAL to open others: virtual sources and pipelines."""
    with path.open("rb") as source:
        head = source.read(1 << 20)
    if any(word in head for word in _POINTERS):
        raise Invalid(
            "the file points to other sources instead of holding data",
            field="source",
            mend="give the data itself",
        )


@contextmanager
def _heard(said: list[str]) -> Iterator[None]:
    """Make GDAL's errors ours, and put what it merely warns of into ``said``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except _ERRORS as error:
            raise _damaged(error) from error
        finally:
            said.extend(text for w in caught if (text := str(w.message)) not in said)


def _layer(layers: list[str], options: IngestOptions) -> str | None:
    if options.layer is not None:
        if options.layer not in layers:
            raise Invalid(
                "there is no layer “{name}”",
                field="layer",
                mend="layers are: {layers}",
                name=options.layer,
                layers=", ".join(layers),
            )
        return options.layer
    if not layers:
        raise Invalid("the file holds no layers", field="source", mend="give a file with data")
    if len(layers) > 1:
        raise Invalid(
            "the file holds several layers",
            field="layer",
            mend="name one of: {layers}",
            layers=", ".join(layers),
        )
    return layers[0]


def _damaged(error: Exception) -> Invalid:
    return Invalid(
        "the file is damaged, cut off or not what it says: {why}",
        field="source",
        mend="fetch or write it again",
        why=" ".join(str(error).split())[:200],
    )


def _encoding(path: Path, form: str, options: IngestOptions) -> str | None:
    """Of a shapefile that names none: what its attribute bytes look like."""
    if options.encoding:
        return check_charset(options.encoding)
    if form != "shapefile" or path.with_suffix(".cpg").exists():
        return None
    table = path.with_suffix(".dbf")
    if not table.exists():
        return None
    with table.open("rb") as source:
        head = source.read(32)
        if len(head) < 32 or head[29]:
            return None  # the language driver says it, and GDAL reads that
        source.seek(0)
        return charset_of(source.read(1 << 20)[32:].replace(b"\x00", b" "))


def _counted(fids: pa.Array) -> bool:
    """Whether these are only row numbers that GDAL made up."""
    return bool(np.array_equal(fids.to_numpy(), np.arange(len(fids))))


def _given(name: str, fid: str) -> str:
    return "fid" if name == fid else name


def _storage(column: pa.Array) -> pa.Array:
    return getattr(column, "storage", column)


def _field(field: pa.Field, sample: pa.Array, fid: str) -> pa.Field:
    """A property's field; what GDAL calls JSON is so only when it holds objects or arrays."""
    name = _given(field.name, fid)
    settled = settled_field(field)
    if (settled.metadata or {}).get(b"quanyu") == JSON:
        words = _storage(sample).drop_null()
        nested = pc.all(pc.match_substring_regex(words, r"^\s*[\[{]")).as_py()
        settled = settled if nested else pa.field(name, pa.string())
    return settled.with_name(name)


def _shapes(
    batch: pa.RecordBatch, geometry: str | None, place: tuple[str, ...], sieve: Sieve
) -> Geometries | Points | None:
    if geometry:
        return from_wkb(_storage(batch.column(geometry)), sieve)
    columns = [_storage(batch.column(name)) for name in place]
    if len(columns) == 1:
        return from_wkt(columns[0], sieve)
    if not columns:
        return None
    x, y = (c.cast(pa.float64()).to_numpy(zero_copy_only=False) for c in columns)
    return from_xy(x, y, sieve)
