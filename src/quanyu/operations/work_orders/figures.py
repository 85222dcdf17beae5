"""How orders went: in time, again, how long; by party, category, all."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select
from sqlalchemy.orm import Session

from quanyu.operations.work_orders.model import WorkOrderFigures, WorkOrderState
from quanyu.operations.work_orders.reading import OrderFilter, conditions
from quanyu.operations.work_orders.tables import WorkOrderRow
from quanyu.operations.work_orders.transitions import OWED
from quanyu.parties import Caller


class FiguresBy(StrEnum):
    """What figures are told apart by."""

    ALL = "all"
    PARTY = "party"
    CATEGORY = "category"


def work_order_figures(
    session: Session,
    caller: Caller,
    moment: datetime,
    *,
    by: FiguresBy = FiguresBy.ALL,
    wanted: OrderFilter = OrderFilter(),  # noqa: B008 - it cannot be changed
) -> list[WorkOrderFigures]:
    """Figures of the orders that the caller may know of, the most first. Cancelled ones do not
    count; one that was reopened is in time by its first deadline only."""
    row = WorkOrderRow
    keys: dict[FiguresBy, ColumnElement[Any]] = {
        FiguresBy.ALL: literal(""),
        FiguresBy.PARTY: func.coalesce(row.party, ""),
        FiguresBy.CATEGORY: row.category.expression,
    }
    done = row.done_at.is_not(None)
    late = row.state.in_(sorted(state.value for state in OWED)) & (row.due_at <= moment)
    query = (
        select(
            keys[by].label("key"),
            func.count(),
            _count(done),
            _count(row.state == WorkOrderState.CLOSED.value),
            _count(late),
            _count(row.reopened > 0),
            _count(done & (row.done_at <= row.promised_at)),
            _count(row.repeats.is_not(None)),
            func.sum(row.took_s),
        )
        .where(*conditions(caller, wanted), row.state != WorkOrderState.CANCELLED.value)
        .group_by("key")
    )
    found = [_figures(one) for one in session.execute(query)]
    return sorted(found, key=lambda one: (-one.opened, one.key))


def _count(what: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((what, 1), else_=0))


def _figures(one: Sequence[Any]) -> WorkOrderFigures:
    key, opened, done, closed, overdue, reopened, in_time, repeated, took = one
    return WorkOrderFigures(
        key=key,
        opened=opened,
        done=int(done),
        closed=int(closed),
        overdue=int(overdue),
        reopened=int(reopened),
        on_time=in_time / done if done else None,
        repeated=repeated / opened if opened else None,
        mean_hours=int(took) / done / 3600 if done and took is not None else None,
    )
