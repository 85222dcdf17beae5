"""Observations that shall be forgotten: at once for whoever asks, in the table with the next move.

Of an observation that may have been moved a row stays behind that hides it until then.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from quanyu.spacetime import Condition, SeriesQuery, SeriesReader
from quanyu.streams.observations.columns import table_of
from quanyu.streams.observations.model import COLUMNS, Key, microseconds
from quanyu.streams.observations.recent import SQL_COLUMNS, Recent, Transaction

if TYPE_CHECKING:
    import pyarrow as pa


def drop(recent: Recent, datastreams: Sequence[int]) -> None:
    """Forget all observations of datastreams whose numbers will never be given again."""
    with recent.write() as transaction:
        state = transaction.state()
        for table in ("observation_recent", "observation_stream"):
            clause, value = transaction.among("datastream", datastreams)
            transaction.run(f"DELETE FROM {table} WHERE {clause}", value)
        if state["long_version"] >= 0 or state["moving_seq"]:
            transaction.many(
                "INSERT INTO observation_dropped VALUES (?) ON CONFLICT DO NOTHING",
                [(int(one),) for one in datastreams],
            )


def remove(recent: Recent, reader: SeriesReader, keys: Sequence[Key]) -> int:
    """Forget single observations; how many of them there were."""
    touched = sorted({one.datastream for one in keys})
    with recent.write() as transaction:
        state = transaction.state()
        identities = [(one.datastream, microseconds(one.start), one.key) for one in keys]
        here = moved = 0
        candidates = []
        for identity in identities:
            found = transaction.rows(
                "SELECT r.gone, r.seq FROM observation_recent AS r "
                "WHERE r.datastream = ? AND r.start_us = ? AND r.key = ?",
                *identity,
            )
            last = transaction.rows(
                "SELECT long_last_us FROM observation_stream WHERE datastream = ?", identity[0]
            )
            late = bool(last) and last[0][0] is not None and identity[1] <= last[0][0]
            here += bool(found) and not found[0][0]
            if not found and late:
                candidates.append(identity)
            moving = bool(found) and found[0][1] <= state["moving_seq"]
            if late or moving:
                _hide(transaction, identity)
            elif found:
                transaction.run(
                    "DELETE FROM observation_recent "
                    "WHERE datastream = ? AND start_us = ? AND key = ?",
                    *identity,
                )
        if candidates:
            listed = table_of(candidates, Key._fields)
            moved = len(reader.held(state["long_version"], listed))
        for datastream in touched:
            _reckon(reader, transaction, state, datastream)
    return here + moved


def _hide(transaction: Transaction, identity: tuple[Any, ...]) -> None:
    number = transaction.numbers(1)
    transaction.run(
        "INSERT INTO observation_recent (datastream, start_us, key, received_us, seq, gone) "
        "VALUES (?, ?, ?, 0, ?, 1) ON CONFLICT (datastream, start_us, key) "
        "DO UPDATE SET seq = excluded.seq, gone = 1",
        *identity,
        number,
    )


def _reckon(
    reader: SeriesReader, transaction: Transaction, state: dict[str, int], datastream: int
) -> None:
    """Find the latest observation and the extents anew."""
    rows = transaction.rows(
        f"SELECT {', '.join(f'r.{name}' for name in SQL_COLUMNS)}, 1, r.gone "
        "FROM observation_recent AS r WHERE r.datastream = ?",
        datastream,
    )
    newer = table_of(rows, (*COLUMNS, "hides", "gone"))
    version = state["long_version"] if state["long_version"] >= 0 else None
    last = reader.rows(
        version,
        newer,
        SeriesQuery(
            series=[datastream],
            order=((Condition('"start"'), True), (Condition('"seq"'), True)),
            limit=1,
        ),
    )
    extents = reader.extent(version, newer, datastream)
    values = _plain(last) if len(last) else (None,) * (len(COLUMNS) - 1)
    names = (*SQL_COLUMNS[1:], "first_us", "last_us", "result_first_us", "result_last_us")
    transaction.run(
        f"UPDATE observation_stream SET {', '.join(f'{name} = ?' for name in names)} "
        "WHERE datastream = ?",
        *values,
        *extents,
        datastream,
    )


def _plain(row: "pa.Table") -> tuple[Any, ...]:
    import pyarrow as pa

    plain = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for column in row.columns[1:]
    ]
    return tuple(column[0].as_py() for column in plain)
