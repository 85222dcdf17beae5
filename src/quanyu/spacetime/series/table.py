"""Writes series into a Delta table and says which of its files a question needs.

Whoever uses the table keeps the number of the version that counts: :meth:`SeriesTable.write` builds
on that one whatever else was committed, so that a writer that died half-way left nothing.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.kernel import Unavailable, new_salt
from quanyu.spacetime.series.model import IDENTITY, KEY, NUMBER, PART, SERIES, START, SeriesQuery
from quanyu.spacetime.series.spans import Spans

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable

_WRITE = "quanyu-write"
_KEPT = 8
_SAME = " AND ".join(f'held."{name}" = fresh."{name}"' for name in IDENTITY)
_SMALL_FILES, _FEW_FILES = 4, 2
_WHOLE = 2**40  # a month that is sorted is one file, however large: else it would be sorted again
_MOST_SORTED = 4_000_000
_RETENTION_H = 24
_ROUNDED = timedelta(milliseconds=1)  # statistics of Delta end at milliseconds


@dataclass(frozen=True, slots=True)
class Batch:
    """What one write changes.

    added     rows that the table cannot hold yet
    replaced  rows that it may hold
    removed   rows (their identity counts) that it shall not hold
    dropped   series that it shall not hold
    """

    added: "pa.Table"
    replaced: "pa.Table"
    removed: "pa.Table"
    dropped: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one version: of which month (as 202611), when they were written (milliseconds
    since 1970), with the least and most of their columns, of each column whether there is nothing
    in it, the place of each file, and the beginnings of all months with that of each file."""

    paths: list[str]
    months: Any
    rows: Any
    written: Any
    bounds: dict[str, tuple[Any, Any]]
    empty: dict[str, Any]
    places: dict[str, int]
    calendar: tuple[list[datetime], Any]


class SeriesTable:
    """A Delta table at ``url`` with the columns of ``schema``, in folders by month."""

    def __init__(self, url: str, schema: "pa.Schema") -> None:
        self.url = url
        self.schema = schema
        self._files: OrderedDict[int, _Files] = OrderedDict()
        self._lock = Lock()

    @property
    def remote(self) -> bool:
        """Whether the table lies in object storage."""
        return "://" in self.url

    def write(self, at: int | None, batch: Batch) -> int:
        """Commit ``batch`` on version ``at`` (``None``: there is none yet); the version it makes.

        Raises ``Unavailable`` when somebody else committed at the same time: nothing counts then.
        """
        table, base = self._opened_at(at)
        own = _signed()
        if batch.dropped:
            dropped = ", ".join(map(str, map(int, batch.dropped)))
            table.delete(f'"{SERIES}" IN ({dropped})', commit_properties=own)
        if len(batch.replaced) or len(batch.removed):
            table.update_incremental()
            self._merge(table, batch, own)
        if len(batch.added):
            self._append(self._with_part(batch.added), own)
        return _only_own(table, base, own)

    def files(self, version: int, asked: SeriesQuery) -> tuple[list[str], int]:
        """The files in which rows of ``asked`` may be, and how many rows these hold together."""
        found = self._of(version)
        chosen = _chosen(found, asked)
        return [found.paths[i] for i in chosen], int(found.rows[chosen].sum())

    def counted(self, version: int, asked: SeriesQuery) -> tuple[int, list[str] | None]:
        """How many rows lie in files of which ``asked``, by series and times alone, wants all; and
        the files that must be looked into for the rest, ``None`` where there are none."""
        if self.remote:
            return 0, self.files(version, asked)[0] or None
        found = self._of(version)
        chosen = np.zeros(len(found.paths), dtype=bool)
        chosen[_chosen(found, asked)] = True
        whole = chosen.copy()
        least, most = found.bounds[START]
        if asked.start is not None:
            whole &= least >= _instant(asked.start)
        if asked.end is not None:
            whole &= most + np.timedelta64(1, "ms") < _instant(asked.end)
        if asked.series is not None:
            least, most = found.bounds[SERIES]
            whole &= between(asked.series, least, most) == most - least + 1
        rest = [found.paths[at] for at in np.flatnonzero(chosen & ~whole)]
        return int(found.rows[whole].sum()), rest or None

    def months(self, version: int, asked: SeriesQuery) -> "tuple[list[datetime], Any]":
        """The beginnings of the months in which rows of ``asked`` may be, in order, and how many
        rows each may hold if all series have as many."""
        found = self._of(version)
        chosen = _chosen(found, asked)
        least, most = (ends[chosen] for ends in found.bounds[SERIES])
        wanted = most - least + 1
        if asked.series is not None:
            wanted = np.minimum(wanted, len(asked.series))
        rows = found.rows[chosen] * wanted / (most - least + 1)
        months, place = found.calendar
        there = np.bincount(place[chosen], minlength=len(months)) > 0
        starts = [one for one, some in zip(months, there.tolist(), strict=True) if some]
        return starts, np.bincount(place[chosen], rows, minlength=len(months))[there]

    def in_a_row(
        self, version: int, asked: SeriesQuery, others: Sequence[int], spans: Spans
    ) -> list[str]:
        """Files in which rows of ``asked`` may be, in the order of time: each ends no later than
        in the one of the ``spans`` in which the next begins; whole months that are
        not such, and those in ``others`` (as 202611), are left out."""
        if self.remote:
            return []
        found = self._of(version)
        chosen = _chosen(found, asked)
        months = found.months[chosen]
        least, most = (ends[chosen].astype(np.int64) for ends in found.bounds[START])
        rows: list[str] = []
        for month in np.setdiff1d(months, np.asarray(others, dtype=np.int64)):
            mine = np.flatnonzero(months == month)
            mine = mine[np.argsort(least[mine])]
            # Statistics of Delta end at milliseconds, which no span does.
            if (spans.places(most[mine][:-1]) <= spans.places(least[mine][1:])).all():
                rows += [found.paths[chosen[at]] for at in mine]
        return rows

    def ends(self, version: int, asked: SeriesQuery) -> list[int]:
        """The least and most start of files in which rows of ``asked`` may be, in microseconds;
        nothing where there are none."""
        found = self._of(version)
        least, most = (ends[_chosen(found, asked)].astype(np.int64) for ends in found.bounds[START])
        return [int(least.min()), int(most.max())] if len(least) else []

    def empty(self, version: int, paths: Sequence[str]) -> frozenset[str]:
        """The columns in which some files hold nothing at all; keys are empty texts there."""
        found = self._of(version)
        chosen = [found.places[path] for path in paths]
        return frozenset(name for name, empty in found.empty.items() if empty[chosen].all())

    def rows(self, version: int) -> int:
        """How many rows a version holds; no file is read."""
        return int(self._of(version).rows.sum())

    def crowded(self, version: int, rested: datetime) -> int | None:
        """A month that one sorted file would serve better: one that lies in many files, or in
        several of which none was written after ``rested``."""
        found = self._of(version)
        for month in np.unique(found.months):
            mine = found.months == month
            rests = found.written[mine].max() <= rested.timestamp() * 1000
            least = _FEW_FILES if rests else _SMALL_FILES
            if mine.sum() >= least and found.rows[mine].sum() <= _MOST_SORTED:
                return int(month)
        return None

    def rewrite(self, at: int, month: int, rows: "pa.Table") -> int:
        """Put ``rows``, all that version ``at`` has of ``month``, in the place of its files."""
        from deltalake import write_deltalake

        table, base = self._opened_at(at)
        own = _signed()
        write_deltalake(
            self.url,
            self._with_part(rows),
            mode="overwrite",
            predicate=f"{PART} = {int(month)}",
            target_file_size=_WHOLE,
            writer_properties=_writing(),
            commit_properties=own,
        )
        return _only_own(table, base, own)

    def tidy(self) -> None:
        """Remove files that no version of the last day needs."""
        from deltalake import DeltaTable

        if DeltaTable.is_deltatable(self.url):
            DeltaTable(self.url).vacuum(
                retention_hours=_RETENTION_H, dry_run=False, enforce_retention_duration=False
            )

    def _opened_at(self, at: int | None) -> "tuple[DeltaTable, int]":
        """The table with its newest version equal to version ``at``, and the number of that."""
        import pyarrow as pa
        from deltalake import DeltaTable

        if not DeltaTable.is_deltatable(self.url):
            fields = [*self.schema, pa.field(PART, pa.int32(), nullable=False)]
            DeltaTable.create(self.url, pa.schema(fields), partition_by=[PART])
        table = DeltaTable(self.url)
        newest = table.version()
        wanted = 0 if at is None else at
        if newest == wanted:
            return table, newest
        own = _signed()  # a writer died after its commit; what it wrote does not count
        table.restore(wanted, commit_properties=own)
        return table, _only_own(table, newest, own)

    def _append(self, rows: "pa.Table", own: "CommitProperties") -> None:
        from deltalake import write_deltalake

        write_deltalake(
            self.url,
            rows,
            mode="append",
            writer_properties=_writing(),
            commit_properties=own,
        )

    def _merge(self, table: "DeltaTable", batch: Batch, own: "CommitProperties") -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        parts = []
        for rows, removed in ((batch.replaced, False), (batch.removed, True)):
            flag = pa.array([removed] * len(rows), pa.bool_())
            parts.append(self._with_part(rows).append_column("removed", flag))
        fresh = pa.concat_tables(parts)
        months = ", ".join(str(m) for m in pc.unique(fresh[PART]).to_pylist())
        names = [*self.schema.names, PART]
        (
            table.merge(
                fresh,
                predicate=f"{_SAME} AND held.{PART} = fresh.{PART} AND held.{PART} IN ({months})",
                source_alias="fresh",
                target_alias="held",
                writer_properties=_writing(),
                commit_properties=own,
            )
            .when_matched_delete(predicate="fresh.removed")
            .when_matched_update({f'"{n}"': f'fresh."{n}"' for n in names})
            .when_not_matched_insert(
                {f'"{n}"': f'fresh."{n}"' for n in names}, predicate="NOT fresh.removed"
            )
            .execute()
        )

    def _with_part(self, rows: "pa.Table") -> "pa.Table":
        import pyarrow as pa
        import pyarrow.compute as pc

        start = rows[START]
        month = pc.add(pc.multiply(pc.year(start), 100), pc.month(start)).cast(pa.int32())
        rows = rows.select(self.schema.names).cast(self.schema)
        return rows.append_column(pa.field(PART, pa.int32(), nullable=False), month).sort_by(
            [(PART, "ascending"), *((name, "ascending") for name in IDENTITY)]
        )

    def _of(self, version: int) -> _Files:
        with self._lock:
            known = self._files.get(version)
        if known is not None:
            return known
        found = self._read(version)
        with self._lock:
            self._files[version] = found
            while len(self._files) > _KEPT:
                self._files.popitem(last=False)
        return found

    def _read(self, version: int) -> _Files:
        import pyarrow as pa
        import pyarrow.compute as pc
        from deltalake import DeltaTable

        table = DeltaTable(self.url, version=version)
        actions = pa.table(table.get_add_actions(flatten=True))
        root = self.url.rstrip("/")
        paths = [f"{root}/{path}" for path in actions["path"].to_pylist()]
        bounds = {
            name: (_column(actions, f"min.{name}"), _column(actions, f"max.{name}"))
            for name in (START, SERIES, NUMBER)
        }
        rows = actions["num_records"].to_numpy()
        empty = {
            name: actions[f"null_count.{name}"].to_numpy() == rows
            for name in self.schema.names
            if f"null_count.{name}" in actions.column_names
        }
        if f"max.{KEY}" in actions.column_names:
            empty[KEY] = pc.equal(actions[f"max.{KEY}"], "").fill_null(False).to_numpy()
        written = actions["modification_time"].cast(pa.int64()).to_numpy()
        months = np.array([month_of(path) for path in paths], dtype=np.int64)
        places = {path: place for place, path in enumerate(paths)}
        there, place = np.unique(months, return_inverse=True)
        starts = [datetime(one // 100, one % 100, 1, tzinfo=UTC) for one in there.tolist()]
        calendar = starts, place
        return _Files(paths, months, rows, written, bounds, empty, places, calendar)


def _chosen(found: _Files, asked: SeriesQuery) -> Any:
    """The places of files in which rows of ``asked`` may be."""
    keep = np.ones(len(found.paths), dtype=bool)
    least, most = found.bounds[START]
    if asked.start is not None:
        keep &= most + np.timedelta64(1, "ms") >= _instant(asked.start)
    if asked.end is not None:
        keep &= least < _instant(asked.end)
    if asked.series is not None and len(asked.series):
        least, most = found.bounds[SERIES]
        # Whether any of the wanted series lies between the least and the most of the file.
        keep &= between(asked.series, least, most) > 0
    least, most = found.bounds[NUMBER]
    if asked.number_after is not None:
        keep &= most > asked.number_after
    if asked.number_to is not None:
        keep &= least <= asked.number_to
    return np.flatnonzero(keep)


def between(series: "Sequence[int] | pa.Array", least: Any, most: Any) -> Any:
    """How many of some series lie between the least and the most of each file."""
    if isinstance(series, range):
        first, last = np.maximum(least, series.start), np.minimum(most, series.stop - 1)
        return np.maximum(last - first + 1, 0)
    if len(series) == 1:
        one = int(np.asarray(series)[0])
        return ((least <= one) & (one <= most)).astype(np.int64)
    known = np.unique(np.asarray(series, dtype=np.int64))
    return np.searchsorted(known, most, side="right") - np.searchsorted(known, least)


def _signed() -> "CommitProperties":
    """What marks commits as those of one write; a commit that would change nothing is none."""
    from deltalake import CommitProperties

    return CommitProperties(custom_metadata={_WRITE: new_salt()})


def _only_own(table: "DeltaTable", base: int, own: "CommitProperties") -> int:
    """The newest version, when nobody else committed since ``base``."""
    table.update_incremental()
    newest = table.version()
    mark = (own.custom_metadata or {})[_WRITE]
    if newest > base and any(commit.get(_WRITE) != mark for commit in table.history(newest - base)):
        raise Unavailable(
            "somebody else is writing observations into their table",
            mend="it is tried again by itself",
        )
    return newest


def _column(actions: "pa.Table", name: str) -> Any:
    values = actions[name].to_numpy()
    return values.astype("datetime64[us]") if np.issubdtype(values.dtype, np.datetime64) else values


def month_of(path: str) -> int:
    """The month that a file of the table is of, as ``202611``."""
    return int(path.rsplit(f"{PART}=", 1)[1].split("/", 1)[0])


def _instant(moment: datetime) -> Any:
    return np.datetime64(moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta()), "us")


def instant_us(moment: datetime) -> int:
    """An instant as microseconds since 1970, UTC."""
    return int(_instant(moment).astype(np.int64))


def _writing() -> Any:
    from deltalake import WriterProperties

    # Small groups of rows: one series of many is found without reading the others. LZ4: numbers are
    # decoded in half the time of ZSTD, for a file that is a tenth to a fifth larger.
    return WriterProperties(compression="LZ4_RAW", max_row_group_size=16_384)
