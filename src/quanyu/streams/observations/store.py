"""The store of observations: what came in lately and what was moved to the table, as one.

An observation is durable when :meth:`Observations.append` or :meth:`Observations.record` returns.
It is told by datastream, start and key: one that comes again takes the place of the first.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.kernel import ControlStore, now
from quanyu.spacetime import Condition, SeriesQuery, SeriesReader, SeriesTable, Unit
from quanyu.streams.expressions import Column, Expression, columns_in
from quanyu.streams.observations import latest as kept
from quanyu.streams.observations.again import Again
from quanyu.streams.observations.amending import amend
from quanyu.streams.observations.columns import rows_of, table_of
from quanyu.streams.observations.conditions import column_named, condition
from quanyu.streams.observations.deleting import drop, remove
from quanyu.streams.observations.grouping import Group
from quanyu.streams.observations.model import (
    COLUMNS,
    Appended,
    Key,
    Observation,
    Selection,
    microseconds,
    observation_id,
    observation_schema,
    row_of,
)
from quanyu.streams.observations.recent import SQL_COLUMNS, Recent, Transaction

if TYPE_CHECKING:
    import pyarrow as pa

_LATE = "CASE WHEN r.start_us <= coalesce(s.long_last_us, r.start_us - 1) THEN 1 ELSE 0 END"
_FLAGS = ("hides", "gone")
_FROM = "observation_recent AS r LEFT JOIN observation_stream AS s ON s.datastream = r.datastream"
_AGAIN = (
    "observation_stream AS s CROSS JOIN observation_recent AS r WHERE s.long_rows > 0 "
    "AND r.datastream = s.datastream AND r.start_us <= s.long_last_us"
)
"""Rows that may lie in the table too, by a look at each datastream: SQLite keeps to this order."""
_TIME = ("start", Column("start"))
_BRIEF = ("datastream", "start", "key", "number")
_LATEST = ", ".join(SQL_COLUMNS)
_EXTENT = "first_us, last_us, result_first_us, result_last_us"
_FEW = 64
TABLE = "_observations"
"""Its folder among the tables; no dataset is called so."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a datastream stands: first and last of phenomenon and result time in microseconds since
    1970, UTC, those of results ``None`` where none has one; and the row of its latest."""

    datastream: int
    extent: tuple[int, int, int | None, int | None]
    latest: tuple[Any, ...]


def latest_of(found: Iterable[Standing]) -> "pa.Table":
    """The latest observations of datastreams, as :meth:`Observations.latest` gives them."""
    return table_of([one.latest for one in found if one.latest[1] is not None], COLUMNS)


class Observations:
    """All observations of a node; one for each process, safe across threads."""

    def __init__(
        self,
        control: ControlStore,
        folder: Path,
        tables_url: str,
        *,
        memory: str = "1GB",
        threads: int = 2,
        zone: str = "UTC",
    ) -> None:
        """``zone`` (IANA) is the one whose days, and longer spans, figures are of."""
        self.zone = zone
        self.recent = Recent(control, folder)
        self._location = f"{tables_url.rstrip('/')}/{TABLE}"
        self._spill = folder / "cache" / "observations"
        self._engine = (memory, threads)
        self._opened: tuple[SeriesTable, SeriesReader] | None = None
        self._again = Again()
        self._group = Group(self._write)

    def close(self) -> None:
        """Write what waits and give everything back."""
        self._group.close()
        if self._opened is not None:
            self._opened[1].close()
        self.recent.close()

    # -- taking in -------------------------------------------------------------------------------

    def append(self, rows: "pa.Table") -> Appended:
        """Take in a table of observations, all or none; durable on return.

        Columns are those of :func:`observation_schema`; ``received`` and ``seq`` are given here.
        Raises ``Invalid`` for rows that are no observations, ``Unavailable`` when they cannot be
        kept (a full disk, say).
        """
        return self._write(rows_of(rows, microseconds(now())))

    async def record(self, one: Observation) -> str:
        """Take in one observation, together with others that come at the same time; its name.

        Raises as :meth:`append`; one that is wrong is no harm to the others.
        """
        row = row_of(one, microseconds(now()))
        await self._group.put(row)
        return observation_id(one.datastream, one.start, one.key)

    def _write(self, rows: Sequence[tuple[Any, ...]]) -> Appended:
        if not rows:
            return Appended(0, 0, (0, 0))
        with self.recent.write() as transaction:
            first = transaction.numbers(len(rows))
            numbered = [(*row, number) for number, row in enumerate(rows, first)]
            new = transaction.put(numbered)
            kept.note(transaction, numbered)
        return Appended(new, len(rows) - new, (first, first + len(rows) - 1))

    def amend(self, rows: "pa.Table") -> int:
        """Put rows of one datastream in the place of those that were read; how many were put. What
        others changed since is left."""
        return amend(self.recent, rows)

    def delete(
        self, *, datastreams: Sequence[int] | None = None, keys: Sequence[Key] | None = None
    ) -> int:
        """Forget all of some datastreams, or single observations; how many there were."""
        if datastreams is None:
            return remove(self.recent, self.reader, keys or ())
        count = self.count(Selection(datastreams=datastreams))
        drop(self.recent, datastreams)
        return count

    # -- questions -------------------------------------------------------------------------------

    def latest(self, datastreams: Sequence[int]) -> "pa.Table":
        """The latest observation of each of the datastreams that has one; one look each."""
        return table_of(self._kept(datastreams, _LATEST, "start_us"), COLUMNS)

    def extents(self, datastreams: Sequence[int]) -> "pa.Table":
        """First and last of phenomenon and result time of each datastream that has observations.

        Columns datastream, start, end, result_start, result_end.
        """
        import pyarrow as pa

        rows = self._kept(datastreams, f"datastream, {_EXTENT}", "first_us")
        columns = list(zip(*rows, strict=True)) if rows else [()] * 5
        moment = pa.timestamp("us", tz="UTC")
        names = ("datastream", "start", "end", "result_start", "result_end")
        kinds = (pa.int64(), *(moment,) * 4)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        return pa.table(arrays, names=names)

    def standing(self, datastreams: Sequence[int]) -> list[Standing]:
        """Extent and latest observation of each of a few datastreams that has any, in one look."""
        rows = self._kept(datastreams, f"{_LATEST}, {_EXTENT}", "first_us")
        size = len(SQL_COLUMNS)
        return [Standing(row[0], row[size:], row[:size]) for row in rows]

    def _kept(self, datastreams: Sequence[int], columns: str, there: str) -> list[tuple[Any, ...]]:
        """What is kept beside those of the datastreams where a column is filled, in order."""
        if not len(datastreams):
            return []
        with self.recent.read() as transaction:
            clause, value = transaction.among("datastream", datastreams)
            return transaction.rows(
                f"SELECT {columns} FROM observation_stream "
                f"WHERE {clause} AND {there} IS NOT NULL ORDER BY datastream",
                value,
            )

    def ends(self, datastreams: Sequence[int]) -> dict[int, int]:
        """When the observations of each of the datastreams end that has any, in microseconds since
        1970, UTC; one look each."""
        rows = self._kept(datastreams, "datastream, last_us", "last_us")
        return {int(one): int(last) for one, last in rows}

    def select(self, asked: Selection) -> "pa.Table":
        """The observations asked for, in order, of one moment; columns of the schema."""
        with self.recent.read() as transaction:
            version, dropped = self._version(transaction, asked)
            newer = self._newer(transaction, asked, COLUMNS, bounded=True)
            if version is not None and self._newest(transaction, asked, newer):
                version = None
        if version is None and asked.where is None and not asked.skip and self._plain(asked):
            found = newer.filter(_not_gone(newer)).select(asked.columns or COLUMNS)
            return found if asked.limit is None else found.slice(0, asked.limit)
        return self.reader.rows(version, newer, _query(asked, dropped))

    def count(self, asked: Selection) -> int:
        """How many observations there are; order, limit and pages do not count."""
        if asked.where is None and asked.start is None and asked.end is None:
            return self._count_all(asked)
        if asked.where is None:
            return self._count_within(asked)
        names = _named(asked.where)
        with self.recent.read() as transaction:
            version, dropped = self._version(transaction, asked)
            newer = self._newer(transaction, asked, names)
        return self.reader.count(version, newer, _query(asked, dropped, bare=True))

    def datastreams(self, asked: Selection) -> "pa.Array":
        """The datastreams of which there is an observation among those asked for, in order."""
        names = _named(asked.where)
        with self.recent.read() as transaction:
            version, dropped = self._version(transaction, asked)
            newer = self._newer(transaction, asked, names)
        return self.reader.series(version, newer, _query(asked, dropped, bare=True))

    def aggregate(
        self, asked: Selection, every: Unit, functions: Sequence[str], *, apart: bool = True
    ) -> "pa.Table":
        """Figures (count, mean, min, max, sum, stddev) of each span of time: of each datastream
        ``apart``, else of all that are asked for together. Days and longer are those of ``zone``.

        Columns datastream (where apart), start, then ``functions``. Raises ``Invalid`` for what is
        no span or no function.
        """
        if not apart:
            return self.converted([(asked, (1.0, 0.0))], every, functions)
        names = _named(asked.where)
        with self.recent.read() as transaction:
            version, dropped = self._version(transaction, asked)
            newer = self._newer(transaction, asked, names)
        query = _query(asked, dropped, bare=True)
        return self.reader.aggregate(version, newer, query, every, functions)

    def converted(
        self,
        asked: Sequence[tuple[Selection, tuple[float, float]]],
        every: Unit,
        functions: Sequence[str],
    ) -> "pa.Table":
        """Figures of all that are asked for together, of one moment, each selection with the factor
        and what is added by which its numbers are in the unit of the others; otherwise as
        :meth:`aggregate`."""
        questions = []
        with self.recent.read() as transaction:
            state = transaction.state()["long_version"]
            for one, way in asked:
                _, dropped = self._version(transaction, one)
                newer = self._newer(transaction, one, _named(one.where))
                questions.append((newer, _query(one, dropped, bare=True), way))
        return self.reader.over_all(None if state < 0 else state, questions, every, functions)

    def changes(self, after: int, limit: int) -> "tuple[pa.Table, int]":
        """What was taken in after number ``after``, oldest first, and where to go on.

        An observation that was replaced since is told of once, as it is now.
        """
        with self.recent.read() as transaction:
            state = transaction.state()
            rows = transaction.rows(
                f"SELECT {', '.join(SQL_COLUMNS)} FROM observation_recent "
                "WHERE seq > ? AND gone = 0 ORDER BY seq LIMIT ?",
                max(after, state["moved_seq"]),
                limit,
            )
            dropped = self._version(transaction, Selection())[1]
        found = table_of(rows, COLUMNS)
        if after < state["moved_seq"]:
            import pyarrow as pa

            order = ((Condition('"seq"'), False),)
            query = SeriesQuery(
                number_after=after,
                number_to=state["moved_seq"],
                order=order,
                limit=limit,
                without=dropped,
            )
            nothing = table_of((), (*COLUMNS, *_FLAGS))
            older = self.reader.rows(state["long_version"], nothing, query)
            found = pa.concat_tables([older, found]).slice(0, limit)
        if len(found) < limit:
            return found, max(after, state["seq"])
        return found, int(found["seq"][-1].as_py())

    def newest(self) -> int:
        """The last number that was given."""
        with self.recent.read() as transaction:
            return transaction.state()["seq"]

    def tidy(self) -> None:
        """Remove files of the table that nobody can be reading any more."""
        self.table.tidy()

    @property
    def table(self) -> SeriesTable:
        """The table of what was moved."""
        return self._open()[0]

    @property
    def reader(self) -> SeriesReader:
        """The engine over that table."""
        return self._open()[1]

    def _open(self) -> tuple[SeriesTable, SeriesReader]:
        if self._opened is None:
            table = SeriesTable(self._location, observation_schema())
            if not table.remote:
                Path(self._location).mkdir(parents=True, exist_ok=True)
            self._opened = table, SeriesReader(table, self._spill, *self._engine, self.zone)
        return self._opened

    @staticmethod
    def _version(transaction: Transaction, asked: Selection) -> tuple[int | None, tuple[int, ...]]:
        """The version of the table to read, ``None`` when nothing asked for can be in it; and
        the datastreams in it that are forgotten."""
        version = transaction.state()["long_version"]
        if version < 0:
            return None, ()
        dropped = tuple(
            row[0] for row in transaction.rows("SELECT datastream FROM observation_dropped")
        )
        if asked.datastreams is None:
            return version, dropped
        clause, value = transaction.among("datastream", asked.datastreams)
        since = -(2**63) if asked.start is None else microseconds(asked.start)
        found = transaction.rows(
            f"SELECT 1 FROM observation_stream WHERE {clause} AND long_rows > 0 "
            "AND long_last_us >= ? LIMIT 1",
            value,
            since,
        )
        return (version if found else None), dropped

    def _newer(
        self,
        transaction: Transaction,
        asked: Selection,
        names: Sequence[str],
        *,
        bounded: bool = False,
    ) -> "pa.Table":
        """Rows of the recent store in their order, with flags; no more than can be wanted."""
        where, values = _within(transaction, asked)
        columns = ", ".join(f"r.{SQL_COLUMNS[COLUMNS.index(name)]}" for name in names)
        select = f"SELECT {columns}, {_LATE}, r.gone FROM {_FROM} WHERE {where}"
        if not (bounded and asked.where is None and self._plain(asked)):
            return table_of(transaction.rows(select, *values), (*names, *_FLAGS))
        down = " DESC" if _descending(asked) else ""
        order = f" ORDER BY r.start_us{down}, r.datastream{down}, r.key{down}"
        if asked.limit is None:
            return table_of(transaction.rows(select + order, *values), (*names, *_FLAGS))
        rows = transaction.rows(
            f"{select} AND r.gone = 0{order} LIMIT ?", *values, asked.limit + asked.skip
        )
        rows += transaction.rows(f"{select} AND r.gone = 1", *values)
        return table_of(rows, (*names, *_FLAGS))

    def _newest(self, transaction: Transaction, asked: Selection, newer: "pa.Table") -> bool:
        """Whether a page of the newest lies in the recent store alone: all of it is newer than what
        was moved of these datastreams."""
        size = None if asked.limit is None else asked.limit + asked.skip
        few = asked.datastreams is not None and len(asked.datastreams) <= _FEW
        if not few or not size or asked.where is not None or not self._plain(asked):
            return False
        if not _descending(asked) or len(newer) != size or True in newer["gone"].to_pylist():
            return False
        clause, value = transaction.among("datastream", asked.datastreams or ())
        last = transaction.rows(
            f"SELECT max(long_last_us) FROM observation_stream WHERE {clause}", value
        )[0][0]
        return last is None or newer["start"].cast("int64")[-1].as_py() > last

    @staticmethod
    def _plain(asked: Selection) -> bool:
        """Whether the order is that of time, from the first page on."""
        return (asked.after, asked.each) == (None, None) and (
            not asked.order or (len(asked.order) == 1 and asked.order[0][0] in _TIME)
        )

    def _count_all(self, asked: Selection) -> int:
        """By what is known of datastreams; only of late rows one must look into the table."""
        with self.recent.read() as transaction:
            mine, values = _among(transaction, "s.datastream", asked)
            moved = transaction.rows(
                f"SELECT sum(s.long_rows) FROM observation_stream AS s WHERE {mine}", *values
            )[0][0]
            here = self._live(transaction, asked)
            version, late = self._late(transaction, asked)
        return int(moved or 0) + here - self._come_again(version, late).total()

    def _count_within(self, asked: Selection) -> int:
        """How many start in a span of time: those of the table less those that have come again."""
        with self.recent.read() as transaction:
            version, dropped = self._version(transaction, asked)
            here = self._live(transaction, asked)
            _, late = self._late(transaction, asked)
        if version is None:
            return here
        nothing = table_of((), (*_BRIEF, *_FLAGS))
        moved = self.reader.count(version, nothing, _query(asked, dropped, bare=True))
        return here + moved - self._come_again(version, late).total()

    @staticmethod
    def _live(transaction: Transaction, asked: Selection) -> int:
        """How many are in the recent store: all but the few that are gone, since databases count
        all of a table without a look at its rows."""
        if _holds_all(transaction, asked):
            asked = replace(asked, datastreams=None)
        where, values = _within(transaction, asked)
        count = "SELECT count(*) FROM observation_recent AS r"
        every = f"{count} WHERE {where}" if values else count
        gone = f"{count} WHERE {where} AND r.gone = 1"
        return int(transaction.rows(f"SELECT ({every}) - ({gone})", *values, *values)[0][0])

    @staticmethod
    def _late(
        transaction: Transaction, asked: Selection
    ) -> tuple[int | None, list[tuple[Any, ...]]]:
        """The version of the table, and what tells the rows apart that may lie in it too."""
        version = transaction.state()["long_version"]
        if version < 0:
            return None, []
        where, values = _within(transaction, asked)
        rows = f"SELECT r.datastream, r.start_us, r.key FROM {_AGAIN} AND {where}"
        return version, transaction.rows(rows, *values)

    def _come_again(self, version: int | None, late: list[tuple[Any, ...]]) -> Counter[int]:
        """How many of some rows lie in the table too, by datastream."""
        return self._again.counts(self.reader, version, late) if late else Counter()

    def counts(self, datastreams: Sequence[int]) -> dict[int, int]:
        """How many observations each of the datastreams has; those without any are left out."""
        asked = Selection(datastreams=datastreams)
        found: Counter[int] = Counter()
        with self.recent.read() as transaction:
            mine, values = _among(transaction, "s.datastream", asked)
            for one, count in transaction.rows(
                f"SELECT s.datastream, s.long_rows FROM observation_stream AS s WHERE {mine} "
                "UNION ALL SELECT s.datastream, count(*) FROM observation_recent AS s "
                f"WHERE {mine} AND s.gone = 0 GROUP BY s.datastream",
                *values,
                *values,
            ):
                found[one] += count
            version, late = self._late(transaction, asked)
        found.subtract(self._come_again(version, late))
        return {one: count for one, count in found.items() if count}


def _within(transaction: Transaction, asked: Selection) -> tuple[str, list[Any]]:
    """SQL of which datastreams and times are asked for of the recent store, and its parameters."""
    mine, values = _among(transaction, "r.datastream", asked)
    where = [mine]
    for operator, moment in ((">=", asked.start), ("<", asked.end)):
        if moment is not None:
            where.append(f"r.start_us {operator} ?")
            values.append(microseconds(moment))
    return " AND ".join(where), values


def _holds_all(transaction: Transaction, asked: Selection) -> bool:
    """Whether nothing of other datastreams is in the recent store, by a look at its ends."""
    wanted = asked.datastreams
    if not isinstance(wanted, range):
        return False
    other = "SELECT 1 FROM observation_recent WHERE datastream"
    ends = f"SELECT NOT (EXISTS ({other} < ?) OR EXISTS ({other} >= ?))"
    return bool(transaction.rows(ends, wanted.start, wanted.stop)[0][0])


def _among(transaction: Transaction, column: str, asked: Selection) -> tuple[str, list[Any]]:
    if asked.datastreams is None:
        return "1 = 1", []
    clause, value = transaction.among(column, asked.datastreams)
    return clause, [value]


def _named(where: Expression | Condition | None) -> tuple[str, ...]:
    """The columns that a condition is about, and those that tell observations apart."""
    if where is None:
        return _BRIEF
    if isinstance(where, Condition):
        return COLUMNS
    named = columns_in(where)
    return tuple(one for one in COLUMNS if one in _BRIEF or one in named)


def _descending(asked: Selection) -> bool:
    return bool(asked.order) and asked.order[-1][1]


def _not_gone(rows: "pa.Table") -> Any:
    import pyarrow.compute as pc

    return pc.invert(rows["gone"])


def _query(asked: Selection, dropped: tuple[int, ...], *, bare: bool = False) -> SeriesQuery:
    """``bare``: without order and pages."""
    where = asked.where
    query = SeriesQuery(
        series=asked.datastreams,
        start=asked.start,
        end=asked.end,
        where=where if where is None else _compiled(where, "where"),
        without=dropped,
    )
    if bare:
        return query
    order = tuple(
        (_compiled(one, f"order{place}_"), down) for place, (one, down) in enumerate(asked.order)
    )
    return replace(
        query,
        order=order,
        after=asked.after,
        skip=asked.skip,
        limit=asked.limit,
        each=asked.each,
        columns=asked.columns,
    )


def _compiled(one: str | Expression | Condition, prefix: str) -> Condition:
    if isinstance(one, str):
        return column_named(one)
    return one if isinstance(one, Condition) else condition(one, prefix)
