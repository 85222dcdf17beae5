"""Prepaid agreements: whether what was paid in advance covers another use.

After each round of metering the balance of each consumer is compared with what its uses will be
charged that no settlement has charged yet, and the gate is told through
:func:`quanyu.agreements.say_covered`. The gate itself counts no money. So what is answered between
the use that empties a balance and the next round (sequencing, metering, what a gate believes: six
to seven seconds in all) is overdrawn, and invoiced.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.agreements import Paying, paying, say_covered
from quanyu.kernel import ControlStore, now
from quanyu.market.ledger import AccountKind, account, balance
from quanyu.market.line import charged
from quanyu.market.meter_row import locked, reached
from quanyu.market.metering import USES, period_of
from quanyu.market.plans import FREE_PURPOSES, Measure, PlanKind, PricePlan, Quantity, price
from quanyu.market.pricing import plans_of
from quanyu.market.tables import LineRow, MeteredRow, OfferPlanRow, PrepaidRow

_COUNTER = "prepaid"
_UNIT = {
    Measure.USES: Quantity(uses=1),
    Measure.ROWS: Quantity(rows=1),
    Measure.BYTES: Quantity(bytes=1),
}


@dataclass(frozen=True, slots=True)
class _Account:
    """A prepaid agreement, its plan, and what was counted of each period."""

    of: Paying
    plan: PricePlan
    counted: Mapping[str, Quantity]


def cover_prepaid(control: ControlStore, zone: str) -> int:
    """Count what is new under prepaid agreements and say which are covered; how many changed.

    Safe to call again, and in several processes at once.
    """
    with control.read() as session:
        if not _offers(session):
            return 0
    with control.begin() as session:
        row = locked(session, _COUNTER)
        offers = _offers(session)
        plans = plans_of(session, offers)
        agreed = {one.id: one for one in paying(session, offers)}
        end = reached(session, USES)
        of_each = {name: plans[one.offer].plan for name, one in agreed.items()}
        _count(session, of_each, row.reached, end)
        row.reached = end
        session.flush()
        counted = _counted(session, agreed)
        accounts = [
            _Account(one, plans[one.offer].plan, counted.get(name, {}))
            for name, one in agreed.items()
        ]
        return say_covered(session, _stands(session, accounts, period_of(now(), zone)))


def _offers(session: Session) -> list[str]:
    query = select(OfferPlanRow.offer).where(OfferPlanRow.kind == PlanKind.PREPAID.value)
    return list(session.scalars(query))


def _count(session: Session, plans: Mapping[str, PricePlan], first: int, last: int) -> None:
    """Add the uses numbered after ``first`` up to ``last`` to what was counted before."""
    query = (
        select(
            MeteredRow.agreement,
            MeteredRow.period,
            MeteredRow.free,
            func.count(),
            func.sum(MeteredRow.rows),
            func.sum(MeteredRow.bytes),
        )
        .where(MeteredRow.number > first, MeteredRow.number <= last)
        .group_by(MeteredRow.agreement, MeteredRow.period, MeteredRow.free)
    )
    for agreement, period, free, uses, rows, size in session.execute(query).all():
        plan = plans.get(agreement)
        if plan is None:
            continue
        part = Quantity(uses, int(rows), int(size))
        part = charged(plan, part, part if free else Quantity())
        known = session.get(PrepaidRow, (agreement, period))
        if known is None:
            known = PrepaidRow(agreement=agreement, period=period, uses=0, rows=0, bytes=0)
            session.add(known)
        known.uses += part.uses
        known.rows += part.rows
        known.bytes += part.bytes
    session.flush()


def _counted(session: Session, names: Iterable[str]) -> dict[str, dict[str, Quantity]]:
    wanted = sorted(names)
    found: dict[str, dict[str, Quantity]] = defaultdict(dict)
    for start in range(0, len(wanted), 500):
        part = PrepaidRow.agreement.in_(wanted[start : start + 500])
        for row in session.scalars(select(PrepaidRow).where(part)):
            found[row.agreement][row.period] = Quantity(row.uses, row.rows, row.bytes)
    return found


def _stands(
    session: Session, accounts: list[_Account], period: str
) -> dict[str, frozenset[str] | None]:
    """How each running agreement stands: see :func:`~quanyu.agreements.say_covered`."""
    settled = _settled(session, [one.of.id for one in accounts])
    owed: dict[str, int] = defaultdict(int)
    for one in accounts:
        for of, quantity in one.counted.items():
            due = price(one.plan, quantity) - settled.get((one.of.id, of), 0)
            owed[one.of.consumer] += max(0, due)
    held = _held(session, {one.of.consumer for one in accounts})
    return {
        one.of.id: _stand(one, period, held[one.of.consumer] - owed[one.of.consumer])
        for one in accounts
        if one.of.running
    }


def _stand(one: _Account, period: str, left: int) -> frozenset[str] | None:
    """``None`` where one more unit costs nothing, or no more than what is ``left`` in 分."""
    plan, known = one.plan, one.counted.get(period, Quantity())
    if known.of(plan.measure) < plan.included:
        return None
    costs = price(plan, known + _UNIT[plan.measure]) - price(plan, known)
    if left >= max(1, costs):
        return None
    return FREE_PURPOSES if plan.public_data else frozenset()


def _settled(session: Session, names: list[str]) -> dict[tuple[str, str], int]:
    """What was charged of each agreement's period already, in 分."""
    wanted = sorted(names)
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(wanted), 500):
        query = (
            select(LineRow.agreement, LineRow.period, func.sum(LineRow.amount))
            .where(LineRow.agreement.in_(wanted[start : start + 500]))
            .group_by(LineRow.agreement, LineRow.period)
        )
        found |= {(name, of): int(amount) for name, of, amount in session.execute(query)}
    return found


def _held(session: Session, consumers: Iterable[str]) -> dict[str, int]:
    """What each consumer has prepaid, less what is pending of it, in 分."""
    found = {}
    for one in consumers:
        at = balance(session, account(AccountKind.PREPAID, one))
        found[one] = at.credits - at.debits - at.debits_pending
    return found
