"""Settling a period: uses → price → split → balanced postings → invoices and statements.

A settlement fixes how far the meter had come when it began, and works in small transactions, each
of which leaves it whole: a line is there with its postings and its evidence, or not at all. So it
may be killed anywhere and is simply begun again. Uses that are told of after it are taken by the
next settlement, into the period in which they happened.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from quanyu.agreements import Agreement, agreements_named, agreements_on
from quanyu.kernel import Conflict, ControlStore, new_id, now, owe
from quanyu.market.ledger import Book
from quanyu.market.line import Rests, before, count, in_force, line_id, make_line
from quanyu.market.meter_row import locked, reached
from quanyu.market.metering import USES, bounds, period_of
from quanyu.market.plans import PlanKind
from quanyu.market.pricing import Priced, plan_of, plans_of
from quanyu.market.public_data import hold_excess
from quanyu.market.statements import issue_documents
from quanyu.market.tables import LineRow, MeteredRow, OfferPlanRow, SettlementRow

BATCH = 50
Progress = Callable[[int, int], None]

_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settlement. ``amount`` is what its lines sum to, in 分."""

    id: str
    period: str
    state: str
    begun_at: datetime
    ended_at: datetime | None
    lines: int
    uses: int
    amount: int


def settle(
    control: ControlStore,
    period: str,
    zone: str,
    *,
    early: bool = False,
    told: Progress = lambda _done, _of: None,
) -> Settlement:
    """Settle all uses up to the end of a period; finishes a settlement that was interrupted first.

    Raises :class:`Conflict` for a period that is not over, unless ``early``: then what follows in
    it is settled next time. Safe to call again, and in several processes at once.
    """
    moment = now()
    if not early:
        require_over(period, zone, moment)
    while True:
        with control.begin() as session:
            name, current = _begin(session, period, moment)
        _lines(control, name, zone, told)
        with control.begin() as session:
            hold_excess(session, name, current, moment)
        while issue_documents(control, name, current, moment):
            continue
        _finish(control, name)
        if current == period:
            with control.read() as session:
                return settlement(session, name)


def require_over(period: str, zone: str, moment: datetime) -> None:
    """Raise :class:`Conflict` for a period that is not over at a moment."""
    if bounds(period, zone)[1] > moment:
        raise Conflict(
            "the period {period} is not over yet",
            field="period",
            mend="wait for its end, or settle early what there is",
            period=period,
        )


def settle_due(control: ControlStore, zone: str) -> Settlement | None:
    """Settle the month that is over, once; what was interrupted is finished. ``None`` when there
    is nothing to do."""
    over = _month_before(now(), zone)
    with control.read() as session:
        done = session.scalar(
            select(SettlementRow.id).where(
                SettlementRow.state == "done", SettlementRow.period >= over
            )
        )
        running = session.scalar(select(SettlementRow.id).where(SettlementRow.state == "running"))
        begun = session.scalar(select(OfferPlanRow.offer).limit(1))
    if running is None and (done is not None or begun is None):
        return None
    return settle(control, over, zone)


def _month_before(moment: datetime, zone: str) -> str:
    start, _ = bounds(period_of(moment, zone), zone)
    return period_of(start - timedelta(days=1), zone)


def settlement(session: Session, name: str) -> Settlement:
    """A settlement by its id."""
    row = session.get(SettlementRow, name, populate_existing=True)
    if row is None:
        raise Conflict("there is no settlement {id}", field="settlement", id=name[:40])
    return _settlement(session, row)


def settlements(session: Session, most: int = 100) -> list[Settlement]:
    """Settlements, the latest first."""
    rows = session.scalars(select(SettlementRow).order_by(SettlementRow.id.desc()).limit(most))
    return [_settlement(session, row) for row in rows]


def unsettled(session: Session) -> int:
    """How many uses were metered and belong to no line yet."""
    metered = session.scalar(select(func.count()).select_from(MeteredRow)) or 0
    return metered - int(session.scalar(select(func.sum(LineRow.uses))) or 0)


def _begin(session: Session, period: str, moment: datetime) -> tuple[str, str]:
    """The settlement that runs, or a new one of ``period``: its id and period."""
    locked(session, "settlements")
    running = session.scalar(
        select(SettlementRow).where(SettlementRow.state == "running").order_by(SettlementRow.id)
    )
    if running is not None:
        return running.id, running.period
    row = SettlementRow(
        id=new_id("settlement"),
        period=period,
        state="running",
        reach=reached(session, USES),
        begun_at=moment,
        ended_at=None,
    )
    session.add(row)
    owe(session, "settlement.begun", row.id, {"period": period, "uses": row.reach})
    return row.id, period


def _lines(control: ControlStore, name: str, zone: str, told: Progress) -> None:
    with control.read() as session:
        row = session.get_one(SettlementRow, name)
        period, reach = row.period, row.reach
        pairs = sorted({*_used(session, period, reach, zone), *_subscribed(session, period, zone)})
    for start in range(0, len(pairs), BATCH):
        with control.begin() as session:
            _batch(session, name, pairs[start : start + BATCH], reach, zone)
        told(min(start + BATCH, len(pairs)), len(pairs))


def _batch(session: Session, name: str, pairs: Sequence[_Pair], reach: int, zone: str) -> None:
    state = session.get_one(SettlementRow, name, with_for_update=True, populate_existing=True)
    if state.state != "running":
        return
    moment = now()
    asked = {agreement for agreement, _ in pairs}
    agreed: dict[str, Agreement] = {one.id: one for one in agreements_named(session, asked)}
    priced = _plans(session, agreed.values())
    book, rests = Book(session, moment), Rests(session)
    for agreement, period in pairs:
        if agreement not in agreed:
            continue  # an agreement that this node does not have: its uses stay unsettled
        if session.get(LineRow, line_id(name, agreement, period)) is not None:
            continue
        of = agreed[agreement]
        known = before(session, agreement, period)
        counted = count(session, agreement, period, known.last, reach)
        first_fee = not known.lines and in_force(of, period, zone)
        if not counted.whole.uses and not first_fee:
            continue
        make_line(
            session,
            book,
            rests,
            settlement=name,
            agreed=of,
            priced=priced[of.offer],
            period=period,
            counted=counted,
            known=known,
            zone=zone,
        )
    book.flush()


def _plans(session: Session, agreed: Iterable[Agreement]) -> dict[str, Priced]:
    offers = {one.offer for one in agreed}
    found = plans_of(session, offers)
    return {name: found.get(name) or plan_of(session, name) for name in offers}


def _used(session: Session, period: str, reach: int, zone: str) -> set[_Pair]:
    """Agreements with uses of each period up to ``period`` that are not settled yet."""
    done = session.execute(
        select(SettlementRow.period, SettlementRow.reach, SettlementRow.begun_at).where(
            SettlementRow.state == "done"
        )
    ).all()
    found: set[_Pair] = set()
    query = (
        select(MeteredRow.agreement, MeteredRow.period, func.max(MeteredRow.number))
        .where(
            MeteredRow.number > _all_settled(done, zone),
            MeteredRow.number <= reach,
            MeteredRow.period <= period,
        )
        .group_by(MeteredRow.agreement, MeteredRow.period)
    )
    for agreement, each, last in session.execute(query):
        settled = max((end for of, end, _ in done if of >= each), default=0)
        if last > settled:
            found.add((agreement, each))
    return found


def _all_settled(done: Sequence[Row[str, int, datetime]], zone: str) -> int:
    """A number up to which every use is settled, so that old ones are not looked at again.

    What a settlement had to leave were uses of periods after its own; those of the first period
    that is still open are numbered after all that was metered a day before it began.
    """
    if not done:
        return 0
    opens = bounds(max(of for of, _, _ in done), zone)[1] - timedelta(days=1)
    return max((reach for _, reach, begun in done if begun < opens), default=0)


def _subscribed(session: Session, period: str, zone: str) -> set[_Pair]:
    """Agreements with a subscription that were in force on some day of the period."""
    plans = select(OfferPlanRow.offer).where(OfferPlanRow.kind == PlanKind.SUBSCRIPTION.value)
    agreed = agreements_on(session, list(session.scalars(plans)))
    return {(one.id, period) for one in agreed if in_force(one, period, zone)}


def _finish(control: ControlStore, name: str) -> None:
    with control.begin() as session:
        row = session.get_one(SettlementRow, name, with_for_update=True, populate_existing=True)
        if row.state != "running":
            return
        row.state, row.ended_at = "done", now()
        made = _settlement(session, row)
        owe(
            session,
            "settlement.done",
            name,
            {"period": row.period, "lines": made.lines, "uses": made.uses, "amount": made.amount},
        )


def _settlement(session: Session, row: SettlementRow) -> Settlement:
    lines, uses, amount = session.execute(
        select(func.count(), func.sum(LineRow.uses), func.sum(LineRow.amount)).where(
            LineRow.settlement == row.id
        )
    ).one()
    return Settlement(
        id=row.id,
        period=row.period,
        state=row.state,
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        lines=lines,
        uses=int(uses or 0),
        amount=int(amount or 0),
    )
