"""What each rule of ``odata.lark`` becomes."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from lark import Transformer, v_args

from quanyu.streams.asked import Asked, Call, Duration, Key, Options, Path, Shape, Span
from quanyu.streams.expressions import Value
from quanyu.streams.times import instant


class Wrong(ValueError):
    """A literal that is none."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@v_args(inline=True)
class Builder(Transformer[Any, Any]):
    """What each rule of the grammar becomes."""

    def orderby(self, *keys: Key) -> Any:
        return keys

    def select(self, *paths: Path) -> Any:
        return tuple(path.steps for path in paths)

    def expand(self, *items: Any) -> Any:
        return _merged(items)

    def inner_filter(self, one: Any) -> Any:
        return _Option("filter", one)

    def inner_orderby(self, one: Any) -> Any:
        return _Option("orderby", one)

    def inner_select(self, one: Any) -> Any:
        return _Option("select", one)

    def inner_expand(self, one: Any) -> Any:
        return _Option("expand", one)

    def key(self, one: Asked, direction: Any) -> Any:
        return Key(one, str(direction) == "desc")

    def item(self, path: Path, *options: Any) -> Any:
        return _expanded(path, tuple(one for one in options if one is not None))

    def top(self, number: Any) -> Any:
        return _Option("top", whole(number))

    def skip(self, number: Any) -> Any:
        return _Option("skip", whole(number))

    def count(self, text: Any) -> Any:
        return _Option("count", str(text) == "true")

    def disjunction(self, *parts: Asked) -> Any:
        return Call("or", parts)

    def conjunction(self, *parts: Asked) -> Any:
        return Call("and", parts)

    def negated(self, one: Asked) -> Any:
        return Call("not", (one,))

    def operation(self, left: Asked, name: Any, right: Asked) -> Any:
        return Call(str(name), (left, right))

    def negative(self, one: Asked) -> Any:
        if isinstance(one, Value) and isinstance(one.value, int | float):
            return Value(-one.value)
        return Call("neg", (one,))

    def call(self, name: Any, *args: Any) -> Any:
        return Call(str(name), tuple(one for one in args if one is not None))

    def path(self, *steps: Any) -> Any:
        return Path(tuple(map(str, steps)))

    def text(self, one: Any) -> Any:
        return Value(str(one)[1:-1].replace("''", "'"))

    def shape(self, one: Any) -> Any:
        return _shape(str(one))

    def duration(self, one: Any) -> Any:
        return Duration(_length(str(one)))

    def interval(self, one: Any) -> Any:
        first, _, second = str(one).partition("/")
        return Span(instant(first, "$filter"), instant(second, "$filter"))

    def moment(self, one: Any) -> Any:
        return Value(instant(str(one), "$filter"))

    def date(self, one: Any) -> Any:
        return Value(str(one))

    def time(self, one: Any) -> Any:
        return Value(f"{one}:00" if len(one) == 5 else str(one)[:8])

    def number(self, one: Any) -> Any:
        return Value(whole(one) if str(one).isdecimal() else float(one))

    def boolean(self, one: Any) -> Any:
        return Value(str(one) == "true")

    def null(self) -> Any:
        return Value(None)


@dataclass(frozen=True, slots=True)
class _Option:
    name: str
    value: Any


def _expanded(path: Path, options: tuple[_Option, ...]) -> tuple[str, Options]:
    found = Options(**{one.name: one.value for one in options})
    for step in reversed(path.steps[1:]):
        found = Options(expand=((step, found),))
    return path.steps[0], found


def _merged(items: tuple[tuple[str, Options], ...]) -> tuple[tuple[str, Options], ...]:
    """The same navigation named twice is one, with what is asked in both."""
    found: dict[str, Options] = {}
    for name, options in items:
        known = found.get(name)
        if known is None:
            found[name] = options
        else:
            plain, other = (
                (known, options)
                if known == Options(expand=known.expand)
                else (
                    options,
                    known,
                )
            )
            found[name] = replace(other, expand=_merged((*plain.expand, *other.expand)))
    return tuple(found.items())


def whole(text: Any) -> int:
    """A whole number that any store can hold; raises for one that is larger."""
    number = int(str(text)[:40])
    if number >= 2**62:
        raise Wrong(str(text)[:40])
    return number


def _shape(text: str) -> Shape:
    import shapely

    words = text[text.index("'") + 1 : -1]
    words = words.partition(";")[2] if words.upper().startswith("SRID=") else words
    try:
        found = shapely.from_wkt(words)
    except shapely.errors.ShapelyError as error:
        raise Wrong(text) from error
    if found is None:
        raise Wrong(text)
    return Shape(words)


def _length(text: str) -> timedelta:
    pattern = r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
    found = re.fullmatch(pattern, text[text.index("'") + 1 : -1].upper())
    if found is None or not any(found.groups()[1:]):
        raise Wrong(text)
    sign, days, hours, minutes, seconds = found.groups()
    try:
        length = timedelta(
            days=int(days or 0),
            hours=int(hours or 0),
            minutes=int(minutes or 0),
            seconds=float(seconds or 0),
        )
    except OverflowError as error:
        raise Wrong(text) from error
    return -length if sign else length
