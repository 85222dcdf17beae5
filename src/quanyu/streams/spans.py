"""The span of time that a condition over observations implies: what lies outside is not read."""

from datetime import UTC, datetime, timedelta

from quanyu.streams.asked import conjuncts
from quanyu.streams.expressions import ALL, Call, Column, Expression, Value, all_of

_STEP = timedelta(microseconds=1)
_START = Column("start")
_LAST = Call("coalesce", (Column("end"), _START))
_FIRST_DAY, _LAST_DAY = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def span_of(where: Expression) -> tuple[datetime | None, datetime | None, Expression | None]:
    """From when and before when observations start that satisfy, and what else is to be asked of
    them; ``None`` where there is nothing.

    An interval ends no earlier than it starts, so that one that ends before a time starts before
    it too.
    """
    start: datetime | None = None
    end: datetime | None = None
    rest = []
    for part in conjuncts(where):
        match part:
            case Call("ge", (one, Value(datetime() as moment))) if one == _START:
                start = _later(start, moment)
            case Call("gt", (one, Value(datetime() as moment))) if one == _START:
                start = _later(start, _behind(moment))
            case Call("lt", (one, Value(datetime() as moment))) if one in {_START, _LAST}:
                end = _earlier(end, moment)
            case Call("le", (one, Value(datetime() as moment))) if one in {_START, _LAST}:
                end = _earlier(end, _behind(moment))
        if not _is_start(part):
            rest.append(part)
    left = all_of(*rest)
    return start, end, None if left == ALL else left


def _is_start(part: Expression) -> bool:
    """Whether the span says all that a part does."""
    match part:
        case Call("ge" | "gt" | "lt" | "le", (one, Value(datetime()))):
            return one == _START
        case _:
            return False


def _behind(moment: datetime) -> datetime:
    return min(max(moment, _FIRST_DAY), _LAST_DAY) + _STEP


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
