"""Extents drawn on the server as SVG, for pages that must say where things are without scripts."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, cos, floor, log10, radians
from typing import Any

from quanyu.catalogue import Bbox, Resource

WIDTH = 280.0
_MARGIN = 0.12
_SMALLEST = 0.01


@dataclass(frozen=True, slots=True)
class Plot:
    """Boxes, lines of the graticule and their labels, in units of the view box."""

    width: float
    height: float
    boxes: tuple[dict[str, Any], ...]
    lines: tuple[dict[str, float], ...]
    labels: tuple[dict[str, Any], ...]


def plot_extents(items: Iterable[Resource]) -> Plot | None:
    """Extents of ``items`` over a graticule in degrees; ``None`` when none has an extent."""
    placed = [(item, item.bbox) for item in items if item.bbox is not None]
    if not placed:
        return None
    west, south, east, north = _around([box for _, box in placed])
    # Equirectangular, true at the middle latitude.
    wide = (east - west) * max(cos(radians((south + north) / 2)), 0.05)
    height = round(min(max(WIDTH * (north - south) / wide, 120.0), 320.0), 1)

    def x(lon: float) -> float:
        return round((lon - west) / (east - west) * WIDTH, 1)

    def y(lat: float) -> float:
        return round((north - lat) / (north - south) * height, 1)

    boxes = tuple(
        {
            "x": x(box[0]),
            "y": y(box[3]),
            "width": max(x(box[2]) - x(box[0]), 2.0),
            "height": max(y(box[1]) - y(box[3]), 2.0),
            "title": item.title,
        }
        for item, box in placed
    )
    meridians = _ticks(west, east)
    parallels = _ticks(south, north)
    lines = [{"x1": x(v), "y1": 0, "x2": x(v), "y2": height} for v in meridians]
    lines += [{"x1": 0, "y1": y(v), "x2": WIDTH, "y2": y(v)} for v in parallels]
    labels = [{"x": x(v) + 3, "y": height - 4, "text": f"{v:g}°"} for v in meridians]
    labels += [{"x": 3, "y": y(v) - 3, "text": f"{v:g}°"} for v in parallels]
    return Plot(WIDTH, height, boxes, tuple(lines), tuple(labels))


def _around(boxes: list[Bbox]) -> Bbox:
    west, south = min(b[0] for b in boxes), min(b[1] for b in boxes)
    east, north = max(b[2] for b in boxes), max(b[3] for b in boxes)
    dx, dy = max(east - west, _SMALLEST) * _MARGIN, max(north - south, _SMALLEST) * _MARGIN
    return west - dx, south - dy, east + dx, north + dy


def _ticks(low: float, high: float) -> list[float]:
    """Two to five round numbers between ``low`` and ``high``."""
    power = 10.0 ** floor(log10((high - low) / 2))
    step = next(s for s in (5 * power, 2 * power, power) if (high - low) / s >= 2)
    return [round(n * step, 9) for n in range(ceil(low / step), floor(high / step) + 1)]
