"""A drawing of what differs: an SVG that needs no script, with signs beside colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely

from quanyu.spacetime import Change, Difference

WIDTH, HEIGHT, MARGIN = 640.0, 400.0, 24.0
SIGNS = {Change.INSERTED: "+", Change.DELETED: "−", Change.UPDATED: "≠"}
_MOST = 200
_DOT = 5.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A feature on the drawing: a path in its units, where its sign stands, and whether it is an
    area, a line or a dot. ``before`` is the shape that it had, where another."""

    id: str
    change: str
    sign: str
    path: str
    before: str
    x: float
    y: float
    form: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Marks within a box of so many units; ``metres`` is how long a tenth of its width is."""

    marks: tuple[Mark, ...]
    metres: float
    width: float = WIDTH
    height: float = HEIGHT


def drawing(found: Sequence[Difference]) -> Drawing | None:
    """The drawing of differences with a shape, at most 200 of them; ``None`` when none has one."""
    shaped = [one for one in found if one.before is not None or one.after is not None][:_MOST]
    if not shaped:
        return None
    after = [_shape(one.after if one.after is not None else one.before) for one in shaped]
    before = [
        _shape(one.before) if one.reshaped and one.after is not None and one.before else None
        for one in shaped
    ]
    west, south, east, north = shapely.total_bounds(
        np.array([one for one in (*after, *before) if one is not None], dtype=object)
    )
    narrow = np.cos(np.radians((south + north) / 2))
    wide, high = max((east - west) * narrow, 1e-6), max(north - south, 1e-6)
    scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
    left = (WIDTH - wide * scale) / 2
    top = (HEIGHT - high * scale) / 2

    def place(xy: Any) -> Any:
        return np.column_stack(
            [left + (xy[:, 0] - west) * narrow * scale, top + (north - xy[:, 1]) * scale]
        )

    marks = []
    for one, new, old in zip(shaped, after, before, strict=True):
        flat = shapely.transform(shapely.force_2d(new), place)
        middle = shapely.point_on_surface(flat)
        form = ("dot", "line", "area")[max(0, int(shapely.get_dimensions(flat)))]
        aside = 3 * _DOT if form == "dot" else 0.0
        marks.append(
            Mark(
                id=one.id,
                change=one.change.value,
                sign=SIGNS[one.change],
                path=_path(flat),
                before=""
                if old is None
                else _path(shapely.transform(shapely.force_2d(old), place)),
                x=round(float(middle.x) + aside, 1),
                y=round(float(middle.y), 1),
                form=form,
            )
        )
    return Drawing(tuple(marks), round(WIDTH / 10 / scale * 111_320.0, 1))


def _shape(given: Any) -> Any:
    return shapely.from_geojson(orjson.dumps(given))


def _path(flat: Any) -> str:
    """SVG path data of a geometry; points are small squares."""
    pieces = []
    for part in shapely.get_parts(flat):
        if part.geom_type == "Point":
            x, y = part.x, part.y
            corners = [(x - _DOT, y - _DOT), (x + _DOT, y - _DOT), (x + _DOT, y + _DOT)]
            pieces.append(_line([*corners, (x - _DOT, y + _DOT)]) + "Z")
        elif part.geom_type == "Polygon":
            rings = (part.exterior, *part.interiors)
            pieces += [_line(ring.coords) + "Z" for ring in rings]
        elif part.geom_type == "LineString":
            pieces.append(_line(part.coords))
    return "".join(pieces)


def _line(points: Any) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
