"""Rows of orders as what they are."""

from quanyu.kernel import LocalText, MemberId, PartyId, ResourceId
from quanyu.operations.work_orders.model import (
    OrderMove,
    OrderPlace,
    OrderStep,
    Priority,
    Source,
    SourceKind,
    WorkOrder,
    WorkOrderState,
)
from quanyu.operations.work_orders.tables import OrderStepRow, WorkOrderRow


def to_order(row: WorkOrderRow) -> WorkOrder:
    """The order in a row."""
    return WorkOrder(
        id=row.id,
        number=row.number,
        category=row.category,
        title=LocalText(zh=row.title["zh"], en=row.title["en"]),
        text=row.text,
        priority=Priority(row.priority),
        state=WorkOrderState(row.state),
        source=Source(SourceKind(row.source_kind), row.source_id),
        resource=ResourceId(row.resource) if row.resource else None,
        thing=row.thing,
        place=OrderPlace(row.lon, row.lat, row.address, row.division),
        raiser=PartyId(row.raiser) if row.raiser else None,
        raiser_member=MemberId(row.raiser_member) if row.raiser_member else None,
        party=PartyId(row.party) if row.party else None,
        member=MemberId(row.member) if row.member else None,
        opened_at=row.opened_at,
        promised_at=row.promised_at,
        due_at=row.due_at,
        accepted_at=row.accepted_at,
        done_at=row.done_at,
        closed_at=row.closed_at,
        escalated=row.escalated,
        reopened=row.reopened,
        repeats=row.repeats,
        revision=row.revision,
    )


def to_step(row: OrderStepRow) -> OrderStep:
    """The step in a row."""
    return OrderStep(
        number=row.number,
        move=OrderMove(row.move),
        state=WorkOrderState(row.state),
        at=row.at,
        party=PartyId(row.party) if row.party else None,
        member=MemberId(row.member) if row.member else None,
        to_party=PartyId(row.to_party) if row.to_party else None,
        note=row.note,
        leaf=row.leaf,
    )
