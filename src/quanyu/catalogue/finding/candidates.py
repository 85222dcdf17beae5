"""Which entries match, the newest first, never more than are asked for.

However many entries a word is in, no question costs more than its first thousands: the index is
walked from the newest entry down and left when enough are found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Text,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.marks import Characters, codes, mark
from quanyu.catalogue.finding.tables import FacetRow
from quanyu.catalogue.finding.text_index import Sought, is_sqlite, matches, texts_table
from quanyu.catalogue.tables import ResourceRow

facet = FacetRow.__table__
entry = ResourceRow.__table__


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What entries must satisfy.

    values      groups of numbers of facet values, of each of which an entry has one.
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
        return Narrowing((*self.values, *more), self.tags, self.conditions, self.of_entry)

    def and_condition(self, *conditions: ColumnElement[bool]) -> "Narrowing":
        """The same with further exact comparisons."""
        return Narrowing(self.values, self.tags, (*self.conditions, *conditions), self.of_entry)


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


def newest(session: Session, sought: Sought, narrowing: Narrowing, limit: int) -> Select[Any]:
    """The newest ``limit`` entries that match, as rows of ``resource_facet``."""
    tags = tuple(tuple(f"_v{one}" for one in group) for group in narrowing.values)
    whole = Sought(sought.question, (*sought.tags, *tags, *narrowing.tags), sought.in_title)
    matched = matches(session, whole)
    if matched is None:
        statement = _from(facet, narrowing).order_by(facet.c.number.desc())
    else:
        number = texts_table(session)["number"]
        # SQLite shall begin with the index: a sum is nothing that it could look up there.
        joined = literal_column("+resource_text.rowid") if is_sqlite(session) else number
        source = facet.join(number.table, facet.c.number == joined)
        statement = _from(source, narrowing).where(matched).order_by(number.desc())
    return statement.limit(limit)


def gather(session: Session, sought: Sought, narrowing: Narrowing, most: int) -> Gathered:
    """The newest ``most`` entries that match, and whether there are more."""
    found = newest(session, sought, narrowing, most + 1).subquery()
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


def numbers_found(session: Session, sought: Sought, narrowing: Narrowing, limit: int) -> list[int]:
    """The numbers of the newest ``limit`` entries that match."""
    found = newest(session, sought, narrowing, limit).subquery()
    return list(session.scalars(select(found.c.number)))


def count_up_to(session: Session, sought: Sought, narrowing: Narrowing, most: int) -> int:
    """How many match, ``most`` at most."""
    found = newest(session, sought, narrowing, most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def walked(session: Session, sought: Sought, narrowing: Narrowing) -> Select[Any]:
    """All that match, to be ordered by a column that has an index and left early."""
    source = facet.join(entry, entry.c.number == facet.c.number)
    found: list[ColumnElement[bool]] = []
    matched = matches(session, sought)
    if matched is not None:
        number = texts_table(session)["number"]
        if is_sqlite(session):
            found.append(select(number).where(matched, number == facet.c.number).exists())
        else:
            source = source.join(number.table, number == facet.c.number)
            found.append(matched)
    position = _position(session)
    found += [
        or_(*(position(facet.c.marks, literal(mark(one))) > 0 for one in group))
        for group in narrowing.values
    ]
    statement = select(facet.c.number).select_from(source)
    return statement.where(*found, *narrowing.conditions, *narrowing.of_entry)


def among(
    session: Session, column: ColumnElement[Any], numbers: Iterable[int]
) -> ColumnElement[bool]:
    """Whether a column is one of many numbers, sent as one parameter."""
    listed = [int(number) for number in numbers]
    if is_sqlite(session):
        each = func.json_each(orjson.dumps(listed).decode()).table_valued("value")
        return column.in_(select(each.c.value))
    return column == func.any(literal(listed, ARRAY(BigInteger)))


def _from(source: FromClause, narrowing: Narrowing) -> Select[Any]:
    if narrowing.of_entry:
        source = source.join(entry, entry.c.number == facet.c.number)
    statement = select(facet).select_from(source)
    return statement.where(*narrowing.conditions, *narrowing.of_entry)


def _position(session: Session) -> Any:
    return func.instr if is_sqlite(session) else func.strpos
