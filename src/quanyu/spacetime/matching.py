"""Rows of a serving copy within a box and an interval, by its index alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.spacetime import packed_index
from quanyu.spacetime.model import CRS84, Bbox, Interval, Query
from quanyu.spacetime.projection import window
from quanyu.spacetime.serving import Served, micros_of

Rows = NDArray[np.int64]
_STEP = 16_384


@dataclass(frozen=True, slots=True)
class _Window:
    box: Bbox
    rectangle: bool

    @classmethod
    def of(cls, query: Query) -> "_Window":
        """The area asked for; raises ``Invalid`` for what is no area."""
        box = query.bbox or ()
        plain = query.bbox_crs == CRS84 and len(box) == 4
        if plain and box[0] <= box[2] and box[1] <= box[3]:
            return cls((box[0], box[1], box[2], box[3]), rectangle=True)
        area, rectangle = window(box, query.bbox_crs)
        return cls(area.bounds, rectangle)


def page_of(copy: Served, query: Query, place: int) -> Rows:
    """The first ``query.limit + 1`` rows from ``place`` on that match, ascending."""
    wanted = query.limit + 1
    everything = query.bbox is None and query.interval is None
    parts: list[Rows] = []
    for part in copy.pages(place, wanted) if everything else matching(copy, query, place):
        parts.append(part)
        wanted -= len(part)
        if wanted <= 0:
            break
    found = np.concatenate(parts) if parts else np.empty(0, np.int64)
    return found[: query.limit + 1]


def check_window(copy: Served, query: Query) -> None:
    """Raise ``Invalid`` for a box that cannot be asked of these data."""
    if query.bbox is None:
        return
    if not copy.relation.has_geometry:
        raise Invalid(
            "these data have no geometry", field="bbox", mend="leave bbox out of the query"
        )
    _Window.of(query)


def matching(copy: Served, query: Query, start: int = 0) -> Iterator[Rows]:
    """Rows from ``start`` on that match, ascending, in chunks; what is not taken is not sought."""
    if not copy.relation.has_geometry:
        check_window(copy, query)
    window_ = None if query.bbox is None else _Window.of(query)
    for near in _near(copy, window_, start):
        rows = near if query.interval is None else valid_rows(copy, near, query.interval)
        if window_ is not None and rows.size:
            rows = rows[_meets(copy, rows, window_, query)]
        if rows.size:
            yield rows


def _near(copy: Served, window_: _Window | None, start: int) -> Iterator[Rows]:
    if window_ is not None:
        yield from copy.search(window_.box, start)
    else:
        yield from copy.pages(start, _STEP)


def valid_rows(copy: Served, rows: Rows, interval: Interval) -> Rows:
    """Those of the rows that were valid at some time in the interval, or of which it is unknown."""
    times = copy.validity(rows)
    if times is None:
        return rows
    low, high = micros_of(interval)
    return rows[(times[:, 0] <= high) & (times[:, 1] >= low)]


def _meets(copy: Served, rows: Rows, window_: _Window, query: Query) -> Any:
    """Which of the rows, whose boxes meet the window, meet it themselves."""
    if not window_.rectangle:
        area = window(query.bbox or (), query.bbox_crs)[0]
        shapely.prepare(area)
        return shapely.intersects(area, copy.geometries(rows))
    if copy.about.points:
        return slice(None)
    sure = packed_index.certain(copy.boxes(rows), window_.box)
    open_ = np.flatnonzero(~sure)
    if open_.size:
        sure[open_] = shapely.intersects(shapely.box(*window_.box), copy.geometries(rows[open_]))
    return sure
