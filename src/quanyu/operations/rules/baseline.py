"""What is usual at an hour: a robust seasonal baseline, its medians computed by DuckDB.

The baseline of a day is made from the history before that day, in the node's time zone, so that it
is the same whether a row is judged as it comes or years later. For each hour of the season it is
the median, and as its spread 1.4826 times the median absolute deviation (Rousseeuw and Croux 1993,
the standard deviation of normal values), of what was observed at that hour and the hours beside.
"""

from typing import Any

import numpy as np

from quanyu.operations.rules.folding import Array
from quanyu.operations.rules.model import Anomaly
from quanyu.operations.rules.rows import Look, Rows, rows_of

FEWEST = 10
"""Observations that an hour's baseline is made from at least; with fewer nothing is said."""
HOUR = 3_600_000_000
_DAY = 24 * HOUR
_NORMAL = 1.4826
_DAYS_AT_ONCE = 256
_MOST_KEPT = 200_000

Kept = dict[tuple[Anomaly, int, int], tuple[Array, Array]]
"""Baselines that were made, by condition, datastream and day since 1970."""


def scores(when: Anomaly, rows: Rows, look: Look) -> Array:
    """Distance of each row from its baseline in robust standard deviations, with its sign.

    NaN where no baseline is known. A value other than a constant past is infinitely far.
    """
    found = np.full(len(rows), np.nan)
    good = np.flatnonzero(~np.isnan(rows.value))
    if not len(good):
        return found
    local = _local(rows.time[good], look.zone)
    day, hour = local // _DAY, (local // HOUR) % 24
    place = hour if when.season == 24 else ((day + 3) % 7) * 24 + hour
    stream = np.asarray(look.subjects, "i8")[rows.subject[good]]
    needed, which = np.unique(np.stack([stream, day]), axis=1, return_inverse=True)
    centre, spread = _known(when, needed, look)
    middle = centre[which.ravel(), place]
    wide = np.maximum(spread[which.ravel(), place] * _NORMAL, when.least)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (rows.value[good] - middle) / wide
    score = np.where(np.isnan(middle), np.nan, np.where(rows.value[good] == middle, 0.0, score))
    found[good] = score
    return found


def _known(when: Anomaly, needed: Array, look: Look) -> tuple[Array, Array]:
    """Baselines of pairs, those that were made before out of ``kept``."""
    kept: Kept | None = look.kept
    if kept is None:
        return _baselines(when, needed, look)
    keys = [(when, stream, day) for stream, day in needed.T.tolist()]
    new = [place for place, key in enumerate(keys) if key not in kept]
    if new:
        if len(kept) + len(new) > _MOST_KEPT:
            kept.clear()
            new = list(range(len(keys)))
        centre, spread = _baselines(when, needed[:, new], look)
        kept.update((keys[place], (centre[n], spread[n])) for n, place in enumerate(new))
    found = [kept[key] for key in keys]
    return np.stack([one for one, _ in found]), np.stack([one for _, one in found])


def _baselines(when: Anomaly, needed: Array, look: Look) -> tuple[Array, Array]:
    """Median and median absolute deviation, by pair of datastream and day and by hour of season."""
    pairs = needed.shape[1]
    centre = np.full((pairs, when.season), np.nan)
    spread = np.full((pairs, when.season), np.nan)
    days = np.unique(needed[1])
    # Days that follow one another share most of their history: it is read once for many.
    for begin in range(0, len(days), _DAYS_AT_ONCE):
        part = days[begin : begin + _DAYS_AT_ONCE]
        chosen = np.flatnonzero((needed[1] >= part[0]) & (needed[1] <= part[-1]))
        streams = np.unique(needed[0, chosen])
        past = when.history // _DAY
        since = _utc(int(part[0] - past), look.zone)
        table = look.history(streams.tolist(), since, _utc(int(part[-1]), look.zone))
        rows = rows_of(table, streams.tolist())
        pair, place, median, deviation = _figures(when, needed[:, chosen], streams, rows, look.zone)
        centre[chosen[pair], place], spread[chosen[pair], place] = median, deviation
    return centre, spread


def _figures(
    when: Anomaly, asked: Array, streams: Array, rows: Rows, zone: str
) -> tuple[Array, Array, Array, Array]:
    """Pair, hour of season, median and median absolute deviation, of those that have enough."""
    import duckdb
    import pyarrow as pa

    rows = rows.where(~np.isnan(rows.value))
    local = _local(rows.time, zone)
    day = local // _DAY
    hour = (local // HOUR) % 24 if when.season == 24 else ((day + 3) % 7) * 24 + local // HOUR % 24
    seen = pa.table(
        {"stream": streams[rows.subject], "day": day, "hour": hour, "value": rows.value}
    )
    pairs = pa.table({"pair": np.arange(asked.shape[1]), "stream": asked[0], "day": asked[1]})
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET threads = 1")
        engine.register("seen", seen)
        engine.register("asked", pairs)
        made = engine.execute(
            """
            SELECT pair, (hour + beside + $season) % $season AS hour, median(value), mad(value)
            FROM asked JOIN seen ON seen.stream = asked.stream
                AND seen.day < asked.day AND seen.day >= asked.day - $past
            CROSS JOIN (VALUES (-1), (0), (1)) AS hours(beside)
            GROUP BY ALL HAVING count(*) >= $fewest
            """,
            {"season": when.season, "past": when.history // _DAY, "fewest": FEWEST},
        ).fetchnumpy()
    columns: list[Any] = [np.ma.getdata(one) for one in made.values()]
    return columns[0].astype("i8"), columns[1].astype("i8"), columns[2], columns[3]


def _local(time: Array, zone: str) -> Array:
    """Microseconds as clocks of a time zone show them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stamps = pa.array(time, pa.timestamp("us", "UTC")).cast(pa.timestamp("us", zone))
    found: Array = pc.local_timestamp(stamps).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found


def _utc(day: int, zone: str) -> int:
    """The instant at which a day (since 1970) begins in a time zone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    naive = pa.scalar(day * _DAY, pa.int64()).cast(pa.timestamp("us"))
    local = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="earliest")
    return int(local.cast(pa.int64()).as_py())
