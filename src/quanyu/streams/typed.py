"""Expressions over the own properties of an entity, of the kinds that their operators take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

from quanyu.kernel import Invalid
from quanyu.streams.asked import Asked, Duration, Path, Shape, Span
from quanyu.streams.asked import Call as AskedCall
from quanyu.streams.entities import ANY_DATASTREAM, OBSERVATION, EntityType, Kind
from quanyu.streams.expressions import (
    COMPARISONS,
    FUNCTIONS,
    Call,
    Column,
    Expression,
    Member,
    Value,
    all_of,
)
from quanyu.streams.flags_seen import own_words, quality_member
from quanyu.streams.periods import RELATIONS, Period, compared
from quanyu.streams.visibility import Scope

IDS = ("@iot.id", "id")
_TEXTS = (Kind.TEXT, Kind.TEXT, Kind.TEXT)
_NUMBERS = (Kind.NUMBER, Kind.NUMBER)
SIGNATURES: Mapping[str, tuple[tuple[Kind, ...], Kind]] = MappingProxyType(
    {
        **dict.fromkeys(("contains", "substringof", "like"), (_TEXTS, Kind.BOOLEAN)),
        **dict.fromkeys(("startswith", "endswith"), (_TEXTS, Kind.BOOLEAN)),
        **dict.fromkeys(("tolower", "toupper", "trim", "concat"), (_TEXTS, Kind.TEXT)),
        **dict.fromkeys(("indexof", "length"), (_TEXTS, Kind.NUMBER)),
        "substring": ((Kind.TEXT, Kind.NUMBER, Kind.NUMBER), Kind.TEXT),
        **dict.fromkeys(
            ("add", "sub", "mul", "div", "mod", "neg", "round", "floor", "ceiling"),
            (_NUMBERS, Kind.NUMBER),
        ),
        **dict.fromkeys(
            ("year", "month", "day", "hour", "minute", "second", "fractionalseconds"),
            ((Kind.INSTANT,), Kind.NUMBER),
        ),
        "totaloffsetminutes": ((Kind.INSTANT,), Kind.NUMBER),
        **dict.fromkeys(("date", "time"), ((Kind.INSTANT,), Kind.TEXT)),
        **dict.fromkeys(("and", "or"), ((Kind.BOOLEAN,) * 2000, Kind.BOOLEAN)),
        "not": ((Kind.BOOLEAN,), Kind.BOOLEAN),
    }
)
"""The kinds of arguments that each function takes, and of what it gives."""

_MEMBERS: Mapping[Kind, Literal["text", "number", "boolean"]] = MappingProxyType(
    {Kind.TEXT: "text", Kind.NUMBER: "number", Kind.BOOLEAN: "boolean"}
)
_COLUMNS = MappingProxyType(
    {
        "phenomenonTime": ("start", Kind.INSTANT),
        "resultTime": ("result_time", Kind.INSTANT),
        "validTime": ("valid_start", Kind.INSTANT),
        "resultQuality": ("quality", Kind.TEXT),
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Whose properties are read, in which option, through which scope."""

    kind: EntityType
    scope: Scope
    option: str = "$filter"


def condition_over(reading: Reading, asked: Asked) -> Expression:
    """An atom as an expression over columns; it must be true or false. Raises :class:`Invalid`."""
    return of_kind(reading, asked, Kind.BOOLEAN)


def of_kind(reading: Reading, asked: Asked, wanted: Kind | None) -> Expression:
    """An expression that is of a kind, or of whichever it is. Raises :class:`Invalid`."""
    match asked:
        case Value(value):
            return _value(reading, value, wanted)
        case Path(steps):
            return _path(reading, steps, wanted)
        case AskedCall(name, args) if name in COMPARISONS:
            _check(reading, Kind.BOOLEAN, wanted)
            return _comparison(reading, name, args)
        case AskedCall(name, args) if name in RELATIONS:
            _check(reading, Kind.BOOLEAN, wanted)
            return _relation(reading, name, args)
        case AskedCall(name, args):
            return _call(reading, name, args, wanted)
        case Shape() | Span() | Duration():
            raise _wrong(reading, "this literal stands where another kind of value is needed")


def kind_of(reading: Reading, asked: Asked) -> Kind | None:
    """The kind that an expression is of by itself; ``None`` when it may be of several."""
    match asked:
        case Value(value):
            return _kind_of_value(value)
        case AskedCall(name, _):
            found = SIGNATURES.get(name)
            return Kind.BOOLEAN if name in COMPARISONS else found[1] if found else None
        case Path(steps):
            if steps[0] in IDS:
                return Kind.TEXT
            if reading.kind.name == OBSERVATION and steps[0] in _COLUMNS:
                return _COLUMNS[steps[0]][1]
            of = reading.kind.properties.get(steps[0])
            return of.kind if of is not None and of.kind in {Kind.TEXT, Kind.INSTANT} else None
        case _:
            return None


def _kind_of_value(value: object) -> Kind | None:
    match value:
        case bool():
            return Kind.BOOLEAN
        case int() | float():
            return Kind.NUMBER
        case str():
            return Kind.TEXT
        case datetime():
            return Kind.INSTANT
        case _:
            return None


def _value(reading: Reading, value: Any, wanted: Kind | None) -> Expression:
    found = _kind_of_value(value)
    if wanted is Kind.INSTANT and isinstance(value, str):
        try:
            return Value(datetime.fromisoformat(value).replace(tzinfo=UTC))
        except ValueError:
            pass
    if found is not None:
        _check(reading, found, wanted)
    return Value(value)


def _path(reading: Reading, steps: tuple[str, ...], wanted: Kind | None) -> Expression:
    kind, name = reading.kind, steps[0]
    if name in IDS and len(steps) == 1 and kind.row is not None:
        _check(reading, Kind.TEXT, wanted)
        return Column("id")
    of = kind.properties.get(name)
    if of is None:
        raise Invalid(
            "{entity} has no property {name}",
            field=reading.option,
            mend="use one of: {known}",
            entity=kind.name,
            name=name[:60],
            known=", ".join((*kind.properties, *kind.navigations)),
        )
    if kind.name == OBSERVATION:
        return _of_observation(reading, steps, wanted)
    if of.column is None or of.kind is Kind.GEOMETRY:
        raise Invalid(
            "{name} cannot be compared here",
            field=reading.option,
            mend="ask for geometry by a function such as st_within, for times by Observations/…",
            name=name,
        )
    if of.kind in {Kind.JSON, Kind.ANY}:
        return _member(reading, of.column, steps[1:], wanted)
    _check_end(reading, steps)
    _check(reading, of.kind, wanted)
    return Column(of.column)


def _of_observation(reading: Reading, steps: tuple[str, ...], wanted: Kind | None) -> Expression:  # noqa: PLR0911 (a case each)
    name = steps[0]
    if name == "resultQuality":
        return _quality(reading, steps[1:], wanted)
    if name in _COLUMNS:
        column, kind = _COLUMNS[name]
        _check_end(reading, steps)
        _check(reading, kind, wanted)
        return Column(column)
    if name == "parameters":
        return _member(reading, "parameters", steps[1:], wanted)
    step = reading.scope.result_step
    if wanted is Kind.NUMBER and len(steps) == 1:
        if step is None:
            return Column("number")
        parts = Call("round", (Call("div", (Column("number"), Value(step))),))
        return Call("mul", (parts, Value(step)))
    if step is not None:
        return Value(None)  # only numbers can be rounded; others are not given
    if len(steps) == 1 and wanted in {Kind.TEXT, None}:
        return Column("text")
    return _member(reading, "json", steps[1:], wanted)


def _quality(reading: Reading, steps: tuple[str, ...], wanted: Kind | None) -> Expression:
    if not steps:
        _check(reading, Kind.TEXT, wanted)
        return own_words()
    kind = _MEMBERS.get(wanted or Kind.TEXT)
    if kind is None:
        raise _wrong(reading, "a member of a JSON object is a text, a number, or true or false")
    return quality_member(reading.scope, steps, kind)


def _member(
    reading: Reading, column: str, steps: tuple[str, ...], wanted: Kind | None
) -> Expression:
    kind = _MEMBERS.get(wanted or Kind.TEXT)
    if kind is None:
        raise _wrong(reading, "a member of a JSON object is a text, a number, or true or false")
    return Member(column, steps, kind)


def _call(reading: Reading, name: str, args: tuple[Asked, ...], wanted: Kind | None) -> Expression:
    if name not in FUNCTIONS or name not in SIGNATURES:
        raise Invalid(
            "there is no function “{name}” here",
            field=reading.option,
            mend="use one of: {known}",
            name=name[:60],
            known=", ".join(sorted({*SIGNATURES, *COMPARISONS})),
        )
    takes, gives = SIGNATURES[name]
    least, most, _make = FUNCTIONS[name]
    if not least <= len(args) <= most:
        raise Invalid(
            "the function {name} takes {least} to {most} arguments",
            field=reading.option,
            mend="give it as many",
            name=name,
            least=least,
            most=most,
        )
    _check(reading, gives, wanted)
    return Call(
        name, tuple(of_kind(reading, one, kind) for one, kind in zip(args, takes, strict=False))
    )


def _comparison(reading: Reading, name: str, args: tuple[Asked, ...]) -> Expression:
    left, right = args
    if isinstance(left, Span) or isinstance(right, Span) or _is_period(reading, left, right):
        return _compared(reading, name, left, right)
    if _is_null(left) or _is_null(right):
        return _null(reading, name, right if _is_null(left) else left)
    if _is_id(left) or _is_id(right):
        left, right = _as_id(left), _as_id(right)
    kind = kind_of(reading, left) or kind_of(reading, right) or Kind.TEXT
    other = kind_of(reading, right)
    if other is Kind.INSTANT or (kind is Kind.TEXT and other is not None):
        kind = other
    return Call(name, (of_kind(reading, left, kind), of_kind(reading, right, kind)))


def _null(reading: Reading, name: str, one: Asked) -> Expression:
    """``result eq null`` looks at all that a result may be."""
    if reading.kind.name == OBSERVATION and one == Path(("result",)):
        parts = [Call("eq", (Column(part), Value(None))) for part in ("number", "text", "json")]
        found = all_of(*parts)
        return found if name == "eq" else Call("not", (found,))
    if isinstance(one, Path) and len(one.steps) > 1:
        kinds = (Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN)
        parts = [Call("eq", (of_kind(reading, one, kind), Value(None))) for kind in kinds]
        found = all_of(*parts)
        return found if name == "eq" else Call("not", (found,))
    return Call(name, (of_kind(reading, one, kind_of(reading, one)), Value(None)))


def _is_period(reading: Reading, *sides: Asked) -> bool:
    return any(_own_period(reading, one) for one in sides)


_TURNED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_PERIODS: Mapping[str, Mapping[str, tuple[str, str | None]]] = MappingProxyType(
    {
        OBSERVATION: {
            "phenomenonTime": ("start", "end"),
            "validTime": ("valid_start", "valid_end"),
            "resultTime": ("result_time", None),
        },
        **{
            name: {
                "phenomenonTime": ("start", "end"),
                "resultTime": ("result_start", "result_end"),
            }
            for name in ("Datastream", "MultiDatastream", ANY_DATASTREAM)
        },
    }
)
"""First and last instant of the properties that are periods, by entity."""


def _compared(reading: Reading, name: str, left: Asked, right: Asked) -> Expression:
    """Times that may be intervals: before is before its start, after is after its end."""
    if not _own_period(reading, left):
        left, right, name = right, left, _TURNED.get(name, name)
    if not _own_period(reading, left):
        raise _wrong(reading, "two literals are not compared")
    one = _period(reading, left)
    if _is_null(right):
        return Call(name, (one[0], Value(None)))
    return compared(name, one, _period(reading, right))


def _relation(reading: Reading, name: str, args: tuple[Asked, ...]) -> Expression:
    """A temporal function of two periods or instants."""
    if len(args) != 2 or not any(_own_period(reading, one) for one in args):
        raise _wrong(reading, "the function compares a time with a time or an interval")
    return RELATIONS[name](_period(reading, args[0]), _period(reading, args[1]))


def _own_period(reading: Reading, one: Asked) -> bool:
    known = _PERIODS.get(reading.kind.name, {})
    return isinstance(one, Path) and len(one.steps) == 1 and one.steps[0] in known


def _period(reading: Reading, one: Asked) -> Period:
    if isinstance(one, Span):
        return Value(one.start), Value(one.end)
    if isinstance(one, Path) and _own_period(reading, one):
        name = one.steps[0]
        if name not in reading.kind.properties:
            _path(reading, one.steps, Kind.INSTANT)  # which says that there is none
        first, last = _PERIODS[reading.kind.name][name]
        start: Expression = Column(first)
        return start, start if last is None else Call("coalesce", (Column(last), start))
    instant = of_kind(reading, one, Kind.INSTANT)
    return instant, instant


def _is_null(asked: Asked) -> bool:
    return isinstance(asked, Value) and asked.value is None


def _is_id(asked: Asked) -> bool:
    return isinstance(asked, Path) and len(asked.steps) == 1 and asked.steps[0] in IDS


def _as_id(asked: Asked) -> Asked:
    if isinstance(asked, Value) and isinstance(asked.value, int):
        return Value(str(asked.value))
    return asked


def _check(reading: Reading, found: Kind, wanted: Kind | None) -> None:
    if wanted is not None and found is not wanted:
        raise Invalid(
            "{found} stands where {wanted} is needed",
            field=reading.option,
            mend="compare values of the same kind",
            found=found.value,
            wanted=wanted.value,
        )


def _check_end(reading: Reading, steps: tuple[str, ...]) -> None:
    if len(steps) > 1:
        raise _wrong(reading, "the path goes on where there is nothing more")


def _wrong(reading: Reading, detail: str) -> Invalid:
    return Invalid(
        detail,
        field=reading.option,
        mend="see the properties of each entity in the SensorThings standard",
    )
