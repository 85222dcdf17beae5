"""Groups of rows of Parquet files, of which only those are read that may hold what is asked for.

Files of a Delta table are never written anew, so what a footer says is kept by the file's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.spacetime.series.model import IDENTITY, KEY, SERIES, START, SeriesQuery
from quanyu.spacetime.series.table import between, instant_us
from quanyu.spacetime.unavailable import being_replaced

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FEW = 16
"""Series whose rows are picked out of their groups; of more, most groups would be read."""
_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Footer:
    """A file's metadata, and of each group the least and most of its series and starts."""

    metadata: Any
    series: tuple[Any, Any]
    start: tuple[Any, Any]


def groups_read(path: str, asked: SeriesQuery, columns: Sequence[str]) -> "pa.Table":
    """Columns of the groups of a file in which rows of ``asked`` may be, by series and time; keys
    as a dictionary, since most are alike.

    Raises ``DataUnavailable`` when the file is no more.
    """
    try:
        wanted = _wanted(_footer(path), asked)
        return _opened(path, get_ident()).read_row_groups(wanted, list(columns), use_threads=False)
    except FileNotFoundError as error:
        raise being_replaced() from error


def ends_of_series(path: str) -> tuple[int, int]:
    """The least and most series of a file; raises ``DataUnavailable`` when the file is no more."""
    try:
        least, most = _footer(path).series
    except FileNotFoundError as error:
        raise being_replaced() from error
    return int(least.min()), int(most.max())


def picked(
    paths: Sequence[str], asked: SeriesQuery, schema: "pa.Schema", empty: frozenset[str]
) -> "pa.Table":
    """The rows of a few series in the order of time, as columns of ``schema``; nothing is in those
    of ``empty``. Of ``asked`` series, times, ``without``, direction and limit count."""
    import pyarrow as pa

    read = [name for name in schema.names if name not in empty]
    parts = [_rows_of(groups_read(path, asked, read), asked) for path in paths]
    found = _in_order(parts, asked).slice(0, asked.limit)
    columns = [
        found[field.name].cast(field.type)
        if field.name in read
        else pa.repeat("", len(found))
        if field.name == KEY
        else pa.nulls(len(found), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def there(paths: Sequence[str], asked: SeriesQuery, keys: "pa.Table") -> "pa.Table":
    """Those of the identities ``keys``, all of them ``asked`` for, of which a row lies in files."""
    import pyarrow as pa

    names = list(IDENTITY)
    wanted = keys.select(names)
    parts = [_rows_of(groups_read(path, asked, names), asked) for path in paths]
    rows = pa.concat_tables([part.cast(wanted.schema) for part in parts] or [wanted.slice(0, 0)])
    return rows.join(wanted, names, join_type="left semi", use_threads=False)


def _in_order(parts: "Sequence[pa.Table]", asked: SeriesQuery) -> "pa.Table":
    """Rows of files in the order of time; those of one series lie in it mostly, file by file."""
    import pyarrow as pa

    down = asked.order[0][1]
    one = not down and asked.series is not None and len(asked.series) == 1
    if one:
        parts = sorted(parts, key=lambda part: starts_of(part[:1]).tolist())
    whole = pa.concat_tables(parts, promote_options="permissive")
    if one:
        start = starts_of(whole)
        if np.all(start[1:] > start[:-1]):
            return whole
    names = [START, SERIES]
    if KEY in whole.column_names:
        keys = whole[KEY].cast(pa.string())
        whole = whole.set_column(whole.schema.get_field_index(KEY), KEY, keys)
        names.append(KEY)
    way = "descending" if down else "ascending"
    return whole.sort_by([(name, way) for name in names])


def starts_of(rows: "pa.Table") -> Any:
    """When rows start, in microseconds since 1970, UTC."""
    import pyarrow as pa

    return rows[START].combine_chunks().view(pa.int64()).to_numpy()


def _rows_of(rows: "pa.Table", asked: SeriesQuery) -> "pa.Table":
    """Those of the rows that are wanted by series and time: a slice where they lie together, as
    those of one series do in a file that is in order."""
    import pyarrow as pa

    series = rows[SERIES].to_numpy()
    run = _run_of(series, asked)
    if run is not None:
        rows, series = rows.slice(run.start, len(run)), None
    keep = rows_wanted(asked, starts_of(rows), series)
    if keep is None:
        return rows
    places = np.flatnonzero(keep)
    if not len(places):
        return rows.slice(0, 0)
    first, last = int(places[0]), int(places[-1])
    if last - first + 1 == len(places):
        return rows.slice(first, len(places))
    return rows.take(pa.array(places))


def _run_of(series: Any, asked: SeriesQuery) -> range | None:
    """Where the rows of the one series that is asked for lie; ``None`` where several are, or where
    series do not lie in order."""
    if asked.series is None or len(asked.series) != 1 or np.any(series[1:] < series[:-1]):
        return None
    one = int(np.asarray(asked.series)[0])
    first, last = np.searchsorted(series, (one, one + 1)).tolist()
    return range(0) if one in asked.without else range(first, last)


def rows_wanted(asked: SeriesQuery, start: Any, series: Any = None) -> Any:
    """Which rows are wanted by their starts (microseconds), and by their series where these are in
    question; ``None`` for all. Series are looked at once for each run of theirs."""
    keep: Any = None
    if asked.start is not None and len(start) and start.min() < instant_us(asked.start):
        keep = start >= instant_us(asked.start)
    if asked.end is not None and len(start) and start.max() >= instant_us(asked.end):
        inside = start < instant_us(asked.end)
        keep = inside if keep is None else keep & inside
    if series is None:
        return keep
    new = first_of_runs(series)
    there = series[new]
    of = ~np.isin(there, np.asarray(asked.without, dtype=np.int64))
    if isinstance(asked.series, range):
        of &= (there >= asked.series.start) & (there < asked.series.stop)
    elif asked.series is not None:
        of &= np.isin(there, np.asarray(asked.series, dtype=np.int64))
    if of.all():
        return keep
    inside = of[np.cumsum(new) - 1]
    return inside if keep is None else keep & inside


def first_of_runs(series: Any) -> Any:
    """Which rows are of another series than the row before."""
    new = np.ones(len(series), dtype=bool)
    np.not_equal(series[1:], series[:-1], out=new[1:])
    return new


@lru_cache(maxsize=128)
def _opened(path: str, _thread: int) -> "pq.ParquetFile":
    """A file as one thread reads it: to open it costs half as much as to read a group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = _footer(path).metadata
    return pq.ParquetFile(pa.OSFile(path), metadata=metadata, read_dictionary=[KEY])


@lru_cache(maxsize=256)
def _footer(path: str) -> _Footer:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    names = [metadata.schema.column(at).name for at in range(metadata.num_columns)]

    def ends(name: str) -> tuple[Any, Any]:
        at = names.index(name)
        found = [
            metadata.row_group(group).column(at).statistics
            for group in range(metadata.num_row_groups)
        ]
        pairs = [
            (_plain(one.min), _plain(one.max))
            if one is not None and one.has_min_max
            else (_LEAST, _MOST)
            for one in found
        ]
        least, most = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return least, most

    return _Footer(metadata, ends(SERIES), ends(START))


def _plain(value: Any) -> int:
    return instant_us(value) if isinstance(value, datetime) else int(value)


def _wanted(footer: _Footer, asked: SeriesQuery) -> list[int]:
    least, most = footer.start
    keep = np.ones(len(least), dtype=bool)
    if asked.start is not None:
        keep &= most >= instant_us(asked.start)
    if asked.end is not None:
        keep &= least < instant_us(asked.end)
    if asked.series is not None:
        keep &= between(asked.series, *footer.series) > 0
    found: list[int] = np.flatnonzero(keep).tolist()
    return found
