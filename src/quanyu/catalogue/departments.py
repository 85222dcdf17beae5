"""Figures of each department: what themes it covers, how its entries are kept.

Numbers of entries leave the database as a few long texts, put together in the order of an index,
and are counted as arrays: a join would look each entry up and sort the groups, at ten times the
cost.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Text, case, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.quality.tables import CareRow
from quanyu.catalogue.tables import ResourceRow, ThemeRow
from quanyu.kernel import PartyId

Scope = Sequence[ColumnElement[bool]]
Numbers = NDArray[np.int64]
Column = ColumnElement[int] | InstrumentedAttribute[int]
ByDepartment = tuple[tuple[PartyId, int, int], ...]
_PROMISED, _OVERDUE, _KEPT = 1, 2, 3
_PACK = 4096
"""More than a score of 405, times the ways that a promise may stand."""


def department_figures(
    session: Session, scope: Scope, moment: datetime
) -> tuple[
    tuple[tuple[PartyId, str, int], ...],
    ByDepartment,
    ByDepartment,
]:
    """Of the entries in scope: how many each department has in each theme; how many of its
    published ones promise a cycle and are overdue at ``moment``; its rounded mean score and how
    many entries it is of. Each in the order of departments."""
    departments, owner, public = _owners(session, scope)
    coverage = _coverage(session, departments, owner)
    freshness, quality = _care(session, departments, owner, public, moment)
    return coverage, freshness, quality


def _owners(session: Session, scope: Scope) -> tuple[list[PartyId], Numbers, NDArray[np.bool_]]:
    """Departments; by number of entry the place of its department in them, -1 where it is not in
    scope, and whether it is published."""
    columns = (ResourceRow.provider, ResourceRow.state)
    rows = session.execute(
        select(*columns, _together(session, ResourceRow.number)).where(*scope).group_by(*columns)
    ).all()
    departments = sorted({PartyId(party) for party, _, _ in rows})
    places = {party: at for at, party in enumerate(departments)}
    found = [(places[PartyId(party)], state, _numbers(text)) for party, state, text in rows]
    size = max((int(numbers.max()) for _, _, numbers in found), default=-1) + 1
    owner, public = np.full(size, -1), np.zeros(size, bool)
    for place, state, numbers in found:
        owner[numbers] = place
        public[numbers] = state == State.PUBLISHED.value
    return departments, owner, public


def _coverage(
    session: Session, departments: Sequence[PartyId], owner: Numbers
) -> tuple[tuple[PartyId, str, int], ...]:
    rows = session.execute(
        select(ThemeRow.theme, _together(session, ThemeRow.number)).group_by(ThemeRow.theme)
    )
    found = []
    for theme, text in rows:
        numbers = _numbers(text)
        tally = _tally(owner[numbers[numbers < owner.size]], len(departments))
        found += [(departments[at], theme, int(tally[at])) for at in np.flatnonzero(tally).tolist()]
    return tuple(sorted(found))


def _care(
    session: Session,
    departments: Sequence[PartyId],
    owner: Numbers,
    public: NDArray[np.bool_],
    moment: datetime,
) -> tuple[ByDepartment, ByDepartment]:
    promise = case(
        (CareRow.overdue_at <= moment, _OVERDUE), (CareRow.due_at.is_not(None), _PROMISED), else_=0
    )
    packed = CareRow.number * _PACK + CareRow.score * _KEPT + promise
    told = _numbers(session.scalar(select(_together(session, packed))) or "")
    numbers, (scores, promises) = told // _PACK, np.divmod(told % _PACK, _KEPT)
    within = numbers < owner.size
    numbers, scores, promises = numbers[within], scores[within], promises[within]
    owners, promises = owner[numbers], np.where(public[numbers], promises, 0)
    size = len(departments)
    scored, total = _tally(owners, size), _tally(owners, size, scores)
    promised, late = _tally(owners[promises > 0], size), _tally(owners[promises == _OVERDUE], size)
    return (
        tuple(
            (departments[at], int(promised[at]), int(late[at]))
            for at in np.flatnonzero(promised).tolist()
        ),
        tuple(
            (departments[at], round(float(total[at] / scored[at])), int(scored[at]))
            for at in np.flatnonzero(scored).tolist()
        ),
    )


def _tally(owners: Numbers, size: int, weights: Numbers | None = None) -> NDArray[np.float64]:
    """Sums by department of those in scope."""
    mine = owners >= 0
    heavy = None if weights is None else weights[mine].astype(float)
    return np.bincount(owners[mine], heavy, minlength=size).astype(float)


def _together(session: Session, column: Column) -> ColumnElement[str]:
    """The numbers of a group as one text, parted by spaces."""
    text = cast(column, Text)
    if session.get_bind().dialect.name == "sqlite":
        return func.group_concat(text, " ")
    return func.string_agg(text, " ")


def _numbers(text: str) -> Numbers:
    return np.fromstring(text, np.int64, sep=" ")
