"""Money that comes in and goes out: deposits, payments of invoices, payouts, credit notes.

The node moves no money itself: a steward of it writes down what the bank did, under the bank's
reference. A reference is written down once; the same once more changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, Invalid, NotFound, PartyId, Refused, now, owe, sha256_hex
from quanyu.market.ledger import (
    ASSETS,
    AccountKind,
    Book,
    Transfer,
    TransferKind,
    account,
    amount_of,
    balance,
    post,
)
from quanyu.market.money import split
from quanyu.market.statements import CREDIT_NOTE, INVOICE, Document, issue, to_document
from quanyu.market.tables import DocumentRow, LineRow, LineShareRow, TransferRow
from quanyu.parties import Caller, Role, Scope, party

_CASH = account(AccountKind.CASH)


@dataclass(frozen=True, slots=True)
class Movement:
    """A transfer as a party sees it on one of its accounts; ``amount`` is in 分, signed as it
    changes what the account holds."""

    id: str
    at: datetime
    account: str
    code: str
    subject: str
    amount: int
    pending: bool


def deposit(session: Session, caller: Caller, party_id: str, amount: int, reference: str) -> None:
    """Money that a party paid in advance: its prepaid balance grows."""
    _steward(caller)
    owner = party(session, PartyId(party_id)).id
    name = _reference("dep", reference)
    _once(
        session,
        Transfer(name, _CASH, account(AccountKind.PREPAID, owner), amount, "deposit", owner),
    )


def pay_invoice(
    session: Session, caller: Caller, invoice: str, amount: int, reference: str
) -> Document:
    """A payment of an invoice, in whole or in part; never of more than is open."""
    _steward(caller)
    row = session.scalar(
        select(DocumentRow)
        .where(DocumentRow.kind == INVOICE, DocumentRow.code == invoice[:40])
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound("there is no invoice {code}", field="invoice", code=invoice[:40])
    name, owed = _reference("pay", reference), account(AccountKind.RECEIVABLE, row.party)
    one = Transfer(name, _CASH, owed, amount, "payment", row.id)
    if session.get(TransferRow, name) is None and amount > row.amount - row.paid:
        raise Conflict(
            "only {open} 分 of this invoice are open",
            field="amount",
            mend="pay what is open; what is over may be deposited in advance",
            open=row.amount - row.paid,
        )
    if _once(session, one):
        row.paid += amount
        session.flush()
    return to_document(row)


def begin_payout(
    session: Session, caller: Caller, party_id: str, amount: int, reference: str
) -> None:
    """A payout that the bank was told of: pending, so that the amount cannot be paid out twice."""
    _steward(caller)
    owner = party(session, PartyId(party_id)).id
    name = _reference("out", reference)
    held = account(AccountKind.PAYABLE, owner)
    _once(session, Transfer(name, held, _CASH, amount, "payout", owner, TransferKind.PENDING))


def end_payout(session: Session, caller: Caller, reference: str, *, paid: bool) -> None:
    """What became of a payout: paid, or given back by the bank. Once."""
    _steward(caller)
    row = session.get(TransferRow, _reference("out", reference))
    if row is None:
        raise NotFound("there is no payout {id}", field="reference", id=reference[:40])
    kind = TransferKind.POST if paid else TransferKind.VOID
    _once(
        session,
        Transfer(
            f"{row.id}.end", row.debit, row.credit, row.amount, row.code, row.subject, kind, row.id
        ),
    )


def credited(session: Session, line: str) -> int:
    """How much of a line has been credited, in 分; 0 where there is no such line."""
    row = session.get(LineRow, line[:40])
    return row.credited if row is not None else 0


def credit_line(
    session: Session,
    caller: Caller,
    line: str,
    amount: int,
    reason: str,
    *,
    before: int | None = None,
) -> Document:
    """A credit note on a line: the consumer is owed ``amount`` less, and so are the holders, in the
    proportion in which they shared. What a holder was paid out already it owes back.

    ``before`` is how much of the line had been credited when the note was thought of: a note that
    is sent twice is refused the second time.

    For suppliers and stewards of the provider. Raises :class:`Conflict` over what is left, and when
    ``before`` is not so any more.
    """
    row = session.get(LineRow, line[:40], with_for_update=True, populate_existing=True)
    able = any(caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD))
    if row is None or caller.party != row.provider:
        raise NotFound("there is no line {id}", field="line", id=line[:40])
    if not able:
        raise Refused(
            "only a supplier or steward of the provider may do this",
            mend="ask your party's steward; a token needs the scope “write”",
            rule="offer.provider",
        )
    said = reason.strip()
    if not 0 < len(said) <= 300 or not said.isprintable():
        raise Invalid("a credit note says why", field="reason", mend="say it in a sentence")
    if before is not None and before != row.credited:
        raise Conflict(
            "a credit note on this line was issued since this one was written",
            field="line",
            mend="see the statement: it may be this very note",
            rule="credit.once",
        )
    if not 0 < amount <= row.amount - row.credited:
        raise Conflict(
            "at most {left} 分 of this line can be credited",
            field="amount",
            mend="credit no more than is left",
            left=row.amount - row.credited,
        )
    moment = now()
    note = issue(
        session,
        CREDIT_NOTE,
        row.consumer,
        row.settlement,
        row.period,
        amount=amount,
        at=moment,
        said={"line": row.id, "amount": amount, "reason": said},
    )
    book = Book(session, moment)
    book.post(_credit_chain(session, book, row, note.id, amount))
    book.flush()
    row.credited += amount
    session.flush()
    return to_document(note)


def movements(session: Session, party_id: str, most: int = 200) -> list[Movement]:
    """What moved on a party's accounts, the latest first."""
    names = [account(kind, party_id) for kind in AccountKind]
    query = (
        select(TransferRow)
        .where(TransferRow.debit.in_(names) | TransferRow.credit.in_(names))
        .order_by(TransferRow.number.desc())
        .limit(most)
    )
    return [_movement(row, name) for row in session.scalars(query) for name in _of(row, names)]


def booked(session: Session, most: int = 20) -> list[Movement]:
    """What moved on the node's cash, the latest first: what its steward wrote down."""
    query = (
        select(TransferRow)
        .where((TransferRow.debit == _CASH) | (TransferRow.credit == _CASH))
        .order_by(TransferRow.number.desc())
        .limit(most)
    )
    return [_movement(row, _CASH) for row in session.scalars(query)]


def pending_payouts(session: Session) -> list[Movement]:
    """Payouts that the bank was told of and of which it is not known what became, oldest first;
    ``subject`` is the party."""
    ended = select(TransferRow.resolves).where(TransferRow.resolves.is_not(None))
    query = (
        select(TransferRow)
        .where(
            TransferRow.credit == _CASH,
            TransferRow.kind == TransferKind.PENDING.value,
            TransferRow.id.not_in(ended),
        )
        .order_by(TransferRow.number)
    )
    return [_movement(row, row.debit) for row in session.scalars(query)]


def balances(session: Session, party_id: str) -> dict[str, int]:
    """What each account of a party holds, in 分: owed, prepaid, due to it, held."""
    return {
        kind.value: amount_of(account(kind, party_id), balance(session, account(kind, party_id)))
        for kind in (
            AccountKind.RECEIVABLE,
            AccountKind.PREPAID,
            AccountKind.PAYABLE,
            AccountKind.HELD,
        )
    }


def _credit_chain(
    session: Session, book: Book, row: LineRow, name: str, amount: int
) -> list[Transfer]:
    """From the holders back to the clearing account, and from there to the consumer: off its
    invoice as far as that is open, the rest to its prepaid balance."""
    clearing = account(AccountKind.CLEARING)
    held = session.scalars(
        select(LineShareRow).where(LineShareRow.line == row.id).order_by(LineShareRow.party)
    ).all()
    parts = split(amount, [one.amount - one.credited for one in held])
    chain = []
    for place, (one, back) in enumerate(zip(held, parts, strict=True)):
        payable, owed = (
            account(kind, one.party) for kind in (AccountKind.PAYABLE, AccountKind.RECEIVABLE)
        )
        there = book.balance(payable)
        from_due = min(back, there.credits - there.debits - there.debits_pending)
        one.credited += back
        chain += [
            Transfer(f"{name}.{place}{tag}", debit, clearing, piece, CREDIT_NOTE, row.id)
            for tag, debit, piece in (("d", payable, from_due), ("o", owed, back - from_due))
            if piece
        ]
    invoice = session.scalars(
        select(DocumentRow).where(
            DocumentRow.settlement == row.settlement,
            DocumentRow.kind == INVOICE,
            DocumentRow.party == row.consumer,
        )
    ).one()
    off = min(amount, invoice.amount - invoice.paid)
    invoice.paid += off
    return chain + [
        Transfer(f"{name}.{tag}", clearing, account(kind, row.consumer), piece, CREDIT_NOTE, row.id)
        for tag, kind, piece in (
            ("r", AccountKind.RECEIVABLE, off),
            ("p", AccountKind.PREPAID, amount - off),
        )
        if piece
    ]


def _once(session: Session, one: Transfer) -> bool:
    """Post a transfer and owe its leaf; ``False`` when it stood there already."""
    fresh = post(session, [one], now())
    if fresh:
        body = {"amount": one.amount, "transfer": one.id, "step": one.kind.value}
        owe(session, f"ledger.{one.code}", one.id, body)
    return fresh


def _reference(kind: str, reference: str) -> str:
    said = reference.strip()
    if not 0 < len(said) <= 80 or not said.isprintable():
        raise Invalid(
            "a reference has 1 to 80 characters",
            field="reference",
            mend="give the bank's number of the movement",
        )
    return f"{kind}_{sha256_hex(said.encode())[:32]}"


def _steward(caller: Caller) -> None:
    if not (caller.runs_node and caller.may(Role.STEWARD, Scope.WRITE)):
        raise Refused(
            "only a steward of the node writes down what the bank did",
            mend="ask the node's steward",
            rule="market.node",
        )


def _of(row: TransferRow, names: list[str]) -> list[str]:
    return [name for name in (row.debit, row.credit) if name in names]


def _movement(row: TransferRow, name: str) -> Movement:
    kind = name.partition(":")[0]
    asset = AccountKind(kind) in ASSETS
    grows = (name == row.debit) == asset
    return Movement(
        id=row.id,
        at=row.at,
        account=kind,
        code=row.code,
        subject=row.subject,
        amount=row.amount if grows else -row.amount,
        pending=row.kind == TransferKind.PENDING.value,
    )
