"""Right operands read strictly: each reader gives a value or an error that names field and mend."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import shapely
from shapely.geometry import mapping, shape

from quanyu.agreements.vocabulary import unknown
from quanyu.agreements.whence import ENVIRONMENTS, network
from quanyu.kernel import Invalid
from quanyu.spacetime import (
    RESERVED,
    Bounds,
    Column,
    Cql2,
    Interval,
    Mask,
    Noise,
    parse_filter,
)

_MOST = 2**53 - 1
_PARTICIPANT = re.compile(r"[!-~]{1,200}")
_DIVISION = re.compile(r"\d{2,12}", re.ASCII)
_NAME = re.compile(r"[\w:./#@+-]{1,200}")
_TWO = """= <> < > <= >= like in + - * / ^ % div
s_intersects s_equals s_disjoint s_touches s_within s_overlaps s_crosses s_contains
t_after t_before t_contains t_disjoint t_during t_equals t_finishedBy t_finishes t_intersects
t_meets t_metBy t_overlappedBy t_overlaps t_startedBy t_starts
a_containedBy a_contains a_equals a_overlaps"""
_ARITY = {
    **dict.fromkeys(_TWO.split(), (2, 2)),
    **dict.fromkeys(("and", "or"), (2, 1000)),
    **dict.fromkeys(("not", "isNull", "casei", "accenti"), (1, 1)),
    "between": (3, 3),
}
"""Operators of CQL2 (OGC 21-065r2) and how many arguments each takes."""

_VALUES = frozenset({"casei", "accenti", "+", "-", "*", "/", "^", "%", "div"})
_REGION_POINTS = 20_000
# The parser's time doubles with each level of parentheses of a text that it cannot parse.
_TEXT_DEPTH = 10
_LONGEST = 20_000
_JSON_DEPTH = 16


def _wrong(detail: str, field: str, mend: str) -> Invalid:
    return Invalid(detail, field=field, mend=mend, rule="policy.value")


def names(value: Any, field: str) -> frozenset[str]:
    """One or several identifiers."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(i, str) and _NAME.fullmatch(i) for i in items):
        raise _wrong("this must be one or more names", field, "use letters, digits and -_.:/#@+")
    return frozenset(items)


def columns(value: Any, field: str) -> frozenset[str]:
    """Names of property columns; those that the store keeps for itself are not among them."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(i, str) and 0 < len(i) <= 200 for i in items):
        raise _wrong("this must be one or more column names", field, "name columns of the resource")
    for name in RESERVED & set(items):
        raise Invalid(
            "“{column}” is not a property: it is kept by the store",
            field=field,
            mend="use “grid” or “spatial” for geometry",
            rule="policy.value",
            column=name,
        )
    return frozenset(items)


def whole(value: Any, field: str, least: int = 0) -> int:
    """A whole number from ``least`` to 2^53 - 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
        raise _wrong(
            "this must be a whole number",
            field,
            "count from 0, or from 1 where nothing makes no sense",
        )
    return value


def version_numbers(value: Any, field: str) -> frozenset[int]:
    """Numbers of versions, from 1."""
    items = value if isinstance(value, list) else [value]
    if not items:
        raise _wrong("this must be one or more version numbers", field, "number them from 1")
    return frozenset(whole(item, field, least=1) for item in items)


def grid(value: Any, field: str) -> float:
    """A grid size in metres."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.01 <= value <= 1e6:
        raise _wrong("this must be a size in metres", field, "from 0.01 to 1000000")
    return float(value)


def networks(value: Any, field: str) -> frozenset[str]:
    """One or several networks in CIDR notation."""
    items = value if isinstance(value, list) else [value]
    try:
        found = frozenset(str(network(item)) for item in items if isinstance(item, str))
    except ValueError:
        found = frozenset()
    if not found or len(found) < len(items):
        raise _wrong("this must be one or more networks", field, "such as 10.0.0.0/8")
    return found


def divisions(value: Any, field: str) -> frozenset[str]:
    """One or several codes of administrative divisions, or their first digits."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(i, str) and _DIVISION.fullmatch(i) for i in items):
        raise _wrong("this must be codes of divisions", field, "2 to 12 digits, GB/T 2260")
    return frozenset(items)


def environments(value: Any, field: str) -> frozenset[str]:
    """An environment by its name."""
    if not isinstance(value, str) or value not in ENVIRONMENTS:
        raise _wrong("there is no such environment", field, "use “node” or “tls”")
    return frozenset({value})


def connectors(value: Any, field: str) -> frozenset[str]:
    """One or several connectors, by their names as participants."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(i, str) and _PARTICIPANT.fullmatch(i) for i in items):
        raise _wrong("this must be names of connectors", field, "as quanyu peers list shows them")
    return frozenset(items)


def epsilon(value: Any, field: str) -> float:
    """A privacy loss: a number from 0.001 to 100."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.001 <= value <= 100:
        raise _wrong("this must be a privacy loss", field, "a number from 0.001 to 100")
    return float(value)


_MOST_VALUES = 1000


def noise(value: Any, field: str) -> tuple[Noise, float]:
    """Noise and the budget of all questions: ``epsilon`` of a question, ``budget``, and ``bounds``
    of columns: ``least`` and ``most``, or ``values``."""
    needed = {"epsilon", "budget"}
    if not isinstance(value, Mapping) or not needed <= set(value) <= needed | {"bounds"}:
        raise _wrong(
            "this must have “epsilon”, “budget” and perhaps “bounds”", field, "give an object"
        )
    items = value.get("bounds", [])
    if not isinstance(items, list):
        raise _wrong("bounds are a list", field, "give one object for each column")
    found = tuple(_bounds(item, field) for item in items)
    columns([one.column for one in found] or ["-"], field)
    if len({one.column for one in found}) < len(found):
        raise _wrong("a column is bounded twice", field, "bound each once")
    each, budget = epsilon(value["epsilon"], field), epsilon(value["budget"], field)
    if each > budget:
        raise _wrong("one question costs more than the budget", field, "raise the budget")
    return Noise(each, found), budget


def _bounds(item: Any, field: str) -> Bounds:
    if isinstance(item, Mapping) and isinstance(item.get("column"), str):
        name, rest = item["column"], set(item) - {"column"}
        if rest == {"values"}:
            values = item["values"]
            if (
                isinstance(values, list)
                and 0 < len(values) <= _MOST_VALUES
                and all(isinstance(one, str) for one in values)
                and len(set(values)) == len(values)
            ):
                return Bounds(name, values=tuple(values))
        elif rest == {"least", "most"}:
            ends = item["least"], item["most"]
            plain = all(isinstance(one, int | float) and abs(one) <= _MOST for one in ends)
            if plain and not any(isinstance(one, bool) for one in ends) and ends[0] < ends[1]:
                return Bounds(name, float(ends[0]), float(ends[1]))
    raise _wrong(
        "bounds are a column with “least” and “most”, or with “values”",
        field,
        "such as {column: height, least: 0, most: 100}",
    )


def instant(value: Any, field: str) -> datetime:
    """An instant with its offset (xsd:dateTime)."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None and "T" in value:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _wrong("this must be an instant with its offset", field, "such as 2027-01-01T00:00:00Z")


def interval(value: Any, field: str) -> Interval:
    """``start/end`` (ISO 8601), ``..`` for an open end."""
    parts = value.split("/") if isinstance(value, str) else []
    if len(parts) != 2:
        raise _wrong(
            "this must be an interval", field, "such as 2020-01-01T00:00:00Z/.. (.. is an open end)"
        )
    start, end = (None if part in ("..", "") else instant(part, field) for part in parts)
    if start is not None and end is not None and end < start:
        raise _wrong("this must be an interval that ends after it starts", field, "swap the two")
    return start, end


def region(value: Any, field: str) -> dict[str, Any]:
    """A GeoJSON Polygon or MultiPolygon in CRS84."""
    if isinstance(value, Mapping) and value.get("type") in ("Polygon", "MultiPolygon"):
        try:
            found = shape(value)
            bounds = found.bounds
        except (
            shapely.errors.ShapelyError,
            ValueError,
            TypeError,
            KeyError,
            IndexError,
            AttributeError,
        ):
            bounds = ()
        if (
            len(bounds) == 4
            and all(math.isfinite(b) for b in bounds)
            and shapely.get_num_coordinates(found) <= _REGION_POINTS
            and bounds[0] >= -180
            and bounds[1] >= -90
            and bounds[2] <= 180
            and bounds[3] <= 90
            and found.is_valid
            and found.area > 0
        ):
            plain = mapping(shapely.normalize(shapely.force_2d(found)))
            document: dict[str, Any] = orjson.loads(orjson.dumps(plain))
            return document
    raise _wrong(
        "this must be a valid GeoJSON Polygon or MultiPolygon in longitude and latitude",
        field,
        "bring the region in OGC:CRS84, with an area",
    )


def mask(value: Any, field: str) -> tuple[Column, ...]:
    """One or several ``{"column", "mask", "step"}``."""
    items = value if isinstance(value, list) else [value]
    found = []
    for item in items:
        if not isinstance(item, Mapping) or not set(item) <= {"column", "mask", "step"}:
            raise _wrong(
                "this must be objects with column, mask and step",
                field,
                "leave out other properties",
            )
        (name,) = (
            columns(item.get("column"), field) if isinstance(item.get("column"), str) else ("",)
        )
        if not name or item.get("mask") not in list(Mask):
            raise _wrong(
                "this must be a column and a mask", field, "masks: keep-last-4, hash, round, mark"
            )
        kind, step = Mask(item["mask"]), item.get("step")
        number = isinstance(step, int | float) and not isinstance(step, bool)
        if (kind in (Mask.ROUND, Mask.MARK)) != (step is not None) or (
            step is not None and not number
        ):
            raise _wrong(
                "this must be a step for “round” and “mark”, and only for them",
                field,
                "give a positive number",
            )
        if step is not None and not 0 < step <= _MOST:
            raise _wrong("this must be a positive step", field, "give a positive number")
        found.append(Column(name, kind, None if step is None else float(step)))
    if not found:
        raise _wrong("this must be one or more masks", field, "name a column and a mask")
    return tuple(found)


def cql2(value: Any, field: str) -> Cql2:
    """A CQL2 filter, text or JSON, as CQL2-JSON; functions of one's own are not allowed."""
    text = isinstance(value, str)
    if _depth(value) > (_TEXT_DEPTH if text else _JSON_DEPTH) or (text and len(value) > _LONGEST):
        raise _wrong("this must be a CQL2 filter of moderate depth", field, "nest less deeply")
    try:
        document = parse_filter(value, lang="cql2-text" if text else "cql2-json")
    except (Invalid, orjson.JSONEncodeError) as error:
        raise _wrong(
            "this must be a CQL2 filter", field, "see OGC 21-065r2; text or JSON"
        ) from error
    if document.get("op") in {None, *_VALUES}:
        raise _wrong("this must be a CQL2 filter", field, "begin with a comparison")
    _check_operators(document, field)
    return document


def _depth(value: Any) -> int:
    """How deep a filter is nested: parentheses of a text, ``op`` within ``op`` of JSON."""
    deepest = 0
    if isinstance(value, str):
        level = 0
        for character in value:
            level += {"(": 1, ")": -1}.get(character, 0)
            deepest = max(deepest, level)
        return deepest
    waiting = [(value, 0)]
    while waiting:
        item, level = waiting.pop()
        deepest = max(deepest, level)
        if isinstance(item, Mapping):
            waiting.extend((inner, level + ("op" in item)) for inner in item.values())
        elif isinstance(item, list):
            waiting.extend((inner, level) for inner in item)
    return deepest


def _check_operators(document: Any, field: str) -> None:
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, Mapping):
            operator, arguments = item.get("op"), item.get("args")
            if operator is not None and operator not in _ARITY:
                raise unknown(operator, field)
            least, most = _ARITY[operator] if operator is not None else (0, 0)
            if operator is not None and not (
                isinstance(arguments, list) and least <= len(arguments) <= most
            ):
                raise _wrong(
                    "this must be a CQL2 filter", field, "give each operator its arguments"
                )
            waiting.extend(item.values())
