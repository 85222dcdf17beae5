"""Facets: how many of the entries found have each value."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.candidates import Gathered
from quanyu.catalogue.finding.facts import Facts
from quanyu.catalogue.finding.tables import NOT_PROMISED
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
    "healths": "health",
}
"""Facets by the name of their filter, and what their values are kept under."""
FRESHNESS = "freshness"
MOST_VALUES = 100
_STATES = tuple(FreshnessState)

Mask = NDArray[np.bool_]
Counts = dict[str, tuple[FacetCount, ...]]


def chosen_mask(found: Gathered, numbers: Sequence[int]) -> Mask:
    """Which entries have one of these values."""
    mask = np.zeros(found.size, bool)
    mask[found.places[np.isin(found.values, numbers)]] = True
    return mask


def freshness_mask(facts: Facts, states: Sequence[FreshnessState], now: datetime) -> Mask:
    """Which entries' data stand so at ``now``."""
    return np.isin(_states(facts, now), [_STATES.index(state) for state in states])


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
    present = np.flatnonzero(np.bincount(found.values)).tolist()
    values = values_by_number(session, present)
    tallies: dict[int, NDArray[np.int64]] = {}
    for number, (kept, value) in values.items():
        name = plural.get(kept)
        if name is None:
            continue
        weights = counted[name]
        tally = tallies.get(id(weights))
        if tally is None:
            tally = tallies[id(weights)] = _tally(found, weights)
        if times := int(tally[number]):
            everything[name].append(FacetCount(value, times))
    if FRESHNESS in everything:
        everything[FRESHNESS] = _count_freshness(found, counted[FRESHNESS], now)
    return {
        name: tuple(sorted(facts, key=lambda f: (-f.count, f.value))[:MOST_VALUES])
        for name, facts in everything.items()
    }


def _count_freshness(found: Gathered, weights: Mask | None, now: datetime) -> list[FacetCount]:
    states = _states(found.facts, now)
    tally = np.bincount(states if weights is None else states[weights], minlength=len(_STATES))
    return [
        FacetCount(state.value, int(times))
        for state, times in zip(_STATES, tally, strict=True)
        if times
    ]


def _states(facts: Facts, now: datetime) -> NDArray[np.int64]:
    moment = int(now.timestamp())
    due, overdue = facts["due_at"], facts["overdue_at"]
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
    values = found.values if weights is None else found.values[weights[found.places]]
    tally: NDArray[np.int64] = np.bincount(values, minlength=int(found.values.max(initial=0)) + 1)
    return tally
