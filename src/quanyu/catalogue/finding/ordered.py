"""What matches in the order of a column that has an index.

Many that match are met soon by walking along the column's index; few are sooner looked up and put
in order. Walking is given up where it has cost more than looking up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.candidates import (
    Narrowing,
    facet,
    in_index,
    indexed_numbers,
    meeting,
)
from quanyu.catalogue.finding.facts import Numbers, changes_of, microseconds, moments
from quanyu.catalogue.finding.listed import among
from quanyu.catalogue.finding.text_index import Sought
from quanyu.catalogue.tables import Number

_FEW, _FEW_KNOWN = 10_000, 100_000
_STEP, _LONGEST_STEP = 1_000, 20_000

Row = tuple[Any, int]
"""What an entry is ordered by, and its number, which decides between equals."""


@dataclass(frozen=True, slots=True)
class Order:
    """A column of ``resource`` or ``resource_facet`` and the direction."""

    column: ColumnElement[Any]
    falling: bool

    @property
    def known(self) -> bool:
        """Whether it is by the latest change, which is known without asking."""
        return self.column is facet.c.updated_at

    def few(self) -> int:
        """How many are sooner put in order than met on the way along the index."""
        return _FEW_KNOWN if self.known else _FEW

    def first(
        self, session: Session, last: Row | None, limit: int, numbers: Numbers | None = None
    ) -> Sequence[Row]:
        """The first entries in this order after ``last``, of all or among ``numbers``."""
        if numbers is not None and self.known:
            return self._sorted(changes_of(session, numbers), numbers, last, limit)
        own = self.column.table.c.number
        statement = select(self.column, own)
        if numbers is not None:
            statement = statement.where(among(session, own, numbers))
        if last is not None:
            statement = statement.where(self._after(last))
        by = (one.desc() if self.falling else one.asc() for one in (self.column, own))
        rows = session.execute(statement.order_by(*by).limit(limit)).all()
        return [(key, number) for key, number in rows]

    def _after(self, last: Row) -> ColumnElement[bool]:
        # As a pair, which both databases look up in an index.
        column: Any = self.column
        own, asked = (
            tuple_(column, column.table.c.number),
            tuple_(*last, types=[column.type, Number]),
        )
        return own < asked if self.falling else own > asked

    def _sorted(
        self, keys: Numbers, numbers: Numbers, last: Row | None, limit: int
    ) -> Sequence[Row]:
        if last is not None:
            at, number = microseconds(last[0]), last[1]
            same = (keys == at) & (numbers < number if self.falling else numbers > number)
            left = same | (keys < at if self.falling else keys > at)
            keys, numbers = keys[left], numbers[left]
        if keys.size > limit:  # all as far as the last of them, and what equals it
            edge = keys.size - limit if self.falling else limit - 1
            bound = np.partition(keys, edge)[edge]
            left = keys >= bound if self.falling else keys <= bound
            keys, numbers = keys[left], numbers[left]
        order = np.lexsort((numbers, keys))
        order = order[::-1][:limit] if self.falling else order[:limit]
        return list(zip(moments(keys[order]), numbers[order].tolist(), strict=True))


def in_order(  # noqa: PLR0917 - what is found, and which part of it in which order
    session: Session,
    sought: Sought,
    narrowing: Narrowing,
    order: Order,
    last: Row | None,
    limit: int,
) -> Sequence[Row]:
    """The first ``limit`` entries that match, after ``last``."""
    parts = list(indexed_numbers(session, in_index(sought, narrowing)))
    numbers = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    if numbers.size > order.few():
        walked = _walked(session, narrowing, order, last, limit, numbers)
        if walked is not None:
            return walked
    return order.first(session, last, limit, meeting(session, numbers, narrowing))


def _walked(  # noqa: PLR0917 - the other half of in_order
    session: Session,
    narrowing: Narrowing,
    order: Order,
    last: Row | None,
    limit: int,
    numbers: Numbers,
) -> Sequence[Row] | None:
    found: list[Row] = []
    passed, step = 0, _STEP
    among_these = np.zeros(int(numbers.max()) + 1, bool)
    among_these[numbers] = True
    while passed <= numbers.size:
        rows = order.first(session, last, step)
        own = np.array([number for _, number in rows], np.int64)
        own[own >= among_these.size] = 0  # no entry has this number
        met = meeting(session, own[among_these[own]], narrowing)
        found += compress(rows, np.isin(own, met))
        if len(found) >= limit or len(rows) < step:
            return found[:limit]
        last, passed, step = rows[-1], passed + step, min(2 * step, _LONGEST_STEP)
    return None
