"""Which features a vector tile shows, and the tile itself, out of a serving copy.

Work is bounded at every zoom. Lines and areas smaller than half a pixel (of 512 to a tile) are left
out, and of those left at most ``MOST`` are drawn, the largest. Of points at most ``MOST``: every
second, fourth, eighth … along the Hilbert curve, so that a point shown at one zoom stays at the
next.
"""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.spacetime import packed_index
from quanyu.spacetime.matching import valid_rows
from quanyu.spacetime.model import FID, Interval
from quanyu.spacetime.mvt import (
    BUFFER,
    EXTENT,
    Drawing,
    Shapes,
    Tag,
    encode_layer,
    joined,
    spread,
)
from quanyu.spacetime.packed_index import FAN
from quanyu.spacetime.serving import Layer, Served, ServingCopy
from quanyu.spacetime.tags import tagged, text_tag
from quanyu.spacetime.tile_matrices import REACH, Tile, TileMatrixSet
from quanyu.spacetime.world import BITS, paths_of

MOST = 20_000
_PIXELS = 512
_TILE_BITS = 12
_MARGIN = EXTENT // 4  # features that reach further out than this are cut at the buffer
_REACH = REACH - 0.01  # beyond it the Mercator world is of no use to other sets
Rows = NDArray[np.int64]


def draw(copy: Served, name: str, tile: Tile, interval: Interval | None = None) -> bytes:
    """The tile with one layer ``name``, of what was valid in ``interval``; ``b""`` when nothing is
    in it."""
    if not copy.about.shapes:
        return b""
    numbered = copy.about.numbered
    parts = [
        _drawn(layer, numbered, interval, tile) for layer in copy.layers if layer.copy.about.shapes
    ]
    shapes, tags, ids = joined([part for part in parts if part is not None])
    return b"" if shapes is None else encode_layer(name, shapes, tags, ids)


def _drawn(layer: Layer, numbered: bool, interval: Interval | None, tile: Tile) -> Drawing | None:
    """What the tile shows of one layer; ``None`` when nothing of it."""
    copy = layer.copy
    rows = rows_of(copy, tile)
    if interval is not None:
        rows = valid_rows(copy, rows, interval)
    if layer.gone is not None and layer.gone.size:
        rows = rows[~np.isin(rows, layer.gone)]
    if not rows.size:
        return None
    if copy.about.points:
        xy = _points(copy, rows, tile)
        near = ((xy >= -BUFFER) & (xy <= EXTENT + BUFFER)).all(axis=1)
        rows, xy = rows[near], xy[near]
        steps = np.arange(len(rows) + 1)
        shapes = Shapes(xy, steps, np.ones(len(rows), np.uint8), steps)
    else:
        rows, shapes = _paths(copy, rows, tile)
    if not rows.size:
        return None
    own = copy.about.numbered
    fields = tagged(copy.relation.fields, own)
    tags = [_tag(copy, number, f.name, rows) for number, f in enumerate(fields)]
    ids = copy.array("ids")[rows] if own else None
    if own and not numbered:
        # Beside ids that are no numbers these go along as texts too.
        tags, ids = [text_tag(FID, ids), *tags], None
    return shapes, tags, ids


def rows_of(copy: ServingCopy, tile: Tile) -> Rows:
    """Rows that the tile shows, ascending, with its buffer around it."""
    box = tile.bounds(BUFFER / EXTENT)
    # Half a pixel in degrees of longitude.
    pixel, stretch = 360 / 2**tile.z / _PIXELS / 2, tile.stretch
    levels = copy.levels
    boxes = levels[0]
    if len(levels) == 1:
        rows = np.flatnonzero(packed_index.meets(boxes, box))
    else:
        found = list(packed_index.search(levels[1:], box))
        blocks = np.concatenate(found) if found else np.empty(0, np.int64)
        rows = _candidates(copy, blocks, pixel)
        rows = rows[packed_index.meets(boxes[rows], box)]
    if copy.about.points:
        step = 1
        while len(rows) > MOST:
            step *= 2
            rows = rows[rows % step == 0]
        return rows
    chosen = boxes[rows]
    size = np.maximum(chosen[:, 2] - chosen[:, 0], (chosen[:, 3] - chosen[:, 1]) * stretch)
    worth = (size >= pixel) | (size == 0)
    rows, size = rows[worth], size[worth]
    if len(rows) > MOST:
        # Ties fall to the earlier row, so that a tile is the same whoever draws it.
        rows = np.sort(rows[np.argsort(-size, kind="stable")[:MOST]])
    return rows


def _candidates(copy: ServingCopy, blocks: Rows, pixel: float) -> Rows:
    steps = np.arange(FAN)
    if len(blocks) * FAN > 4 * MOST:
        if copy.about.points:
            stride = 1
            while len(blocks) * FAN > 4 * MOST * stride:
                stride *= 2
            blocks = blocks[blocks % max(stride // FAN, 1) == 0]
            steps = steps[:: min(stride, FAN)]
        else:
            blocks = blocks[copy.array("block_sizes")[blocks] >= pixel]
    rows = (blocks[:, None] * FAN + steps).ravel()
    return rows[rows < copy.about.rows]


def _to_tile(world: NDArray[np.uint32], tile: Tile) -> NDArray[np.int64]:
    """Units of the world as coordinates of a tile, rounded."""
    corner = np.array([tile.x, tile.y], np.int64) * EXTENT
    if tile.matrix.geographic:
        flat = tile.matrix.of_world(world) * _scale(tile)
        return np.rint(flat).astype(np.int64) - corner
    shift = BITS - _TILE_BITS - tile.z
    wide = world.astype(np.int64)
    if shift <= 0:
        return (wide << -shift) - corner
    return ((wide + (1 << (shift - 1))) >> shift) - corner


def _points(copy: ServingCopy, rows: Rows, tile: Tile) -> NDArray[np.int64]:
    if not tile.matrix.geographic:
        return _to_tile(copy.array("world_xy")[rows], tile)
    flat = tile.matrix.of_degrees(copy.levels[0][rows][:, :2]) * _scale(tile)
    return np.rint(flat).astype(np.int64) - np.array([tile.x, tile.y], np.int64) * EXTENT


def _scale(tile: Tile) -> float:
    """Coordinates of a tile in a unit of the world."""
    return float(2.0 ** (tile.z + _TILE_BITS - BITS))


def _paths(copy: ServingCopy, rows: Rows, tile: Tile) -> tuple[Rows, Shapes]:
    features, paths = copy.array("world_features"), copy.array("world_paths")
    first, count = features[rows], features[rows + 1] - features[rows]
    path = spread(first, count)
    begin, length = paths[path], paths[path + 1] - paths[path]
    xy = _to_tile(copy.array("world_xy")[spread(begin, length)], tile)
    shapes = Shapes(
        xy,
        np.concatenate(([0], np.cumsum(length))),
        copy.array("world_kinds")[path],
        np.concatenate(([0], np.cumsum(count))),
    )
    far = ((xy < -_MARGIN) | (xy > EXTENT + _MARGIN)).any(axis=1)
    wide = _polar(copy, rows, tile.matrix)
    if not (far.any() or wide.any()):
        return rows, shapes
    feature_of = np.repeat(np.repeat(np.arange(len(rows)), count), length)
    wide[feature_of[far]] = True
    return _cut(copy, rows, shapes, wide, tile)


def _polar(copy: ServingCopy, rows: Rows, matrix: TileMatrixSet) -> NDArray[np.bool_]:
    """Features that reach beyond the Mercator world where the set's tiles do too."""
    if not matrix.geographic:
        return np.zeros(len(rows), bool)
    boxes = copy.levels[0][rows]
    return np.asarray((boxes[:, 1] < -_REACH) | (boxes[:, 3] > _REACH))


def _cut(
    copy: ServingCopy,
    rows: Rows,
    shapes: Shapes,
    wide: NDArray[np.bool_],
    tile: Tile,
) -> tuple[Rows, Shapes]:
    """Cut the wide features at the buffer, and put them after the others."""
    counts, lengths = np.diff(shapes.features), np.diff(shapes.paths)
    path_kept = np.repeat(~wide, counts)
    point_kept = np.repeat(path_kept, lengths)
    whole = copy.geometries(rows[wide])
    cut = _clipped(whole, tile)
    paths, owners, kinds = paths_of(cut, clockwise=False)
    points, path_of = shapely.get_coordinates(paths, return_index=True)
    cut_lengths = np.bincount(path_of, minlength=len(paths))
    cut_counts = np.bincount(owners, minlength=len(cut))
    return np.concatenate([rows[~wide], rows[wide]]), Shapes(
        np.concatenate([shapes.xy[point_kept], np.rint(points).astype(np.int64)]),
        np.concatenate(([0], np.cumsum(np.concatenate([lengths[path_kept], cut_lengths])))),
        np.concatenate([shapes.kinds[path_kept], kinds]),
        np.concatenate(([0], np.cumsum(np.concatenate([counts[~wide], cut_counts])))),
    )


def _clipped(geometries: NDArray[Any], tile: Tile) -> NDArray[Any]:
    scale, corner = _scale(tile), (tile.x * EXTENT, tile.y * EXTENT)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return tile.matrix.of_degrees(points) * scale - corner

    edge = EXTENT + BUFFER
    flat = shapely.transform(geometries, move)
    cut = shapely.clip_by_rect(flat, -BUFFER, -BUFFER, edge, edge)
    # What only touches the edge comes back as less than it was.
    cut[shapely.get_dimensions(cut) < shapely.get_dimensions(flat)] = None
    return np.asarray(cut)


def _tag(copy: ServingCopy, number: int, key: str, rows: Rows) -> Tag:
    codes = copy.array(f"tag_{number}_codes")[rows]
    there = codes >= 0
    used, places = np.unique(codes[there], return_inverse=True)
    local = np.full(len(rows), -1, np.int64)
    local[there] = places
    starts = copy.array(f"tag_{number}")
    data = np.frombuffer(copy.bytes_of(f"tag_{number}"), np.uint8)
    values = data[spread(starts[used], starts[used + 1] - starts[used])].tobytes()
    return Tag(key, local, len(used), values)
