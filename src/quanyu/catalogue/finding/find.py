"""Search in both languages with filters, facets, orders and stable pages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import Access, Kind, State
from quanyu.catalogue.finding.candidates import (
    Gathered,
    Narrowing,
    Test,
    count_up_to,
    entry,
    gather,
)
from quanyu.catalogue.finding.counts import (
    FACETS,
    FRESHNESS,
    Counts,
    Mask,
    chosen_mask,
    count,
    freshness_mask,
)
from quanyu.catalogue.finding.filters import conditions_of
from quanyu.catalogue.finding.index import settle
from quanyu.catalogue.finding.meant import corrected, understood, widened
from quanyu.catalogue.finding.pages import page_of
from quanyu.catalogue.finding.places import meeting_extent, meeting_time
from quanyu.catalogue.finding.question import Question
from quanyu.catalogue.finding.sight import visible_values
from quanyu.catalogue.finding.text_index import Sought
from quanyu.catalogue.finding.values import Value, numbers_of
from quanyu.catalogue.model import Bbox, Interval, Search, SearchPage
from quanyu.catalogue.quality.freshness import FreshnessState
from quanyu.catalogue.quality.health import HealthState
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import Invalid, PartyId, now
from quanyu.parties import Caller

MOST_HITS = 1_000
MOST_COUNTED = 2_000
_FEW = 3

Choices = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A search made ready: who may see what, what narrows all counts, what is chosen in facets.

    A facet of ``choices`` without numbers is of values that no entry has.
    """

    search: Search
    seen: Narrowing
    within: Narrowing
    choices: Choices

    @property
    def hopeless(self) -> bool:
        """Whether nothing can be found whatever the words."""
        return not all(self.choices.values())

    def narrowing(self, besides: str = "") -> Narrowing:
        """Everything that narrows, the choice in one facet left out."""
        groups = [group for name, group in self.choices.items() if name not in {besides, FRESHNESS}]
        found = self.within.and_values(groups)
        if FRESHNESS in self.choices and besides != FRESHNESS:
            states, moment = _states(self.search), now()
            found = found.and_test(lambda facts: freshness_mask(facts, states, moment))
        return found


def search(session: Session, search: Search, *, visible_to: Caller) -> SearchPage:
    """The page of entries that ``visible_to`` may know of and that match, and facets.

    Totals and facets are exact up to two thousand and at least that beyond. When no visible entry
    has the words, beginnings of words and pinyin are tried, then (unless ``literal``) words that
    they may be slips of: :attr:`SearchPage.corrected` says what was sought instead. Raises
    :class:`Invalid` for a wrong limit, extent, interval, filter or page token.
    """
    _check(search)
    asked = ready(session, search, visible_to)
    question = understood(session, search.q)
    if (search.q.strip() and not question) or asked.hopeless:
        return _nothing(search)
    found = _look(session, asked, question)
    if found.size == 0 and question and not _somebody_says(session, asked, question):
        return _guess(session, asked, question)
    page = _page(session, asked, question, found)
    if 0 < found.size <= _FEW and question and not search.literal:
        return replace(page, proposal=corrected(session, search.q, asked.seen))
    return page


def resources(
    session: Session,
    *,
    visible_to: Caller,
    kinds: frozenset[Kind] = frozenset(),
    providers: frozenset[PartyId] = frozenset(),
    states: frozenset[State] = frozenset(),
    accesses: frozenset[Access] = frozenset(),
    limit: int = 100,
    after: str | None = None,
) -> SearchPage:
    """A plain list, the latest change first, without facets."""
    asked = Search(
        kinds=kinds,
        providers=providers,
        states=states,
        accesses=accesses,
        limit=limit,
        after=after,
        facets=False,
    )
    return search(session, asked, visible_to=visible_to)


def sight_of(session: Session, caller: Caller) -> Narrowing | None:
    """What a caller may see; ``None`` when that is nothing, as in an empty catalogue."""
    settle(session)
    visible = visible_values(caller)
    if not visible:
        return Narrowing()
    known = numbers_of(session, visible)
    return Narrowing(values=(tuple(known.values()),)) if known else None


def _guess(session: Session, asked: Asked, question: Question) -> SearchPage:
    """No visible entry has the words as they stand: what else they may mean."""
    wider = widened(session, question)
    if wider != question:
        found = _look(session, asked, wider)
        if found.size or _somebody_says(session, asked, wider):
            return _page(session, asked, wider, found)
    if asked.search.literal:
        return _nothing(asked.search)
    instead = corrected(session, asked.search.q, asked.seen)
    if instead is None:
        return _nothing(asked.search)
    meant = understood(session, instead)
    page = _page(session, asked, meant, _look(session, asked, meant))
    return replace(page, corrected=instead)


def _somebody_says(session: Session, asked: Asked, question: Question) -> bool:
    return count_up_to(session, Sought(question), asked.seen, 1) > 0


def _look(session: Session, asked: Asked, question: Question) -> Gathered:
    """What matches, the choices in facets left out: they are sifted from it."""
    return gather(session, Sought(question), asked.within, MOST_COUNTED)


def _page(session: Session, asked: Asked, question: Question, base: Gathered) -> SearchPage:
    moment = now()
    names = [*FACETS, FRESHNESS] if asked.search.facets else []
    if not base.full:
        masks: dict[str, Mask] = {
            name: _chosen(base, asked, name, moment) for name in asked.choices
        }
        found = _only(base, masks)
        facets = count(session, base, names, moment, masks)
    else:
        found, facets = _sift(session, asked, question, base, names)
    hits, onward = page_of(session, asked.search, question, asked.narrowing(), found)
    rows = {
        row.number: row
        for row in session.scalars(select(ResourceRow).where(ResourceRow.number.in_(hits)))
    }
    return SearchPage(
        hits=tuple(to_resource(rows[number]) for number in hits if number in rows),
        total=found.size,
        exact=not found.full,
        next=onward,
        facets=facets,
    )


def _sift(
    session: Session, asked: Asked, question: Question, base: Gathered, names: Sequence[str]
) -> tuple[Gathered, Counts]:
    """Among more than can be counted, each choice is its own question to the index."""
    sought, moment = Sought(question), now()
    free = [name for name in names if name not in asked.choices]
    facets: Counts = {}
    found = None if asked.choices else base
    for name in asked.choices:
        others = base
        if len(asked.choices) > 1:
            others = gather(session, sought, asked.narrowing(besides=name), MOST_COUNTED)
        masks = {} if others.full else {name: _chosen(others, asked, name, moment)}
        facets |= count(session, others, [name], moment, masks) if name in names else {}
        if masks and found is None:  # what is found is among them
            found = _only(others, masks)
            facets |= count(session, others, free, moment, masks)
    if found is None:
        found = gather(session, sought, asked.narrowing(), MOST_COUNTED)
    if not set(free) <= facets.keys():
        facets |= count(session, found, free, moment, {})
    return found, {name: facets[name] for name in names}


def _chosen(among: Gathered, asked: Asked, name: str, moment: datetime) -> Mask:
    """Which of these entries have what is chosen in one facet."""
    if name == FRESHNESS:
        return freshness_mask(among.facts, _states(asked.search), moment)
    return chosen_mask(among, asked.choices[name])


def _only(base: Gathered, masks: dict[str, Mask]) -> Gathered:
    if not masks:
        return base
    whole = and_masks(masks)
    nothing = base.values[:0]
    return Gathered(base.numbers[whole], base.facts[whole], nothing, nothing)


def and_masks(masks: dict[str, Mask]) -> Mask:
    """Where all of them let through."""
    first, *rest = masks.values()
    for mask in rest:
        first = first & mask
    return first


def _nothing(search: Search) -> SearchPage:
    names = [*FACETS, FRESHNESS] if search.facets else []
    return SearchPage(hits=(), total=0, next=None, facets=dict.fromkeys(names, ()))


def ready(session: Session, search: Search, visible_to: Caller) -> Asked:
    """The search made ready: its filters read, its facet values looked up."""
    seen = sight_of(session, visible_to)
    wanted: dict[str, list[Value]] = {
        name: [(kept, str(value)) for value in _storable(getattr(search, name))]
        for name, kept in FACETS.items()
        if getattr(search, name)
    }
    numbers = numbers_of(session, [value for values in wanted.values() for value in values])
    choices: Choices = {
        name: tuple(sorted(numbers[value] for value in values if value in numbers))
        for name, values in wanted.items()
    }
    if search.freshness:
        choices[FRESHNESS] = (0,)
    if seen is None:  # nobody has published anything
        choices["states"], seen = (), Narrowing()
    return Asked(search, seen, _within(session, search, seen), choices)


def _within(session: Session, search: Search, seen: Narrowing) -> Narrowing:
    """What narrows hits and every facet alike."""
    tags: list[tuple[str, ...]] = []
    tests: list[Test] = []
    of_entry: list[ColumnElement[bool]] = []
    if search.bbox is not None:
        tags.append(tuple(meeting_extent(search.bbox)))
        tests.append(_meets(search.bbox))
    if search.interval is not None:
        if search.interval != (None, None) and (words := meeting_time(search.interval)):
            tags.append(tuple(words))
        tests.append(_during(search.interval))
    if search.ids or search.external_ids:
        named = _named(session, search)
        tests.append(lambda facts: np.isin(facts["number"], named))
    if search.filter is not None:
        filtered = conditions_of(session, search.filter)
        of_entry += filtered.of_entry
        seen = seen.and_values(filtered.values)
    return replace(seen, tags=tuple(tags), tests=tuple(tests), of_entry=tuple(of_entry))


def _named(session: Session, search: Search) -> list[int]:
    """Numbers of the entries that are named."""
    conditions: list[ColumnElement[bool]] = []
    if search.external_ids:
        conditions.append(entry.c.code.in_(_storable(search.external_ids)))
    if search.ids:
        ids = _storable(search.ids)
        conditions.append(or_(entry.c.id.in_(ids), entry.c.slug.in_(ids)))
    return list(session.scalars(select(entry.c.number).where(*conditions)))


def _storable(values: Any) -> list[str]:
    # PostgreSQL takes no NUL and no lone surrogate, not even in a question.
    return sorted(str(value) for value in values if str(value).isprintable())


def _meets(bbox: Bbox) -> Test:
    west, south, east, north = bbox
    if west > east:  # across the antimeridian (RFC 7946, 5.2)
        both = _meets((west, south, 180, north)), _meets((-180, south, east, north))
        return lambda facts: both[0](facts) | both[1](facts)
    return lambda facts: (
        (facts["west"] <= east)
        & (facts["east"] >= west)
        & (facts["south"] <= north)
        & (facts["north"] >= south)
    )


def _during(interval: Interval) -> Test:
    first = -inf if interval[0] is None else interval[0].timestamp()
    last = inf if interval[1] is None else interval[1].timestamp()
    return lambda facts: (facts["from_at"] <= last) & (facts["to_at"] >= first)


def _states(search: Search) -> list[FreshnessState]:
    return [FreshnessState(word) for word in sorted(search.freshness)]


def _check(search: Search) -> None:
    for field, said, words in (
        ("freshness", search.freshness, tuple(FreshnessState)),
        ("health", search.healths, tuple(HealthState)),
    ):
        unknown = said - set(words)
        if unknown:
            raise Invalid(
                "“{value}” is none of the known words",
                field=field,
                mend="use one of: {words}",
                value=min(unknown)[:60],
                words=", ".join(words),
            )
    if not 1 <= search.limit <= MOST_HITS:
        raise Invalid(
            "a page has 1 to {most} entries",
            field="limit",
            mend="choose a number between them",
            most=MOST_HITS,
        )
    box = search.bbox
    if box and not (
        -180 <= box[0] <= 180 and -180 <= box[2] <= 180 and -90 <= box[1] <= box[3] <= 90
    ):
        raise Invalid(
            "{bbox} is no extent",
            field="bbox",
            mend="give west, south, east, north in degrees, south ≤ north",
            bbox=list(box),
        )
    start, end = search.interval or (None, None)
    if any(moment is not None and moment.tzinfo is None for moment in (start, end)):
        raise Invalid(
            "a time without an offset names no instant", field="datetime", mend="add Z or +08:00"
        )
    if start and end and start > end:
        raise Invalid(
            "the interval ends before it begins", field="datetime", mend="exchange its two ends"
        )
