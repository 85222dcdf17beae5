"""Which entries match, the newest first, never more than are asked for.

However many entries a word is in, no question costs more than its first thousands: the index is
walked from the newest entry down and left when enough are found.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.marks import Characters, codes, mark
from quanyu.catalogue.finding.tables import FacetRow
from quanyu.catalogue.finding.text_index import Sought, is_sqlite, matches, texts_table
from quanyu.catalogue.finding.values import tag
from quanyu.catalogue.tables import ResourceRow

facet = FacetRow.__table__
entry = ResourceRow.__table__
_T = TypeVar("_T")
_FIRST_WINDOW = 3_000


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller may see, in numbers of facet values.

    An entry is seen when it has one of ``seen``. That is the case exactly when it has none of
    ``hidden`` or one of ``own``, which the index answers sooner; ``seen`` decides.
    """

    seen: tuple[int, ...]
    hidden: tuple[int, ...] = ()
    own: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What entries must satisfy.

    values      groups of numbers of facet values, of each of which an entry has one.
    tags        groups of words of the index, likewise: coarse, compared exactly by ``conditions``.
    conditions  exact comparisons of columns of ``resource_facet``.
    of_entry    further ones, of columns of ``resource``.
    sight       what may be seen; everything when there is none.
    """

    values: tuple[tuple[int, ...], ...] = ()
    tags: tuple[tuple[str, ...], ...] = ()
    conditions: tuple[ColumnElement[bool], ...] = ()
    of_entry: tuple[ColumnElement[bool], ...] = ()
    sight: Sight | None = None

    def and_values(self, groups: Iterable[Sequence[int]]) -> "Narrowing":
        """The same with further facet values."""
        more = tuple(tuple(group) for group in groups)
        return replace(self, values=(*self.values, *more))

    def and_condition(self, *conditions: ColumnElement[bool]) -> "Narrowing":
        """The same with further exact comparisons."""
        return replace(self, conditions=(*self.conditions, *conditions))


@dataclass(frozen=True, slots=True)
class Gathered:
    """Entries found: their numbers, marks and the times of their data; ``full``: there are more."""

    numbers: NDArray[np.int64]
    marks: Characters
    due: NDArray[np.int64]
    overdue: NDArray[np.int64]
    full: bool = field(default=False)

    @property
    def size(self) -> int:
        """How many."""
        return int(self.numbers.size)

    @property
    def apart(self) -> float:
        """How far from each other their numbers are, on average: how rare they are."""
        if not self.size:
            return 1.0
        return float(self.numbers.max() - self.numbers.min() + 1) / self.size


def newest(
    session: Session, sought: Sought, narrowing: Narrowing, limit: int, oldest: int = 0
) -> Select[Any]:
    """The newest ``limit`` entries that match, none before the number ``oldest``, as rows of
    ``resource_facet``."""
    matched = matches(session, _whole(sought, narrowing))
    if matched is None:
        statement = _from(session, facet, narrowing).order_by(facet.c.number.desc())
    else:
        number = texts_table(session)["number"]
        if oldest > 0:
            matched = and_(matched, number >= oldest)
        if is_sqlite(session):
            # It shall begin with the index: a sum is nothing that it could look up there.
            joined: ColumnElement[int] = literal_column("+resource_text.rowid")
            source = facet.join(number.table, facet.c.number == joined)
            statement = _from(session, source, narrowing).where(matched).order_by(number.desc())
        else:  # by itself, lest the order make a plan read entry by entry
            hit = select(number.label("number")).where(matched).cte("hit")
            hit = hit.prefix_with("MATERIALIZED")
            source = facet.join(hit, facet.c.number == hit.c.number)
            statement = _from(session, source, narrowing).order_by(facet.c.number.desc())
    return statement.limit(limit)


def _whole(sought: Sought, narrowing: Narrowing) -> Sought:
    """What is sought with all that the index can narrow it by."""
    groups = (*sought.tags, *map(_tags, narrowing.values), *narrowing.tags)
    sight = narrowing.sight
    if sight is None:
        return replace(sought, tags=groups)
    if not (sought.question or groups):  # there is nothing from which to leave out
        return replace(sought, tags=(_tags(sight.seen),))
    return replace(sought, tags=groups, without=_tags(sight.hidden), unless=_tags(sight.own))


def _tags(values: Iterable[int]) -> tuple[str, ...]:
    return tuple(tag(one) for one in values)


def gather(session: Session, sought: Sought, narrowing: Narrowing, most: int) -> Gathered:
    """The newest ``most`` entries that match, and whether there are more."""

    def look(oldest: int) -> Gathered:
        return _gathered(session, newest(session, sought, narrowing, most + 1, oldest), most)

    return _widening(session, look, lambda found: found.size + found.full, most + 1)


def _gathered(session: Session, statement: Select[Any], most: int) -> Gathered:
    found = statement.subquery()
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
    if row[0] is None:
        empty = np.zeros(0, np.int64)
        return Gathered(empty, codes(""), empty, empty)
    numbers, due, overdue = (np.fromstring(part, dtype=np.int64, sep=",") for part in row[1:])
    full = numbers.size > most
    marks = codes(row[0])
    if full:
        last = int(np.flatnonzero(marks == 10)[most - 1]) + 1
        marks, numbers, due, overdue = marks[:last], numbers[:most], due[:most], overdue[:most]
    return Gathered(numbers, marks, due, overdue, full)


def numbers_found(
    session: Session, sought: Sought, narrowing: Narrowing, limit: int, oldest: int = 0
) -> list[int]:
    """The numbers of the newest ``limit`` entries that match, ``oldest`` at least."""

    def look(bound: int) -> list[int]:
        found = newest(session, sought, narrowing, limit, max(bound, oldest)).subquery()
        return list(session.scalars(select(found.c.number)))

    return _widening(session, look, len, limit)


def count_up_to(session: Session, sought: Sought, narrowing: Narrowing, most: int) -> int:
    """How many match, ``most`` at most."""

    def look(oldest: int) -> int:
        found = newest(session, sought, narrowing, most, oldest).subquery()
        return session.scalar(select(func.count()).select_from(found)) or 0

    return _widening(session, look, int, most)


def _widening(
    session: Session, look: Callable[[int], _T], size: Callable[[_T], int], most: int
) -> _T:
    """What is found from a number upwards, the number lowered until ``most`` are.

    SQLite walks its index from the newest down by itself. PostgreSQL's gives all that match in no
    order, so that it is asked for the newest entries first.
    """
    if not is_sqlite(session):
        top = session.scalar(select(func.max(facet.c.number))) or 0
        window = _FIRST_WINDOW
        while window < top:
            found = look(top - window)
            if size(found) >= most:
                return found
            window = int(window * max(2.0, 1.5 * most / max(size(found), 1)))
    return look(0)


def walked(
    session: Session, sought: Sought, narrowing: Narrowing, *, rare: bool = False
) -> Select[Any]:
    """All that match, to be ordered by a column that has an index and left early.

    ``rare`` says that many would be passed before enough are met.
    """
    source = facet.join(entry, entry.c.number == facet.c.number)
    found: list[ColumnElement[bool]] = []
    matched, every = matches(session, sought), matches(session, _whole(sought, narrowing))
    number = texts_table(session)["number"]
    if not is_sqlite(session):
        if matched is not None:
            source = source.join(number.table, number == facet.c.number)
            found.append(matched)
    elif rare and every is not None:  # asked once for all of them, not of each that is passed
        found.append(literal_column("+resource_facet.number").in_(select(number).where(every)))
    elif matched is not None:
        found.append(select(number).where(matched, number == facet.c.number).exists())
    found += [_has(session, group) for group in narrowing.values]
    found += _seen(session, narrowing)
    statement = select(facet.c.number).select_from(source)
    return statement.where(*found, *narrowing.conditions, *narrowing.of_entry)


def _from(session: Session, source: FromClause, narrowing: Narrowing) -> Select[Any]:
    if narrowing.of_entry:
        source = source.join(entry, entry.c.number == facet.c.number)
    statement = select(facet).select_from(source)
    return statement.where(*_seen(session, narrowing), *narrowing.conditions, *narrowing.of_entry)


def _seen(session: Session, narrowing: Narrowing) -> list[ColumnElement[bool]]:
    return [] if narrowing.sight is None else [_has(session, narrowing.sight.seen)]


def _has(session: Session, values: Iterable[int]) -> ColumnElement[bool]:
    position: Any = func.instr if is_sqlite(session) else func.strpos
    return or_(*(position(facet.c.marks, literal(mark(one))) > 0 for one in values))
