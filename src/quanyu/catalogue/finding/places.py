"""Extents and times as words of the index, so that it finds them together with everything else.

They narrow coarsely; what they find is compared with the exact extent and time afterwards.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import floor

from quanyu.catalogue.model import Bbox, Interval

_LEVELS = (14, 12, 10, 8, 6, 4, 2, 0)
"""Every second level of the tree that quarters the world in degrees; 14 is about 2 km."""
_MOST_CELLS, _MOST_ASKED = 6, 6
_MOST_YEARS, _MANY_YEARS = 12, 40
_OLDEST, _NEWEST = 1900, 2100

_Cell = tuple[int, int, int]


def extent_words(bbox: Bbox | None) -> Iterator[str]:
    """The cells that cover an extent, and those around them."""
    if bbox is None:
        return
    cells = _cover(bbox)
    yield from (_name("c", cell) for cell in cells)
    yield from dict.fromkeys(_name("a", around) for cell in cells for around in _around(cell))


def meeting_extent(bbox: Bbox) -> list[str]:
    """Words of which an entry whose extent meets ``bbox`` has at least one."""
    west, south, east, north = bbox
    if west > east:  # across the antimeridian (RFC 7946, 5.2)
        both = (
            *meeting_extent((west, south, 180, north)),
            *meeting_extent((-180, south, east, north)),
        )
        return list(dict.fromkeys(both))
    cells = _cover(bbox, _MOST_ASKED)
    found = [_name("a", cell) for cell in cells]
    found += [_name("c", one) for cell in cells for one in (cell, *_around(cell))]
    return list(dict.fromkeys(found))


def time_words(interval: Interval) -> Iterator[str]:
    """The years of a time, or its decades when it is long."""
    if interval == (None, None):
        return
    first, last = _years(interval)
    if last - first < _MOST_YEARS:
        yield from (f"_y{year}" for year in range(first, last + 1))
    else:
        yield from (f"_d{decade}" for decade in range(first // 10, last // 10 + 1))


def meeting_time(interval: Interval) -> list[str]:
    """Words of which an entry whose time meets ``interval`` has at least one; none say nothing."""
    first, last = _years(interval)
    if last - first > _MANY_YEARS:  # nearly everything: the exact comparison alone is quicker
        return []
    return [f"_d{decade}" for decade in range(first // 10, last // 10 + 1)] + [
        f"_y{year}" for year in range(first, last + 1)
    ]


def _years(interval: Interval) -> tuple[int, int]:
    def year(moment: datetime | None, otherwise: int) -> int:
        if moment is None:
            return otherwise
        return min(max(moment.astimezone(UTC).year, _OLDEST), _NEWEST)

    return year(interval[0], _OLDEST), year(interval[1], _NEWEST)


def _cover(bbox: Bbox, most: int = _MOST_CELLS) -> list[_Cell]:
    west, south, east, north = bbox
    for level in _LEVELS:
        side = 2**level
        x0, x1 = (min(side - 1, floor((x + 180) / 360 * side)) for x in (west, east))
        y0, y1 = (min(side - 1, floor((y + 90) / 180 * side)) for y in (south, north))
        if (x1 - x0 + 1) * (y1 - y0 + 1) <= most:
            break
    return [(level, x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)]


def _around(cell: _Cell) -> Iterator[_Cell]:
    level, x, y = cell
    for wider in range(level - 2, -1, -2):
        yield wider, x >> (level - wider), y >> (level - wider)


def _name(kind: str, cell: _Cell) -> str:
    level, x, y = cell
    return f"_{kind}{level}x{x}y{y}"
