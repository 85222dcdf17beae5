"""Mapbox Vector Tile 2.1, encoded by NumPy for all features of a layer at once.

Everything in a feature's message is a variable-length integer, field tags and lengths included. So
a layer is laid out as one stream of numbers and written in one pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

EXTENT = 4096
BUFFER = 64
_MOVE, _LINE, _CLOSE = 1, 2, 7
_ID, _TAGS, _TYPE, _GEOMETRY = 0x08, 0x12, 0x18, 0x22
_FEATURE = 0x12
Ints = NDArray[np.int64]
Tokens = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Tag:
    """A property: for each feature the place of its value among ``count`` values, or -1."""

    key: str
    codes: Ints
    count: int
    values: bytes


@dataclass(frozen=True, slots=True)
class Shapes:
    """Geometry of features in tile coordinates, as runs of paths (see ``world``)."""

    xy: Ints
    paths: Ints
    kinds: NDArray[np.uint8]
    features: Ints


Drawing: TypeAlias = tuple[Shapes, list[Tag], Tokens | None]
"""Shapes of features, their tags and their ids."""


def joined(parts: Sequence[Drawing]) -> tuple[Shapes | None, list[Tag], Tokens | None]:
    """Drawings with the same tags, one after another; no shapes when there is none."""
    if len(parts) <= 1:
        return parts[0] if parts else (None, [], None)
    shapes = Shapes(
        np.concatenate([part[0].xy for part in parts]),
        _run_on([part[0].paths for part in parts]),
        np.concatenate([part[0].kinds for part in parts]),
        _run_on([part[0].features for part in parts]),
    )
    tags = [_joined_tag(tag) for tag in zip(*(part[1] for part in parts), strict=True)]
    numbers = [part[2] for part in parts if part[2] is not None]
    return shapes, tags, np.concatenate(numbers) if len(numbers) == len(parts) else None


def _run_on(ends: Sequence[Ints]) -> Ints:
    """Runs that begin at 0 each, one after another."""
    before = np.cumsum([0, *(int(one[-1]) for one in ends[:-1])])
    later = [one[1:] + start for one, start in zip(ends, before, strict=True)]
    return np.concatenate([ends[0][:1], *later])


def _joined_tag(tags: Sequence[Tag]) -> Tag:
    before = np.cumsum([0, *(tag.count for tag in tags[:-1])])
    codes = [
        np.where(tag.codes < 0, tag.codes, tag.codes + start)
        for tag, start in zip(tags, before, strict=True)
    ]
    values = b"".join(tag.values for tag in tags)
    return Tag(tags[0].key, np.concatenate(codes), sum(tag.count for tag in tags), values)


def encode_layer(
    name: str, shapes: Shapes, tags: Sequence[Tag], ids: Tokens | None = None
) -> bytes:
    """One layer as a whole tile; ``b""`` when no feature is left to draw."""
    clean, kept = tidy(shapes)
    if not kept.size:
        return b""
    geometry, ends = _commands(clean)
    kinds = np.minimum(clean.kinds[clean.features[:-1]], 3)
    pairs, present = _pairs(tags, kept)
    numbers = None if ids is None else ids[kept]
    stream = _stream((geometry, ends), kinds, (pairs, present), numbers)
    body = [b"\x78\x02", _text(0x0A, name), varints(stream).tobytes()]
    body += [_text(0x1A, tag.key) for tag in tags]
    body += [tag.values for tag in tags]
    body.append(bytes([0x28]) + varint(EXTENT))
    layer = b"".join(body)
    return b"\x1a" + varint(len(layer)) + layer


def tidy(shapes: Shapes) -> tuple[Shapes, Ints]:
    """Shapes that are worth drawing, and which features they are.

    Repeated points go, a ring's closing point goes; lines of one point and rings that turned over
    or lost their area by rounding go, and holes go with their outer ring.
    """
    counts = np.diff(shapes.paths)
    if (counts == 1).all() and (shapes.kinds == 1).all():
        return _filled(shapes)
    path_of = np.repeat(np.arange(len(counts)), counts)
    keep = np.ones(len(shapes.xy), bool)
    keep[1:] = (shapes.xy[1:] != shapes.xy[:-1]).any(axis=1) | (path_of[1:] != path_of[:-1])
    ring = shapes.kinds >= 3
    xy, path_of = shapes.xy[keep], path_of[keep]
    counts = np.bincount(path_of, minlength=len(counts))
    starts = np.concatenate(([0], np.cumsum(counts)))
    last = np.maximum(starts[1:] - 1, 0)
    first = np.minimum(starts[:-1], max(len(xy) - 1, 0))
    closed = ring & (counts > 1) & (xy[last] == xy[first]).all(axis=1)
    keep = np.ones(len(xy), bool)
    keep[last[closed]] = False
    xy, path_of = xy[keep], path_of[keep]
    counts = np.bincount(path_of, minlength=len(counts))
    worth = np.where(ring, counts >= 3, np.where(shapes.kinds == 2, counts >= 2, counts >= 1))
    area = _areas(xy, counts)
    worth &= ~ring | np.where(shapes.kinds == 3, area > 0, area < 0)
    outer = np.maximum.accumulate(np.where(shapes.kinds == 3, np.arange(len(counts)), 0))
    worth &= (shapes.kinds != 4) | worth[outer]
    return _filled(
        Shapes(
            xy[worth[path_of]],
            np.concatenate(([0], np.cumsum(counts[worth]))),
            shapes.kinds[worth],
            np.concatenate(([0], np.cumsum(worth)))[shapes.features],
        )
    )


def _filled(shapes: Shapes) -> tuple[Shapes, Ints]:
    kept = np.flatnonzero(np.diff(shapes.features))
    ends = np.concatenate(([0], shapes.features[kept + 1]))
    return Shapes(shapes.xy, shapes.paths, shapes.kinds, ends), kept


def _areas(xy: Ints, counts: Ints) -> Ints:
    """Twice the signed area of each path closed, positive when clockwise on a map (y down)."""
    if not len(xy):
        return np.zeros(len(counts), np.int64)
    ends = np.cumsum(counts)
    following = np.arange(1, len(xy) + 1)
    some = counts > 0
    following[ends[some] - 1] = (ends - counts)[some]
    after = xy[following]
    cross = np.concatenate(([0], np.cumsum(xy[:, 0] * after[:, 1] - after[:, 0] * xy[:, 1])))
    areas: Ints = cross[ends] - cross[ends - counts]
    return areas


def _commands(shapes: Shapes) -> tuple[Tokens, Ints]:
    """Geometry commands (MVT 2.1 §4.3) of all features, and where each feature's end."""
    xy, kinds = shapes.xy, shapes.kinds
    counts = np.diff(shapes.paths)
    moves = np.diff(xy, axis=0, prepend=np.zeros((1, 2), np.int64))
    first_points = shapes.paths[shapes.features[:-1]]
    moves[first_points] = xy[first_points]
    steps = zigzag(moves)
    point = kinds == 1
    opens = np.zeros(len(kinds), bool)
    opens[shapes.features[:-1]] = True
    path_sizes = np.where(
        point, 2 + opens, 3 + np.where(counts > 1, 1 + 2 * (counts - 1), 0) + (kinds >= 3)
    )
    ends = np.cumsum(path_sizes)
    begins = ends - path_sizes
    tokens = np.empty(int(ends[-1]), np.uint64)
    head = begins + np.where(point, opens, 1)
    in_path = np.arange(len(xy)) - np.repeat(shapes.paths[:-1], counts)
    at = np.repeat(head, counts) + 2 * in_path + (in_path > 0)
    tokens[at] = steps[:, 0]
    tokens[at + 1] = steps[:, 1]
    in_feature = np.diff(shapes.features)
    tokens[begins[opens]] = np.where(point[opens], in_feature << 3 | _MOVE, 1 << 3 | _MOVE)
    tokens[begins[~point]] = 1 << 3 | _MOVE
    lines = ~point & (counts > 1)
    tokens[begins[lines] + 3] = (counts[lines] - 1) << 3 | _LINE
    tokens[ends[kinds >= 3] - 1] = 1 << 3 | _CLOSE
    return tokens, ends[shapes.features[1:] - 1]


def _pairs(tags: Sequence[Tag], kept: Ints) -> tuple[Tokens, NDArray[np.bool_]]:
    """Key and value numbers of each feature, side by side, and which of them are there."""
    pairs = np.zeros((len(kept), 2 * len(tags)), np.uint64)
    present = np.zeros(pairs.shape, bool)
    base = 0
    for number, tag in enumerate(tags):
        codes = tag.codes[kept]
        there = codes >= 0
        pairs[:, 2 * number] = number
        pairs[:, 2 * number + 1] = np.where(there, codes + base, 0)
        present[:, 2 * number] = present[:, 2 * number + 1] = there
        base += tag.count
    return pairs, present


def _stream(
    commands: tuple[Tokens, Ints],
    kinds: NDArray[np.uint8],
    tags: tuple[Tokens, NDArray[np.bool_]],
    ids: Tokens | None,
) -> Tokens:
    """All features' messages as one stream of numbers."""
    (geometry, ends), (pairs, present) = commands, tags
    begins = np.concatenate(([0], ends[:-1]))
    geometry_bytes = np.add.reduceat(sizes_of(geometry), begins)
    tag_counts = present.sum(axis=1)
    tag_bytes = np.where(present, sizes_of(pairs), 0).sum(axis=1)
    with_id = 0 if ids is None else 2
    counts = 2 + with_id + 2 + tag_counts + 4 + (ends - begins)
    at = np.concatenate(([0], np.cumsum(counts)))
    stream = np.empty(int(at[-1]), np.uint64)
    place = at[:-1]
    body = (
        1 + sizes_of(tag_bytes.astype(np.uint64)) + tag_bytes + 2
        + 1 + sizes_of(geometry_bytes.astype(np.uint64)) + geometry_bytes
    )  # fmt: skip
    if ids is not None:
        body = body + 1 + sizes_of(ids)
    stream[place] = _FEATURE
    stream[place + 1] = body
    if ids is not None:
        stream[place + 2] = _ID
        stream[place + 3] = ids
    place = place + 2 + with_id
    stream[place] = _TAGS
    stream[place + 1] = tag_bytes
    stream[spread(place + 2, tag_counts)] = pairs[present]
    place = place + 2 + tag_counts
    stream[place] = _TYPE
    stream[place + 1] = kinds
    stream[place + 2] = _GEOMETRY
    stream[place + 3] = geometry_bytes
    stream[spread(place + 4, ends - begins)] = geometry
    return stream


def zigzag(values: Ints) -> Tokens:
    """Signed numbers as unsigned ones, small when near zero."""
    return ((values << 1) ^ (values >> 63)).astype(np.uint64)


def sizes_of(values: Tokens) -> Ints:
    """Bytes that each number takes as a varint."""
    sizes = np.ones(values.shape, np.int64)
    limit = 7
    most = int(values.max()) if values.size else 0
    while most >> limit and limit < 64:
        sizes += values >= np.uint64(1 << limit)
        limit += 7
    return sizes


def varints(values: Tokens) -> NDArray[np.uint8]:
    """Numbers as one run of varints."""
    if not values.size:
        return np.empty(0, np.uint8)
    most = int(values.max())
    widest = max((most.bit_length() + 6) // 7, 1)
    narrow = values.astype(np.uint32) if most < 1 << 32 else values
    # Every number as wide as the widest, then only the bytes that are needed: no scattered writes.
    wide = np.empty((len(values), widest), np.uint8)
    needed = np.ones((len(values), widest), bool)
    for byte in range(widest):
        low = (narrow >> narrow.dtype.type(7 * byte)).astype(np.uint8) & 0x7F
        if byte + 1 < widest:
            more = narrow >= narrow.dtype.type(1 << (7 * (byte + 1)))
            needed[:, byte + 1] = more
            low |= more.view(np.uint8) << 7
        wide[:, byte] = low
    return wide[needed]


def varint(value: int) -> bytes:
    """One number as a varint."""
    return varints(np.array([value], np.uint64)).tobytes()


def spread(starts: Ints, lengths: Ints) -> Ints:
    """Every index of runs: 3, 4, 5, 9, 10 of starts (3, 9) and lengths (3, 2)."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(total)


def _text(tag: int, text: str) -> bytes:
    data = text.encode()
    return bytes([tag]) + varint(len(data)) + data
