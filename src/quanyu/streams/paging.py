"""Order and pages: a page goes on behind the last row of the one before, however deep that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy.sql.elements import ColumnElement

from quanyu.kernel import Invalid


@dataclass(frozen=True, slots=True)
class Ordered:
    """What entities are ordered by: a value and its direction; values that are missing last."""

    by: ColumnElement[Any]
    descending: bool


def order_of(keys: Sequence[Ordered], number: Any) -> list[ColumnElement[Any]]:
    """The terms of ORDER BY; the number decides at last, in the direction of the last of them: so
    the order is that of an index, from its one end or its other."""
    found: list[ColumnElement[Any]] = []
    for key in keys:
        if not _whole(key.by):
            found.append(key.by.is_(None))
        found.append(key.by.desc() if key.descending else key.by.asc())
    return [*found, number.desc() if _down(keys) else number.asc()]


def behind(keys: Sequence[Ordered], number: Any, last: Sequence[Any]) -> ColumnElement[bool]:
    """What is true of rows behind the one whose values (and number) are ``last``."""
    condition: ColumnElement[bool] = number < last[-1] if _down(keys) else number > last[-1]
    for key, value in zip(reversed(keys), reversed(last[:-1]), strict=True):
        if value is None:
            condition = key.by.is_(None) & condition
            continue
        further = key.by < value if key.descending else key.by > value
        if not _whole(key.by):
            further |= key.by.is_(None)
        condition = further | ((key.by == value) & condition)
    return condition


def _down(keys: Sequence[Ordered]) -> bool:
    return bool(keys) and keys[-1].descending


def _whole(by: Any) -> bool:
    """Whether it is a column that always has a value: its index is in the order asked for."""
    return getattr(by, "nullable", True) is False


def token_of(values: Sequence[Any]) -> str:
    """A token that a page goes on from."""
    from base64 import urlsafe_b64encode

    said = [{"t": one.isoformat()} if isinstance(one, datetime) else one for one in values]
    return urlsafe_b64encode(orjson.dumps(said)).decode().rstrip("=")


def values_of(token: str, count: int) -> list[Any]:
    """The values of a token; raises :class:`Invalid`."""
    from base64 import urlsafe_b64decode

    try:
        found = orjson.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        # Of another length it is of another order: unpacking says so.
        return [_value(one) for one, _ in zip(found, range(count), strict=True)]
    except (ValueError, TypeError, KeyError) as error:
        raise Invalid(
            "this token is of another question",
            field="$skiptoken",
            mend="follow @iot.nextLink as it was given, or start again without it",
        ) from error


def _value(one: Any) -> Any:
    if isinstance(one, dict):
        return datetime.fromisoformat(one["t"]).astimezone(UTC)
    if one is None or isinstance(one, str | int | float):
        return one
    raise ValueError
