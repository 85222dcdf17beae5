"""Orders whose deadline has passed: told first to who has them, a day later to the node."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from quanyu.kernel import now
from quanyu.operations.work_orders.model import OrderMove
from quanyu.operations.work_orders.recording import record, tell
from quanyu.operations.work_orders.tables import WorkOrderRow
from quanyu.operations.work_orders.transitions import OWED

NEXT = timedelta(days=1)
"""After the deadline, when the node and who raised it are told too."""
_AT_ONCE = 200


def escalate_work_orders(session: Session, *, at: datetime | None = None) -> int:
    """Escalate what is overdue, each order once a stage; how many. For a duty."""
    moment = at or now()
    query = (
        select(WorkOrderRow)
        .where(
            WorkOrderRow.state.in_(sorted(state.value for state in OWED)),
            or_(
                (WorkOrderRow.due_at <= moment) & (WorkOrderRow.escalated == 0),
                (WorkOrderRow.due_at <= moment - NEXT) & (WorkOrderRow.escalated == 1),
            ),
        )
        .order_by(WorkOrderRow.due_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    count = 0
    for row in session.scalars(query):
        further = row.due_at <= moment - NEXT
        row.escalated = 2 if further else 1
        record(session, row, OrderMove.ESCALATE, None, moment)
        tell(
            session,
            row,
            "the work order “{title}” is overdue since {due}",
            None,
            assignee=True,
            raiser=further,
            node=further,
            key=f"overdue:{row.id}:{row.reopened}:{row.escalated}",
        )
        count += 1
    return count
