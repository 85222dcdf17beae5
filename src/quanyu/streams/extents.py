"""Questions about the times of all observations of a datastream, which another store keeps."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from quanyu.kernel import Invalid
from quanyu.streams.asked import Asked, Path, walk
from quanyu.streams.entities import EntityType
from quanyu.streams.expressions import Call as Made
from quanyu.streams.expressions import Column, Expression, Value
from quanyu.streams.observations.model import microseconds
from quanyu.streams.tables import DatastreamRow
from quanyu.streams.typed import Reading, condition_over
from quanyu.streams.visibility import Sight, numbers_of_root

Array: TypeAlias = np.ndarray[Any, Any]
COMPUTED = ("phenomenonTime", "resultTime")
_COLUMNS = {
    "phenomenonTime": ("start", "end"),
    "resultTime": ("result_start", "result_end"),
}
MOST_TIMED = 100_000
"""Datastreams whose times are looked at for one question: each is a look into another store."""
_NOTHING = np.iinfo(np.int64).min


def timed(kind: EntityType, asked: Asked) -> bool:
    """Whether an atom is about the times of a datastream's observations."""
    return kind.row is DatastreamRow and any(
        isinstance(one, Path) and one.steps[0] in COMPUTED for one in walk(asked)
    )


def numbers_timed(
    sight: Sight, kind: EntityType, asked: Asked, among: Array | None = None
) -> Array:
    """Numbers of the datastreams, of those ``among`` where they are named, of which an atom about
    their times is true.

    Where some observations may not be seen these times are not told, and nothing is true of them.
    Raises :class:`Invalid` on ``$filter``, for more than :data:`MOST_TIMED` datastreams too.
    """
    made = condition_over(Reading(kind, sight.scope), asked)
    if not told(sight):
        return np.empty(0, np.int64)
    if among is None:
        among = np.asarray(numbers_of_root(sight.session, sight.root), dtype=np.int64)
    numbers, columns = _extents(sight, among, "$filter")
    found = _evaluated(made, columns, len(numbers))
    chosen: Array = numbers[found]
    return chosen


def in_order(sight: Sight, numbers: Array, name: str, *, descending: bool) -> Array:
    """Datastreams in the order of when their observations begin; those without any last. Raises
    :class:`Invalid` on ``$orderby`` for more than :data:`MOST_TIMED`."""
    known, columns = np.empty(0, np.int64), dict[str, Array]()
    if told(sight):
        known, columns = _extents(sight, np.sort(numbers), "$orderby")
    start = np.full(len(numbers), _NOTHING)
    if len(known):
        place = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
        there = known[place] == numbers
        start[there] = columns[_COLUMNS[name][0]][place[there]]
    missing = start == _NOTHING
    key = np.where(missing, 0, -start if descending else start)
    order: Array = np.lexsort((numbers, key, missing))
    return numbers[order]


def told(sight: Sight) -> bool:
    """Whether a datastream says of all its observations when they were."""
    return not sight.scope.narrowed and sight.scope.restriction.interval == (None, None)


def _extents(sight: Sight, numbers: Array, option: str) -> tuple[Array, dict[str, Array]]:
    """Datastreams in order of their numbers, and their times in microseconds."""
    import pyarrow as pa

    if len(numbers) > MOST_TIMED:
        raise Invalid(
            "the times of more than {most} datastreams are not compared at once",
            field=option,
            mend="choose fewer in $filter, such as ObservedProperty/name eq 'PM2.5' and …",
            most=MOST_TIMED,
        )
    table = sight.observations.extents(numbers.tolist())
    places = np.searchsorted(numbers, np.asarray(table["datastream"], dtype=np.int64))
    columns: dict[str, Array] = {}
    for name in ("start", "end", "result_start", "result_end"):
        known = table[name].cast(pa.int64()).combine_chunks().fill_null(_NOTHING)
        columns[name] = np.full(len(numbers), _NOTHING)
        columns[name][places] = np.asarray(known, dtype=np.int64)
    return numbers, columns


def _evaluated(made: Expression, columns: Mapping[str, Array], size: int) -> Array:
    """Which rows an expression over times is true of; what is not there satisfies nothing."""
    match made:
        case Value(bool(value)):
            return np.full(size, value)
        case Made("and", args):
            return _array(np.all([_evaluated(one, columns, size) for one in args], axis=0))
        case Made("or", args):
            return _array(np.any([_evaluated(one, columns, size) for one in args], axis=0))
        case Made("not", (one,)):
            return ~_evaluated(one, columns, size)
        case Made(name, (left, right)) if name in _COMPARED:
            return _compared(name, _times(left, columns, size), _times(right, columns, size))
    raise Invalid(
        "times of a datastream are compared with times",
        field="$filter",
        mend="write phenomenonTime gt 2026-05-01T00:00:00Z, or during(phenomenonTime, start/end)",
    )


_COMPARED = {
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
}


def _compared(name: str, left: Array | None, right: Array | None) -> Array:
    if left is None or right is None:  # a comparison with null
        other = right if left is None else left
        if other is None:
            raise ValueError("two literals are not compared")
        found = _array(other == _NOTHING)
        return found if name == "eq" else _array(~found & (name == "ne"))
    known = (left != _NOTHING) & (right != _NOTHING)
    return _array(_COMPARED[name](left, right) & known)


def _array(found: Any) -> Array:
    return np.asarray(found)


def _times(one: Expression, columns: Mapping[str, Array], size: int) -> Array | None:
    match one:
        case Column(name) if name in columns:
            return columns[name]
        case Made("coalesce", (Column(name), Column(other))):
            last = columns[name]
            return np.where(last == _NOTHING, columns[other], last)
        case Value(None):
            return None
        case Value(value) if hasattr(value, "tzinfo"):
            return np.full(size, microseconds(value))  # type: ignore[arg-type]
    raise Invalid(
        "times of a datastream are compared with times",
        field="$filter",
        mend="write phenomenonTime gt 2026-05-01T00:00:00Z, or during(phenomenonTime, start/end)",
    )
