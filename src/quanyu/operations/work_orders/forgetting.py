"""What stays of an erased member in orders: that its party did something, not who."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from quanyu.kernel import MemberId
from quanyu.operations.work_orders.tables import OrderStepRow, WorkOrderRow


def forget_orders_of(session: Session, member: MemberId) -> None:
    """Take a member out of the orders that it raised or had, and of what it did to any."""
    for row, column in (
        (WorkOrderRow, WorkOrderRow.raiser_member),
        (WorkOrderRow, WorkOrderRow.member),
        (OrderStepRow, OrderStepRow.member),
    ):
        session.execute(update(row).where(column == member).values({column: None}))
