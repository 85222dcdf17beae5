"""Observations folded into episodes: from when until when a condition raised, and how far it went.

One function serves what happens now and what happened in history: folding a series at once, or cut
anywhere into parts, gives the same episodes. Everything is arrays; a subject (one datastream) is a
code ``0…k-1``, rows are sorted by subject and time. Times are microseconds since 1970 (UTC).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

NEVER = np.iinfo(np.int64).min
"""Before every observation."""
OPEN = np.iinfo(np.int64).max
"""The end of an episode that goes on."""

STATE = np.dtype(
    [
        ("at", "i8"),
        ("latched", "?"),
        ("since", "i8"),
        ("raised", "?"),
        ("begin", "i8"),
        ("weight", "f8"),
        ("peak", "f8"),
    ]
)
"""What is known of each subject after its last row: when that was, whether the condition holds and
since when, whether it raised and when, and the worst measure since."""

EPISODE = np.dtype(
    [("subject", "i8"), ("begin", "i8"), ("end", "i8"), ("weight", "f8"), ("peak", "f8")]
)
"""Begin and end in microseconds, ``OPEN`` while it goes on; ``peak`` is the worst measure."""

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Signals:
    """What a condition says of rows.

    subject, time    of each row, sorted.
    sign             1 where the condition holds, -1 where it is over, 0 where neither is known.
    measure          what is judged: value, change, score.
    weight           how bad it is; the greatest of an episode has its peak.
    """

    subject: Array
    time: Array
    sign: Array
    measure: Array
    weight: Array


def fresh(count: int) -> Array:
    """States of subjects of which nothing is known."""
    state = np.zeros(count, STATE)
    state["at"] = NEVER
    state["weight"] = -np.inf
    state["peak"] = np.nan
    return state


def fold(state: Array, signals: Signals, lasts: int) -> tuple[Array, Array]:
    """States after the rows, and the episodes that they touched (:data:`EPISODE`).

    state    of all subjects, in order of their codes; is not changed.
    lasts    microseconds for which a condition must hold before it raises.
    An episode that was open before is among those returned, with the begin that it had.
    """
    if not len(state):
        return state, np.empty(0, EPISODE)
    # A row before each subject's first carries what was known of it.
    subject, time, sign, weight, measure, first = _led(state, signals)
    number = np.arange(len(subject))
    known = np.maximum.accumulate(np.where(sign != 0, number, 0))
    holds = sign[known] > 0
    turned = np.empty(len(subject), bool)
    turned[1:] = holds[1:] != holds[:-1]
    turned[first] = True
    run = np.maximum.accumulate(np.where(turned, number, 0))
    since = time[run]
    leads = np.zeros(len(subject), bool)
    leads[first] = True
    since = np.where(leads[run], state["since"][subject], since)
    raised = holds & (time - np.where(holds, since, 0) >= lasts) & holds
    raised[first] = state["raised"]
    before = np.empty(len(subject), bool)
    before[1:] = raised[:-1]
    before[first] = False
    rises, falls = np.flatnonzero(raised & ~before), np.flatnonzero(~raised & before)
    episodes = _episodes(
        state,
        subject,
        time,
        rises=rises,
        falls=falls,
        weight=weight,
        measure=measure,
        raised=raised,
        leads=leads,
    )
    last = np.append(first[1:], len(subject)) - 1
    after = state.copy()
    after["at"], after["latched"], after["since"] = time[last], holds[last], since[last]
    after["raised"] = raised[last]
    for name, nothing in (("begin", 0), ("weight", -np.inf), ("peak", np.nan)):
        after[name] = nothing
    going = episodes[episodes["end"] == OPEN]
    for name in ("begin", "weight", "peak"):
        after[name][going["subject"]] = going[name]
    return after, episodes


def fold_gaps(
    state: Array, subject: Array, time: Array, lasts: int, until: int
) -> tuple[Array, Array]:
    """States after rows, and the episodes in which there was no row for ``lasts`` microseconds.

    An episode begins ``lasts`` after the last row before and ends at the next row, or is open at
    ``until``. Its peak is the seconds without a row, as far as they are known.
    """
    if not len(state):
        return state, np.empty(0, EPISODE)
    nothing = np.zeros(len(subject))
    signals = Signals(subject, time, nothing.astype("i1"), nothing, nothing)
    subject, time, _, _, _, first = _led(state, signals)
    last = np.append(first[1:], len(subject)) - 1
    earlier = np.empty(len(time), np.int64)
    earlier[1:] = time[:-1]
    earlier[first] = NEVER
    known = earlier != NEVER
    gap = np.where(known, time - np.where(known, earlier, time), 0)
    closed = np.flatnonzero(gap > lasts)
    ended = np.zeros(len(closed), EPISODE)
    ended["subject"], ended["begin"] = subject[closed], earlier[closed] + lasts
    ended["end"], ended["peak"] = time[closed], gap[closed] / 1e6
    after = fresh(len(state))
    after["at"] = time[last]
    seen = after["at"] != NEVER
    silent = seen & (until - np.where(seen, after["at"], until) > lasts)
    after["raised"] = after["latched"] = silent
    after["begin"] = after["since"] = np.where(silent, after["at"] + lasts, 0)
    after["peak"] = np.where(silent, (until - np.where(seen, after["at"], until)) / 1e6, np.nan)
    codes = np.flatnonzero(silent)
    still = np.zeros(len(codes), EPISODE)
    still["subject"], still["begin"] = codes, after["begin"][codes]
    still["end"], still["peak"] = OPEN, after["peak"][codes]
    episodes = np.concatenate([ended, still])
    episodes["weight"] = episodes["peak"]
    after["weight"] = np.where(silent, after["peak"], -np.inf)
    return after, episodes[np.lexsort((episodes["begin"], episodes["subject"]))]


def _led(state: Array, rows: Signals) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Rows with one before each subject's first, and where those stand."""
    count = len(state)
    codes = np.arange(count)
    first = np.searchsorted(rows.subject, codes) + codes
    total = len(rows.subject) + count
    place = np.arange(len(rows.subject)) + rows.subject + 1
    led = []
    for name, before in (
        (rows.subject, codes),
        (rows.time, state["at"]),
        (rows.sign, np.where(state["latched"], 1, -1)),
        (rows.weight, np.where(state["raised"], state["weight"], -np.inf)),
        (rows.measure, state["peak"]),
    ):
        column = np.empty(total, np.result_type(name, before))
        column[first], column[place] = before, name
        led.append(column)
    subject, time, sign, weight, measure = led
    return subject, time, sign, weight, measure, first


def _episodes(
    state: Array,
    subject: Array,
    time: Array,
    *,
    rises: Array,
    falls: Array,
    weight: Array,
    measure: Array,
    raised: Array,
    leads: Array,
) -> Array:
    found = np.zeros(len(rises), EPISODE)
    if not len(rises):
        return found
    found["subject"] = subject[rises]
    was = leads[rises]
    found["begin"] = np.where(was, state["begin"][subject[rises]], time[rises])
    which = np.searchsorted(falls, rises)
    next_fall = np.append(falls, len(subject))[which]
    ends = next_fall < len(subject)
    safe = np.where(ends, next_fall, 0)
    ends &= subject[safe] == found["subject"]
    found["end"] = np.where(ends, time[safe], OPEN)
    # Rows of an episode are those that are raised from its rise on, up to the next rise.
    rows = np.flatnonzero(raised)
    bad = np.where(np.isnan(weight[rows]), -np.inf, weight[rows])
    begins = np.searchsorted(rows, rises)
    found["weight"] = np.maximum.reduceat(bad, begins)
    episode = np.repeat(np.arange(len(rises)), np.diff(np.append(begins, len(rows))))
    worst = np.flatnonzero(bad == found["weight"][episode])
    first = worst[np.searchsorted(episode[worst], np.arange(len(rises)))]
    found["peak"] = measure[rows[first]]
    return found
