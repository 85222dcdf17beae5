"""Moves observations from the recent store into the table, each exactly once.

The table's version that counts is set in the very transaction that deletes what was moved. Whoever
dies before it leaves a version behind that does not count; whoever reads sees either both before or
both after.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from quanyu.kernel import Conflict, now
from quanyu.spacetime import Batch, SeriesQuery
from quanyu.streams.observations.columns import table_of
from quanyu.streams.observations.model import COLUMNS, observation_schema
from quanyu.streams.observations.recent import SQL_COLUMNS, Transaction

if TYPE_CHECKING:
    import pyarrow as pa

    from quanyu.streams.observations.store import Observations

PIECE = 20_000
"""So many rows are moved at least, and so many stay behind: the newest are asked for most."""
MOST = 200_000
_MONTHS = 12
_REST = timedelta(days=1)


def move_wanted(store: "Observations") -> bool:
    """Whether :func:`move` has anything to do; writes nothing."""
    with store.recent.read() as transaction:
        return _due(*_waiting(transaction), PIECE)


def move(store: "Observations", *, piece: int = PIECE, most: int = MOST) -> int:
    """Move the oldest rows, when there are twice ``piece``, but ``piece`` of them; how many."""
    with store.recent.write() as transaction:
        count, dropped = _waiting(transaction)
        if not _due(count, dropped, piece):
            return 0
        cut = _cut(transaction, min(count - piece, most)) if count >= 2 * piece else 0
        transaction.set_state(moving_seq=cut)
    with store.recent.read() as transaction:
        state = transaction.state()
        rows = _rows(transaction, cut)
    batch = _batch(rows, dropped)
    at = state["long_version"] if state["long_version"] >= 0 else None
    version = store.table.write(at, batch)
    counts = _counts(store, version, batch)
    with store.recent.write() as transaction:
        if transaction.state()["long_version"] != state["long_version"]:
            raise Conflict("somebody else is moving observations")
        transaction.run("DELETE FROM observation_recent WHERE seq <= ?", cut)
        _note(transaction, rows, counts)
        clause, value = transaction.among("datastream", dropped)
        transaction.run(f"DELETE FROM observation_dropped WHERE {clause}", value)
        moved = max(cut, state["moved_seq"])
        transaction.set_state(long_version=version, moved_seq=moved, moving_seq=0)
    return len(rows)


def sort_a_month(store: "Observations", *, rest: timedelta = _REST) -> int | None:
    """Write a month that lies in many files, or in several and nothing was written to it for
    ``rest``, anew as one that is in order; which one it was."""
    with store.recent.read() as transaction:
        version = transaction.state()["long_version"]
    month = None if version < 0 else store.table.crowded(version, now() - rest)
    if month is None:
        return None
    nothing = table_of((), (*COLUMNS, "hides", "gone"))
    asked = SeriesQuery(start=_first_of(month), end=_first_of(_after(month)))
    rows = store.reader.rows(version, nothing, asked)
    newer = store.table.rewrite(version, month, rows)
    with store.recent.write() as transaction:
        if transaction.state()["long_version"] != version:
            raise Conflict("somebody else is moving observations")
        transaction.set_state(long_version=newer)
    return month


def _waiting(transaction: Transaction) -> tuple[int, list[int]]:
    """How many rows are in the recent store, and the datastreams that are to be forgotten."""
    count = transaction.rows("SELECT count(*) FROM observation_recent")[0][0]
    return int(count), _dropped(transaction)


def _due(count: int, dropped: list[int], piece: int) -> bool:
    return count >= 2 * piece or bool(dropped)


def _cut(transaction: Transaction, count: int) -> int:
    return int(
        transaction.rows(
            "SELECT seq FROM observation_recent ORDER BY seq LIMIT 1 OFFSET ?", count - 1
        )[0][0]
    )


def _dropped(transaction: Transaction) -> list[int]:
    return [row[0] for row in transaction.rows("SELECT datastream FROM observation_dropped")]


def _rows(transaction: Transaction, cut: int) -> "pa.Table":
    columns = ", ".join(f"r.{name}" for name in SQL_COLUMNS)
    found = transaction.rows(
        f"SELECT {columns}, CASE WHEN r.start_us <= coalesce(s.long_last_us, r.start_us - 1) "
        "THEN 1 ELSE 0 END, r.gone FROM observation_recent AS r "
        "LEFT JOIN observation_stream AS s ON s.datastream = r.datastream WHERE r.seq <= ?",
        cut,
    )
    return table_of(found, (*COLUMNS, "hides", "gone"))


def _batch(rows: "pa.Table", dropped: list[int]) -> Batch:
    import pyarrow.compute as pc

    late, gone = rows["hides"], rows["gone"]
    names = observation_schema().names
    return Batch(
        added=rows.filter(pc.invert(pc.or_(late, gone))).select(names),
        replaced=rows.filter(pc.and_not(late, gone)).select(names),
        removed=rows.filter(gone).select(names),
        dropped=tuple(dropped),
    )


def _counts(store: "Observations", version: int, batch: Batch) -> dict[int, int]:
    """How many rows the table has now of each datastream some of whose rows came late."""
    import pyarrow as pa
    import pyarrow.compute as pc

    late = pa.chunked_array(
        [*batch.replaced["datastream"].chunks, *batch.removed["datastream"].chunks], pa.int64()
    )
    touched = pc.unique(late)
    if not len(touched):
        return {}
    found = store.reader.counts(version, touched)
    return {**dict.fromkeys(touched.to_pylist(), 0), **found}


def _note(transaction: Transaction, rows: "pa.Table", counts: dict[int, int]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    there = rows.filter(pc.invert(rows["gone"]))
    micros = there["start"].cast(pa.int64())
    grouped = pa.table({"datastream": there["datastream"], "start": micros}).group_by("datastream")
    sums = grouped.aggregate([("start", "count"), ("start", "max")])
    series, added, last = (sums[n].to_pylist() for n in ("datastream", "start_count", "start_max"))
    most = "max" if transaction.sqlite else "GREATEST"
    transaction.many(
        "UPDATE observation_stream SET long_rows = long_rows + ?, "
        f"long_last_us = {most}(coalesce(long_last_us, ?), ?) WHERE datastream = ?",
        [(n, us, us, one) for one, n, us in zip(series, added, last, strict=True)],
    )
    transaction.many(
        "UPDATE observation_stream SET long_rows = ? WHERE datastream = ?",
        [(count, one) for one, count in counts.items()],
    )


def _first_of(month: int) -> datetime:
    return datetime(month // 100, month % 100, 1, tzinfo=UTC)


def _after(month: int) -> int:
    return month + 1 if month % 100 < _MONTHS else (month // 100 + 1) * 100 + 1
