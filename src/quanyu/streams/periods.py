"""How two periods lie to one another: comparisons, and the temporal functions of SensorThings."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from quanyu.streams.expressions import Call, Expression, all_of, any_of

Period: TypeAlias = tuple[Expression, Expression]
"""Its first and its last instant."""


def _is(name: str, left: Expression, right: Expression) -> Expression:
    return Call(name, (left, right))


def _equal(one: Period, other: Period) -> Expression:
    return all_of(_is("eq", one[0], other[0]), _is("eq", one[1], other[1]))


RELATIONS: Mapping[str, Callable[[Period, Period], Expression]] = MappingProxyType(
    {
        "before": lambda one, other: _is("lt", one[1], other[0]),
        "after": lambda one, other: _is("gt", one[0], other[1]),
        "meets": lambda one, other: any_of(
            _is("eq", one[1], other[0]), _is("eq", one[0], other[1])
        ),
        "during": lambda one, other: all_of(
            _is("ge", one[0], other[0]), _is("le", one[1], other[1])
        ),
        "overlaps": lambda one, other: all_of(
            _is("le", one[0], other[1]), _is("ge", one[1], other[0])
        ),
        "starts": lambda one, other: _is("eq", one[0], other[0]),
        "finishes": lambda one, other: _is("eq", one[1], other[1]),
    }
)
"""The temporal functions (18-088, 9.3.3.5): both ends of a period belong to it."""


def compared(name: str, one: Period, other: Period) -> Expression:
    """A comparison of periods: what is less ends before the other begins."""
    match name:
        case "gt" | "ge":
            return _is(name, one[0], other[1])
        case "lt" | "le":
            return _is(name, one[1], other[0])
        case "eq":
            return _equal(one, other)
        case _:
            return Call("not", (_equal(one, other),))
