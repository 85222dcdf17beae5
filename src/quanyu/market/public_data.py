"""Public data: what may be taken in for them in a period, and what is over it.

The most that a provider may take in for industry use of public data is fixed for each period. What
is over it is not paid out: it is held, and counts towards the next period's permitted income (so it
is deducted there, 发改价格〔2025〕65号). Uses for governance and welfare are free anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, Invalid, PartyId, Refused, now, owe
from quanyu.market.ledger import AccountKind, Book, Transfer, account
from quanyu.market.metering import bounds
from quanyu.market.money import MOST
from quanyu.market.tables import (
    LineRow,
    LineShareRow,
    PermittedIncomeRow,
    SettlementRow,
    TransferRow,
)
from quanyu.parties import Caller, Role, Scope, party


@dataclass(frozen=True, slots=True)
class PermittedIncome:
    """The most a provider may take in for public data in a period, in 分.

    basis    who fixed it, and where.
    counted  what counts towards it so far.
    held     what is held of the provider's income, of all periods.
    """

    provider: str
    period: str
    amount: int
    basis: str
    counted: int
    held: int


def permit_income(
    session: Session, caller: Caller, provider: str, period: str, *, amount: int, basis: str
) -> None:
    """Fix a provider's permitted income for a period that was not settled yet.

    Owes ``income.permitted``. For stewards of the node; raises :class:`Conflict` once fixed or
    settled.
    """
    if not (caller.runs_node and caller.may(Role.STEWARD, Scope.WRITE)):
        raise Refused(
            "only a steward of the node fixes permitted incomes",
            mend="ask the node's steward",
            rule="market.node",
        )
    bounds(period, "UTC")
    found = party(session, PartyId(provider))
    said = basis.strip()
    if not 0 <= amount <= MOST or not (0 < len(said) <= 300 and said.isprintable()):
        raise Invalid("say how much, and who fixed it where", field="basis")
    settled = select(SettlementRow.id).where(SettlementRow.period >= period)
    if session.get(PermittedIncomeRow, (provider, period)) is not None or session.scalar(settled):
        raise Conflict(
            "the permitted income of this period is fixed, or the period settled",
            field="period",
            mend="fix that of a later period",
            rule="income.fixed",
        )
    leaf = owe(session, "income.permitted", found.id, {"period": period, "amount": amount})
    session.add(
        PermittedIncomeRow(
            provider=found.id, period=period, amount=amount, basis=said, at=now(), leaf=leaf
        )
    )
    session.flush()


def permitted_incomes(
    session: Session, provider: str | None = None, most: int = 200
) -> list[PermittedIncome]:
    """Permitted incomes, the latest periods first; public, as the price list is."""
    query = select(PermittedIncomeRow).order_by(
        PermittedIncomeRow.period.desc(), PermittedIncomeRow.provider
    )
    if provider is not None:
        query = query.where(PermittedIncomeRow.provider == provider)
    return [
        PermittedIncome(
            provider=row.provider,
            period=row.period,
            amount=row.amount,
            basis=row.basis,
            counted=_counted(session, row.provider, row.period),
            held=_held(session, row.provider),
        )
        for row in session.scalars(query.limit(most))
    ]


def hold_excess(session: Session, settlement: str, period: str, at: datetime) -> None:
    """Hold what a settlement brings in over each provider's permitted income of its period, and let
    go of what was held before as far as there is room. Doing it twice does nothing more."""
    permitted = session.scalars(
        select(PermittedIncomeRow)
        .where(PermittedIncomeRow.period == period)
        .order_by(PermittedIncomeRow.provider)
    ).all()
    book = Book(session, at)
    for row in permitted:
        name = f"{settlement}.{row.provider}"
        if session.scalar(select(TransferRow.id).where(TransferRow.id == name)) is not None:
            continue
        room = row.amount - _counted(session, row.provider, period)
        payable = account(AccountKind.PAYABLE, row.provider)
        held = account(AccountKind.HELD, row.provider)
        subject = f"{row.provider}/{period}"
        if room < 0:
            there = book.balance(payable)
            most = there.credits - there.debits - there.debits_pending
            amount = min(-room, most)
            chain = [Transfer(name, payable, held, amount, "held", subject)]
        else:
            there = book.balance(held)
            amount = min(room, there.credits - there.debits)
            chain = [Transfer(name, held, payable, amount, "release", subject)]
        if amount > 0:
            book.post(chain)
            owe(
                session,
                f"income.{chain[0].code}",
                row.provider,
                {"period": period, "settlement": settlement, "amount": amount},
            )
    book.flush()


def _counted(session: Session, provider: str, period: str) -> int:
    """What counts towards the permitted income of a period: taken in, less held, and let go."""
    taken = session.scalar(
        select(func.sum(LineShareRow.amount))
        .join(LineRow, LineRow.id == LineShareRow.line)
        .join(SettlementRow, SettlementRow.id == LineRow.settlement)
        .where(
            LineShareRow.party == provider,
            LineRow.public_data.is_(True),
            SettlementRow.period == period,
        )
    )
    subject = f"{provider}/{period}"
    moved = _moved(session, ("held",), subject) - _moved(session, ("release",), subject)
    return int(taken or 0) - moved


def _held(session: Session, provider: str) -> int:
    name = account(AccountKind.HELD, provider)
    into = select(func.sum(TransferRow.amount)).where(TransferRow.credit == name)
    out = select(func.sum(TransferRow.amount)).where(TransferRow.debit == name)
    return int(session.scalar(into) or 0) - int(session.scalar(out) or 0)


def _moved(session: Session, codes: Sequence[str], subject: str) -> int:
    query = select(func.sum(TransferRow.amount)).where(
        TransferRow.subject == subject, TransferRow.code.in_(codes)
    )
    return int(session.scalar(query) or 0)
