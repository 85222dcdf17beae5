"""What kinds of values the attributes of a model have, and the columns that hold them."""

from collections.abc import Iterable
from typing import Any

import orjson
import pyarrow as pa

from quanyu.spacetime.cityobjects.model import Family, Json, Lost

JSON = b"json"
_EXACT = 2**53


class Wide:
    """Kind of a whole number that is not exact as a double."""


def kinds_of(pieces: Iterable[Family | Lost]) -> tuple[dict[str, frozenset[type]], int]:
    """Kinds of the values of each attribute, and how many objects there are."""
    kinds: dict[str, set[type]] = {}
    count = 0
    for family in pieces:
        if isinstance(family, Lost):
            continue
        count += len(family.objects)
        for thing in family.objects.values():
            for name, value in _said(thing).items():
                if value is not None:
                    kinds.setdefault(name, set()).add(_kind(value))
    return {name: frozenset(found) for name, found in kinds.items()}, count


def _said(thing: Any) -> Json:
    attributes = thing.get("attributes") if isinstance(thing, dict) else None
    return attributes if isinstance(attributes, dict) else {}


def _kind(value: Any) -> type:
    kind = type(value)
    return Wide if kind is int and not -_EXACT <= value <= _EXACT else kind


def column(name: str, kinds: frozenset[type]) -> pa.Field:
    """The column for values of such kinds; of mixed ones as JSON, so that each stays what it is."""
    if kinds == {bool}:
        return pa.field(name, pa.bool_())
    if kinds == {int}:
        return pa.field(name, pa.int64())
    if kinds <= {int, float}:
        return pa.field(name, pa.float64())
    if kinds == {str}:
        return pa.field(name, pa.string())
    return pa.field(name, pa.string(), metadata={b"quanyu": JSON})


def values(things: list[Json], attribute: str, field: pa.Field) -> pa.Array:
    """The column of an attribute; what does not fit is no value."""
    found = [_said(thing).get(attribute) for thing in things]
    if field.metadata:
        found = [None if v is None else orjson.dumps(v).decode() for v in found]
    return pa.array(found, field.type)
