"""What a restriction and a query must give, worked out slowly in plain Python and shapely."""

import hashlib
import hmac
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import shapely

from quanyu.spacetime import Mask, Query, Restriction


@dataclass
class Seen:
    """One feature as it may be seen."""

    fid: str
    properties: dict[str, Any]
    shape: Any
    start: datetime | None
    end: datetime | None
    hidden: dict[str, Any] = field(default_factory=dict)


def seen(
    data: dict[str, list[Any]], shapes: Any, restriction: Restriction, keep: Any
) -> list[Seen]:
    """Every feature within the restriction; ``keep`` stands for its filter of rows."""
    found = []
    names = [n for n in data if n not in ("fid", "valid_from", "valid_to")]
    for k, fid in enumerate(data["fid"]):
        raw = {name: data[name][k] for name in names}
        start, end = data["valid_from"][k], data["valid_to"][k]
        shape = None if shapes is None else shapes[k]
        if restriction.interval != (None, None) and not _within(start, end, restriction.interval):
            continue
        if not keep(raw):
            continue
        if restriction.region is not None:
            region = shapely.geometry.shape(restriction.region)
            if shape is None or not shape.intersects(region):
                continue
            shape = _same(shape.intersection(region), shape)
            if shape.is_empty:
                continue
        if restriction.grid_m is not None:
            shape = None if shape is None else cell(shape, restriction.grid_m)
        shown = {name: raw[name] for name in names}
        if restriction.columns is not None:
            shown = {c.name: masked(raw[c.name], c, restriction.salt) for c in restriction.columns}
        found.append(Seen(fid, shown, shape, start, end, raw))
    return found


def matches(one: Seen, query: Query) -> bool:
    """Whether a feature answers the box and the interval of a query."""
    if query.bbox is not None:
        box = shapely.box(*query.bbox)
        if one.shape is None or not one.shape.intersects(box):
            return False
    if query.interval is not None:
        low, high = query.interval
        if low is not None and one.end is not None and one.end < low:
            return False
        if high is not None and one.start is not None and one.start > high:
            return False
    return True


def masked(value: Any, column: Any, salt: str) -> Any:
    """A value as its mask shows it."""
    if value is None or column.mask is None:
        return value
    text = str(value)
    if column.mask is Mask.KEEP_LAST_4:
        return "****" + text[-4:] if len(text) > 4 else "****"
    if column.mask is Mask.HASH:
        return hmac.new(bytes.fromhex(salt), text.encode(), hashlib.sha256).hexdigest()
    step = column.step
    scaled = value / step
    return math.copysign(math.floor(abs(scaled) + 0.5), scaled) * step


def cell(shape: Any, metres: float) -> Any:
    """The centre of the cell that holds a shape's middle."""
    size = metres / 111_320
    middle = shape.centroid
    y = (math.floor(middle.y / size) + 0.5) * size
    width = size / max(math.cos(math.radians(y)), 0.001)
    return shapely.Point((math.floor(middle.x / width) + 0.5) * width, y)


def _within(start: Any, end: Any, interval: Any) -> bool:
    low, high = interval
    if start is None and end is None:
        return False
    if low is not None and end is not None and end < low:
        return False
    return high is None or start is None or start <= high


def _same(cut: Any, whole: Any) -> Any:
    parts = [
        p
        for p in shapely.get_parts(cut)
        if shapely.get_dimensions(p) == shapely.get_dimensions(whole)
    ]
    return shapely.union_all(parts) if parts else shapely.Point()


def as_json(value: Any) -> Any:
    """A value as GeoJSON has it."""
    import orjson

    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, str) and value.startswith("["):
        return orjson.loads(value)
    return value
