"""What is asked of observations and entities, without SQL: expressions, and how they compile.

Whoever has columns compiles the same expression: the control store over entities, the store of
observations over its rows. Values become bound parameters; a set of numbers is one parameter,
however large it is. Functions are those of OData 4.0 that SensorThings 1.1 names (OGC 18-088,
table 23).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from quanyu.kernel import Invalid, Moment

Dialect: TypeAlias = Literal["sqlite", "postgresql", "duckdb"]
Scalar: TypeAlias = str | int | float | bool | datetime | None


@dataclass(frozen=True, slots=True)
class Value:
    """A literal; times are aware."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Column:
    """A column of what is asked: of an observation ``datastream``, ``start``, ``end``, ``key``,
    ``number``, ``text``, ``json``, ``result_time``, ``quality``, ``valid_start`` … ``feature``."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function by its OData name (``and``, ``eq``, ``add``, ``contains`` …)."""

    name: str
    args: tuple["Expression", ...]


@dataclass(frozen=True, slots=True, eq=False)
class Among:
    """Whether a column is one of ``numbers``, which may be a million."""

    column: str
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a JSON column by its steps, as ``kind``: of another kind it is not there."""

    column: str
    steps: tuple[str, ...]
    kind: Literal["text", "number", "boolean"] = "text"


@dataclass(frozen=True, slots=True, eq=False)
class Rank:
    """The place of a column's number in a list, for ordering; only of observations."""

    column: str
    numbers: Sequence[int]


Expression: TypeAlias = Value | Column | Call | Among | Member | Rank

COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
ALL = Value(True)
NONE = Value(False)


def all_of(*parts: Expression) -> Expression:
    """The conjunction of ``parts``, shortened."""
    left = [part for part in parts if part != ALL]
    if any(part == NONE for part in left):
        return NONE
    if not left:
        return ALL
    return left[0] if len(left) == 1 else Call("and", tuple(left))


def any_of(*parts: Expression) -> Expression:
    """The disjunction of ``parts``, shortened."""
    left = [part for part in parts if part != NONE]
    if any(part == ALL for part in left):
        return ALL
    if not left:
        return NONE
    return left[0] if len(left) == 1 else Call("or", tuple(left))


def columns_in(expression: Expression) -> set[str]:
    """The columns that an expression is about."""
    match expression:
        case Value():
            return set()
        case Column(name):
            return {name}
        case Call(_, args):
            return set().union(*(columns_in(one) for one in args))
        case Among(column, _) | Member(column, _, _) | Rank(column, _):
            return {column}


def compiled(
    expression: Expression, columns: Mapping[str, ColumnElement[Any]], dialect: Dialect
) -> ColumnElement[Any]:
    """SQL of an expression over ``columns``. For DuckDB compile what comes back with
    ``postgresql.dialect(paramstyle="numeric_dollar")``, whose words it shares.

    Raises :class:`Invalid` for a function that is not known or has another number of arguments.
    """
    match expression:
        case Value(value):
            return literal(value)
        case Column(name):
            return columns[name]
        case Among(column, numbers):
            return among(columns[column], numbers, dialect)
        case Member(column, steps, kind):
            whole = columns[column]
            if column == "quality":  # a client's own words may be no JSON
                whole = sa.case((sa.func.json_valid(whole), whole))
            return member(whole, steps, kind, dialect)
        case Rank(column, numbers):
            listed = sa.bindparam(None, [*map(int, numbers)], sa.ARRAY(sa.BigInteger))
            return sa.func.list_position(listed, columns[column], type_=sa.Integer())
        case Call(name, args):
            return call(name, [compiled(one, columns, dialect) for one in args], dialect)


def dialect_of(session: Session) -> Dialect:
    """The dialect of the store that a session is of."""
    return "postgresql" if session.get_bind().dialect.name == "postgresql" else "sqlite"


def literal(value: Scalar) -> ColumnElement[Any]:
    """A value as a bound parameter."""
    if value is None:
        return sa.null()
    if isinstance(value, bool):
        return sa.true() if value else sa.false()
    if isinstance(value, datetime):
        return sa.literal(value, Moment())
    return sa.literal(value)


def among(column: Any, numbers: Sequence[int], dialect: Dialect) -> ColumnElement[bool]:
    """Whether ``column`` is one of ``numbers``: one bound parameter, however many there are."""
    if not len(numbers):
        return sa.false()
    return among_named(column, None, dialect, numbers_bound(numbers, dialect))


def numbers_bound(numbers: Sequence[int], dialect: Dialect) -> Any:
    """Numbers as the value of one parameter."""
    listed = [int(number) for number in numbers]
    if dialect != "sqlite":
        return listed
    import orjson

    return orjson.dumps(listed).decode()


def among_named(
    column: Any, name: str | None, dialect: Dialect, value: Any = None
) -> ColumnElement[bool]:
    """:func:`among` the numbers in a parameter, for questions that are made once: its ``value`` is
    :func:`numbers_bound`."""
    if dialect == "sqlite":
        given = sa.bindparam(name, value, sa.Text)
        found = sa.func.json_each(given).table_valued("value")
        return sa.and_(column.in_(sa.select(found.c.value)))
    bound = sa.bindparam(name, value, sa.ARRAY(sa.BigInteger))
    if dialect == "duckdb":
        return sa.and_(column.in_(sa.select(sa.func.unnest(bound))))
    return sa.and_(column == sa.any_(bound))


def member(
    column: ColumnElement[Any],
    steps: Sequence[str],
    kind: Literal["text", "number", "boolean"],
    dialect: Dialect,
) -> ColumnElement[Any]:
    """A member of a JSON document, ``NULL`` where it is of another kind."""
    if dialect == "postgresql":
        return _member_of_jsonb(column, steps, kind)
    quoted = "".join(_step(one) for one in steps)
    path = sa.literal(f"${quoted}")
    found = sa.func.json_extract(column, path)
    type_of = sa.func.lower(sa.func.json_type(column, path))
    text: ColumnElement[Any] = sa.cast(found, sa.Text)
    if dialect == "duckdb":
        text = sa.func.json_extract_string(column, path, type_=sa.Text())
    known = {
        "text": ("text", "varchar"),
        "number": ("integer", "real", "bigint", "ubigint", "double"),
        "boolean": ("true", "false", "boolean"),
    }[kind]
    value: ColumnElement[Any] = text
    if kind == "number":
        value = sa.cast(text, sa.Double)
    elif kind == "boolean":
        value = text.in_([sa.literal_column(f"'{one}'", sa.Text()) for one in ("1", "true")])
    # Written out: what is bound in a list has no place in a condition of observations.
    kinds = [sa.literal_column(f"'{one}'", sa.Text()) for one in known]
    return sa.case((type_of.in_(kinds), value))


def _step(name: str) -> str:
    escaped = name.replace("\\", "").replace('"', "")
    return f"[{escaped}]" if escaped.isdecimal() else f'."{escaped}"'


def _member_of_jsonb(
    column: ColumnElement[Any], steps: Sequence[str], kind: str
) -> ColumnElement[Any]:
    path = sa.cast(sa.literal(list(steps), sa.ARRAY(sa.Text)), sa.ARRAY(sa.Text))
    found = column.op("#>")(path)
    text: ColumnElement[Any] = sa.cast(column.op("#>>")(path), sa.Text)
    type_of = sa.func.jsonb_typeof(found)
    if kind == "number":
        text = sa.cast(text, sa.Double)
    elif kind == "boolean":
        text = text == "true"
    return sa.case((type_of == {"text": "string"}.get(kind, kind), text))


def call(name: str, args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    """SQL of an operator or function over compiled arguments; raises :class:`Invalid`."""
    found = FUNCTIONS.get(name)
    if found is None:
        raise Invalid(
            "there is no function “{name}” here",
            field="$filter",
            mend="use one of: {known}",
            name=name[:60],
            known=", ".join(sorted(FUNCTIONS)),
        )
    least, most, make = found
    if not least <= len(args) <= most:
        raise Invalid(
            "the function {name} takes {least} to {most} arguments",
            field="$filter",
            mend="give it as many",
            name=name,
            least=least,
            most=most,
        )
    return make(args, dialect)


_Make: TypeAlias = Callable[[Sequence[ColumnElement[Any]], Dialect], ColumnElement[Any]]


def _comparison(name: str) -> _Make:
    def make(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
        left, right = args
        if isinstance(left, sa.sql.elements.Null):
            left, right = right, left
        if isinstance(right, sa.sql.elements.Null):
            if name == "eq":
                return left.is_(None)
            return left.is_not(None) if name == "ne" else sa.false()
        operators: dict[str, Callable[[], ColumnElement[Any]]] = {
            "eq": lambda: left == right,
            "ne": lambda: sa.func.coalesce(left != right, sa.true()),
            "gt": lambda: left > right,
            "ge": lambda: left >= right,
            "lt": lambda: left < right,
            "le": lambda: left <= right,
        }
        return operators[name]()

    return make


def _and(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    return sa.and_(*args)


def _or(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    return sa.or_(*args)


def _not(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    # OData has two values where SQL has three: what is not known to be true is not true.
    return sa.not_(sa.func.coalesce(args[0], sa.false()))


def _number(element: ColumnElement[Any]) -> ColumnElement[Any]:
    return sa.cast(element, sa.Double)


def _arithmetic(name: str) -> _Make:
    def make(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
        left, right = map(_number, args)
        match name:
            case "add":
                return left.op("+", return_type=sa.Double())(right)
            case "sub":
                return left.op("-", return_type=sa.Double())(right)
            case "mul":
                return left.op("*", return_type=sa.Double())(right)
            case "div":
                return left.op("/", return_type=sa.Double())(sa.func.nullif(right, 0.0))
            case _:
                divisor = sa.func.nullif(right, 0.0)
                quotient: ColumnElement[Any] = left.op("/", return_type=sa.Double())(divisor)
                whole = _whole(quotient, dialect)
                product: ColumnElement[Any] = whole.op("*", return_type=sa.Double())(right)
                return left.op("-", return_type=sa.Double())(product)

    return make


def _whole(element: ColumnElement[Any], dialect: Dialect) -> ColumnElement[Any]:
    """The number without what follows its point."""
    if dialect == "sqlite":
        return sa.cast(sa.cast(element, sa.BigInteger), sa.Double)
    return sa.func.trunc(element, type_=sa.Double())


def _coalesce(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    return sa.func.coalesce(*args, type_=args[0].type)


def _own_quality(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    """What a client said of quality: beside flags, or by itself. Observations are DuckDB's."""
    text, mark = args
    given = sa.func.json_extract_string(text, "$.given", type_=sa.Text())
    begins = sa.func.starts_with(text, mark, type_=sa.Boolean())
    return sa.case((begins, given), else_=text)


def _negative(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    return -_number(args[0])


def _text(element: ColumnElement[Any]) -> ColumnElement[Any]:
    return sa.cast(element, sa.Text)


def _place(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    """Where the second text begins in the first, from 1; 0 where it does not."""
    name = "instr" if dialect == "sqlite" else "strpos"
    found: ColumnElement[Any] = getattr(sa.func, name)(
        _text(args[0]), _text(args[1]), type_=sa.Integer()
    )
    return found


def _contains(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    return _place(args, dialect) > 0


def _substringof(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    return _place((args[1], args[0]), dialect) > 0


def _indexof(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    return _place(args, dialect) - 1


def _startswith(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    start = _text(args[1])
    return sa.func.substr(_text(args[0]), 1, sa.func.length(start), type_=sa.Text()) == start


def _endswith(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    text, end = _text(args[0]), _text(args[1])
    begin = sa.func.length(text, type_=sa.Integer()) - sa.func.length(end, type_=sa.Integer())
    found = sa.func.substr(text, begin + 1, type_=sa.Text())
    return sa.and_(begin >= 0, found == end)


def _substring(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    begin = sa.cast(args[1], sa.Integer) + 1
    more = [sa.cast(args[2], sa.Integer)] if len(args) > 2 else []
    return sa.func.substr(_text(args[0]), begin, *more, type_=sa.Text())


def _like(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    """CQL2's ``like``: % is any text, _ any character; upper and lower case are told apart."""
    text, pattern = args
    if dialect != "sqlite":
        return text.like(pattern, escape="\\")
    value = getattr(pattern, "value", None)
    globbed = re.sub(r"\\(.)|(%)|(_)|([*?\[])", _globbed, str(value))
    return text.op("GLOB", return_type=sa.Boolean())(sa.literal(globbed))


def _globbed(found: "re.Match[str]") -> str:
    escaped, many, one, special = found.groups()
    if many:
        return "*"
    if one:
        return "?"
    plain = escaped or special
    return f"[{plain}]" if plain in "*?[" else plain


def _of_text(name: str) -> _Make:
    def make(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
        kind = sa.Integer() if name == "length" else sa.Text()
        found: ColumnElement[Any] = getattr(sa.func, name)(_text(args[0]), type_=kind)
        return found

    return make


def _concat(args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    return _text(args[0]).concat(_text(args[1]))


def _rounded(name: str) -> _Make:
    def make(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
        number = _number(args[0])
        if name == "round":
            # Half away from zero, as OData has it; PostgreSQL rounds doubles half to even.
            half = sa.case((number < 0, -0.5), else_=0.5)
            return _whole(number.op("+", return_type=sa.Double())(half), dialect)
        if dialect != "sqlite":
            found: ColumnElement[Any] = getattr(sa.func, name)(number, type_=sa.Double())
            return found
        whole = _whole(number, dialect)
        if name == "floor":
            return sa.case((whole > number, whole - 1), else_=whole)
        return sa.case((whole < number, whole + 1), else_=whole)

    return make


_PARTS = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S"}


def _part(name: str) -> _Make:
    def make(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
        moment = args[0]
        if dialect == "sqlite":
            return sa.cast(sa.func.strftime(_PARTS[name], moment), sa.Integer)
        part = sa.extract(name, _utc(moment, dialect))
        return sa.cast(sa.func.floor(part), sa.Integer)

    return make


def _utc(moment: ColumnElement[Any], dialect: Dialect) -> ColumnElement[Any]:
    if dialect == "duckdb":
        return sa.func.make_timestamp(sa.func.epoch_us(moment), type_=sa.DateTime())
    return sa.func.timezone("UTC", moment, type_=sa.DateTime())


def _fraction(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    if dialect == "sqlite":
        return sa.cast(sa.func.strftime("%f", args[0]), sa.Double) - sa.cast(
            sa.func.strftime("%S", args[0]), sa.Double
        )
    seconds = sa.cast(sa.extract("second", _utc(args[0], dialect)), sa.Double)
    return seconds - sa.func.floor(seconds)


def _date(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    if dialect == "sqlite":
        return sa.func.strftime("%Y-%m-%d", args[0], type_=sa.Text())
    return sa.cast(sa.cast(_utc(args[0], dialect), sa.Date), sa.Text)


def _time(args: Sequence[ColumnElement[Any]], dialect: Dialect) -> ColumnElement[Any]:
    if dialect == "sqlite":
        return sa.func.strftime("%H:%M:%S", args[0], type_=sa.Text())
    return sa.func.substr(
        sa.cast(sa.cast(_utc(args[0], dialect), sa.Time), sa.Text), 1, 8, type_=sa.Text()
    )


def _offset(_args: Sequence[ColumnElement[Any]], _dialect: Dialect) -> ColumnElement[Any]:
    return sa.literal(0)  # all times are kept, and answered, in UTC


FUNCTIONS: dict[str, tuple[int, int, _Make]] = {
    **{name: (2, 2, _comparison(name)) for name in COMPARISONS},
    "and": (1, 10_000, _and),
    "or": (1, 10_000, _or),
    "not": (1, 1, _not),
    **{name: (2, 2, _arithmetic(name)) for name in ("add", "sub", "mul", "div", "mod")},
    "neg": (1, 1, _negative),
    "coalesce": (2, 10, _coalesce),
    "own_quality": (2, 2, _own_quality),
    "contains": (2, 2, _contains),
    "substringof": (2, 2, _substringof),
    "indexof": (2, 2, _indexof),
    "startswith": (2, 2, _startswith),
    "endswith": (2, 2, _endswith),
    "substring": (2, 3, _substring),
    "concat": (2, 2, _concat),
    "length": (1, 1, _of_text("length")),
    "tolower": (1, 1, _of_text("lower")),
    "toupper": (1, 1, _of_text("upper")),
    "like": (2, 2, _like),
    "trim": (1, 1, _of_text("trim")),
    "round": (1, 1, _rounded("round")),
    "floor": (1, 1, _rounded("floor")),
    "ceiling": (1, 1, _rounded("ceiling")),
    **{name: (1, 1, _part(name)) for name in _PARTS},
    "fractionalseconds": (1, 1, _fraction),
    "date": (1, 1, _date),
    "time": (1, 1, _time),
    "totaloffsetminutes": (1, 1, _offset),
}
"""Each operator and function: the least and most arguments it takes, and its SQL."""
