"""Many things, some at a time: databases bound how many may be named in one statement."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def batched(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """The items in their order, ``size`` at a time, the last time what is left."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
