"""What matches in the order of a column that has an index.

Many that match are met soon by walking along the column's index; few are sooner looked up and put
in order. Walking is given up where it has cost more than looking up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, or_
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.candidates import (
    Narrowing,
    Numbers,
    compared,
    entry,
    facet,
    in_index,
    indexed_numbers,
)
from quanyu.catalogue.finding.listed import among
from quanyu.catalogue.finding.text_index import Sought

_FEW = 5_000
_STEP, _LONGEST_STEP = 1_000, 20_000

Row = tuple[Any, int]
"""What an entry is ordered by, and its number, which decides between equals."""


@dataclass(frozen=True, slots=True)
class Order:
    """A column of ``resource`` or ``resource_facet`` and the direction."""

    column: ColumnElement[Any]
    falling: bool

    def first(
        self, session: Session, statement: Select[Any], last: Row | None, limit: int
    ) -> Sequence[Row]:
        """The first rows of a statement in this order, after ``last``."""
        if last is not None:
            statement = statement.where(self._after(last))
        by = (one.desc() if self.falling else one.asc() for one in (self.column, facet.c.number))
        rows = session.execute(statement.order_by(*by).limit(limit)).all()
        return [(key, number) for key, number in rows]

    def select(self, narrowing: Narrowing) -> Select[Any]:
        """Keys and numbers of entries that meet the exact comparisons."""
        statement = compared(narrowing, with_entry=self.column.table is entry)
        return statement.with_only_columns(self.column, facet.c.number)

    def _after(self, last: Row) -> ColumnElement[bool]:
        (key, number), column, own = last, self.column, facet.c.number
        if self.falling:
            return or_(column < key, and_(column == key, own < number))
        return or_(column > key, and_(column == key, own > number))


def in_order(  # noqa: PLR0917 - what is found, and which part of it in which order
    session: Session,
    sought: Sought,
    narrowing: Narrowing,
    order: Order,
    last: Row | None,
    limit: int,
) -> Sequence[Row]:
    """The first ``limit`` entries that match, after ``last``."""
    statement = order.select(narrowing)
    whole = in_index(sought, narrowing)
    if not whole.narrows:
        return order.first(session, statement, last, limit)
    parts = list(indexed_numbers(session, whole))
    numbers = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    if numbers.size > _FEW:
        walked = _walked(session, statement, order, last, limit, numbers)
        if walked is not None:
            return walked
    return order.first(
        session, statement.where(among(session, facet.c.number, numbers)), last, limit
    )


def _walked(  # noqa: PLR0917 - the other half of in_order
    session: Session,
    statement: Select[Any],
    order: Order,
    last: Row | None,
    limit: int,
    numbers: Numbers,
) -> Sequence[Row] | None:
    found: list[Row] = []
    passed, step = 0, _STEP
    while passed <= 2 * numbers.size:
        rows = order.first(session, statement, last, step)
        met = np.isin([number for _, number in rows], numbers)
        found += compress(rows, met)
        if len(found) >= limit or len(rows) < step:
            return found[:limit]
        last, passed, step = rows[-1], passed + step, min(2 * step, _LONGEST_STEP)
    return None
