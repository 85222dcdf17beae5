"""``by`` and ``measure``: what statistics are grouped by and what they are of.

``by`` is a list of: a property; ``{unit}`` or ``{unit}:{property}`` with a unit of time;
``cell:{grid}:{level}``; ``zone:{collection}`` or ``zone:{collection}:{property}``; and for lines
``origin:…`` and ``destination:…`` with a cell or zone behind. ``measure`` is a list of ``count``,
``density`` and ``{function}:{property}``. ``engine`` is ``node`` or ``cluster``.
"""

from collections.abc import Mapping

from quanyu.kernel import Invalid
from quanyu.spacetime import (
    ByField,
    ByPlace,
    ByTime,
    End,
    Function,
    Key,
    Measure,
    Unit,
    View,
    grid_named,
    in_cells,
    in_zones,
)

_ENDS = {"origin": End.START, "destination": End.FINISH}
_NAMES = {End.WITHIN: "", **{end: name for name, end in _ENDS.items()}}
FLOW = tuple(_ENDS)
"""Columns of a flow: where lines begin and where they end."""
ENGINES = ("node", "cluster")
_UNITS = {unit.value: unit for unit in Unit}
_FUNCTIONS = {function.value: function for function in Function}


def zones_in(given: Mapping[str, str]) -> list[str]:
    """Collections whose areas are zones of the question, each once."""
    found = []
    for item in items(given, "by"):
        parts = item.split(":")
        if parts[0] in _ENDS:
            parts = parts[1:]
        if len(parts) > 1 and parts[0] == "zone":
            found.append(parts[1])
    return list(dict.fromkeys(found))


def keys_of(given: Mapping[str, str], view: View, views: Mapping[str, View]) -> list[Key]:
    """What to group by; raises ``Invalid`` (``by``)."""
    fields = {field.name for field in view.fields}
    return [_key(item, fields, views) for item in items(given, "by")]


def measures_of(given: Mapping[str, str]) -> list[Measure]:
    """What to compute, ``count`` when nothing is named; raises ``Invalid`` (``measure``)."""
    found = []
    for item in items(given, "measure") or ["count"]:
        name, _, field = item.partition(":")
        function = _FUNCTIONS.get(name)
        if function is None:
            raise Invalid(
                "“{name}” is no figure known here",
                field="measure",
                mend="use these: {names}",
                name=name[:40],
                names=", ".join(_FUNCTIONS),
            )
        found.append(Measure(function, field or None))
    return found


def engine_of(given: Mapping[str, str], default: str) -> str:
    """Where to compute; raises ``Invalid`` (``engine``)."""
    found = given.get("engine") or default
    if found not in ENGINES:
        raise Invalid(
            "“{name}” is no engine of this node",
            field="engine",
            mend="use these: {names}",
            name=found[:40],
            names=", ".join(ENGINES),
        )
    return found


def _key(item: str, fields: set[str], views: Mapping[str, View]) -> Key:
    head, *rest = item.split(":")
    if item in fields:
        return ByField(item)
    if head in _UNITS and len(rest) < 2:
        return ByTime(_UNITS[head], rest[0] if rest else None)
    end = End.WITHIN
    if head in _ENDS and rest:
        end, (head, *rest) = _ENDS[head], rest
    if head == "cell" and len(rest) == 2:
        return _cells(rest[0], rest[1], end)
    if head == "zone" and len(rest) in {1, 2}:
        labels, index = views[rest[0]].zones(rest[1] if len(rest) == 2 else None)
        return in_zones(_NAMES[end] or "zone", labels, index, end)
    if rest:
        raise Invalid(
            "“{item}” is nothing to group by",
            field="by",
            mend="give a property, such as hour:time, cell:h3:8, zone:districts, origin:cell:h3:7",
            item=item[:80],
        )
    return ByField(item)


def _cells(name: str, level: str, end: End) -> ByPlace:
    grid = grid_named(name)
    if not level.isdigit() or int(level) not in grid.levels:
        raise Invalid(
            "the grid {grid} has no level {level}",
            field="by",
            mend="give a level from {least} to {most}",
            grid=name,
            level=level[:20],
            least=grid.levels[0],
            most=grid.levels[-1],
        )
    at = int(level)
    return in_cells(_NAMES[end] or "cell", lambda x, y: grid.cells(x, y, at), grid.boundary, end)


def items(given: Mapping[str, str], name: str) -> list[str]:
    """What a parameter lists between commas."""
    return [item for item in given.get(name, "").split(",") if item]
