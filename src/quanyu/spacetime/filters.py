"""CQL2 expressions into parametrised DuckDB SQL, by an allowlist of operators.

Values become parameters; names become quoted columns out of the given scope; everything else is
refused by name. Nothing here raises inside the engine on a row's value, so an error can tell a
caller nothing about rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import shapely

from quanyu.kernel import Invalid, now
from quanyu.spacetime.engine import identifier
from quanyu.spacetime.filter_parse import unknown_property
from quanyu.spacetime.filter_time import RELATIONS, moment, relation
from quanyu.spacetime.model import CRS84, FID, GEOMETRY, VALID, Cql2, Field, FieldType
from quanyu.spacetime.projection import project, window

_MOST_DEEP = 64
_ENDS = (False, True)  # whether an end of an interval is the last one


class Kind(StrEnum):
    """What an expression is, for checks before the engine sees it."""

    STRING = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    INSTANT = "a date or time"
    INTERVAL = "an interval"
    GEOMETRY = "a geometry"
    ARRAY = "an array"
    BINARY = "binary data"


_KINDS = {
    FieldType.STRING: Kind.STRING,
    FieldType.INTEGER: Kind.NUMBER,
    FieldType.NUMBER: Kind.NUMBER,
    FieldType.BOOLEAN: Kind.BOOLEAN,
    FieldType.DATE: Kind.INSTANT,
    FieldType.DATETIME: Kind.INSTANT,
    FieldType.BINARY: Kind.BINARY,
    FieldType.JSON: Kind.STRING,
}
COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
ARITHMETIC = {"+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "div": "//", "^": "**"}
SPATIAL = {
    "s_intersects": "ST_Intersects",
    "s_within": "ST_Within",
    "s_contains": "ST_Contains",
    "s_disjoint": "ST_Disjoint",
    "s_touches": "ST_Touches",
    "s_overlaps": "ST_Overlaps",
    "s_crosses": "ST_Crosses",
    "s_equals": "ST_Equals",
}
ARRAYS = {
    "a_contains": "list_has_all({a}, {b})",
    "a_containedby": "list_has_all({b}, {a})",
    "a_overlaps": "list_has_any({a}, {b})",
    "a_equals": "(list_has_all({a}, {b}) AND list_has_all({b}, {a}))",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that is true of the rows wanted, and the values of its parameters."""

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Term:
    sql: str
    kind: Kind
    end: str | None = None  # of an interval; ``sql`` is its start
    bounds: tuple[float, float, float, float] | None = None  # of a literal geometry


def compile_filter(
    expression: Cql2,
    fields: Sequence[Field],
    *,
    geometry: bool,
    crs: str = CRS84,
    prefix: str = "f",
) -> Condition:
    """The SQL of a filter over columns ``fields`` (and geometry, when there is one).

    ``crs`` is that of coordinates in the filter; ``prefix`` keeps parameters of several filters
    apart. Raises ``Invalid`` (field ``filter``).
    """
    compiler = _Compiler(fields, geometry, crs, prefix)
    term = compiler.term(expression)
    if term.kind is not Kind.BOOLEAN:
        raise _wrong("a filter is true or false of each feature", got=term.kind)
    return Condition(f"({term.sql})", compiler.params)


class _Compiler:
    def __init__(self, fields: Sequence[Field], geometry: bool, crs: str, prefix: str) -> None:
        self.params: dict[str, Any] = {}
        self._crs = crs
        self._prefix = prefix
        self._depth = 0
        self._columns = {f.name: _column(f) for f in fields}
        self._columns[FID] = _Term(FID, Kind.STRING)
        self._columns |= {name: _Term(name, Kind.INSTANT) for name in VALID}
        if geometry:
            self._columns[GEOMETRY] = _Term(f"ST_GeomFromWKB({GEOMETRY})", Kind.GEOMETRY)

    def term(self, node: object) -> _Term:
        self._depth += 1
        if self._depth > _MOST_DEEP:
            raise _wrong("the filter is nested deeper than {most} levels", most=_MOST_DEEP)
        try:
            return self._node(node)
        finally:
            self._depth -= 1

    def _node(self, node: Any) -> _Term:
        match node:
            case bool():
                term = _Term("TRUE" if node else "FALSE", Kind.BOOLEAN)
            case int() | float():
                term = _Term(self._value(_number(node)), Kind.NUMBER)
            case str():
                term = _Term(self._value(node), Kind.STRING)
            case list():
                term = self._array(node)
            case {"op": name}:
                term = self._operation(str(name).lower(), node.get("args", []))
            case {"property": name}:
                term = self._property(name)
            case {"date": text} | {"timestamp": text}:
                term = _Term(self._value(moment(text)), Kind.INSTANT)
            case {"interval": ends}:
                term = self._interval(ends)
            case {"bbox": _} | {"type": _}:
                term = self._geometry(dict(node))
            case _:
                raise _wrong("the filter holds something that is no CQL2: {what}", what=str(node))
        return term

    def _operation(self, name: str, args: object) -> _Term:
        handler = _HANDLERS.get(name)
        if handler is None:
            raise Invalid(
                "there is no function “{name}” here",
                field="filter",
                mend="use one of: {known}",
                name=name,
                known=", ".join(sorted(_HANDLERS)),
            )
        least, most, method = handler
        if not isinstance(args, list) or not least <= len(args) <= most:
            raise _wrong("“{name}” does not take that many operands", name=name)
        return method(self, name, args)

    def _property(self, name: object) -> _Term:
        column = self._columns.get(str(name))
        if column is None:
            raise unknown_property(str(name), self._columns, "filter")
        return column

    def _value(self, value: object) -> str:
        name = f"{self._prefix}{len(self.params)}"
        self.params[name] = value
        return f"${name}"

    def _interval(self, ends: object) -> _Term:
        if not isinstance(ends, list) or len(ends) != 2:
            raise _wrong("an interval has two ends")
        start, end = (
            self._end(value, last) for value, last in zip(ends, (False, True), strict=True)
        )
        return _Term(start, Kind.INTERVAL, end=end)

    def _end(self, value: object, last: bool) -> str:
        if isinstance(value, Mapping) and value.keys() & {"date", "timestamp"}:
            value = value.get("date", value.get("timestamp"))
        open_end = f"'{'' if last else '-'}infinity'::TIMESTAMPTZ"
        if value is None or value == "..":
            return open_end
        if isinstance(value, str):
            return self._value(moment(value, end=last))
        term = self._instant(self.term(value))
        return f"coalesce({term.sql}, {open_end})"

    def _instant(self, term: _Term) -> _Term:
        """``term`` as an instant: text beside a date is read as one."""
        if term.kind is Kind.STRING and term.sql[1:] in self.params:
            self.params[term.sql[1:]] = moment(self.params[term.sql[1:]])
            return _Term(term.sql, Kind.INSTANT)
        if term.kind is not Kind.INSTANT:
            raise _wrong("{got} stands where a date or time belongs", got=term.kind)
        return term

    def _geometry(self, node: Mapping[str, Any]) -> _Term:
        try:
            if "bbox" in node:
                shape = window(tuple(float(number) for number in node["bbox"]), self._crs)[0]
            else:
                import orjson

                found = shapely.from_geojson(orjson.dumps(node))
                shape = project(np.array([found], dtype=object), self._crs, inverse=True)[0]
        except (shapely.errors.ShapelyError, TypeError, ValueError) as error:
            raise _wrong("the filter holds a geometry that cannot be read") from error
        if shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
            raise _wrong("the filter holds a geometry that is empty or outside of its CRS")
        value = self._value(shapely.to_wkb(shape))
        return _Term(f"ST_GeomFromWKB({value})", Kind.GEOMETRY, bounds=shape.bounds)

    def _array(self, items: list[Any]) -> _Term:
        if not all(isinstance(item, str | int | float | bool) for item in items):
            raise _wrong("an array in a filter holds plain values only")
        texts = [_json_text(item) for item in items]
        return _Term(f"CAST({self._value(texts)} AS VARCHAR[])", Kind.ARRAY)

    def logic(self, name: str, args: list[Any]) -> _Term:
        terms = [self._of(Kind.BOOLEAN, arg).sql for arg in args]
        if name == "not":
            return _Term(f"(NOT {terms[0]})", Kind.BOOLEAN)
        return _Term("(" + f" {name.upper()} ".join(terms) + ")", Kind.BOOLEAN)

    def compare(self, name: str, args: list[Any]) -> _Term:
        left, right = self._alike(*(self.term(arg) for arg in args))
        if left.kind in (Kind.GEOMETRY, Kind.INTERVAL, Kind.ARRAY, Kind.BINARY):
            raise _wrong("{got} cannot be compared with “{name}”", got=left.kind, name=name)
        return _Term(f"({left.sql} {name} {right.sql})", Kind.BOOLEAN)

    def between(self, _name: str, args: list[Any]) -> _Term:
        value, low = self._alike(self.term(args[0]), self.term(args[1]))
        value, high = self._alike(value, self.term(args[2]))
        if value.kind not in (Kind.NUMBER, Kind.INSTANT, Kind.STRING):
            raise _wrong("{got} has no order for BETWEEN", got=value.kind)
        return _Term(f"({value.sql} BETWEEN {low.sql} AND {high.sql})", Kind.BOOLEAN)

    def is_in(self, _name: str, args: list[Any]) -> _Term:
        if not isinstance(args[1], list) or not args[1]:
            raise _wrong("IN wants a list of values")
        value = self.term(args[0])
        items = []
        for arg in args[1]:
            value, item = self._alike(value, self.term(arg))
            items.append(item.sql)
        return _Term(f"({value.sql} IN ({', '.join(items)}))", Kind.BOOLEAN)

    def is_null(self, _name: str, args: list[Any]) -> _Term:
        return _Term(f"({self.term(args[0]).sql} IS NULL)", Kind.BOOLEAN)

    def like(self, _name: str, args: list[Any]) -> _Term:
        left, right = (self._of(Kind.STRING, arg).sql for arg in args)
        return _Term(f"({left} LIKE {right} ESCAPE '\\')", Kind.BOOLEAN)

    def fold(self, name: str, args: list[Any]) -> _Term:
        inner = self._of(Kind.STRING, args[0]).sql
        if name == "accenti":
            return _Term(f"strip_accents({inner})", Kind.STRING)
        # Full case folding (Unicode 3.13): lower case, and the two letters that fold otherwise.
        return _Term(f"replace(replace(lower({inner}), 'ß', 'ss'), 'ς', 'σ')", Kind.STRING)

    def arithmetic(self, name: str, args: list[Any]) -> _Term:
        left, right = (f"CAST({self._of(Kind.NUMBER, arg).sql} AS DOUBLE)" for arg in args)
        if name == "div":
            return _Term(f"TRY(trunc({left} / nullif({right}, 0)))", Kind.NUMBER)
        if name in ("/", "%"):
            right = f"nullif({right}, 0)"
        return _Term(f"TRY({left} {ARITHMETIC[name]} {right})", Kind.NUMBER)

    def spatial(self, name: str, args: list[Any]) -> _Term:
        left, right = (self._of(Kind.GEOMETRY, arg) for arg in args)
        exact = f"{SPATIAL[name]}({left.sql}, {right.sql})"
        bounds = left.bounds or right.bounds
        if name == "s_disjoint" or bounds is None or GEOMETRY not in (left.sql + right.sql):
            return _Term(exact, Kind.BOOLEAN)
        # Said of the box columns too, so that the engine can skip files and row groups.
        west, south, east, north = (self._value(bound) for bound in bounds)
        near = f"xmax >= {west} AND xmin <= {east} AND ymax >= {south} AND ymin <= {north}"
        return _Term(f"({near} AND {exact})", Kind.BOOLEAN)

    def temporal(self, name: str, args: list[Any]) -> _Term:
        pairs = []
        for arg in args:
            term = self.term(arg)
            if term.kind is not Kind.INTERVAL:
                term = self._instant(term)
            pairs.append((term.sql, term.end or term.sql))
        return _Term(relation(name, pairs[0], pairs[1]), Kind.BOOLEAN)

    def arrays(self, name: str, args: list[Any]) -> _Term:
        left, right = (self._list(self.term(arg)) for arg in args)
        return _Term(ARRAYS[name].format(a=left, b=right), Kind.BOOLEAN)

    def present(self, _name: str, _args: list[Any]) -> _Term:
        return _Term(self._value(now()), Kind.INSTANT)

    def _list(self, term: _Term) -> str:
        if term.kind is Kind.ARRAY:
            return term.sql
        if term.kind is Kind.STRING:
            return f"TRY_CAST(TRY_CAST({term.sql} AS JSON) AS VARCHAR[])"
        raise _wrong("{got} stands where an array belongs", got=term.kind)

    def _of(self, kind: Kind, node: object) -> _Term:
        term = self.term(node)
        if term.kind is not kind:
            raise _wrong("{got} stands where {wanted} belongs", got=term.kind, wanted=kind)
        return term

    def _alike(self, left: _Term, right: _Term) -> tuple[_Term, _Term]:
        if left.kind is Kind.INSTANT and right.kind is Kind.STRING:
            right = self._instant(right)
        elif right.kind is Kind.INSTANT and left.kind is Kind.STRING:
            left = self._instant(left)
        if left.kind is not right.kind:
            raise _wrong("{left} cannot be compared with {right}", left=left.kind, right=right.kind)
        return left, right


_Handler = tuple[int, int, Callable[[_Compiler, str, list[Any]], _Term]]
_HANDLERS: dict[str, _Handler] = {
    "and": (1, 10_000, _Compiler.logic),
    "or": (1, 10_000, _Compiler.logic),
    "not": (1, 1, _Compiler.logic),
    **dict.fromkeys(COMPARISONS, (2, 2, _Compiler.compare)),
    "between": (3, 3, _Compiler.between),
    "in": (2, 2, _Compiler.is_in),
    "isnull": (1, 1, _Compiler.is_null),
    "like": (2, 2, _Compiler.like),
    "casei": (1, 1, _Compiler.fold),
    "accenti": (1, 1, _Compiler.fold),
    **dict.fromkeys(ARITHMETIC, (2, 2, _Compiler.arithmetic)),
    **dict.fromkeys(SPATIAL, (2, 2, _Compiler.spatial)),
    **dict.fromkeys(RELATIONS, (2, 2, _Compiler.temporal)),
    **dict.fromkeys(ARRAYS, (2, 2, _Compiler.arrays)),
    "now": (0, 0, _Compiler.present),
}
FUNCTIONS = frozenset(_HANDLERS)


def _column(column: Field) -> _Term:
    sql = identifier(column.name)
    if column.type is FieldType.DATE:
        sql = f"CAST({sql} AS TIMESTAMPTZ)"
    return _Term(sql, _KINDS[column.type])


def _number(value: float) -> float | int:
    # The parser makes every number a double; a whole one compares with integers as an integer.
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value


def _json_text(item: object) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    return str(_number(item)) if isinstance(item, int | float) else str(item)


def _wrong(detail: str, **params: Any) -> Invalid:
    return Invalid(
        detail,
        field="filter",
        mend="see the properties and their types under queryables",
        **params,
    )
