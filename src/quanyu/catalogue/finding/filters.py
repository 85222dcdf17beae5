"""CQL2 (OGC 21-065) over what the catalogue keeps in columns, as conditions for the store.

Values always travel as parameters. What cannot be compared is refused by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from math import isfinite
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
)
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.candidates import entry, facet
from quanyu.catalogue.finding.listed import is_sqlite
from quanyu.catalogue.finding.marks import mark
from quanyu.catalogue.finding.values import numbers_of
from quanyu.kernel import Invalid, Moment

CODED = {
    "type": "kind",
    "theme": "theme",
    "access": "access",
    "provider": "provider",
    "format": "format",
    "license": "licence",
    "updateCycle": "cycle",
    "grade": "grade",
}
"""Properties with few values, and the facet that keeps each."""
NAMED = ("id", "externalId", "slug", "title")
DATED = ("created", "updated")
PLACED, TIMED = "geometry", "time"
FILTERABLE = (*CODED, *NAMED, *DATED, PLACED, TIMED)

_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_DEEPEST, _LONGEST_LIST = 40, 1_000

Expression = Mapping[str, Any]
Condition = ColumnElement[bool]


@dataclass(slots=True)
class Conditions:
    """A filter in the parts that the search knows how to use (see ``Narrowing``)."""

    values: list[tuple[int, ...]] = field(default_factory=list)
    tags: list[tuple[str, ...]] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    of_entry: list[Condition] = field(default_factory=list)


def conditions_of(session: Session, expression: Expression) -> Conditions:
    """The conditions that a filter (CQL2-JSON) states.

    Raises :class:`Invalid` on ``filter`` for a property, an operator or a value that the catalogue
    cannot compare.
    """
    found = Conditions()
    for part in _conjuncts(expression):
        values = _listed(part)
        if values is not None:
            # The index finds these itself.
            numbers = numbers_of(session, values)
            if numbers:
                found.values.append(tuple(sorted(numbers.values())))
            else:
                found.conditions.append(false())
        else:
            found.of_entry.append(_Reader(session).read(part, _DEEPEST))
    return found


def _conjuncts(expression: Any) -> list[Any]:
    if _op(expression) == "and":
        return [part for one in expression["args"] for part in _conjuncts(one)]
    return [expression]


def _listed(expression: Any) -> list[tuple[str, str]] | None:
    """The facet values of which an entry must have one, when that is all that is said."""
    match expression:
        case {"op": "=", "args": [{"property": str(name)}, str(value)]} if name in CODED:
            return [_coded(name, value)]
        case {"op": "in", "args": [{"property": str(name)}, [*values]]} if name in CODED:
            return [_coded(name, _text(value)) for value in values[:_LONGEST_LIST]]
    return None


def _coded(name: str, value: str) -> tuple[str, str]:
    return CODED[name], value.upper() if name == "format" else value


@dataclass(frozen=True, slots=True)
class _Reader:
    session: Session

    def read(self, expression: Any, depth: int) -> Condition:
        if isinstance(expression, bool):
            return literal(expression, Boolean)
        if depth == 0:
            raise _unsupported("this depth of nesting")
        whole = _whole(expression)
        op, args = whole["op"], whole["args"]
        if op in {"and", "or"}:
            parts = [self.read(one, depth - 1) for one in args]
            return and_(*parts) if op == "and" else or_(*parts)
        if op == "not":
            return not_(self.read(args[0], depth - 1))
        return self._predicate(op, args)

    def _predicate(self, op: str, args: Sequence[Any]) -> Condition:
        if op in _COMPARED and len(args) == 2 and not _is_property(args[0]):
            # 3 < x says x > 3.
            turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
            op, args = turned, [args[1], args[0]]
        name, casei = _property(args[0] if args else None)
        values = list(args[1:])
        if name in CODED:
            return self._has(name, op, values, casei)
        if name in NAMED:
            return self._of_text(name, op, values, casei)
        if name in DATED:
            return _of_moment(
                entry.c.created_at if name == "created" else facet.c.updated_at, op, values
            )
        if name == PLACED:
            return _of_place(op, values)
        if name == TIMED:
            return _of_time(op, values)
        raise Invalid(
            "there is no property “{name}”",
            field="filter",
            mend="use these: {names}",
            name=name[:80],
            names=", ".join(FILTERABLE),
        )

    def _has(self, name: str, op: str, values: Sequence[Any], casei: bool) -> Condition:
        if casei or op not in {"=", "<>", "in", "isNull"}:
            raise _unsupported(f"{op} of {name}")
        if op == "isNull":
            raise _unsupported(f"isNull of {name}")
        listed = values[0] if op == "in" else values
        numbers = numbers_of(self.session, [_coded(name, _text(v)) for v in listed])
        position = func.instr if is_sqlite(self.session) else func.strpos
        has = [position(facet.c.marks, literal(mark(one))) > 0 for one in numbers.values()]
        one_of = or_(*has) if has else false()
        return not_(one_of) if op == "<>" else one_of

    def _of_text(self, name: str, op: str, values: Sequence[Any], casei: bool) -> Condition:
        if name != "title":
            column = {"id": entry.c.id, "externalId": entry.c.code, "slug": entry.c.slug}[name]
            return _compare_text(column, op, values, casei)
        # A title is there in two languages; either may be meant.
        sides = [_compare_text(self._title(tag), op, values, casei) for tag in ("zh", "en")]
        return and_(*sides) if op in {"<>", "isNull"} else or_(*sides)

    def _title(self, language: str) -> ColumnElement[str]:
        if is_sqlite(self.session):
            return func.json_extract(entry.c.body, f"$.title.{language}")
        return func.jsonb_extract_path_text(entry.c.body, "title", language)


def _compare_text(
    column: ColumnElement[Any], op: str, values: Sequence[Any], casei: bool
) -> Condition:
    if op == "isNull":
        return column.is_(None)
    side: ColumnElement[Any] = func.lower(column) if casei else column

    def said(value: Any) -> str:
        text = _text(value["args"][0] if _op(value) == "casei" else value)
        return text.lower() if casei else text

    if op == "in":
        return side.in_([said(value) for value in values[0][:_LONGEST_LIST]])
    if op == "between":
        return side.between(said(values[0]), said(values[1]))
    if op == "like":
        return side.like(said(values[0]), escape="\\")
    if op in _COMPARED:
        compared: Condition = _COMPARED[op](side, said(values[0]))
        return compared
    raise _unsupported(op)


def _of_moment(column: ColumnElement[Any], op: str, values: Sequence[Any]) -> Condition:
    if op == "between":
        return column.between(_moment(values[0]), _moment(values[1], last=True))
    if op == "isNull":
        return column.is_(None)
    comparison = {"t_after": ">", "t_before": "<", "t_equals": "="}.get(op, op)
    if comparison not in _COMPARED or len(values) != 1:
        raise _unsupported(op)
    late = comparison in {"<=", ">"}
    compared: Condition = _COMPARED[comparison](
        column, literal(_moment(values[0], last=late), Moment)
    )
    return compared


def _of_time(op: str, values: Sequence[Any]) -> Condition:
    start, end = facet.c.from_at, facet.c.to_at
    if op == "isNull":
        return start.is_(None)
    if op not in {"t_intersects", "anyinteracts", "t_after", "t_before", "t_during"}:
        raise _unsupported(f"{op} of {TIMED}")
    first, last = _span(values[0] if values else None)
    match op:
        case "t_after":
            return start > last
        case "t_before":
            return end < first
        case "t_during":
            return and_(start > first, end < last)
    return and_(start <= last, end >= first)


def _of_place(op: str, values: Sequence[Any]) -> Condition:
    if op == "isNull":
        return facet.c.west.is_(None)
    box = _box(values[0] if values else None)
    if op != "s_intersects" or box is None:
        raise Invalid(
            "the extents of records can be met with a point or a box only",
            field="filter",
            mend="give S_INTERSECTS(geometry, BBOX(west, south, east, north))",
        )
    west, south, east, north = box
    column = facet.c
    return and_(
        column.west <= east, column.east >= west, column.south <= north, column.north >= south
    )


def _box(value: Any) -> tuple[float, float, float, float] | None:
    """The box that a literal is, when it is one: a bbox, a point, or an upright rectangle."""
    match value:
        case {"bbox": [west, south, east, north]}:
            numbers = (west, south, east, north)
        case {"type": "Point", "coordinates": [x, y, *_]}:
            numbers = (x, y, x, y)
        case {"type": "Polygon", "coordinates": [[*ring]]} if len(ring) == 5:
            xs, ys = {p[0] for p in ring}, {p[1] for p in ring}
            if len(xs) != 2 or len(ys) != 2 or len({tuple(p[:2]) for p in ring}) != 4:
                return None
            numbers = (min(xs), min(ys), max(xs), max(ys))
        case _:
            return None
    if not all(isinstance(n, int | float) and isfinite(n) for n in numbers):
        return None
    return numbers


def _span(value: Any) -> tuple[float, float]:
    match value:
        case {"interval": [start, end]}:
            first = -1e13 if start == ".." else _moment(start).timestamp()
            last = 1e13 if end == ".." else _moment(end, last=True).timestamp()
            return first, last
    return _moment(value).timestamp(), _moment(value, last=True).timestamp()


def _moment(value: Any, *, last: bool = False) -> datetime:
    """An instant; of a date its beginning, or its end with ``last``."""
    match value:
        case {"timestamp": str(text)} | {"date": str(text)} | str(text):
            pass
        case _:
            raise _no_time(value)
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime.combine(day, time.max if last else time.min, UTC)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_time(text) from error
    if moment.tzinfo is None:
        raise _no_time(text)
    return moment


def _whole(expression: Any) -> Expression:
    match expression:
        case {"op": str(), "args": [*_]}:
            whole: Expression = expression
            return whole
    raise _unsupported("this expression")


def _op(value: Any) -> str | None:
    return value.get("op") if isinstance(value, Mapping) else None


def _is_property(value: Any) -> bool:
    if _op(value) == "casei":
        return _is_property(value["args"][0])
    return isinstance(value, Mapping) and "property" in value


def _property(value: Any) -> tuple[str, bool]:
    match value:
        case {"property": str(name)}:
            return name, False
        case {"op": "casei", "args": [{"property": str(name)}]}:
            return name, True
    raise _unsupported("a comparison without a property on its left")


def _text(value: Any) -> str:
    if isinstance(value, str) and value.isprintable():
        return value
    raise Invalid(
        "this can be compared with text only",
        field="filter",
        mend="put the value in quotes",
    )


def _unsupported(what: str) -> Invalid:
    return Invalid(
        "filters of the catalogue cannot say {what}",
        field="filter",
        mend="use AND, OR, NOT, =, <>, <, >, IN, BETWEEN, LIKE, IS NULL, CASEI, S_INTERSECTS,"
        " T_INTERSECTS, T_BEFORE, T_AFTER, T_DURING over the queryables",
        what=what[:80],
    )


def _no_time(value: Any) -> Invalid:
    return Invalid(
        "“{value}” is no time",
        field="filter",
        mend="give DATE('2026-01-31') or TIMESTAMP('2026-01-31T00:00:00Z')",
        value=str(value)[:60],
    )
