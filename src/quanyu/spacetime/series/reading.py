"""Answers from a table of series and the newer rows beside it, as from one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.kernel import Invalid
from quanyu.spacetime.aggregation import Unit
from quanyu.spacetime.engine import Engine, identifier
from quanyu.spacetime.series.asking import (
    after_page,
    by_time,
    earlier,
    from_page,
    later,
    months_of,
    of_series,
    order_of,
    sql_type,
)
from quanyu.spacetime.series.figures import (
    REDUCED,
    figures_of_runs,
    runs_of_files,
    runs_of_table,
)
from quanyu.spacetime.series.groups import FEW, picked, starts_of, there
from quanyu.spacetime.series.model import (
    AGGREGATES,
    GONE,
    HIDES,
    IDENTITY,
    KEY,
    NUMBER,
    SERIES,
    START,
    SeriesQuery,
)
from quanyu.spacetime.series.over_all import (
    Reduced,
    converted,
    figures,
    parts_of_files,
    parts_of_table,
)
from quanyu.spacetime.series.parts import SQL_PARTS, parts_needed
from quanyu.spacetime.series.spans import UNITS, Spans
from quanyu.spacetime.series.table import SeriesTable, month_of

if TYPE_CHECKING:
    import pyarrow as pa

_NEWER, _TABLE = "newer_rows", "table_rows"
_SAME = " AND ".join(f"n.{identifier(one)} = t.{identifier(one)}" for one in IDENTITY)
"""That a newer row is one of the table; as a join, since EXISTS beside other conditions makes
DuckDB look for each different row of the table first, at ten times the cost."""
_SPARE = 1.2


class SeriesReader:
    """One engine over one table; safe across threads.

    Each method takes the version of the table that counts (``None``: nothing was written yet), the
    ``newer`` rows with their flags ``hides`` and ``gone``, and the query.
    """

    def __init__(
        self, table: SeriesTable, spill: Path, memory: str, threads: int, zone: str = "UTC"
    ) -> None:
        """``zone`` (IANA) is the one whose days, and longer spans, figures are of."""
        self._table = table
        self._zone = zone
        self._settings = (spill, memory, threads)
        self._engine: Engine | None = None
        self._lock = Lock()

    def close(self) -> None:
        """Free the engine."""
        if self._engine is not None:
            self._engine.close()

    def rows(self, version: int | None, newer: "pa.Table", asked: SeriesQuery) -> "pa.Table":
        """The rows, in order, each once.

        A page in the order of time is looked for in a month, then in four, and so on: how long
        that takes does not depend on how much there is before or behind it.
        """
        import pyarrow.compute as pc

        apart = by_time(asked) and asked.where is None and not pc.any(newer[HIDES]).as_py()
        for part in self._spans(version, asked):
            if apart:
                found = self._merged(version, newer, part)
            else:
                found = self._rows(version, newer, part)
            if len(found) == asked.limit:
                break
        return found

    def _spans(self, version: int | None, asked: SeriesQuery) -> Iterator[SeriesQuery]:
        """The query narrowed to more and more of the time that it is about, all of it at last."""
        asked = from_page(asked)
        if version is None or not by_time(asked) or asked.limit is None:
            yield asked
            return
        down = asked.order[0][1]
        months, rows = self._table.months(version, asked)
        wanted = _SPARE * (asked.limit + asked.skip)
        size = int(np.searchsorted(np.cumsum(rows[::-1] if down else rows), wanted)) + 1
        while size < len(months):
            if down:
                yield replace(asked, start=later(asked.start, months[-size]))
            else:
                yield replace(asked, end=earlier(asked.end, months[size]))
            size *= 4
        yield asked

    def _merged(self, version: int | None, newer: "pa.Table", asked: SeriesQuery) -> "pa.Table":
        """A page in the order of time where no newer row hides one of the table: a short question
        to the table, and the newer rows put between its rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        names = asked.columns or tuple(self._table.schema.names)
        needed = [name for name in self._table.schema.names if name in {*names, *IDENTITY}]
        size = None if asked.limit is None else asked.limit + asked.skip
        whole = replace(asked, columns=tuple(needed), skip=0, limit=size)
        older = self._picked(version, whole)
        if older is None:
            older = self._rows(version, newer.slice(0, 0), whole)
        if not len(newer) or _behind(newer, older, whole):
            return older.slice(asked.skip, asked.limit).select(names)
        keep = pc.invert(newer[GONE])
        if asked.start is not None:
            keep = pc.and_(keep, pc.greater_equal(newer[START], pa.scalar(asked.start)))
        if asked.end is not None:
            keep = pc.and_(keep, pc.less(newer[START], pa.scalar(asked.end)))
        fresh = newer.filter(keep).select(needed)
        if asked.after is not None and len(fresh):
            fresh = self._rows(None, newer.filter(keep), whole)
        found = pa.concat_tables([older, fresh])
        if len(fresh):
            way = "descending" if asked.order[0][1] else "ascending"
            found = found.sort_by([(name, way) for name in (START, SERIES, KEY)])
        return found.slice(asked.skip, asked.limit).select(names)

    def _picked(self, version: int | None, asked: SeriesQuery) -> "pa.Table | None":
        """The first page of a few series in the order of time, out of the groups of rows that may
        hold them; ``None`` for other questions."""
        few = asked.series is not None and 0 < len(asked.series) <= FEW
        bounded = (asked.number_after, asked.number_to, asked.after) != (None,) * 3
        if version is None or not few or bounded or self._table.remote:
            return None
        files, _ = self._table.files(version, asked)
        if not files:
            return None
        return picked(files, asked, self._schema(asked), self._table.empty(version, files))

    def _schema(self, asked: SeriesQuery) -> "pa.Schema":
        """The columns that are wanted."""
        import pyarrow as pa

        schema = self._table.schema
        return pa.schema([schema.field(name) for name in asked.columns or schema.names])

    def _rows(self, version: int | None, newer: "pa.Table", asked: SeriesQuery) -> "pa.Table":
        source, params, beside = self._source(version, newer, asked)
        names = asked.columns or tuple(self._table.schema.names)
        columns = ", ".join(identifier(name) for name in names)
        order = order_of(asked, params)
        where = after_page(asked, order, params)
        sql = f"SELECT {columns} FROM ({source}) WHERE {where}"
        if asked.each is not None:
            inner = ", ".join(
                f"{one} {'DESC' if down else 'ASC'} NULLS LAST" for one, down in order
            )
            sql += (
                f" QUALIFY row_number() OVER (PARTITION BY {SERIES} ORDER BY {inner}) "
                f"<= {int(asked.each)}"
            )
        if order:
            sql += " ORDER BY " + ", ".join(
                f"{one} {'DESC' if down else 'ASC'} NULLS LAST" for one, down in order
            )
        if asked.limit is not None:
            sql += f" LIMIT {int(asked.limit)}"
        if asked.skip:
            sql += f" OFFSET {int(asked.skip)}"
        found = self._opened().table(sql, params, beside=beside)
        return found.cast(self._schema(asked))

    def count(self, version: int | None, newer: "pa.Table", asked: SeriesQuery) -> int:
        """How many rows there are; where nothing is newer, files of which all rows are wanted are
        counted by what Delta's log says of them."""
        if version is not None and not len(newer) and asked.where is None and not asked.without:
            known, files = self._table.counted(version, asked)
            if files is None:
                return known
        else:
            known, files = 0, None
        source, params, beside = self._source(version, newer, asked, files)
        sql = f"SELECT count(*) AS n FROM ({source})"
        return known + int(self._opened().table(sql, params, beside=beside)["n"][0].as_py())

    def aggregate(
        self,
        version: int | None,
        newer: "pa.Table",
        asked: SeriesQuery,
        every: Unit,
        functions: Sequence[str],
    ) -> "pa.Table":
        """Figures of each series and span of time: columns datastream, start, then ``functions``.

        Raises ``Invalid`` for a unit that is no span and for an unknown function.
        """
        import pyarrow as pa

        _check_figures(every, functions)
        spans, needed = Spans(every, self._zone), parts_needed(functions)
        plain = asked.where is None and not asked.without and REDUCED.issuperset(functions)
        row: list[str] = []
        if version is not None and plain:
            row = self._table.in_a_row(version, asked, months_of(newer), spans)
        threads = self._settings[2]
        pieces, apart = runs_of_files(row, asked, spans, needed, threads)
        if version is None or not pieces or apart:
            aggregates = {name: AGGREGATES[name] for name in functions}
            found = self._by_engine(version, newer, asked, spans, aggregates, apart=True)
            moments = pa.array(spans.read(found[START])).cast(pa.timestamp("us", tz="UTC"))
            return found.set_column(1, START, moments)
        taken = set(row)
        rest = [one for one in self._table.files(version, asked)[0] if one not in taken]
        if rest or len(newer):
            parts = {name: SQL_PARTS[name] for name in needed}
            others = self._by_engine(version, newer, asked, spans, parts, rest, apart=True)
            pieces.append(runs_of_table(others, spans, needed))
        return figures_of_runs(pieces, functions, threads)

    def over_all(
        self,
        version: int | None,
        asked: Sequence[tuple["pa.Table", SeriesQuery, tuple[float, float]]],
        every: Unit,
        functions: Sequence[str],
    ) -> "pa.Table":
        """Figures of each span of time over all series that are asked for: columns start, then
        ``functions``. Each question comes with its newer rows, and with the factor and what is
        added by which its values are those of the others. Raises as :meth:`aggregate`."""
        _check_figures(every, functions)
        spans, needed = Spans(every, self._zone), parts_needed(functions)
        pieces: list[Reduced] = []
        for newer, query, (factor, added) in asked:
            found = self._parts(version, newer, query, spans, needed)
            pieces += [converted(one, factor, added) for one in found]
        return figures(pieces, functions)

    def _parts(
        self,
        version: int | None,
        newer: "pa.Table",
        asked: SeriesQuery,
        spans: Spans,
        needed: Sequence[str],
    ) -> list[Reduced]:
        import pyarrow.compute as pc

        taken: list[str] = []
        rest: list[str] | None = None
        if version is not None and asked.where is None and not self._table.remote:
            hidden = set(months_of(newer.filter(pc.equal(newer[HIDES], True))))
            files, _ = self._table.files(version, asked)
            rest = [one for one in files if month_of(one) in hidden]
            taken = [one for one in files if month_of(one) not in hidden]
        pieces = parts_of_files(taken, asked, spans, needed, self._settings[2])
        if rest is None or rest or len(newer):
            parts = {name: SQL_PARTS[name] for name in needed}
            found = self._by_engine(version, newer, asked, spans, parts, rest, apart=False)
            if len(found):
                pieces.append(parts_of_table(found, spans, needed))
        return pieces

    def _by_engine(  # noqa: PLR0917 - a question, and which files it is put to
        self,
        version: int | None,
        newer: "pa.Table",
        asked: SeriesQuery,
        spans: Spans,
        figures: Mapping[str, str],
        files: Sequence[str] | None = None,
        *,
        apart: bool,
    ) -> "pa.Table":
        """Figures by name out of the rows of each span, of each series ``apart``, then in order."""
        source, params, beside = self._source(version, newer, asked, files)
        named = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in figures.items())
        least, most = self._ends(version, newer, asked)
        span = f"{spans.sql(identifier(START), least, most)} AS {identifier(START)}"
        keys, by = (f"{SERIES}, {span}", "1, 2 ORDER BY 1, 2") if apart else (span, "1")
        sql = f"SELECT {keys}, {named} FROM ({source}) GROUP BY {by}"
        return self._opened().table(sql, params, beside=beside)

    def _ends(self, version: int | None, newer: "pa.Table", asked: SeriesQuery) -> tuple[int, int]:
        """Between which microseconds rows lie that are asked for, and maybe others; 0 for none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = [] if version is None else self._table.ends(version, asked)
        if len(newer):
            ends = pc.min_max(newer[START].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()))
            found += ends.as_py().values()
        return min(found, default=0), max(found, default=0)

    def series(self, version: int | None, newer: "pa.Table", asked: SeriesQuery) -> "pa.Array":
        """Which series have such rows, in order."""
        source, params, beside = self._source(version, newer, asked)
        sql = f"SELECT DISTINCT {SERIES} FROM ({source}) ORDER BY 1"
        return self._opened().table(sql, params, beside=beside)[SERIES].combine_chunks()

    def held(self, version: int | None, keys: "pa.Table") -> "pa.Table":
        """Those of the identities ``keys`` of which a row lies in the table."""
        import pyarrow.compute as pc

        ends = pc.min_max(keys[START]).as_py()
        behind = ends["max"] + timedelta(microseconds=1)
        series = pc.unique(keys[SERIES])
        asked = SeriesQuery(series=series, start=ends["min"], end=behind)
        if version is not None and not self._table.remote and len(series) <= FEW:
            return there(self._table.files(version, asked)[0], asked, keys)
        beside: dict[str, Any] = {_NEWER: keys}
        older = self._older(version, asked, beside)
        if older is None:
            return keys.slice(0, 0)
        params = {"least": ends["min"], "most": ends["max"]}
        names = ", ".join(f"t.{identifier(one)}" for one in IDENTITY)
        sql = (
            f"SELECT {names} FROM {older} AS t SEMI JOIN {_NEWER} AS n ON {_SAME} "
            f"WHERE t.{identifier(START)} BETWEEN $least AND $most"
        )
        return self._opened().table(sql, params, beside=beside)

    def counts(self, version: int, series: "Sequence[int] | pa.Array") -> dict[int, int]:
        """How many rows of each of the series lie in the table."""
        params: dict[str, Any] = {}
        beside: dict[str, Any] = {}
        older = self._older(version, SeriesQuery(series=series), beside)
        if older is None:
            return {}
        where = of_series(series, params, beside)
        sql = f"SELECT {SERIES}, count(*) AS n FROM {older} WHERE {where} GROUP BY 1"
        found = self._opened().table(sql, params, beside=beside)
        return dict(zip(found[SERIES].to_pylist(), found["n"].to_pylist(), strict=True))

    def extent(
        self, version: int | None, newer: "pa.Table", series: int
    ) -> tuple[int | None, int | None, int | None, int | None]:
        """First start, last end, first and last result time of a series, in microseconds."""
        source, params, beside = self._source(version, newer, SeriesQuery(series=[series]))
        figures = ", ".join(
            f"epoch_us({one})"
            for one in (
                'min("start")',
                'max(coalesce("end", "start"))',
                "min(result_time)",
                "max(result_time)",
            )
        )
        found = self._opened().table(f"SELECT {figures} FROM ({source})", params, beside=beside)
        first, last, result_first, result_last = (column[0].as_py() for column in found.columns)
        return first, last, result_first, result_last

    def _opened(self) -> Engine:
        with self._lock:
            if self._engine is None:
                spill, memory, threads = self._settings
                folders = [] if self._table.remote else [Path(self._table.url)]
                self._engine = Engine(folders, spill, memory, threads, keep_footers=True)
            return self._engine

    def _source(
        self,
        version: int | None,
        newer: "pa.Table",
        asked: SeriesQuery,
        files: Sequence[str] | None = None,
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """SQL of all rows that the query is about, its parameters, and relations beside it; of some
        ``files`` of the table where they are named."""
        import pyarrow.compute as pc

        params: dict[str, Any] = {}
        beside: dict[str, Any] = {}
        where = self._conditions(asked, params, beside)
        listed = newer.column_names
        names = ", ".join(identifier(name) for name in self._table.schema.names if name in listed)
        parts = []
        if len(newer):
            beside[_NEWER] = newer
            parts.append(f"SELECT {names} FROM {_NEWER} WHERE NOT {GONE} AND {where}")
        if files is None:
            older = self._older(version, asked, beside)
        else:
            older = self._read(version, files) if files else None
        if older is not None:
            hidden, there = "", where
            if len(newer) and pc.any(newer[HIDES]).as_py():
                hidden = f" ANTI JOIN (SELECT * FROM {_NEWER} WHERE {HIDES}) AS n ON {_SAME}"
            if asked.without:
                params["without"] = list(asked.without)
                there += f" AND NOT list_contains($without, t.{SERIES})"
            parts.append(f"SELECT {names} FROM {older} AS t{hidden} WHERE {there}")
        if not parts:
            parts.append(f"SELECT {names} FROM {_NEWER} WHERE FALSE AND {where}")
            beside[_NEWER] = newer
        return " UNION ALL ".join(parts), params, beside

    def _older(self, version: int | None, asked: SeriesQuery, beside: dict[str, Any]) -> str | None:
        if version is None:
            return None
        files, _ = self._table.files(version, asked)
        if not files:
            return None
        if self._table.remote:
            from deltalake import DeltaTable

            beside[_TABLE] = DeltaTable(self._table.url, version=version).to_pyarrow_dataset()
            return _TABLE
        return self._read(version, files)

    def _read(self, version: int | None, files: Sequence[str]) -> str:
        """SQL of the rows of files; columns in which there is nothing are not read."""
        empty = frozenset[str]() if version is None else self._table.empty(version, files)
        columns = ", ".join(
            f"{_nothing(field)} AS {identifier(field.name)}"
            if field.name in empty
            else identifier(field.name)
            for field in self._table.schema
        )
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
        return f"(SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = false))"

    def _conditions(
        self, asked: SeriesQuery, params: dict[str, Any], beside: dict[str, Any]
    ) -> str:
        found = ["TRUE"]
        for name, column, operator, value in (
            ("from", START, ">=", asked.start),
            ("to", START, "<", asked.end),
            ("number_after", NUMBER, ">", asked.number_after),
            ("number_to", NUMBER, "<=", asked.number_to),
        ):
            if value is not None:
                params[name] = value
                found.append(f"{identifier(column)} {operator} ${name}")
        if asked.series is not None:
            found.append(of_series(asked.series, params, beside))
        if asked.where is not None:
            params |= asked.where.params
            found.append(f"({asked.where.sql})")
        return " AND ".join(found)


def _nothing(field: "pa.Field[Any]") -> str:
    """SQL of what is in a column where nothing is."""
    return "''" if field.name == KEY else f"NULL::{sql_type(field.type)}"


def _behind(newer: "pa.Table", older: "pa.Table", asked: SeriesQuery) -> bool:
    """Whether all newer rows come after a whole page of older ones."""
    if asked.limit is None or not 0 < asked.limit == len(older):
        return False
    start, last = starts_of(newer), starts_of(older.slice(len(older) - 1))[0]
    return bool(start.max() < last if asked.order[0][1] else start.min() > last)


def _check_figures(every: Unit, functions: Sequence[str]) -> None:
    """Raise ``Invalid`` for a unit that is no span and for an unknown function."""
    if every not in UNITS:
        raise Invalid(
            "{unit} is no span of time",
            field="every",
            mend="use one of: {known}",
            unit=every,
            known=", ".join(UNITS),
        )
    unknown = [name for name in functions if name not in AGGREGATES]
    if unknown or not functions:
        raise Invalid(
            "there is no function “{name}” for figures of observations",
            field="functions",
            mend="use one of: {known}",
            name=", ".join(unknown),
            known=", ".join(AGGREGATES),
        )
