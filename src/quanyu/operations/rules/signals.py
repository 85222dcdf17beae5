"""What conditions say of rows: where each holds, where it is over, how bad it is."""

import json
from functools import lru_cache
from typing import Any

import numpy as np

from quanyu.operations.rules.baseline import scores
from quanyu.operations.rules.folding import Array, Signals, fold, fold_gaps
from quanyu.operations.rules.model import Anomaly, Geofence, Missing, Rate, Simple, Threshold
from quanyu.operations.rules.rows import Look, Rows

_MOST_KEY = 1 << 62


def judge(when: Simple, state: Array, rows: Rows, look: Look) -> tuple[Array, Array]:
    """States after the rows, and the episodes that they touched; see :func:`fold`.

    Rows at or before a subject's state are not judged again: they only are what others are
    compared with.
    """
    new = rows.time > state["at"][rows.subject] if len(rows) else np.empty(0, bool)
    if isinstance(when, Missing):
        found = rows.where(new)
        return fold_gaps(state, found.subject, found.time, when.lasts, look.until)
    signals = _signals(when, rows, look)
    chosen = Signals(*(getattr(signals, name)[new] for name in signals.__slots__))
    return fold(state, chosen, when.lasts)


def lookback(when: Simple) -> int:
    """Microseconds of earlier rows that judging a row needs among the rows."""
    return when.over if isinstance(when, Rate) else 0


def _signals(when: Simple, rows: Rows, look: Look) -> Signals:
    if isinstance(when, Threshold):
        return _threshold(when, rows)
    if isinstance(when, Rate):
        return _rate(when, rows)
    if isinstance(when, Geofence):
        return _geofence(when, rows)
    if isinstance(when, Anomaly):
        return _anomaly(when, rows, look)
    raise TypeError(f"{type(when).__name__} has no signals")


def _threshold(when: Threshold, rows: Rows) -> Signals:
    value = rows.value
    high = np.zeros(len(rows), bool)
    over = np.ones(len(rows), bool)
    weight = np.full(len(rows), -np.inf)
    if when.above is not None:
        high |= value > when.above
        over &= value <= when.clear_below
        weight = np.maximum(weight, value - when.above)
    if when.below is not None:
        high |= value < when.below
        over &= value >= when.clear_above
        weight = np.maximum(weight, when.below - value)
    return Signals(rows.subject, rows.time, _sign(high, over), value, weight)


def _rate(when: Rate, rows: Rows) -> Signals:
    """Against the least (greatest) value of the window before, the row itself included.

    A window without another value says nothing.
    """
    good = ~np.isnan(rows.value)
    part = rows.where(good)
    least, most, others = _window(part, when.over)
    rise, fall = part.value - least, most - part.value
    high = np.zeros(len(part), bool)
    weight = np.full(len(part), -np.inf)
    measure = np.where(rise >= fall, rise, -fall)
    if when.rise is not None:
        high |= rise > when.rise
        weight = np.maximum(weight, rise)
    if when.fall is not None:
        high |= fall > when.fall
        weight = np.maximum(weight, fall)
    if when.fall is None:
        measure = rise
    if when.rise is None:
        measure = -fall
    sign = np.where(others, _sign(high, ~high), 0).astype("i1")
    whole = [np.zeros(len(rows), "i1"), np.full(len(rows), np.nan), np.full(len(rows), -np.inf)]
    for column, found in zip(whole, (sign, measure, weight), strict=True):
        column[good] = found
    return Signals(rows.subject, rows.time, whole[0], whole[1], whole[2])


def _window(rows: Rows, over: int) -> tuple[Array, Array, Array]:
    """Least and greatest value of the rows in ``(time - over, time]``, and whether there are two.

    By doubling: blocks of 1, 2, 4 … rows that end at each row, of which two cover its window.
    """
    number = np.arange(len(rows))
    size = number - _begins(rows, over) + 1
    longest = int(size.max(initial=1))
    least, most = rows.value.copy(), rows.value.copy()
    low, high = rows.value.copy(), rows.value.copy()
    width = 1
    while width <= longest:
        ends = np.flatnonzero((size >= width) & (size < 2 * width))
        other = ends - size[ends] + width
        low[ends] = np.minimum(least[ends], least[other])
        high[ends] = np.maximum(most[ends], most[other])
        least[width:] = np.minimum(least[width:], least[:-width])
        most[width:] = np.maximum(most[width:], most[:-width])
        width *= 2
    return low, high, size > 1


def _begins(rows: Rows, over: int) -> Array:
    """Place of the first row of each row's window."""
    if not len(rows):
        return np.empty(0, "i8")
    start = rows.time.min()
    span = int(rows.time.max() - start) + over + 1
    fits = max(1, _MOST_KEY // span)
    found = np.empty(len(rows), "i8")
    # One key sorts rows as they are sorted, subjects far apart; as many as fit into 63 bits.
    for subject in range(0, int(rows.subject[-1]) + 1, fits):
        part = slice(*np.searchsorted(rows.subject, (subject, subject + fits)))
        key = (rows.subject[part] - subject) * span + (rows.time[part] - start)
        found[part] = np.searchsorted(key, key - over, side="right") + part.start
    return found


def _geofence(when: Geofence, rows: Rows) -> Signals:
    import shapely

    area = _polygon(json.dumps(when.area))
    inside = shapely.contains_xy(area, rows.x, rows.y)
    known = ~(np.isnan(rows.x) | np.isnan(rows.y))
    held = inside if when.inside else ~inside
    sign = np.where(known, _sign(held, ~held), 0).astype("i1")
    measure = np.where(known, held.astype("f8"), np.nan)
    return Signals(rows.subject, rows.time, sign, measure, np.where(held & known, 0.0, -np.inf))


@lru_cache(maxsize=256)
def _polygon(text: str) -> Any:
    import shapely

    area = shapely.from_geojson(text)
    shapely.prepare(area)
    return area


def _anomaly(when: Anomaly, rows: Rows, look: Look) -> Signals:
    score = scores(when, rows, look)
    sided = {"above": score, "below": -score, "both": np.abs(score)}[when.side]
    sign = np.where(np.isnan(sided), 0, _sign(sided > when.score, sided <= when.clear))
    return Signals(rows.subject, rows.time, sign.astype("i1"), score, sided)


def _sign(high: Array, over: Array) -> Array:
    return np.asarray(high.astype("i1") - (over & ~high).astype("i1"))
