"""Serving copies: what one restriction lets be seen of one version, laid out to be read.

A copy is a folder of flat files, mapped into memory, in Hilbert order of what may be *seen*:

    rows.parquet             the restricted rows, for the query engine
    features.bin, .npy       GeoJSON of each feature, and where each begins
    wkb.bin, .npy            geometry of each feature (absent where all are points or there is none)
    boxes.npy, level*.npy    the packed R-tree
    valid.npy                validity in microseconds (absent where no row has any)
    fids.npy, fid_rows.npy   sorted digests of feature ids, and their rows
    world_*, tags_*          geometry and tags for tiles
    about.json               counts, extent, sizes; written last

It is derived and disposable: deleting it costs nothing but the time to build it again.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from quanyu.kernel import one_parser
from quanyu.spacetime import packed_index
from quanyu.spacetime.encode import features, json_columns
from quanyu.spacetime.engine import Engine, own
from quanyu.spacetime.flat import FlatWriter, NumbersWriter, open_array, open_bytes
from quanyu.spacetime.model import BOUNDS, FID, GEOMETRY, Bbox, Interval
from quanyu.spacetime.restricted import Relation
from quanyu.spacetime.tags import TagsWriter, tag_columns
from quanyu.spacetime.world import WorldWriter

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Dataset

LAYOUT = 3
"""Raised when the files of a copy change their meaning; copies of another layout are rebuilt."""

OPEN_ENDS = np.iinfo(np.int64)
"""Its ends stand for open ends of a validity."""

_BATCH = 16_384
_FEW = 256  # so many slices cost less than looking for runs
_ROW_GROUP = 20_480
_LODS_GROUP = 2_048  # rows with geometries of city objects are thousands of times as wide
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class About:
    """What a copy holds, known without opening the rest of it."""

    layout: int
    rows: int
    shapes: int
    points: bool
    numbered: bool
    bbox: Bbox | None
    interval: tuple[int | None, int | None]
    size: int


@dataclass(frozen=True)
class ServingCopy:
    """An open copy. Arrays are maps of files: opening one costs no memory until it is read."""

    folder: Path
    about: About
    relation: Relation
    levels: tuple[packed_index.Boxes, ...] = field(repr=False)

    def map_pages(self) -> None:
        """Map what pages read now: maps stay good after the folder has been deleted."""
        _ = self.starts, self.text, self.valid, self._fids
        if self.relation.has_geometry and not self.about.points:
            _ = self._wkb

    @cached_property
    def rows_sql(self) -> str:
        """The rows as an SQL relation, with their places in the copy as ``ordinal``."""
        path = str(self.folder / "rows.parquet").replace("'", "''")
        return f"(SELECT *, file_row_number AS {own('ordinal')} FROM read_parquet('{path}'))"

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that :attr:`rows_sql` reads."""
        return (self.folder / "rows.parquet",)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each feature begins in :attr:`text`; one more than there are features."""
        return open_array(self.folder / "features.npy")

    @cached_property
    def text(self) -> memoryview:
        """All features, each with a comma before it."""
        return open_bytes(self.folder / "features.bin")

    @cached_property
    def valid(self) -> NDArray[np.int64] | None:
        """Validity of each row in microseconds since 1970, both ends open as int64's ends."""
        path = self.folder / "valid.npy"
        return open_array(path) if path.exists() else None

    @cached_property
    def _wkb(self) -> tuple[NDArray[np.int64], memoryview]:
        return open_array(self.folder / "wkb.npy"), open_bytes(self.folder / "wkb.bin")

    @cached_property
    def _fids(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        return open_array(self.folder / "fids.npy"), open_array(self.folder / "fid_rows.npy")

    def there(self) -> bool:
        """Whether its files still are: others may delete a copy that is open here."""
        return (self.folder / "about.json").exists()

    def array(self, name: str) -> NDArray[Any]:
        """A further array of this copy, mapped once."""
        arrays: dict[str, NDArray[Any]] = self.__dict__.setdefault("_arrays", {})
        if name not in arrays:
            arrays[name] = open_array(self.folder / f"{name}.npy")
        return arrays[name]

    def bytes_of(self, name: str) -> memoryview:
        """A further file of bytes of this copy, mapped once."""
        files: dict[str, memoryview] = self.__dict__.setdefault("_files", {})
        if name not in files:
            files[name] = open_bytes(self.folder / f"{name}.bin")
        return files[name]

    def geometries(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Geometries of some rows, in CRS84."""
        if self.about.points:
            boxes = self.levels[0][rows]
            return np.asarray(shapely.points(boxes[:, :2]))
        starts, data = self._wkb
        first, last = starts[rows].tolist(), starts[rows + 1].tolist()
        found: NDArray[Any] = shapely.from_wkb(
            [bytes(data[a:b]) or None for a, b in zip(first, last, strict=True)]
        )
        return found

    @property
    def layers(self) -> "tuple[Layer, ...]":
        """Copies that tiles are drawn from: itself, whole."""
        return (Layer(self, None),)

    def pages(self, start: int, step: int) -> Iterator[NDArray[np.int64]]:
        """All rows from ``start`` on, at most ``step`` at a time."""
        for first in range(start, self.about.rows, step):
            yield np.arange(first, min(first + step, self.about.rows), dtype=np.int64)

    def search(self, box: Bbox, start: int = 0) -> Iterator[NDArray[np.int64]]:
        """Rows from ``start`` on whose boxes meet ``box``, ascending, in chunks."""
        return packed_index.search(self.levels, box, start)

    def boxes(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Boxes of some rows."""
        found: NDArray[np.float64] = self.levels[0][rows]
        return found

    def validity(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Validity of some rows as :attr:`valid` says it; ``None`` where no row has any."""
        return None if self.valid is None else self.valid[rows]

    def rows(self, rows: NDArray[np.int64]) -> "pa.Table":
        """All columns of a few rows (ascending), each read with the group that it is in."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.folder / "rows.parquet", memory_map=True) as file:
            found = [file.schema_arrow.empty_table()]
            groups = file.metadata.num_row_groups
            sizes = [file.metadata.row_group(number).num_rows for number in range(groups)]
            ends = np.cumsum(sizes)
            group_of = np.searchsorted(ends, rows, side="right")
            for number in np.unique(group_of).tolist():
                group = file.read_row_group(number)
                found.append(group.take(rows[group_of == number] - (ends[number] - sizes[number])))
        return pa.concat_tables(found)

    def join(self, rows: NDArray[np.int64]) -> bytes:
        """Features of ascending rows, joined by commas; of many rows one slice for each run."""
        if not rows.size:
            return b""
        text = self.text
        if rows.size <= _FEW:
            first, last = self.starts[rows].tolist(), self.starts[rows + 1].tolist()
            return b"".join([text[a:b] for a, b in zip(first, last, strict=True)])[1:]
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        first = self.starts[rows[np.concatenate(([0], breaks))]].tolist()
        last = self.starts[rows[np.concatenate((breaks - 1, [rows.size - 1]))] + 1].tolist()
        return b"".join([text[a:b] for a, b in zip(first, last, strict=True)])[1:]

    def find(self, fid: str) -> int | None:
        """The row of a feature id."""
        digests, rows = self._fids
        wanted = np.uint64(_digest(fid))
        at = int(np.searchsorted(digests, wanted))
        begin = b',{"type":"Feature","id":' + orjson.dumps(fid) + b","
        while at < len(digests) and digests[at] == wanted:
            row = int(rows[at])
            start = int(self.starts[row])
            if self.text[start : start + len(begin)] == begin:
                return row
            at += 1
        return None


@dataclass(frozen=True, slots=True)
class Layer:
    """A copy, and which of its rows (ascending) are not to be seen any more."""

    copy: ServingCopy
    gone: NDArray[np.int64] | None


class Served(Protocol):
    """What pages, tiles and filters read: one copy, or one with edits laid over it.

    Rows are counted through; every list of rows is ascending.
    """

    @property
    def folder(self) -> Path: ...
    @property
    def about(self) -> About: ...
    @property
    def relation(self) -> Relation: ...
    @property
    def rows_sql(self) -> str: ...
    @property
    def files(self) -> tuple[Path, ...]: ...
    @property
    def layers(self) -> tuple[Layer, ...]: ...
    def there(self) -> bool: ...
    def pages(self, start: int, step: int) -> Iterator[NDArray[np.int64]]: ...
    def search(self, box: Bbox, start: int = 0) -> Iterator[NDArray[np.int64]]: ...
    def boxes(self, rows: NDArray[np.int64]) -> NDArray[np.float64]: ...
    def validity(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None: ...
    def geometries(self, rows: NDArray[np.int64]) -> NDArray[Any]: ...
    def join(self, rows: NDArray[np.int64]) -> bytes: ...
    def find(self, fid: str) -> int | None: ...


def build(
    engine: Engine,
    relation: Relation,
    hilbert: Bbox | None,
    target: Path,
    arrow: "Dataset | pa.Table | None" = None,
    *,
    beside: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Write the copy of ``relation`` to ``target`` with bounded memory, at once or not at all.

    ``hilbert`` is the area that the curve fills; ``arrow`` the table where it is not on this disk;
    ``beside`` are arrays to keep with it, by the names of their files.
    """
    work = target.with_name(f"{target.name}.building")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    order = FID
    if relation.has_geometry and hilbert is not None:
        order = f"{hilbert_sql(hilbert)} NULLS LAST, {FID}"
    path = str(work / "rows.parquet").replace("'", "''")
    engine.run(
        f"COPY (SELECT * FROM ({relation.sql}) ORDER BY {order}) TO '{path}'"
        " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE"
        f" {_LODS_GROUP if relation.lods else _ROW_GROUP})",
        relation.params,
        arrow,
    )
    about = _lay_out(engine, relation, work)
    for name, values in (beside or {}).items():
        np.save(work / name, values)
    size = sum(file.stat().st_size for file in work.iterdir())
    (work / "about.json").write_bytes(orjson.dumps({**about, "size": size, "layout": LAYOUT}))
    shutil.rmtree(target, ignore_errors=True)
    work.rename(target)


def open_copy(folder: Path, relation: Relation) -> ServingCopy | None:
    """The copy in ``folder``; ``None`` when there is none of this layout."""
    try:
        document = orjson.loads((folder / "about.json").read_bytes())
    except FileNotFoundError:
        return None
    if document["layout"] != LAYOUT:
        return None
    box, ends = document.pop("bbox"), document.pop("interval")
    about = About(**document, bbox=tuple(box) if box else None, interval=(ends[0], ends[1]))
    paths = [folder / "boxes.npy", *sorted(folder.glob("level*.npy"))]
    levels = tuple(open_array(path) for path in paths) if relation.has_geometry else ()
    copy = ServingCopy(folder, about, relation, levels)
    copy.map_pages()
    return copy


def hilbert_sql(bounds: Bbox) -> str:
    """SQL of a row's place on the Hilbert curve over ``bounds``."""
    west, south, east, north = bounds
    east, north = max(east, west + 1e-9), max(north, south + 1e-9)
    area = f"{{'min_x': {west!r}, 'min_y': {south!r}, 'max_x': {east!r}, 'max_y': {north!r}}}"
    return f"ST_Hilbert((xmin + xmax) / 2, (ymin + ymax) / 2, {area}::BOX_2D)"


def interval_of(micros: tuple[int | None, int | None]) -> Interval:
    """Ends in microseconds since 1970 as instants."""
    start, end = (None if m is None else _EPOCH + timedelta(microseconds=m) for m in micros)
    return start, end


def micros_of(interval: Interval) -> tuple[int, int]:
    """Ends as microseconds since 1970, open ones as the ends of int64."""
    start, end = interval
    step = timedelta(microseconds=1)
    return (
        OPEN_ENDS.min if start is None else (start - _EPOCH) // step,
        OPEN_ENDS.max if end is None else (end - _EPOCH) // step,
    )


def ends_of(valid: NDArray[np.int64]) -> tuple[int | None, int | None]:
    """First and last known time of validities."""
    starts, ends = valid[:, 0], valid[:, 1]
    known = (starts[starts != OPEN_ENDS.min], ends[ends != OPEN_ENDS.max])
    first = min((int(v.min()) for v in known if v.size), default=None)
    return first, max((int(v.max()) for v in known if v.size), default=None)


def _digest(fid: str) -> int:
    data = hashlib.md5(fid.encode(), usedforsecurity=False).digest()
    return int.from_bytes(data[8:], "little")


def _lay_out(engine: Engine, relation: Relation, work: Path) -> Mapping[str, Any]:
    """Write every flat file out of ``rows.parquet``, in its order; says what was seen."""
    shaped = relation.has_geometry
    numbered = _numbered(engine, work)
    boxed = f"{GEOMETRY}, {', '.join(BOUNDS)}, " if shaped else ""
    tagged = tag_columns(relation.fields, numbered) if shaped else ""
    path = str(work / "rows.parquet").replace("'", "''")
    sql = (
        f"SELECT {json_columns(relation.fields)}, {boxed}{tagged}"
        f" md5_number_lower({FID}) AS digest,"
        f" TRY_CAST({FID} AS UBIGINT) AS number,"
        f" coalesce(epoch_us(valid_from), {OPEN_ENDS.min}) AS valid_from,"
        f" coalesce(epoch_us(valid_to), {OPEN_ENDS.max}) AS valid_to"
        f" FROM read_parquet('{path}')"
    )
    text = FlatWriter(work / "features")
    wkb = FlatWriter(work / "wkb")
    boxes = NumbersWriter(work / "boxes.npy", np.float64, 4)
    valid = NumbersWriter(work / "valid.npy", np.int64, 2)
    digests = NumbersWriter(work / "fids.npy", np.uint64)
    ids = NumbersWriter(work / "ids.npy", np.uint64)
    world = WorldWriter(work, heights=relation.has_z)
    tags = TagsWriter(work, relation.fields if shaped else (), numbered)
    for batch in engine.batches(sql, {}, _BATCH):
        geometries = None
        if shaped:
            column = batch.column(GEOMETRY)
            geometries = shapely.from_wkb(column.to_numpy(zero_copy_only=False))
            boxes.add(np.column_stack([_floats(batch, name) for name in BOUNDS]))
            wkb.add(column)
            world.add(geometries)
            tags.add(batch)
        text.add(features(batch, geometries))
        valid.add(np.column_stack([_ints(batch, "valid_from"), _ints(batch, "valid_to")]))
        digests.add(batch.column("digest").to_numpy())
        if numbered:
            ids.add(batch.column("number").to_numpy())
    for writer in (text, wkb, boxes, valid, digests, ids, world, tags):
        writer.close()
    points = shaped and world.only_points
    about = {"rows": digests.length, "points": points, "numbered": numbered}
    return about | _finish(work, shaped, points)


def _numbered(engine: Engine, work: Path) -> bool:
    """Whether every feature id is a plain number, as the ids of features in tiles have to be."""
    path = str(work / "rows.parquet").replace("'", "''")
    sql = (
        f"SELECT coalesce(bool_and(regexp_full_match({FID}, '0|[1-9][0-9]{{0,14}}')), false)"
        f" FROM read_parquet('{path}')"
    )
    return bool(engine.rows(sql, {})[0][0])


def _finish(work: Path, shaped: bool, points: bool) -> dict[str, Any]:
    """The files that need all rows: sorted ids and the tree; drops those that say nothing."""
    with one_parser:
        digests = np.load(work / "fids.npy")
    order = np.argsort(digests, kind="stable")
    np.save(work / "fids.npy", digests[order])
    np.save(work / "fid_rows.npy", order.astype(np.int64))
    valid = open_array(work / "valid.npy")
    first, last = ends_of(valid)
    if first is None and last is None:
        (work / "valid.npy").unlink()
    about: dict[str, Any] = {"interval": [first, last], "bbox": None, "shapes": 0}
    if not shaped or points:
        (work / "wkb.bin").unlink()
        (work / "wkb.npy").unlink()
    if not shaped:
        (work / "boxes.npy").unlink()
        return about
    boxes = open_array(work / "boxes.npy")
    if not points:
        np.save(work / "block_sizes.npy", _block_sizes(boxes))
    for number, level in enumerate(packed_index.build(boxes)):
        np.save(work / f"level{number}.npy", level)
    present = boxes[~np.isnan(boxes[:, 0])] if len(boxes) else boxes
    about["shapes"] = len(present)
    if len(present):
        least, most = present[:, :2].min(axis=0), present[:, 2:].max(axis=0)
        about["bbox"] = [float(v) for v in (*least, *most)]
    return about


def _block_sizes(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest feature of each block, in degrees of longitude; infinite where one is a point."""
    stretch = 1 / np.maximum(np.cos(np.radians(boxes[:, 1])), 1e-3)
    sizes = np.fmax(boxes[:, 2] - boxes[:, 0], (boxes[:, 3] - boxes[:, 1]) * stretch)
    sizes[sizes == 0] = np.inf
    sizes[np.isnan(sizes)] = 0
    blocks = np.arange(0, len(sizes), packed_index.FAN)
    return np.maximum.reduceat(sizes, blocks) if len(blocks) else sizes


def _floats(batch: Any, name: str) -> NDArray[np.float64]:
    found: NDArray[np.float64] = batch.column(name).to_numpy(zero_copy_only=False)
    return found.astype(np.float64)


def _ints(batch: Any, name: str) -> NDArray[np.int64]:
    found: NDArray[np.int64] = batch.column(name).to_numpy()
    return found
