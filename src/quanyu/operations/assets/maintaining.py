"""Maintenance plans: what is owed by days or running hours becomes a work order when it is due."""

from datetime import date, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from quanyu.kernel import (
    Calendar,
    Invalid,
    LocalText,
    NotFound,
    PartyId,
    ResourceId,
    new_id,
    now,
    owe,
)
from quanyu.operations.assets.inventory import (
    asset_row,
    check_reads_assets,
    held_inventory,
)
from quanyu.operations.assets.model import AssetState, Plan
from quanyu.operations.assets.tables import AssetRow, PlanRow
from quanyu.operations.work_orders import (
    OrderPlace,
    Source,
    SourceKind,
    WorkOrderDraft,
    WorkOrderState,
    category_of,
    ended_orders,
    one_line,
    open_work_order,
)
from quanyu.parties import Caller

_AT_ONCE = 200
_MOST_OPEN = 10_000
_WORKS = (AssetState.IN_SERVICE.value, AssetState.UNDER_REPAIR.value)


def plan_maintenance(
    session: Session,
    of: ResourceId,
    name: str,
    caller: Caller,
    *,
    title: str,
    category: str = "maintenance",
    every_days: int | None = None,
    every_hours: int | None = None,
    first: date | None = None,
    calendar: Calendar,
) -> Plan:
    """Have something done to an asset every so many days, running hours, or whichever comes first.

    ``first`` is the first day on which it is due, else one interval from today. Raises
    :class:`Invalid` naming the field.
    """
    held_inventory(session, of, caller)
    row = asset_row(session, of, name)
    if every_days is None and every_hours is None:
        raise Invalid("say how often", field="every_days", mend="give days, hours, or both")
    for field, value in (("every_days", every_days), ("every_hours", every_hours)):
        if value is not None and not 1 <= value <= 100_000:
            raise Invalid("an interval is a whole number from 1", field=field, mend="such as 90")
    if first is not None and every_days is None:
        raise Invalid("a first day goes with days", field="first", mend="give every_days too")
    plan = PlanRow(
        id=new_id("asset"),
        asset=row.number,
        title=one_line(title, "title", needed=True),
        category=category_of(category).id,
        every_days=every_days,
        every_hours=every_hours,
        due_on=first or (_in(calendar.day_of(now()), every_days) if every_days else None),
        due_hours=row.hours + every_hours if every_hours else None,
        turn=0,
    )
    session.add(plan)
    session.flush()
    _note(session, plan, row, "planned", caller)
    return _plan(plan, row)


def end_plan(session: Session, of: ResourceId, name: str, plan: str, caller: Caller) -> None:
    """Owe that maintenance no more; an order that is open goes on."""
    held_inventory(session, of, caller)
    row = asset_row(session, of, name)
    found = session.get(PlanRow, plan)
    if found is None or found.asset != row.number:
        raise NotFound("there is no plan {id}", id=plan[:80])
    _note(session, found, row, "plan-ended", caller)
    session.delete(found)


def plans_of(session: Session, of: ResourceId, name: str, caller: Caller) -> list[Plan]:
    """The plans of an asset, for who may read it."""
    check_reads_assets(session, of, caller)
    row = asset_row(session, of, name)
    rows = session.scalars(select(PlanRow).where(PlanRow.asset == row.number).order_by(PlanRow.id))
    return [_plan(one, row) for one in rows]


def open_due_maintenance(session: Session, calendar: Calendar, *, today: date | None = None) -> int:
    """Open a work order for each plan that is due, of assets that are in service; how many.

    For a duty. While the order of a plan is not over, no other is opened for it.
    """
    day = today or calendar.day_of(now())
    query = (
        select(PlanRow, AssetRow)
        .join(AssetRow, AssetRow.number == PlanRow.asset)
        .where(
            PlanRow.order.is_(None),
            AssetRow.state.in_(_WORKS),
            or_(
                and_(PlanRow.due_on.is_not(None), PlanRow.due_on <= day),
                and_(PlanRow.due_hours.is_not(None), PlanRow.due_hours <= AssetRow.hours),
            ),
        )
        .order_by(PlanRow.id)
        .limit(_AT_ONCE)
        .with_for_update(of=PlanRow, skip_locked=True)
    )
    count = 0
    for plan, row in session.execute(query).all():
        plan.turn += 1
        order = open_work_order(
            session,
            WorkOrderDraft(
                category=plan.category,
                title=LocalText(zh=f"{row.name}：{plan.title}", en=f"{row.name}: {plan.title}"),
                source=Source(SourceKind.MAINTENANCE, f"{plan.id}:{plan.turn}"),
                resource=ResourceId(row.resource),
                thing=row.id,
                place=OrderPlace(row.lon, row.lat, row.address, row.division),
                party=PartyId(row.party) if row.party else None,
            ),
        )
        plan.order = order.id
        count += 1
    return count


def settle_maintenance(session: Session, calendar: Calendar) -> int:
    """See which orders of maintenance are over: the next is due an interval after that; how many.

    One that was cancelled is not counted as done. For a duty: it looks at orders themselves, so
    that none is missed, whoever closed it and whatever stopped then.
    """
    rows = session.scalars(
        select(PlanRow).where(PlanRow.order.is_not(None)).order_by(PlanRow.id).limit(_MOST_OPEN)
    ).all()
    over = ended_orders(session, [row.order for row in rows if row.order])
    for plan in rows:
        if plan.order is None or plan.order not in over:
            continue
        row = session.get_one(AssetRow, plan.asset)
        if over[plan.order] is WorkOrderState.CLOSED:
            plan.done_at = now()
        plan.order = None
        if plan.every_days is not None:
            plan.due_on = _in(calendar.day_of(now()), plan.every_days)
        if plan.every_hours is not None:
            plan.due_hours = row.hours + plan.every_hours
        _note(session, plan, row, "maintained", None)
    return len(over)


def _in(day: date, days: int) -> date:
    return day + timedelta(days=days)


def _plan(row: PlanRow, of: AssetRow) -> Plan:
    return Plan(
        id=row.id,
        asset=of.id,
        title=row.title,
        category=row.category,
        every_days=row.every_days,
        every_hours=row.every_hours,
        due_on=row.due_on,
        due_hours=row.due_hours,
        done_at=row.done_at,
        order=row.order,
    )


def _note(session: Session, plan: PlanRow, row: AssetRow, step: str, caller: Caller | None) -> None:
    owe(
        session,
        f"asset.{step}",
        row.resource,
        {
            "asset": row.id,
            "plan": plan.id,
            "by": (caller.party or "") if caller else "",
            "every_days": plan.every_days or 0,
            "every_hours": plan.every_hours or 0,
        },
    )
