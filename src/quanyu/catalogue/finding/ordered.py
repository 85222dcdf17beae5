"""What matches in the order of a column that has an index.

Many that match are met soon by walking along the column's index; few are sooner looked up and put
in order. Walking is given up where it has cost more than looking up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, tuple_
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
from quanyu.catalogue.tables import Number

_FEW = 10_000
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
        # As a pair, which both databases look up in an index.
        column: Any = self.column
        own, asked = tuple_(column, facet.c.number), tuple_(*last, types=[column.type, Number])
        return own < asked if self.falling else own > asked


def in_order(  # noqa: PLR0917 - what is found, and which part of it in which order
    session: Session,
    sought: Sought,
    narrowing: Narrowing,
    order: Order,
    last: Row | None,
    limit: int,
) -> Sequence[Row]:
    """The first ``limit`` entries that match, after ``last``."""
    whole = in_index(sought, narrowing)
    statement = order.select(narrowing)
    if not whole.narrows:
        return order.first(session, statement, last, limit)
    parts = list(indexed_numbers(session, whole))
    numbers = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    if numbers.size > _FEW:
        walked = _walked(session, narrowing, order, last, limit, numbers)
        if walked is not None:
            return walked
    statement = statement.where(among(session, facet.c.number, numbers))
    return order.first(session, statement, last, limit)


def _walked(  # noqa: PLR0917 - the other half of in_order
    session: Session,
    narrowing: Narrowing,
    order: Order,
    last: Row | None,
    limit: int,
    numbers: Numbers,
) -> Sequence[Row] | None:
    # The index of the order alone is walked: with comparisons one step could pass everything.
    statement = order.select(Narrowing())
    found: list[Row] = []
    passed, step = 0, _STEP
    while passed <= numbers.size:
        rows = order.first(session, statement, last, step)
        met = list(compress(rows, np.isin([number for _, number in rows], numbers)))
        if narrowing.compares and met:
            among_met = among(session, facet.c.number, [number for _, number in met])
            exact = set(session.scalars(compared(narrowing).where(among_met)))
            met = [row for row in met if row[1] in exact]
        found += met
        if len(found) >= limit or len(rows) < step:
            return found[:limit]
        last, passed, step = rows[-1], passed + step, min(2 * step, _LONGEST_STEP)
    return None
