"""What a figure is made of: each part from what is known of one aspect, with its reason.

What does not concern a resource is no part of it; what concerns it and is not known is a part
without a score. Nothing here asks the store: facts are gathered for many resources at once
(:mod:`gathering`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from quanyu.catalogue import Care, FreshnessState, HealthState, Kind, Resource, freshness
from quanyu.operations.health.model import (
    GOOD_FROM,
    WARNING_FROM,
    Aspect,
    Outcome,
    Part,
    QualitySeverity,
    RuleResult,
    RuleSet,
    state_of,
)
from quanyu.streams import Flagged

WEIGHTS: Mapping[Aspect, int] = {
    Aspect.FRESHNESS: 3,
    Aspect.QUALITY: 3,
    Aspect.REACH: 4,
    Aspect.LIVENESS: 4,
    Aspect.JOBS: 2,
}
"""How much each part counts where the node's settings say nothing."""

_SEVERITIES = {QualitySeverity.ERROR: 3, QualitySeverity.WARNING: 1}
_SLOW_MS = 5_000
_DOWN = 2
_LATE_PERIODS = 3
_LEAST_TESTED = 20
"""Observations a day from which on their flags make a figure: it tells of no single one."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How a service elsewhere answered: the latest ``count`` times it was asked, ``answered`` of
    them; ``missed`` in a row now; the median of how long answers took."""

    count: int
    answered: int
    missed: int
    median_ms: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Liveness:
    """Datastreams of a stream: how many promise a cadence (``None``: nobody promises any), how many
    of those are silent for longer; ``latest`` is the newest observation of all, ``flagged`` how the
    last day's tests went."""

    promised: int | None
    silent: int
    latest: datetime | None
    flagged: Flagged | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is known of a resource and bears on its health."""

    of: Resource
    care: Care | None
    rules: RuleSet | None
    results: tuple[RuleResult, ...]
    reach: Reach | None
    liveness: Liveness | None
    runs: tuple[int, int, datetime] | None
    """Runs of an algorithm lately, or jobs that read the data: how many there were, how many of
    them failed, and when the last ended."""


def parts_of(facts: Facts, moment: datetime) -> tuple[Part, ...]:
    """The parts that concern a resource, in the order of :class:`Aspect`."""
    found = (
        _freshness(facts, moment),
        _quality(facts),
        _reach(facts),
        _liveness(facts, moment),
        _jobs(facts),
    )
    return tuple(part for part in found if part is not None)


def combined(
    parts: Sequence[Part], weights: Mapping[Aspect, int]
) -> tuple[HealthState, int | None]:
    """The figure of these parts, and its state.

    The score is the weighted mean of what is known, held below 80 where a part is warning and
    below 50 where one is bad. It is not good while less than half of the weight is known.
    """
    weighed = [(part, weights.get(part.aspect, 0)) for part in parts]
    weighed = [(part, weight) for part, weight in weighed if weight > 0]
    known = [(part.score, weight) for part, weight in weighed if part.score is not None]
    if not known:
        return HealthState.UNKNOWN, None
    mean = round(sum(score * weight for score, weight in known) / sum(w for _, w in known))
    states = {state_of(score) for score, _ in known}
    if HealthState.BAD in states:
        score = min(mean, WARNING_FROM - 1)
    elif HealthState.WARNING in states:
        score = min(mean, GOOD_FROM - 1)
    else:
        score = mean
    half = 2 * sum(w for _, w in known) >= sum(w for _, w in weighed)
    state = state_of(score)
    if state is HealthState.GOOD and not half:
        return HealthState.UNKNOWN, None
    return state, score


def because(message: str, **params: str | int) -> tuple[str, dict[str, str | int]]:
    """A reason: an English message id and what fills it."""
    return message, params


def _freshness(facts: Facts, moment: datetime) -> Part | None:
    care = facts.care
    data_at = care.data_at if care else None
    fresh = freshness(facts.of, data_at, moment)
    if fresh.state is FreshnessState.NOT_PROMISED or facts.of.kind is Kind.STREAM:
        return None
    if data_at is None or fresh.due_at is None:
        reason = because("updates are promised, but no time of the data is known")
        return Part(Aspect.FRESHNESS, None, *reason)
    period = fresh.due_at - data_at
    if fresh.state is FreshnessState.FRESH:
        score, reason = 100, because("the data are as fresh as promised")
    elif fresh.state is FreshnessState.DUE:
        score, reason = 85, because("an update is due")
    elif moment < data_at + _LATE_PERIODS * period:
        score, reason = 60, because("the promised update is overdue")
    else:
        late = int((moment - data_at) / period)
        score = 20
        reason = because("the data are {times} times as old as was promised", times=late)
    return Part(Aspect.FRESHNESS, score, *reason, at=data_at)


def _quality(facts: Facts) -> Part | None:
    if facts.of.kind is Kind.STREAM:
        return _flags(facts.liveness)
    if facts.care is None or facts.care.data_version is None:
        return None
    if facts.rules is None or not facts.rules.rules:
        return Part(Aspect.QUALITY, None, *because("no quality rules are declared"))
    results = [one for one in facts.results if one.revision == facts.rules.revision]
    told = [one for one in results if one.outcome is not Outcome.UNCHECKED]
    if not told:
        reason = because("the quality rules have not been checked yet")
        if results:
            reason = because("the quality rules could not be checked")
        return Part(Aspect.QUALITY, None, *reason, at=results[0].at if results else None)
    whole = sum(_SEVERITIES[one.severity] for one in results)
    held = sum(_SEVERITIES[one.severity] for one in told if one.outcome is Outcome.HOLDS)
    score = round(100 * held / whole)
    worst = {one.severity for one in results if one.outcome is not Outcome.HOLDS}
    if QualitySeverity.ERROR in worst:
        score = min(score, WARNING_FROM - 10)
    elif worst:  # however many there are, warnings alone make nothing bad
        score = max(WARNING_FROM, min(score, GOOD_FROM - 10))
    holding = sum(one.outcome is Outcome.HOLDS for one in results)
    reason = because("{holding} of {count} quality rules hold", holding=holding, count=len(results))
    return Part(Aspect.QUALITY, score, *reason, at=results[0].at)


def _flags(live: Liveness | None) -> Part | None:
    """By the flags of a day: suspect ones count half. Where a tenth is in doubt the data are still
    good, from a quarter on they are not: the shares of valid data that directive 2008/50/EC asks of
    a year (90 %) and of a mean (75 %)."""
    if live is None or live.flagged is None:
        return None
    flagged = live.flagged
    if flagged.tested < _LEAST_TESTED:
        reason = because("too few of the last day's observations were tested")
        return Part(Aspect.QUALITY, None, *reason)
    doubt = (flagged.failed + flagged.suspect / 2) / flagged.tested
    reason = because(
        "of a day's tested observations {failed} % failed and {suspect} % are suspect",
        failed=_percent(flagged.failed, flagged.tested),
        suspect=_percent(flagged.suspect, flagged.tested),
    )
    return Part(Aspect.QUALITY, max(0, round(100 - 200 * doubt)), *reason, at=live.latest)


def _percent(some: int, whole: int) -> str:
    return f"{100 * some / whole:.1f}"


def _reach(facts: Facts) -> Part | None:
    of, care, reach = facts.of, facts.care, facts.reach
    if not of.distributions:
        # That its files are there is no merit, so it is said only where they are not.
        if reach is None or not reach.missed:
            return None
        return Part(Aspect.REACH, 0, *because("the files of its data cannot be read"), at=reach.at)
    if reach is not None:
        score = round(100 * reach.answered / reach.count)
        share = f"{100 * reach.answered / reach.count:.1f}"
        if reach.missed >= _DOWN:
            reason = because("it has not answered {count} times in a row", count=reach.missed)
            return Part(Aspect.REACH, 0, *reason, at=reach.at)
        if reach.median_ms > _SLOW_MS:
            score = min(score, GOOD_FROM - 10)
        reason = because(
            "it answered {share} % of the last {count} times, in {ms} ms",
            share=share,
            count=reach.count,
            ms=reach.median_ms,
        )
        return Part(Aspect.REACH, score, *reason, at=reach.at)
    if care is None or care.checked_at is None:
        return Part(Aspect.REACH, None, *because("its addresses have not been tried yet"))
    tried = min(len(of.distributions), 5)
    score = round(100 * len(care.answered) / tried)
    reason = because(
        "{answered} of {count} addresses answered", answered=len(care.answered), count=tried
    )
    return Part(Aspect.REACH, score, *reason, at=care.checked_at)


def _liveness(facts: Facts, moment: datetime) -> Part | None:
    if facts.of.kind is not Kind.STREAM or facts.of.distributions:
        return None
    live = facts.liveness
    if live is None or live.promised is None:
        return Part(Aspect.LIVENESS, None, *because("no cadence of its observations is promised"))
    if not live.promised:
        return Part(Aspect.LIVENESS, None, *because("it has no datastreams yet"))
    score = round(100 * (1 - live.silent / live.promised))
    reason = because(
        "{live} of {count} datastreams observe as promised",
        live=live.promised - live.silent,
        count=live.promised,
    )
    return Part(Aspect.LIVENESS, score, *reason, at=live.latest or moment)


def _jobs(facts: Facts) -> Part | None:
    if facts.runs is None:
        return None
    count, failed, at = facts.runs
    score = round(100 * (1 - failed / count))
    reason = because("{failed} of the last {count} runs failed", failed=failed, count=count)
    if facts.of.kind is not Kind.ALGORITHM:  # how often it is used is nobody else's business
        share = _percent(failed, count)
        reason = because("{share} % of the jobs of 30 days could not read it", share=share)
    return Part(Aspect.JOBS, score, *reason, at=at)
