"""Flags of quality as a restriction lets them be seen and asked about."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from quanyu.streams.expressions import Call, Column, Expression, Member, Value
from quanyu.streams.flagging import MARK, element_of, own_quality, quality_value
from quanyu.streams.visibility import Scope

_RESULT, _CODE = "DQ_Result", "code"


def qualities(scope: Scope, texts: Sequence[str | None]) -> list[Any]:
    """``resultQuality`` of observations, with the flags that may be seen."""
    shown = scope.flags
    return [None if one is None else _seen(one, shown) for one in texts]


def quality_member(scope: Scope, steps: tuple[str, ...], kind: Any) -> Expression:
    """A member of ``resultQuality`` as it may be asked about; nothing where it may not be seen."""
    shown = scope.flags
    if shown is not None and steps[:1] in {(_RESULT,), ("nameOfMeasure",)}:
        if steps == (_RESULT, _CODE) and len(shown) == 1:
            steps = (_RESULT, next(iter(shown)))
        if steps[1:2] == () or steps[1] not in shown:
            return Value(None)
    return Member("quality", steps, kind)


def own_words() -> Expression:
    """What a client itself said of quality, as a text."""
    return Call("own_quality", (Column("quality"), Value(MARK)))


@lru_cache(maxsize=4096)
def _seen(text: str, shown: frozenset[str] | None) -> Any:
    element = element_of(text)
    if shown is None or element is None:
        return quality_value(text)
    flags = {name: flag for name, flag in element[_RESULT].items() if name in shown}
    if not flags:
        return quality_value(own_quality(text))
    element[_RESULT] = {_CODE: max(flags.values()), **flags}
    return element
