"""Which entries match, the newest first, never more than are asked for.

However many entries a word is in, no question costs more than its first thousands: the blocks of
the index are met from the newest one down and left when enough are found.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.facts import Facts, Numbers, end_of_numbers, facts_of, marks_of
from quanyu.catalogue.finding.listed import among
from quanyu.catalogue.finding.postings import BLOCK, numbers_in
from quanyu.catalogue.finding.tables import FacetRow
from quanyu.catalogue.finding.text_index import Sought, matching
from quanyu.catalogue.finding.values import tag
from quanyu.catalogue.tables import ResourceRow

facet = FacetRow.__table__
entry = ResourceRow.__table__
_FIRST_BLOCKS, _MOST_BLOCKS = 32, 256
_MOST_COMPARED = 20_000
_MORE = 8


Test = Callable[[Facts], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What entries must satisfy.

    values    groups of numbers of facet values, of each of which an entry has one; what a caller
              may see is such a group too.
    tags      groups of words of the index, likewise: coarse, compared exactly by ``tests``.
    tests     exact comparisons of what is known of entries.
    of_entry  further ones, of columns of ``resource_facet`` and ``resource``.
    """

    values: tuple[tuple[int, ...], ...] = ()
    tags: tuple[tuple[str, ...], ...] = ()
    tests: tuple[Test, ...] = ()
    of_entry: tuple[ColumnElement[bool], ...] = ()

    def and_values(self, groups: Iterable[Sequence[int]]) -> "Narrowing":
        """The same with further facet values."""
        more = tuple(tuple(group) for group in groups)
        return replace(self, values=(*self.values, *more))

    def and_test(self, *tests: Test) -> "Narrowing":
        """The same with further exact comparisons."""
        return replace(self, tests=(*self.tests, *tests))

    @property
    def compares(self) -> bool:
        """Whether there is more to satisfy than the index knows."""
        return bool(self.tests or self.of_entry)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Entries found, the newest first: their numbers and what is known of them, their facet values
    one after the other and the place of the entry that each is of; ``full``: there are more."""

    numbers: Numbers
    facts: Facts
    values: Numbers
    places: Numbers
    full: bool = field(default=False)

    @property
    def size(self) -> int:
        """How many."""
        return int(self.numbers.size)


def gather(session: Session, sought: Sought, narrowing: Narrowing, most: int) -> Gathered:
    """The newest ``most`` entries that match, and whether there are more."""
    numbers = numbers_found(session, sought, narrowing, most + 1)
    facts, values = marks_of(session, numbers[:most])
    places = np.repeat(np.arange(facts.size), facts["marks"])
    return Gathered(numbers[:most], facts, values, places, numbers.size > most)


def numbers_found(
    session: Session,
    sought: Sought,
    narrowing: Narrowing,
    limit: int,
    below: int | None = None,
) -> Numbers:
    """The numbers of the newest ``limit`` entries that match, those before ``below`` alone."""
    parts = [np.zeros(0, np.int64)]
    found = 0
    for numbers in _candidates(session, sought, narrowing, limit, below):
        parts.append(meeting(session, numbers, narrowing))
        found += parts[-1].size
        if found >= limit:
            break
    return np.concatenate(parts)[:limit]


def meeting(session: Session, numbers: Numbers, narrowing: Narrowing) -> Numbers:
    """Those of these entries that meet the exact comparisons too."""
    if numbers.size and (narrowing.tests or not narrowing.values):
        facts = facts_of(session, numbers)
        met = facts["marks"] > 0
        for test in narrowing.tests:
            met &= test(facts)
        numbers = numbers[met]
    if numbers.size and narrowing.of_entry:
        statement = select(facet.c.number).join(entry, entry.c.number == facet.c.number)
        asked = among(session, facet.c.number, numbers)
        exact = session.scalars(statement.where(asked, *narrowing.of_entry)).all()
        numbers = numbers[np.isin(numbers, np.array(exact, np.int64))]
    return numbers


def count_up_to(session: Session, sought: Sought, narrowing: Narrowing, most: int) -> int:
    """How many match, ``most`` at most."""
    return int(numbers_found(session, sought, narrowing, most).size)


def in_index(sought: Sought, narrowing: Narrowing) -> Sought:
    """What is sought with all that the index can narrow it by."""
    values = (tuple(map(tag, group)) for group in narrowing.values)
    return replace(sought, tags=(*sought.tags, *values, *narrowing.tags))


def indexed_numbers(session: Session, whole: Sought, below: int | None = None) -> Iterator[Numbers]:
    """The numbers of all that the index finds, the newest first, in parts that grow."""
    end = end_of_numbers(session)
    below = end if below is None else min(below, end)
    last, blocks = (below - 1) // BLOCK, _FIRST_BLOCKS
    while last >= 0:
        first = max(0, last - blocks + 1)
        numbers = numbers_in(matching(session, whole, first, last), first)
        yield numbers[numbers < below]
        last, blocks = first - 1, min(blocks * _MORE, _MOST_BLOCKS)


def _candidates(
    session: Session,
    sought: Sought,
    narrowing: Narrowing,
    limit: int,
    below: int | None = None,
) -> Iterator[Numbers]:
    """What the index finds, the newest first, in parts of as many as may be needed."""
    size = 2 * limit if narrowing.compares else limit
    for numbers in indexed_numbers(session, in_index(sought, narrowing), below):
        start = 0
        while start < numbers.size:
            size = min(size, _MOST_COMPARED)
            yield numbers[start : start + size]
            start += size
            size *= 2
