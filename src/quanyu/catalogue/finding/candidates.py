"""Which entries match, the newest first, never more than are asked for.

However many entries a word is in, no question costs more than its first thousands: the blocks of
the index are met from the newest one down and left when enough are found.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, Text, cast, func, literal_column, select
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.listed import among, is_sqlite
from quanyu.catalogue.finding.marks import BETWEEN, Characters, codes
from quanyu.catalogue.finding.postings import BLOCK, numbers_in
from quanyu.catalogue.finding.tables import FacetRow
from quanyu.catalogue.finding.text_index import Sought, matching
from quanyu.catalogue.finding.values import tag
from quanyu.catalogue.tables import ResourceRow

facet = FacetRow.__table__
entry = ResourceRow.__table__
Numbers = NDArray[np.int64]
_FIRST_BLOCKS, _MOST_BLOCKS = 16, 256
_MOST_COMPARED = 20_000
_NEAR = 4


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What entries must satisfy.

    values      groups of numbers of facet values, of each of which an entry has one; what a caller
                may see is such a group too.
    tags        groups of words of the index, likewise: coarse, compared exactly by ``conditions``.
    conditions  exact comparisons of columns of ``resource_facet``.
    of_entry    further ones, of columns of ``resource``.
    """

    values: tuple[tuple[int, ...], ...] = ()
    tags: tuple[tuple[str, ...], ...] = ()
    conditions: tuple[ColumnElement[bool], ...] = ()
    of_entry: tuple[ColumnElement[bool], ...] = ()

    def and_values(self, groups: Iterable[Sequence[int]]) -> "Narrowing":
        """The same with further facet values."""
        more = tuple(tuple(group) for group in groups)
        return replace(self, values=(*self.values, *more))

    def and_condition(self, *conditions: ColumnElement[bool]) -> "Narrowing":
        """The same with further exact comparisons."""
        return replace(self, conditions=(*self.conditions, *conditions))

    @property
    def compares(self) -> bool:
        """Whether there is more to satisfy than the index knows."""
        return bool(self.conditions or self.of_entry)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Entries found: their numbers, marks and the times of their data; ``full``: there are more."""

    numbers: Numbers
    marks: Characters
    due: Numbers
    overdue: Numbers
    full: bool = field(default=False)

    @property
    def size(self) -> int:
        """How many."""
        return int(self.numbers.size)


def gather(session: Session, sought: Sought, narrowing: Narrowing, most: int) -> Gathered:
    """The newest ``most`` entries that match, and whether there are more."""
    parts = [_read(session, np.zeros(0, np.int64), narrowing)]
    found = 0
    for numbers in _candidates(session, sought, narrowing, most + 1):
        parts.append(_read(session, numbers, narrowing))
        found += parts[-1].size
        if found > most:
            break
    marks, numbers, due, overdue = (
        np.concatenate(column)
        for column in zip(*((p.marks, p.numbers, p.due, p.overdue) for p in parts), strict=True)
    )
    if found > most:
        marks = marks[: int(np.flatnonzero(marks == ord(BETWEEN))[most - 1]) + 1]
    return Gathered(numbers[:most], marks, due[:most], overdue[:most], found > most)


def _read(session: Session, numbers: Numbers, narrowing: Narrowing) -> Gathered:
    """Those of these entries that meet the exact comparisons, the newest first."""
    row = None
    if numbers.size:
        columns = (facet.c.number, facet.c.marks, facet.c.due_at, facet.c.overdue_at)
        rows = compared(narrowing).with_only_columns(*columns)
        rows = rows.where(among(session, facet.c.number, numbers))
        found = rows.order_by(facet.c.number.desc()).subquery()
        together = func.group_concat if is_sqlite(session) else func.string_agg
        row = session.execute(
            select(
                together(found.c.marks, literal_column("''")),
                *(
                    together(cast(found.c[name], Text), literal_column("','"))
                    for name in ("number", "due_at", "overdue_at")
                ),
            )
        ).one()
    if row is None or row[0] is None:
        empty = np.zeros(0, np.int64)
        return Gathered(empty, codes(""), empty, empty)
    listed = (np.fromstring(part, dtype=np.int64, sep=",") for part in row[1:])
    return Gathered(next(listed), codes(row[0]), next(listed), next(listed))


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
        parts.append(_meeting(session, numbers, narrowing) if narrowing.compares else numbers)
        found += parts[-1].size
        if found >= limit:
            break
    return np.concatenate(parts)[:limit]


def count_up_to(session: Session, sought: Sought, narrowing: Narrowing, most: int) -> int:
    """How many match, ``most`` at most."""
    return int(numbers_found(session, sought, narrowing, most).size)


def in_index(sought: Sought, narrowing: Narrowing) -> Sought:
    """What is sought with all that the index can narrow it by."""
    values = (tuple(map(tag, group)) for group in narrowing.values)
    return replace(sought, tags=(*sought.tags, *values, *narrowing.tags))


def indexed_numbers(session: Session, whole: Sought, below: int | None = None) -> Iterator[Numbers]:
    """The numbers of all that the index finds, the newest first, in parts that grow."""
    if below is None:
        below = (session.scalar(select(func.max(facet.c.number))) or 0) + 1
    last, blocks = (below - 1) // BLOCK, _FIRST_BLOCKS
    while last >= 0:
        first = max(0, last - blocks + 1)
        numbers = numbers_in(matching(session, whole, first, last), first)
        yield numbers[numbers < below]
        last, blocks = first - 1, min(blocks * _NEAR, _MOST_BLOCKS)


def compared(narrowing: Narrowing, *, with_entry: bool = False) -> Select[Any]:
    """The numbers of entries that meet the exact comparisons."""
    statement = select(facet.c.number).select_from(facet)
    if with_entry or narrowing.of_entry:
        statement = statement.join(entry, entry.c.number == facet.c.number)
    return statement.where(*narrowing.conditions, *narrowing.of_entry)


def _candidates(
    session: Session,
    sought: Sought,
    narrowing: Narrowing,
    limit: int,
    below: int | None = None,
) -> Iterator[Numbers]:
    """What the index finds, the newest first, in parts of as many as may be needed."""
    whole = in_index(sought, narrowing)
    if not whole.narrows:
        statement = compared(narrowing).order_by(facet.c.number.desc()).limit(limit)
        if below is not None:
            statement = statement.where(facet.c.number < below)
        yield _numbers(session, statement)
        return
    size = limit if not narrowing.compares else min(2 * limit, _MOST_COMPARED)
    for numbers in indexed_numbers(session, whole, below):
        start = 0
        while start < numbers.size:
            yield numbers[start : start + size]
            start += size
            if narrowing.compares:
                size = min(2 * size, _MOST_COMPARED)


def _meeting(session: Session, numbers: Numbers, narrowing: Narrowing) -> Numbers:
    """Those that meet the exact comparisons too."""
    newest, oldest = int(numbers[0]), int(numbers[-1])
    if newest - oldest < _NEAR * numbers.size:  # near each other: read through, not looked up
        asked: ColumnElement[bool] = facet.c.number.between(oldest, newest)
    else:
        asked = among(session, facet.c.number, numbers)
    met = _numbers(session, compared(narrowing).where(asked))
    return numbers[np.isin(numbers, met)]


def _numbers(session: Session, statement: Select[Any]) -> Numbers:
    return np.array(session.scalars(statement).all(), np.int64)
