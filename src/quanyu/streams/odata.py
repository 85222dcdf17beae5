"""Query options out of text: paths and expressions that name entities and properties.

The grammar is ``odata.lark``. Sizes and depths are bounded here, before anything is compiled.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from quanyu.kernel import Invalid, now
from quanyu.streams.asked import Asked, Call, Duration, Key, Options
from quanyu.streams.expressions import Value

if TYPE_CHECKING:
    from lark import Lark

LONGEST = 20_000
MOST_DEEP = 60
MOST_NODES = 2_000


def parse_filter(text: str) -> Asked:
    """The expression of ``$filter``; raises :class:`Invalid` that says where it cannot be read."""
    return settled(_parsed("filter", text))


def parse_orderby(text: str) -> tuple[Key, ...]:
    """The keys of ``$orderby``; raises :class:`Invalid`."""
    keys: tuple[Key, ...] = _parsed("orderby", text)
    return tuple(replace(key, of=settled(key.of)) for key in keys)


def parse_select(text: str) -> tuple[tuple[str, ...], ...]:
    """The properties of ``$select``; raises :class:`Invalid`."""
    found: tuple[tuple[str, ...], ...] = _parsed("select", text)
    return found


def parse_expand(text: str) -> tuple[tuple[str, Options], ...]:
    """The navigation of ``$expand``; raises :class:`Invalid`."""
    return _settled_inside(_parsed("expand", text))


def settled(asked: Asked) -> Asked:
    """An expression with times that are known now: ``now()``, and a time moved by a duration."""
    if not isinstance(asked, Call):
        return asked
    args = tuple(settled(one) for one in asked.args)
    moment = _MOMENTS.get(asked.name)
    if moment is not None and not args:
        return Value(moment())
    if asked.name in {"add", "sub"} and len(args) == 2:
        return _moved(asked.name, *args)
    return asked if args == asked.args else Call(asked.name, args)


_MOMENTS: Mapping[str, Callable[[], datetime]] = {
    "now": now,
    "mindatetime": lambda: datetime(1, 1, 2, tzinfo=UTC),
    "maxdatetime": lambda: datetime(9999, 12, 30, tzinfo=UTC),
}


def _moved(name: str, left: Asked, right: Asked) -> Asked:
    if isinstance(left, Value) and isinstance(left.value, datetime) and isinstance(right, Duration):
        try:
            return Value(left.value + (right.length if name == "add" else -right.length))
        except OverflowError as error:
            raise _unreadable("filter", str(right.length), 0) from error
    return Call(name, (left, right))


def _settled_inside(expand: tuple[tuple[str, Options], ...]) -> tuple[tuple[str, Options], ...]:
    return tuple(
        (
            name,
            replace(
                one,
                filter=None if one.filter is None else settled(one.filter),
                orderby=tuple(replace(key, of=settled(key.of)) for key in one.orderby),
                expand=_settled_inside(one.expand),
            ),
        )
        for name, one in expand
    )


@lru_cache(maxsize=1024)
def _parsed(option: str, text: str) -> Any:
    from lark import UnexpectedInput

    from quanyu.streams.odata_builder import Wrong

    if len(text) > LONGEST:
        raise Invalid(
            "this is longer than {most} characters",
            field=f"${option}",
            mend="ask for less at once",
            most=LONGEST,
        )
    try:
        found = _grammar().parse(text, start=option)
    except UnexpectedInput as error:
        token = getattr(error, "token", None)
        ended = token is not None and token.type == "$END"
        at = len(text) if ended else max(int(getattr(error, "pos_in_stream", 0) or 0), 0)
        raise _unreadable(option, text, at) from error
    except Wrong as error:
        raise _unreadable(option, error.text, 0) from error
    _check_size(option, found)
    return found


def _unreadable(option: str, text: str, at: int) -> Invalid:
    return Invalid(
        "this cannot be read at character {at}: “{near}”",
        field=f"${option}",
        mend="write it as in OData 4.0: name eq 'x' and result gt 3",
        at=at + 1,
        near=text[at : at + 20] or "…",
    )


def _check_size(option: str, found: Any) -> None:
    waiting: list[tuple[Any, int]] = [(found, 1)]
    nodes = 0
    while waiting:
        one, depth = waiting.pop()
        nodes += 1
        if depth > MOST_DEEP or nodes > MOST_NODES:
            raise Invalid(
                "this is larger or deeper nested than is answered",
                field=f"${option}",
                mend="ask for less at once",
            )
        waiting.extend((inner, depth + 1) for inner in _inside(one))


def _inside(one: Any) -> tuple[Any, ...]:
    match one:
        case tuple():
            return one
        case Call(_, args):
            return args
        case Key(of, _):
            return (of,)
        case Options():
            return (one.filter, *one.orderby, *one.expand)
        case _:
            return ()


@cache
def _grammar() -> "Lark":
    from lark import Lark

    from quanyu.streams.odata_builder import Builder

    grammar = File(__file__).with_name("odata.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        start=["filter", "orderby", "select", "expand"],
        transformer=Builder(),
        maybe_placeholders=True,
    )
