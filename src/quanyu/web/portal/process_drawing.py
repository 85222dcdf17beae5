"""Results of a job on a drawing: an SVG that needs no script, classes told by shade and legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

WIDTH, HEIGHT, MARGIN = 720.0, 460.0, 16.0
CLASSES = 5
_MOST = 3_000
_GRAIN = 0.4
_DOT = 3.5


@dataclass(frozen=True, slots=True)
class Mark:
    """A feature: its path, whether it is an area, a line or a dot, and the class of its value."""

    path: str
    form: str
    shade: int
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Marks, areas below lines below dots. ``metres`` is how long a tenth of the width is;
    ``classes`` name the shades by the values of ``by``; ``more`` features are not drawn."""

    marks: tuple[Mark, ...]
    metres: float
    by: str | None
    classes: tuple[str, ...]
    more: int
    width: float = WIDTH
    height: float = HEIGHT


def drawing(documents: Sequence[dict[str, Any]]) -> Drawing | None:
    """The drawing of feature collections over one another; ``None`` when nothing has a shape."""
    features = [
        one for document in documents for one in document["features"] if one["geometry"] is not None
    ]
    shown = features[:_MOST]
    if not shown:
        return None
    shapes = shapely.from_geojson([orjson.dumps(one["geometry"]) for one in shown])
    placed, metres = _placed(np.asarray(shapes, dtype=object))
    by, shades, classes = _classes([one["properties"] for one in shown])
    marks = [
        mark
        for one, shape, shade in zip(shown, placed, shades, strict=True)
        if (mark := _mark(one, shape, shade)) is not None
    ]
    rank = {"area": 0, "line": 1, "dot": 2}
    marks.sort(key=lambda mark: rank[mark.form])
    return Drawing(tuple(marks), metres, by, classes, len(features) - len(shown))


def _placed(shapes: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Shapes in units of the drawing, and the metres of a tenth of its width."""
    west, south, east, north = shapely.total_bounds(shapes)
    narrow = np.cos(np.radians((south + north) / 2))
    wide, high = max((east - west) * narrow, 1e-6), max(north - south, 1e-6)
    scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
    left, top = (WIDTH - wide * scale) / 2, (HEIGHT - high * scale) / 2

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x = left + (points[:, 0] - west) * narrow * scale
        return np.column_stack([x, top + (north - points[:, 1]) * scale])

    moved = shapely.transform(shapely.force_2d(shapes), move)
    return shapely.simplify(moved, _GRAIN), WIDTH / 10 / scale * 111_195.0


def _classes(
    rows: Sequence[dict[str, Any]],
) -> tuple[str | None, list[int], tuple[str, ...]]:
    """The first number that rows have several values of, up to :data:`CLASSES`, and its classes."""
    for name in rows[0] if rows else ():
        values = [row.get(name) for row in rows]
        numbers = {v for v in values if isinstance(v, int | float) and not isinstance(v, bool)}
        if 1 < len(numbers) <= CLASSES and all(v is None or v in numbers for v in values):
            order = sorted(numbers)
            shades = [0 if v is None else order.index(v) * (CLASSES - 1) // (len(order) - 1)
                      for v in values]  # fmt: skip
            return name, shades, tuple(f"{v:g}" for v in order)
    return None, [CLASSES - 1] * len(rows), ()


def _mark(feature: dict[str, Any], shape: Any, shade: int) -> Mark | None:
    parts = shapely.get_parts(shape)
    form = "area" if shapely.get_dimensions(shape) == 2 else "line"
    if shapely.get_dimensions(shape) == 0:
        form = "dot"
    path = "".join(_path(part) for part in parts if not part.is_empty)
    if not path:
        return None
    said = [f"{name}: {value}" for name, value in feature["properties"].items()][:4]
    title = " · ".join([str(feature["id"]), *said] if "id" in feature else said)
    return Mark(path, form, shade, title[:200])


def _path(part: Any) -> str:
    if part.geom_type == "Point":
        half = f"a{_DOT} {_DOT} 0 1 0"
        return f"M{part.x - _DOT:.1f} {part.y:.1f}{half} {2 * _DOT} 0{half} -{2 * _DOT} 0"
    if part.geom_type == "Polygon":
        return "".join(_ring(ring) + "Z" for ring in (part.exterior, *part.interiors))
    return _ring(part)


def _ring(line: Any) -> str:
    points = shapely.get_coordinates(line)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
