"""A packed R-tree: flat arrays of boxes over rows in Hilbert order, mapped from disk.

Level 0 is the rows' own boxes; each box of a level above covers ``FAN`` of those below. A search
walks down vectorised and yields rows in order, so a page stops after its first hundred.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from quanyu.spacetime.model import Bbox

FAN = 32
_TOP = 1024  # a level of so few boxes is tested whole, in about 10 µs
_CHUNK = 16  # nodes whose children are tested together: large enough for NumPy, small for a page
Boxes = NDArray[np.float64]
Rows = NDArray[np.int64]
_STEPS = np.arange(FAN, dtype=np.int64)


def build(rows: Boxes) -> list[Boxes]:
    """The levels above ``rows`` (n × [xmin, ymin, xmax, ymax], NaN without geometry)."""
    levels: list[Boxes] = []
    below = rows
    while len(below) > _TOP:
        starts = np.arange(0, len(below), FAN)
        level = np.empty((len(starts), 4))
        for axis, least in ((0, True), (1, True), (2, False), (3, False)):
            reduce = np.fmin.reduceat if least else np.fmax.reduceat
            level[:, axis] = reduce(below[:, axis], starts)
        levels.append(level)
        below = level
    return levels


def search(levels: Sequence[Boxes], box: Bbox, start: int = 0) -> Iterator[Rows]:
    """Rows from ``start`` on whose boxes meet ``box``, ascending, in chunks.

    ``levels[0]`` are the rows' boxes, the last is the top.
    """
    top = len(levels) - 1
    nodes = np.arange(len(levels[top]), dtype=np.int64)
    yield from _descend(levels, top, nodes, box, start)


def _descend(
    levels: Sequence[Boxes], level: int, nodes: Rows, box: Bbox, start: int
) -> Iterator[Rows]:
    if start:
        span = FAN**level
        nodes = nodes[(nodes + 1) * span > start]
    found = nodes[meets(levels[level][nodes], box)]
    if level == 0:
        if found.size:
            yield found
        return
    size = len(levels[level - 1])
    for first in range(0, len(found), _CHUNK):
        children = (found[first : first + _CHUNK, None] * FAN + _STEPS).ravel()
        if children[-1] >= size:
            children = children[children < size]
        yield from _descend(levels, level - 1, children, box, start)


def meets(boxes: Boxes, box: Bbox) -> NDArray[np.bool_]:
    """Which boxes meet ``box``, edges included; NaN meets nothing."""
    return (
        (boxes[:, 0] <= box[2])
        & (boxes[:, 2] >= box[0])
        & (boxes[:, 1] <= box[3])
        & (boxes[:, 3] >= box[1])
    )


def certain(boxes: Boxes, box: Bbox) -> NDArray[np.bool_]:
    """Of boxes that meet ``box``, those whose shapes surely meet it too.

    A box is tight: its shape reaches each side of it. Where the shape lies between the window's
    sides along one axis and ends within them along the other, that end is a point of the window.
    """
    reaches = []
    for low, high in ((0, 2), (1, 3)):
        starts = boxes[:, low] >= box[low]
        ends = boxes[:, high] <= box[high]
        reaches.append((starts & ends, starts | ends))
    (within_x, ends_x), (within_y, ends_y) = reaches
    return (within_x & ends_y) | (within_y & ends_x)
