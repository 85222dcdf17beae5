"""Facets: how many of the entries found have each value."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.candidates import Gathered, facet
from quanyu.catalogue.finding.marks import mark, value_of
from quanyu.catalogue.finding.tables import NOT_KNOWN, NOT_PROMISED
from quanyu.catalogue.finding.values import values_by_number
from quanyu.catalogue.model import FacetCount
from quanyu.catalogue.quality.freshness import FreshnessState

FACETS = {
    "kinds": "kind",
    "themes": "theme",
    "providers": "provider",
    "accesses": "access",
    "formats": "format",
    "licences": "licence",
    "cycles": "cycle",
    "grades": "grade",
    "states": "state",
}
"""Facets by the name of their filter, and what their values are kept under."""
FRESHNESS = "freshness"
MOST_VALUES = 100
_BETWEEN = 10
_STATES = tuple(FreshnessState)

Mask = NDArray[np.bool_]
Counts = dict[str, tuple[FacetCount, ...]]


def chosen_mask(found: Gathered, numbers: Sequence[int]) -> Mask:
    """Which entries have one of these values."""
    mask = np.zeros(found.size, bool)
    wanted = np.isin(found.marks, [ord(mark(number)) for number in numbers])
    mask[_places(found)[wanted]] = True
    return mask


def freshness_mask(found: Gathered, states: Sequence[FreshnessState], now: datetime) -> Mask:
    """Which entries' data stand so at ``now``."""
    return np.isin(_states(found, now), [_STATES.index(state) for state in states])


def freshness_is(states: Sequence[FreshnessState], now: datetime) -> ColumnElement[bool]:
    """The same as a condition on ``resource_facet``."""
    moment = int(now.timestamp())
    due, overdue = facet.c.due_at, facet.c.overdue_at
    conditions = {
        FreshnessState.FRESH: due > moment,
        FreshnessState.DUE: and_(due >= 0, due <= moment, overdue > moment),
        FreshnessState.OVERDUE: and_(overdue >= 0, overdue <= moment),
        FreshnessState.NOT_PROMISED: due == NOT_PROMISED,
        FreshnessState.UNKNOWN: due == NOT_KNOWN,
    }
    return or_(*(conditions[state] for state in states))


def count(
    session: Session,
    found: Gathered,
    names: Sequence[str],
    now: datetime,
    masks: Mapping[str, Mask],
) -> Counts:
    """The values of the facets ``names``, each counted among those that all *other* ``masks``
    let through, the most frequent first."""
    everything: dict[str, list[FacetCount]] = {name: [] for name in names}
    shared = _weights(masks, besides="")
    counted = {name: _weights(masks, besides=name) if name in masks else shared for name in names}
    plural = {kept: name for name, kept in FACETS.items() if name in counted}
    values = values_by_number(session, map(value_of, _present(found)))
    tallies: dict[int, NDArray[np.int64]] = {}
    for number, (kept, value) in values.items():
        name = plural.get(kept)
        if name is None:
            continue
        weights = counted[name]
        tally = tallies.get(id(weights))
        if tally is None:
            tally = tallies[id(weights)] = _tally(found, weights)
        if times := int(tally[ord(mark(number))]):
            everything[name].append(FacetCount(value, times))
    if FRESHNESS in everything:
        everything[FRESHNESS] = _count_freshness(found, counted[FRESHNESS], now)
    return {
        name: tuple(sorted(facts, key=lambda f: (-f.count, f.value))[:MOST_VALUES])
        for name, facts in everything.items()
    }


def _count_freshness(found: Gathered, weights: Mask | None, now: datetime) -> list[FacetCount]:
    states = _states(found, now)
    tally = np.bincount(states if weights is None else states[weights], minlength=len(_STATES))
    return [
        FacetCount(state.value, int(times))
        for state, times in zip(_STATES, tally, strict=True)
        if times
    ]


def _states(found: Gathered, now: datetime) -> NDArray[np.int64]:
    moment = int(now.timestamp())
    due, overdue = found.due, found.overdue
    told = [due > moment, (due >= 0) & (overdue > moment), overdue >= 0, due == NOT_PROMISED]
    kinds = [_STATES.index(s) for s in (
        FreshnessState.FRESH, FreshnessState.DUE, FreshnessState.OVERDUE,
        FreshnessState.NOT_PROMISED,
    )]  # fmt: skip
    states: NDArray[np.int64] = np.select(told, kinds, _STATES.index(FreshnessState.UNKNOWN))
    return states


def _weights(masks: Mapping[str, Mask], *, besides: str) -> Mask | None:
    others = [mask for name, mask in masks.items() if name != besides]
    if not others:
        return None
    whole = others[0]
    for mask in others[1:]:
        whole = whole & mask
    return whole


def _tally(found: Gathered, weights: Mask | None) -> NDArray[np.int64]:
    top = int(found.marks.max(initial=0)) + 1
    marks = found.marks if weights is None else found.marks[weights[_places(found)]]
    tally: NDArray[np.int64] = np.bincount(marks, minlength=top)
    return tally


def _present(found: Gathered) -> list[int]:
    tally = np.bincount(found.marks) if found.size else np.zeros(0, np.int64)
    return [int(code) for code in np.flatnonzero(tally) if code != _BETWEEN]


def _places(found: Gathered) -> NDArray[np.int64]:
    """For each character, which entry it is of."""
    between = found.marks == _BETWEEN
    places: NDArray[np.int64] = np.cumsum(between) - between
    return places
