"""Several conditions as one: episodes of terms counted, joined, and held for a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quanyu.operations.rules.folding import NEVER, OPEN, Array, Signals, fold, fresh
from quanyu.operations.rules.model import Composite
from quanyu.operations.rules.rows import Look, Rows
from quanyu.operations.rules.signals import judge


@dataclass(frozen=True, slots=True)
class Parts:
    """What is known of one subject of a composite.

    whole    its own state (:data:`~quanyu.operations.rules.folding.STATE`, one).
    terms    by name of term, the states of its datastreams, in order of ``members``.
    members  by name of term, the ids of its datastreams.
    """

    whole: Array
    terms: Mapping[str, Array]
    members: Mapping[str, Sequence[int]]


def unknown(members: Mapping[str, Sequence[int]]) -> Parts:
    """A subject of which nothing is known."""
    return Parts(fresh(1), {name: fresh(len(ids)) for name, ids in members.items()}, members)


def judge_composite(
    when: Composite, parts: Parts, rows: Mapping[str, Rows], look: Look
) -> tuple[Parts, Array]:
    """What is known after the rows of each term, and the episodes that they touched.

    Its peak is how many terms were true at most.
    """
    times, terms, deltas = [np.empty(0, "i8")], [np.empty(0, "i8")], [np.empty(0, "i8")]
    start = np.zeros(len(when.terms), "i8")
    after: dict[str, Array] = {}
    for number, term in enumerate(when.terms):
        state = parts.terms[term.name]
        within = Look(parts.members[term.name], look.history, look.zone, look.until, look.kept)
        after[term.name], episodes = judge(term.when, state, rows[term.name], within)
        start[number] = state["raised"].sum()
        begun = episodes[~(state["raised"][episodes["subject"]] & _was(state, episodes))]
        ended = episodes[episodes["end"] != OPEN]
        for moved, delta in ((begun["begin"], 1), (ended["end"], -1)):
            times.append(moved)
            terms.append(np.full(len(moved), number))
            deltas.append(np.full(len(moved), delta))
        if len(rows[term.name]):
            # A moment at which nothing turned is one at which what holds has held for longer.
            seen = np.unique(rows[term.name].time[rows[term.name].time > parts.whole["at"][0]])
            times.append(seen)
            terms.append(np.full(len(seen), number))
            deltas.append(np.zeros(len(seen), "i8"))
    moments, counts = _counted(
        np.concatenate(times), np.concatenate(terms), np.concatenate(deltas), start
    )
    truth = {term.name: counts[:, number] >= term.count for number, term in enumerate(when.terms)}
    held = evaluate(when.logic, truth, len(moments))
    many = np.sum([truth[term.name] for term in when.terms], axis=0, dtype="f8")
    many = np.broadcast_to(many, held.shape)
    signals = Signals(
        np.zeros(len(moments), "i8"), moments, np.where(held, 1, -1).astype("i1"), many, many
    )
    whole, episodes = fold(parts.whole, signals, when.lasts)
    return Parts(whole, after, parts.members), episodes


def evaluate(logic: Any, truth: Mapping[str, Array], count: int) -> Array:
    """The truth of ``logic`` at each of ``count`` moments."""
    if isinstance(logic, str):
        return truth[logic]
    if "not" in logic:
        return ~evaluate(logic["not"], truth, count)
    names = next(logic[name] for name in ("all", "any", "of") if name in logic)
    parts = [evaluate(one, truth, count) for one in names]
    least = {"all": len(parts), "any": 1}.get(next(iter(logic)), logic.get("at_least", 1))
    return np.asarray(np.sum(parts, axis=0, dtype="i8") >= least)


def _was(state: Array, episodes: Array) -> Array:
    return np.asarray(episodes["begin"] == state["begin"][episodes["subject"]])


def _counted(times: Array, terms: Array, deltas: Array, start: Array) -> tuple[Array, Array]:
    """Moments at which something was seen, in order, and after each how many of every term hold."""
    moments, which = np.unique(times, return_inverse=True)
    moved = np.zeros((len(moments), len(start)), "i8")
    np.add.at(moved, (which, terms), deltas)
    return moments, start + np.cumsum(moved, axis=0)


def newest_of(parts: Parts) -> int:
    """Time of the last row of any term, ``NEVER`` where there was none."""
    return max((int(one["at"].max(initial=NEVER)) for one in parts.terms.values()), default=NEVER)
