"""What is kept of each datastream beside its observations: the latest one, extents, what was moved.

So the latest value, the extent and the count of a datastream are one look each, whatever the number
of its observations.
"""

from collections.abc import Sequence
from typing import Any

from quanyu.streams.observations.model import COLUMNS
from quanyu.streams.observations.recent import SQL_COLUMNS, Transaction

_AT = {name: place for place, name in enumerate(COLUMNS)}
_EXTENT = ("first_us", "last_us", "result_first_us", "result_last_us")
_LATEST = ", ".join(
    f"{n} = CASE WHEN excluded.start_us >= observation_stream.start_us "
    f"OR observation_stream.start_us IS NULL THEN excluded.{n} ELSE observation_stream.{n} END"
    for n in SQL_COLUMNS[1:]
)


def note(transaction: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Bring up to date what is kept of the datastreams of ``rows``, which are just put in."""
    least, most = ("min", "max") if transaction.sqlite else ("LEAST", "GREATEST")

    def end(function: str, name: str) -> str:
        held, new = f"observation_stream.{name}", f"excluded.{name}"
        # SQLite's scalar functions are null where one side is.
        return f"{name} = {function}(coalesce({held}, {new}), coalesce({new}, {held}))"

    extents = ", ".join(end(least if "first" in name else most, name) for name in _EXTENT)
    transaction.insert(
        f"observation_stream ({', '.join((*SQL_COLUMNS, *_EXTENT))})",
        _summed(rows),
        f"ON CONFLICT (datastream) DO UPDATE SET {extents}, {_LATEST}",
    )


def _summed(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Of each datastream the latest row, with its extents behind."""
    import numpy as np

    if len(rows) == 1:
        row = rows[0]
        return [(*row, *_extent(row))]
    series = np.array([row[0] for row in rows], dtype=np.int64)
    start = np.array([row[1] for row in rows], dtype=np.int64)
    order = np.lexsort((np.arange(len(rows)), start, series))
    ordered = series[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    last = np.r_[first[1:], len(rows)] - 1
    end = np.array([row[1] if row[3] is None else row[3] for row in rows], dtype=np.int64)[order]
    result = [row[_AT["result_time"]] for row in rows]
    low = np.array([_HIGHEST if one is None else one for one in result], dtype=np.int64)[order]
    high = np.array([_LOWEST if one is None else one for one in result], dtype=np.int64)[order]
    columns = (
        start[order][first].tolist(),
        np.maximum.reduceat(end, first).tolist(),
        np.minimum.reduceat(low, first).tolist(),
        np.maximum.reduceat(high, first).tolist(),
    )
    return [
        (*rows[place], since, until, _there(lowest), _there(highest))
        for place, since, until, lowest, highest in zip(order[last].tolist(), *columns, strict=True)
    ]


def _extent(row: tuple[Any, ...]) -> tuple[Any, ...]:
    result = row[_AT["result_time"]]
    return row[1], row[1] if row[3] is None else row[3], result, result


_HIGHEST, _LOWEST = 2**63 - 1, -(2**63)


def _there(value: int) -> int | None:
    return None if value in {_HIGHEST, _LOWEST} else value
