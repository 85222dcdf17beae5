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

from quanyu.kernel import NotFound
from quanyu.spacetime import packed_index
from quanyu.spacetime.matching import valid
from quanyu.spacetime.model import FID, Bbox, Interval
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
from quanyu.spacetime.world import BITS, paths_of, to_world

MATRICES = ("WebMercatorQuad",)
DEEPEST = 22
MOST = 20_000
_PIXELS = 512
_TILE_BITS = 12
_MARGIN = EXTENT // 4  # features that reach further out than this are cut at the buffer
Rows = NDArray[np.int64]


def check_tile(matrix: str, z: int, x: int, y: int) -> None:
    """Raise ``NotFound`` for a tile that its matrix set does not have."""
    if matrix not in MATRICES:
        raise NotFound(
            "there is no tile matrix set {name}",
            field="tileMatrixSetId",
            mend="use one of: {known}",
            name=matrix,
            known=", ".join(MATRICES),
        )
    if not (0 <= z <= DEEPEST and 0 <= x < 1 << z and 0 <= y < 1 << z):
        raise NotFound(
            "there is no tile {z}/{x}/{y}",
            mend="zooms go from 0 to {deepest}, columns and rows from 0 to 2^zoom - 1",
            z=z,
            x=x,
            y=y,
            deepest=DEEPEST,
        )


def draw(  # noqa: PLR0917 - a tile is three numbers
    copy: Served, name: str, z: int, x: int, y: int, interval: Interval | None = None
) -> bytes:
    """The tile with one layer ``name``, of what was valid in ``interval``; ``b""`` when nothing is
    in it."""
    if not copy.about.shapes:
        return b""
    numbered = copy.about.numbered
    parts = [
        _drawn(layer, numbered, interval, (z, x, y))
        for layer in copy.layers
        if layer.copy.about.shapes
    ]
    shapes, tags, ids = joined([part for part in parts if part is not None])
    return b"" if shapes is None else encode_layer(name, shapes, tags, ids)


def _drawn(
    layer: Layer, numbered: bool, interval: Interval | None, tile: tuple[int, int, int]
) -> Drawing | None:
    """What the tile shows of one layer; ``None`` when nothing of it."""
    copy, (z, x, y) = layer.copy, tile
    rows = rows_of(copy, z, x, y)
    if interval is not None:
        rows = valid(copy, rows, interval)
    if layer.gone is not None and layer.gone.size:
        rows = rows[~np.isin(rows, layer.gone)]
    if not rows.size:
        return None
    if copy.about.points:
        xy = _to_tile(copy.array("world_xy")[rows], z, x, y)
        near = ((xy >= -BUFFER) & (xy <= EXTENT + BUFFER)).all(axis=1)
        rows, xy = rows[near], xy[near]
        steps = np.arange(len(rows) + 1)
        shapes = Shapes(xy, steps, np.ones(len(rows), np.uint8), steps)
    else:
        rows, shapes = _paths(copy, rows, z, x, y)
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


def rows_of(copy: ServingCopy, z: int, x: int, y: int) -> Rows:
    """Rows that the tile shows, ascending, with its buffer around it."""
    box, pixel, stretch = _bounds(z, x, y)
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


def _bounds(z: int, x: int, y: int) -> tuple[Bbox, float, float]:
    """The tile with its buffer in degrees, half a pixel in degrees of longitude, and how many
    degrees of longitude are as long there as one of latitude."""
    tiles = 2**z
    pad = BUFFER / EXTENT
    west, east = ((v / tiles * 360 - 180) for v in (x - pad, x + 1 + pad))
    north, south = (_latitude(v / tiles) for v in (y - pad, y + 1 + pad))
    stretch = 1 / max(np.cos(np.radians(_latitude((y + 0.5) / tiles))), 1e-3)
    return (west, south, east, north), 360 / tiles / _PIXELS / 2, float(stretch)


def _latitude(share: float) -> float:
    return float(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * share)))))


def _to_tile(world: NDArray[np.uint32], z: int, x: int, y: int) -> NDArray[np.int64]:
    """Units of the world as coordinates of a tile, rounded."""
    corner = np.array([x, y], np.int64) * EXTENT
    shift = BITS - _TILE_BITS - z
    wide = world.astype(np.int64)
    if shift <= 0:
        return (wide << -shift) - corner
    return ((wide + (1 << (shift - 1))) >> shift) - corner


def _paths(copy: ServingCopy, rows: Rows, z: int, x: int, y: int) -> tuple[Rows, Shapes]:
    features, paths = copy.array("world_features"), copy.array("world_paths")
    first, count = features[rows], features[rows + 1] - features[rows]
    path = spread(first, count)
    begin, length = paths[path], paths[path + 1] - paths[path]
    xy = _to_tile(copy.array("world_xy")[spread(begin, length)], z, x, y)
    shapes = Shapes(
        xy,
        np.concatenate(([0], np.cumsum(length))),
        copy.array("world_kinds")[path],
        np.concatenate(([0], np.cumsum(count))),
    )
    far = ((xy < -_MARGIN) | (xy > EXTENT + _MARGIN)).any(axis=1)
    if not far.any():
        return rows, shapes
    feature_of = np.repeat(np.repeat(np.arange(len(rows)), count), length)
    wide = np.zeros(len(rows), bool)
    wide[feature_of[far]] = True
    return _cut(copy, rows, shapes, wide, (z, x, y))


def _cut(
    copy: ServingCopy,
    rows: Rows,
    shapes: Shapes,
    wide: NDArray[np.bool_],
    tile: tuple[int, int, int],
) -> tuple[Rows, Shapes]:
    """Cut the wide features at the buffer, and put them after the others."""
    counts, lengths = np.diff(shapes.features), np.diff(shapes.paths)
    path_kept = np.repeat(~wide, counts)
    point_kept = np.repeat(path_kept, lengths)
    whole = copy.geometries(rows[wide])
    cut = _clipped(whole, *tile)
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


def _clipped(geometries: NDArray[Any], z: int, x: int, y: int) -> NDArray[Any]:
    scale = 2.0 ** (z + _TILE_BITS - BITS)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return to_world(points).astype(np.float64) * scale - (x * EXTENT, y * EXTENT)

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
