"""Which columns say how high a thing is, and the SQL of where it begins and ends."""

from collections.abc import Sequence

from quanyu.spacetime.cityobjects.model import HEIGHT
from quanyu.spacetime.engine import identifier
from quanyu.spacetime.model import HEIGHTS, Field, FieldType

STOREY_M = 3.0
"""Height of a storey where a building has nothing but their number."""

_HEIGHTS = (HEIGHT, "measuredheight", "building:height", "building_height", "roof_height",
            "高度", "建筑高度", "楼高")  # fmt: skip
_STOREYS = ("levels", "building:levels", "building_levels", "storeys", "storeysaboveground",
            "floors", "num_floors", "层数", "楼层", "建筑层数", "地上层数")  # fmt: skip


def height_field(fields: Sequence[Field]) -> str | None:
    """The column of heights in metres."""
    return _first(fields, _HEIGHTS)


def storeys_field(fields: Sequence[Field]) -> str | None:
    """The column of numbers of storeys."""
    return _first(fields, _STOREYS)


def heights_sql(fields: Sequence[Field], *, boxed: bool) -> tuple[str, str]:
    """SQL of the lowest and the highest metre of each row; the second is null where not known.

    With ``boxed`` rows have the columns of :data:`HEIGHTS`, which go before what fields say.
    """
    low = f"coalesce({HEIGHTS[0]}, 0.0)" if boxed else "CAST(0 AS DOUBLE)"
    ways = [f"CASE WHEN {HEIGHTS[1]} > {low} THEN {HEIGHTS[1]} END"] if boxed else []
    for name, metres in ((height_field(fields), 1.0), (storeys_field(fields), STOREY_M)):
        if name is not None:
            ways.append(f"{low} + CAST({identifier(name)} AS DOUBLE) * {metres}")
    return low, f"coalesce({', '.join(ways)})" if ways else "CAST(NULL AS DOUBLE)"


def _first(fields: Sequence[Field], wanted: Sequence[str]) -> str | None:
    """The field that means the earliest of these, of those that hold numbers."""
    numbers = (FieldType.NUMBER, FieldType.INTEGER)
    by_name = {f.name.lower(): f.name for f in fields if f.type in numbers}
    return next((by_name[name] for name in wanted if name in by_name), None)
