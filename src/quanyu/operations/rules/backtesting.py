"""A rule run over history: when it would have raised, how often, for how long.

It is judged by the same functions, from the same tables, as what comes in now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quanyu.kernel import batched
from quanyu.operations.rules.composing import judge_composite, unknown
from quanyu.operations.rules.folding import OPEN, Array, fresh
from quanyu.operations.rules.model import Composite, Rule
from quanyu.operations.rules.rows import History, Look, no_rows, rows_of
from quanyu.operations.rules.signals import judge, lookback

AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged of itself: a datastream, or the datastreams of a composite's terms.

    ``members`` has the ids of datastreams by name of term; of a condition that is no composite
    those of one datastream under the empty name.
    """

    key: str
    members: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Episode:
    """A time in which a rule raised; ``end`` is ``None`` where it went on at the end.

    Times are microseconds since 1970 UTC; ``peak`` is the worst value, change, score or count.
    """

    subject: str
    begin: int
    end: int | None
    peak: float | None


@dataclass(frozen=True, slots=True)
class BackTest:
    """What a rule would have done between two times (microseconds since 1970 UTC).

    raised    episodes that began; ``firing`` microseconds in episodes, all subjects together.
    """

    start: int
    end: int
    subjects: int
    rows: int
    episodes: tuple[Episode, ...]

    @property
    def raised(self) -> int:
        """How many episodes there were."""
        return len(self.episodes)

    @property
    def firing(self) -> int:
        """Microseconds in episodes, of all subjects together."""
        return sum(self._length(one) for one in self.episodes)

    @property
    def longest(self) -> int:
        """Microseconds of the longest episode."""
        return max(map(self._length, self.episodes), default=0)

    def _length(self, one: Episode) -> int:
        return (self.end if one.end is None else min(one.end, self.end)) - one.begin


def back_test(
    rule: Rule, subjects: Sequence[Subject], history: History, *, start: int, end: int, zone: str
) -> BackTest:
    """Run ``rule`` over the observations of ``subjects`` from ``start`` until before ``end``."""
    found: list[Episode] = []
    seen = 0
    if isinstance(rule.when, Composite):
        for one in subjects:
            episodes, count = _whole(rule.when, one, history, start, Look((), history, zone, end))
            found += _told(episodes, [one.key])
            seen += count
    else:
        for part in batched(subjects, AT_ONCE):
            ids = [one.members[""][0] for one in part]
            rows = rows_of(history(ids, start - lookback(rule.when), end), ids)
            state = fresh(len(ids))
            state["at"] = start - 1
            look = Look(ids, history, zone, end)
            if lookback(rule.when):
                _, episodes = judge(rule.when, state, rows, look)
            else:
                _, episodes = judge(rule.when, fresh(len(ids)), rows, look)
            found += _told(episodes, [one.key for one in part])
            seen += int((rows.time >= start).sum())
    found.sort(key=lambda one: (one.begin, one.subject))
    return BackTest(start, end, len(subjects), seen, tuple(found))


def _whole(
    when: Composite, one: Subject, history: History, start: int, look: Look
) -> tuple[Array, int]:
    rows, seen = {}, 0
    parts = unknown(one.members)
    for term in when.terms:
        ids = list(one.members[term.name])
        back = lookback(term.when)
        found = rows_of(history(ids, start - back, look.until), ids) if ids else no_rows()
        rows[term.name] = found
        seen += int((found.time >= start).sum())
        if back:
            parts.terms[term.name]["at"] = start - 1
    _, episodes = judge_composite(when, parts, rows, look)
    return episodes, seen


def _told(episodes: Array, keys: Sequence[str]) -> list[Episode]:
    return [
        Episode(
            keys[subject],
            begin,
            None if end == OPEN else end,
            peak if np.isfinite(peak) else None,
        )
        for subject, begin, end, _, peak in episodes.tolist()
    ]
