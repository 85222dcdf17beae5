"""What a client asks: expressions over paths, and the options of a query."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from quanyu.streams.expressions import Call as Made
from quanyu.streams.expressions import Value


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from an entity to a property, by navigation."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A literal geometry: well-known text in CRS84."""

    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A literal interval."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Duration:
    """A literal duration."""

    length: timedelta


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function over expressions."""

    name: str
    args: tuple["Asked", ...]


Asked: TypeAlias = Path | Shape | Span | Duration | Call | Value
"""An expression that a client asked with."""


@dataclass(frozen=True, slots=True)
class Key:
    """What to order by."""

    of: Asked
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """Query options of a collection, or of one inside another.

    ``expand`` holds navigation names with the options of what is there.
    """

    filter: Asked | None = None
    orderby: tuple[Key, ...] = ()
    select: tuple[tuple[str, ...], ...] = ()
    expand: tuple[tuple[str, "Options"], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False


def walk(asked: Asked) -> Iterator[Asked]:
    """An expression and all inside it."""
    waiting = [asked]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, Call):
            waiting.extend(one.args)


def conjuncts(of: Any) -> list[Any]:
    """What has to be true each for ``of`` to be, which a client asked or which is over columns: the
    parts of a conjunction, and of those within it."""
    if isinstance(of, Call | Made) and of.name == "and":
        return [part for one in of.args for part in conjuncts(one)]
    return [of]
