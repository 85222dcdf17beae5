"""Invoices 账单 and statements 对账单: each party of a settlement gets its own, sealed in the log.

A statement holds every line that concerns a party: what was used, at which price, how it was split,
and the party's own postings. Its digest is in the log, and so is a leaf for each line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from quanyu.evidence import Log, bundle
from quanyu.kernel import (
    ControlStore,
    NotFound,
    blind,
    canonical,
    iso,
    new_id,
    new_salt,
    owe,
    sha256_hex,
)
from quanyu.market.ledger import AccountKind, account, amount_of, balance
from quanyu.market.line import use_leaves
from quanyu.market.meter_row import take_numbers
from quanyu.market.plans import Quantity, charges, parse_plan
from quanyu.market.tables import DocumentRow, LineRow, LineShareRow, SettlementRow
from quanyu.parties import Caller, Role, Scope

STATEMENT, INVOICE, CREDIT_NOTE = "statement", "invoice", "credit-note"
TYPE = "quanyu-statement-1"
MOST_USES = 10_000
"""Uses that a statement's file encloses; of a line with more it names how many, and their root."""

_LETTERS = {STATEMENT: "STM", INVOICE: "INV", CREDIT_NOTE: "CRN"}
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice, credit note or statement. ``amount`` is in 分, ``paid`` what was paid of it."""

    id: str
    kind: str
    code: str
    party: str
    settlement: str
    period: str
    amount: int
    paid: int
    at: datetime
    leaf: str
    body: dict[str, Any]


def issue_documents(control: ControlStore, settlement: str, period: str, at: datetime) -> bool:
    """Issue some of the invoices and statements of a settlement that are missing; whether there
    may be more."""
    with control.begin() as session:
        row = session.get_one(
            SettlementRow, settlement, with_for_update=True, populate_existing=True
        )
        wanted = [] if row.state != "running" else _missing(session, settlement)[:_BATCH]
        for kind, party in wanted:
            make = _invoice if kind == INVOICE else _statement
            make(session, settlement, period, party, at)
    return len(wanted) == _BATCH


def documents(
    session: Session,
    caller: Caller,
    *,
    kind: str | None = None,
    period: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> tuple[list[Document], str | None]:
    """Documents of the caller's party, the latest first, and the token of the page after.

    The node's stewards and auditors see those of every party.
    """
    query = select(DocumentRow).order_by(DocumentRow.id.desc()).limit(limit + 1)
    if not _oversees(caller):
        query = query.where(DocumentRow.party == (caller.party or ""))
    if kind is not None:
        query = query.where(DocumentRow.kind == kind)
    if period is not None:
        query = query.where(DocumentRow.period == period)
    if after is not None:
        query = query.where(DocumentRow.id < after)
    rows = list(session.scalars(query))
    following = rows[limit - 1].id if len(rows) > limit else None
    return [to_document(row) for row in rows[:limit]], following


def document(session: Session, caller: Caller, name: str) -> Document:
    """A document by its id or code; :class:`NotFound` also for one that is another party's."""
    row = None
    if name.isascii() and name.isprintable():
        named = or_(DocumentRow.id == name[:80], DocumentRow.code == name[:80])
        row = session.scalar(select(DocumentRow).where(named))
    mine = caller.party is not None and Scope.READ in caller.scopes
    if row is None or not (_oversees(caller) or (mine and row.party == caller.party)):
        raise NotFound("there is no document {id}", id=name[:80], mend="see your statements")
    return to_document(row)


def statement_file(session: Session, log: Log, of: Document) -> bytes | None:
    """A statement with all its evidence, as canonical JSON: what ``quanyu verify`` reads.

    ``None`` while the log has not taken all of it in.
    """
    names: dict[str, None] = {of.leaf: None}
    uses: dict[str, list[str]] = {}
    for line in of.body["lines"]:
        names |= dict.fromkeys([line["leaf"], *line["leaves"].values()])
        row = session.get_one(LineRow, line["line"])
        if row.uses <= MOST_USES - sum(map(len, uses.values())):
            uses[row.id] = use_leaves(session, row)
            names |= dict.fromkeys(uses[row.id])
    enclosed = bundle(log, list(names))
    if enclosed is None:
        return None
    sealed = {"type": TYPE, "statement": of.body, "leaf": of.leaf, "uses": uses}
    return canonical(sealed | {"evidence": enclosed})


def to_document(row: DocumentRow) -> Document:
    """The document of a row."""
    return Document(
        id=row.id,
        kind=row.kind,
        code=row.code,
        party=row.party,
        settlement=row.settlement,
        period=row.period,
        amount=row.amount,
        paid=row.paid,
        at=row.at,
        leaf=row.leaf,
        body=row.body,
    )


def issue(
    session: Session,
    kind: str,
    party: str,
    settlement: str,
    period: str,
    *,
    amount: int,
    at: datetime,
    said: dict[str, Any],
) -> DocumentRow:
    """Write a document down and owe the leaf that seals it."""
    number = take_numbers(session, f"{kind}s", 1) + 1
    name, salt = new_id("document"), new_salt()
    code = f"{_LETTERS[kind]}-{period}-{number:06d}"
    body = {
        "id": name,
        "code": code,
        "kind": kind,
        "party": party,
        "settlement": settlement,
        "period": period,
        "issued_at": iso(at),
        "salt": salt,
        **said,
    }
    leaf = owe(
        session,
        f"{kind}.issued",
        name,
        {
            "document": sha256_hex(canonical(body)),
            "party": blind(party, salt),
            "period": period,
            "settlement": settlement,
        },
    )
    row = DocumentRow(
        id=name,
        kind=kind,
        code=code,
        party=party,
        settlement=settlement,
        period=period,
        amount=amount,
        paid=0,
        at=at,
        leaf=leaf,
        body=body,
        salt=salt,
    )
    session.add(row)
    session.flush()
    return row


def _missing(session: Session, settlement: str) -> list[tuple[str, str]]:
    """Kinds and parties of documents that a settlement still owes, invoices first."""
    known = select(DocumentRow.kind, DocumentRow.party)
    there = {
        (kind, party)
        for kind, party in session.execute(known.where(DocumentRow.settlement == settlement))
    }
    lines = select(LineRow.consumer).where(LineRow.settlement == settlement)
    billed = session.scalars(lines.where(LineRow.amount > 0).distinct())
    payees = (
        select(LineShareRow.party)
        .join(LineRow, LineRow.id == LineShareRow.line)
        .where(LineRow.settlement == settlement)
    )
    told = {*session.scalars(lines.distinct()), *session.scalars(payees.distinct())}
    wanted = [(INVOICE, one) for one in sorted(billed)] + [(STATEMENT, one) for one in sorted(told)]
    return [one for one in wanted if one not in there]


def _invoice(
    session: Session, settlement: str, period: str, party: str, at: datetime
) -> DocumentRow:
    """What a consumer owes for a settlement; what was drawn from its prepaid balance is paid."""
    rows = session.scalars(
        select(LineRow)
        .where(LineRow.settlement == settlement, LineRow.consumer == party, LineRow.amount > 0)
        .order_by(LineRow.id)
    ).all()
    amount = sum(row.amount for row in rows)
    drawn = sum(
        one["amount"]
        for row in rows
        for one in row.body["postings"]
        if one["account"] == AccountKind.PREPAID.value
    )
    said = {
        "amount": amount,
        "drawn": drawn,
        "lines": [
            {
                "line": row.id,
                "agreement": row.agreement,
                "resource": row.resource,
                "provider": row.provider,
                "period": row.period,
                "charges": charge_rows(row.body),
                "before": row.body["before"],
                "amount": row.amount,
            }
            for row in rows
        ],
    }
    made = issue(session, INVOICE, party, settlement, period, amount=amount, at=at, said=said)
    made.paid = drawn
    return made


def charge_rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    """How a line's price comes about, part by part; ``exact`` is in 分, as a fraction."""
    found = charges(
        parse_plan(body["plan"]), Quantity(**body["total"]), subscribed=body["subscribed"]
    )
    return [
        {
            "what": one.what,
            "quantity": one.quantity,
            "price": one.price,
            "per": one.per,
            "exact": f"{one.exact.numerator}/{one.exact.denominator}",
        }
        for one in found
    ]


def _statement(
    session: Session, settlement: str, period: str, party: str, at: datetime
) -> DocumentRow:
    shared = select(LineShareRow.line).where(LineShareRow.party == party)
    rows = session.scalars(
        select(LineRow)
        .where(
            LineRow.settlement == settlement,
            or_(LineRow.consumer == party, LineRow.id.in_(shared)),
        )
        .order_by(LineRow.id)
    ).all()
    lines = [_line(row, party) for row in rows]
    charged = sum(row.amount for row in rows if row.consumer == party)
    due = _due(lines)
    kinds = (AccountKind.RECEIVABLE, AccountKind.PREPAID, AccountKind.PAYABLE, AccountKind.HELD)
    said = {
        "charged": charged,
        "due": due,
        "balances": {
            kind.value: amount_of(name, balance(session, name))
            for kind in kinds
            for name in [account(kind, party)]
        },
        "lines": lines,
    }
    return issue(
        session, STATEMENT, party, settlement, period, amount=due - charged, at=at, said=said
    )


def _line(row: LineRow, party: str) -> dict[str, Any]:
    """A line as one party's statement has it: with what opens its own postings, and no other's."""
    own = _own(row, party)
    shown = [
        one if party in (row.provider, one["party"]) else {**one, "party": "", "resources": []}
        for one in row.body["shares"]
    ]
    return row.body | {
        "shares": shown,
        "consumer": row.consumer if party in (row.consumer, row.provider) else "",
        "provider": row.provider,
        "opened": {name: row.salts[name] for name in own},
    }


def _own(row: LineRow, party: str) -> list[str]:
    return [
        one["id"]
        for one in row.body["postings"]
        if blind(party, row.salts[one["id"]]) == one["party"]
    ]


def _due(lines: Sequence[dict[str, Any]]) -> int:
    """What a statement's own postings credit to its party."""
    return sum(
        one["amount"]
        for line in lines
        for one in line["postings"]
        if one["id"] in line["opened"] and one["side"] == "credit"
    )


def _oversees(caller: Caller) -> bool:
    roles = (Role.STEWARD, Role.AUDITOR)
    return caller.runs_node and any(caller.may(role) for role in roles)
