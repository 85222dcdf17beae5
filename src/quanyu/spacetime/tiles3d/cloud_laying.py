"""A copy of points read in chunks, and the place of each point in the order of tiles."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quanyu.spacetime.cityobjects.heights import heights_sql
from quanyu.spacetime.engine import Engine, own
from quanyu.spacetime.serving import Served
from quanyu.spacetime.tiles3d.cloud import Chunk, Level, Sums, assigned, framed, levels_of
from quanyu.spacetime.tiles3d.polygons import Floats, Ints

if TYPE_CHECKING:
    import pyarrow as pa

METRES = 111_320.0
"""Of a degree of latitude."""
SLACK = 0.01
"""Metres that a box is wider: coordinates in tiles are rounded to millimetres."""

_PAGE = 1 << 20


def lay_points(copy: Served, engine: Engine, places: Path) -> dict[str, NDArray[np.generic]]:
    """Write to ``places`` (Parquet: ``ordinal``, ``place``) where each point goes; what is kept of
    the tiles."""
    frame = framed(_chunks(copy))
    levels = levels_of(frame, lambda: _chunks(copy))
    numbers = places.with_name("tiles.bin")
    sums = assigned(frame, levels, lambda: _chunks(copy, engine), numbers)
    kept, renamed = _pruned(levels, sums)
    counts = sums.counts[kept]
    starts = np.concatenate([[0], np.cumsum(counts)])
    _place(copy, numbers, renamed, starts, places)
    numbers.unlink()
    above = np.concatenate([np.zeros(0, np.int64), *(level.above for level in levels)])
    parents = np.where(above[kept] < 0, -1, renamed[above[kept]])
    least, most = _boxes(sums, kept, parents, frame.stretch)
    # Points that are twice as dense one level down: about the distance between those here.
    area = (most[:, :2] - least[:, :2]) * (METRES * frame.stretch, METRES)
    spacing = np.sqrt(area.prod(axis=1) / np.maximum(counts, 1))
    has_children = np.isin(np.arange(len(counts)), parents)
    return {"starts": starts, "parents": parents, "boxes": np.hstack([least, most]),
            "errors": np.where(has_children, spacing, 0.0)}  # fmt: skip


def _chunks(copy: Served, engine: Engine | None = None) -> Iterator[Chunk]:
    """All points that have a place; with their heights where there is an engine to ask for them."""
    heights = None if engine is None else _Heights(copy, engine)
    for ordinals in copy.pages(0, _PAGE):
        boxes = copy.boxes(ordinals)
        there = ~np.isnan(boxes[:, 0])
        places = (boxes[:, :2] + boxes[:, 2:]) / 2
        if heights is None:
            low = high = np.zeros(len(ordinals))
        else:
            low, high = heights.next(len(ordinals))
        yield ordinals[there], places[there], low[there], np.fmax(high, low)[there]


class _Heights:
    """Heights in the order of rows, as many at a time as are asked for."""

    def __init__(self, copy: Served, engine: Engine) -> None:
        low, high = heights_sql(copy.relation.fields, boxed=copy.relation.has_z)
        sql = (
            f"SELECT CAST({low} AS DOUBLE) AS low, CAST({high} AS DOUBLE) AS high"
            f" FROM {copy.rows_sql} ORDER BY {own('ordinal')}"
        )
        self._batches = engine.batches(sql, {})
        self._left: list[pa.RecordBatch] = []

    def next(self, count: int) -> tuple[Floats, Floats]:
        taken: list[pa.RecordBatch] = []
        while count > 0:
            batch = self._left.pop() if self._left else next(self._batches)
            if batch.num_rows > count:
                self._left.append(batch.slice(count))
                batch = batch.slice(0, count)
            taken.append(batch)
            count -= batch.num_rows
        low, high = (
            np.concatenate(
                [np.zeros(0), *(one.column(name).to_numpy(zero_copy_only=False) for one in taken)]
            )
            for name in ("low", "high")
        )
        return low, high


def _pruned(levels: list[Level], sums: Sums) -> tuple[Ints, Ints]:
    """Tiles that hold points or are above some that do, and the new number of each tile: a quarter
    may have lost all its points to the tiles above it."""
    wanted = sums.counts > 0
    for level in reversed(levels):
        here = wanted[level.first : level.first + len(level.cells)]
        above = level.above[here & (level.above >= 0)]
        wanted[above] = True
    return np.flatnonzero(wanted), np.cumsum(wanted) - 1


def _place(copy: Served, numbers: Path, renamed: Ints, starts: Ints, target: Path) -> None:
    """Write the place of each point: behind those of its tile that came before it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    free = starts[:-1].copy()
    schema = pa.schema([("ordinal", pa.int64()), ("place", pa.int64())])
    with numbers.open("rb") as file, pq.ParquetWriter(target, schema) as writer:
        for ordinals, _, _, _ in _chunks(copy):
            tile = renamed[np.frombuffer(file.read(4 * len(ordinals)), np.int32)]
            order = np.argsort(tile, kind="stable")
            sorted_tiles = tile[order]
            begins = np.flatnonzero(np.diff(sorted_tiles, prepend=-1))
            sizes = np.diff(np.append(begins, len(tile)))
            place = np.empty(len(tile), np.int64)
            behind = np.arange(len(tile)) - np.repeat(begins, sizes)
            place[order] = free[sorted_tiles] + behind
            free[sorted_tiles[begins]] += sizes
            writer.write_batch(pa.record_batch([ordinals, place], schema=schema))


def _boxes(sums: Sums, kept: Ints, parents: Ints, stretch: float) -> tuple[Floats, Floats]:
    """West, south, least height and east, north, greatest height of tiles and all below them."""
    slack = np.array([SLACK / METRES / stretch, SLACK / METRES, SLACK])
    least, most = sums.least[kept] - slack, sums.most[kept] + slack
    for tile in range(len(kept) - 1, 0, -1):
        above = parents[tile]
        least[above] = np.minimum(least[above], least[tile])
        most[above] = np.maximum(most[above], most[tile])
    return least, most
