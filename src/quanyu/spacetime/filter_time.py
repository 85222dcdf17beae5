"""Allen's relations of instants and intervals, as OGC 21-065 §7.8 defines the ``t_…`` functions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from quanyu.kernel import Invalid

# {a}, {b} are starts and {A}, {B} ends of the first and the second operand.
RELATIONS: Mapping[str, str] = {
    "t_after": "{a} > {B}",
    "t_before": "{A} < {b}",
    "t_contains": "{a} < {b} AND {A} > {B}",
    "t_disjoint": "({A} < {b} OR {a} > {B})",
    "t_during": "{a} > {b} AND {A} < {B}",
    "t_equals": "{a} = {b} AND {A} = {B}",
    "t_finishedby": "{a} < {b} AND {A} = {B}",
    "t_finishes": "{a} > {b} AND {A} = {B}",
    "t_intersects": "{a} <= {B} AND {A} >= {b}",
    "t_meets": "{A} = {b}",
    "t_metby": "{a} = {B}",
    "t_overlappedby": "{a} > {b} AND {a} < {B} AND {A} > {B}",
    "t_overlaps": "{a} < {b} AND {A} > {b} AND {A} < {B}",
    "t_startedby": "{a} = {b} AND {A} > {B}",
    "t_starts": "{a} = {b} AND {A} < {B}",
}
_DAY = 10  # characters of a date without a time


def moment(text: object, *, end: bool = False) -> datetime:
    """An instant of RFC 3339 text; a date is midnight UTC, at an ``end`` its last microsecond."""
    try:
        parsed = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError as error:
        raise Invalid(
            "“{text}” is no date or time",
            field="filter",
            mend="write 2026-03-01 or 2026-03-01T08:30:00Z",
            text=text,
        ) from error
    aware = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    if end and len(str(text)) == _DAY:
        aware += timedelta(days=1, microseconds=-1)
    return aware


def relation(name: str, first: tuple[str, str], second: tuple[str, str]) -> str:
    """SQL of one relation between two ``(start, end)`` pairs of SQL."""
    a, a_end = first
    b, b_end = second
    return "(" + RELATIONS[name].format(a=a, A=a_end, b=b, B=b_end) + ")"


def is_temporal(node: Any) -> bool:
    """Whether a CQL2-JSON node is a literal instant or interval."""
    return isinstance(node, Mapping) and bool(node.keys() & {"date", "timestamp", "interval"})
