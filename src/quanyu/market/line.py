"""One line of a settlement: an agreement's uses of a period, priced, split, posted, proven."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.agreements import Agreement
from quanyu.catalogue import rights_on
from quanyu.evidence import root_of_hashes
from quanyu.kernel import (
    LeafId,
    blind,
    canonical,
    leaves_of,
    new_salt,
    now,
    owe,
    sha256_hex,
)
from quanyu.market.ledger import AccountKind, Book, Transfer, account
from quanyu.market.metering import bounds
from quanyu.market.plans import PlanKind, PricePlan, Quantity, plan_digest, plan_document, price
from quanyu.market.pricing import Priced
from quanyu.market.sharing import Share, Sharing, Weights, sharing_document, weigh
from quanyu.market.tables import LineRow, LineShareRow, MeteredRow

_AUTHORISED = ("operation.begun", "operation.resumed")
"""Leaves of an authorised operation that is in force from then on."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Uses of one agreement in one period, numbered after ``first`` up to ``last``.

    ``whole`` are all of them, ``free`` those for a free purpose; ``root`` is that of the RFC 6962
    tree over the hashes of their leaves, in the order of their numbers.
    """

    first: int
    last: int
    whole: Quantity
    free: Quantity
    root: str


@dataclass(frozen=True, slots=True)
class Before:
    """What earlier settlements made of the same agreement and period."""

    last: int = 0
    total: Quantity = field(default_factory=Quantity)
    amount: int = 0
    lines: int = 0


class Rests:
    """What lines rest on, read once for all lines of a batch: who shares, and which leaves."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._weights: dict[tuple[Sharing, str, str], Weights] = {}
        self._rights: dict[tuple[str, str], str] = {}

    def weights(self, sharing: Sharing, agreed: Agreement) -> Weights:
        """How income from an agreement is shared."""
        key = sharing, agreed.resource, agreed.provider
        if key not in self._weights:
            self._weights[key] = weigh(self._session, *key)
        return self._weights[key]

    def leaves(self, agreed: Agreement, priced: Priced) -> dict[str, str]:
        """Ids of the leaves of an agreement, its offer, its price, and the right."""
        found = {
            "agreement": _last(leaves_of(self._session, agreed.id, ("agreement.approved",))),
            "offer": _last(leaves_of(self._session, agreed.offer, ("offer.created",))),
            "right": self._right(agreed),
            "plan": priced.leaf,
        }
        return {name: leaf for name, leaf in found.items() if leaf}

    def _right(self, agreed: Agreement) -> str:
        """The leaf of the provider's right as it is registered or authorised, else of the
        publication of what it provides."""
        key = agreed.resource, agreed.provider
        if key not in self._rights:
            self._rights[key] = next(filter(None, self._right_leaves(agreed)), "")
        return self._rights[key]

    def _right_leaves(self, agreed: Agreement) -> Iterator[str]:
        for right in rights_on(self._session, agreed.resource, now()):
            if right.holder == agreed.provider and right.id is not None:
                yield _last(leaves_of(self._session, right.id, ("right.registered",)))
            if right.holder == agreed.provider and right.operation is not None:
                yield _last(leaves_of(self._session, right.operation, _AUTHORISED))
        yield _last(leaves_of(self._session, agreed.resource, ("resource.published",)))


def count(session: Session, agreement: str, period: str, after: int, reach: int) -> Counted:
    """The uses of an agreement in a period that are numbered after ``after`` up to ``reach``."""
    chosen = (
        MeteredRow.agreement == agreement,
        MeteredRow.period == period,
        MeteredRow.number > after,
        MeteredRow.number <= reach,
    )
    whole, free, last = Quantity(), Quantity(), after
    summed = select(
        MeteredRow.free,
        func.count(),
        func.sum(MeteredRow.rows),
        func.sum(MeteredRow.bytes),
        func.max(MeteredRow.number),
    )
    for is_free, uses, rows, size, highest in session.execute(
        summed.where(*chosen).group_by(MeteredRow.free)
    ):
        part = Quantity(uses, int(rows), int(size))
        whole, last = whole + part, max(last, highest)
        free += part if is_free else Quantity()
    digests = session.scalars(select(MeteredRow.digest).where(*chosen).order_by(MeteredRow.number))
    return Counted(after, last, whole, free, root_of_hashes(b"".join(digests)).hex())


def before(session: Session, agreement: str, period: str) -> Before:
    """What was settled of an agreement's period already."""
    rows = session.execute(
        select(LineRow.last, LineRow.amount, LineRow.body)
        .where(LineRow.agreement == agreement, LineRow.period == period)
        .order_by(LineRow.last)
    ).all()
    if not rows:
        return Before()
    total = rows[-1].body["total"]
    amount = sum(row.amount for row in rows)
    return Before(rows[-1].last, Quantity(**total), amount, len(rows))


def charged(plan: PricePlan, whole: Quantity, free: Quantity) -> Quantity:
    """What of a quantity is priced: of public data, not what served governance or welfare."""
    if not plan.public_data:
        return whole
    return Quantity(whole.uses - free.uses, whole.rows - free.rows, whole.bytes - free.bytes)


def in_force(agreed: Agreement, period: str, zone: str) -> bool:
    """Whether an agreement was in force on some day of a period."""
    start, end = bounds(period, zone)
    ends = [moment for moment in (agreed.ended_at, agreed.expires_at) if moment is not None]
    signed = agreed.signed_at
    return signed is not None and signed < end and (not ends or min(ends) > start)


def estimate(plan: PricePlan, whole: Quantity, free: Quantity, *, subscribed: bool) -> int:
    """What a period costs, in 分: what is estimated is what will be posted."""
    return price(plan, charged(plan, whole, free), subscribed=subscribed)


def make_line(
    session: Session,
    book: Book,
    rests: "Rests",
    *,
    settlement: str,
    agreed: Agreement,
    priced: Priced,
    period: str,
    counted: Counted,
    known: Before,
    zone: str,
) -> LineRow:
    """Price what was counted, split it, post it and owe ``settlement.line``, all in this session.

    The amount is the price of the period's whole quantity less what was invoiced of it before, so
    that uses told of late cost what they would have cost in time.
    """
    plan = priced.plan
    total = known.total + charged(plan, counted.whole, counted.free)
    subscribed = in_force(agreed, period, zone)
    amount = price(plan, total, subscribed=subscribed) - known.amount
    parts = rests.weights(priced.sharing, agreed).shares(amount)
    name = line_id(settlement, agreed.id, period)
    chain = _chain(book, name, plan, agreed.consumer, amount, parts)
    book.post(chain)
    salts = {one.id: new_salt() for one in chain}
    body = {
        "line": name,
        "settlement": settlement,
        "agreement": agreed.id,
        "offer": agreed.offer,
        "resource": agreed.resource,
        "period": period,
        "counted": _quantity(counted.whole),
        "free": _quantity(counted.free),
        "total": _quantity(total),
        "subscribed": subscribed,
        "uses_root": counted.root,
        "plan_sha256": plan_digest(plan),
        "sharing_sha256": sha256_hex(canonical(sharing_document(priced.sharing))),
        "before": known.amount,
        "amount": amount,
        "leaves": rests.leaves(agreed, priced),
    }
    postings = [_posting(one, salts[one.id]) for one in chain]
    leaf = owe(session, "settlement.line", name, body | {"postings": postings})
    row = LineRow(
        id=name,
        settlement=settlement,
        agreement=agreed.id,
        resource=agreed.resource,
        provider=agreed.provider,
        consumer=agreed.consumer,
        period=period,
        first=counted.first,
        last=counted.last,
        uses=counted.whole.uses,
        rows=counted.whole.rows,
        bytes=counted.whole.bytes,
        free_uses=counted.free.uses,
        amount=amount,
        credited=0,
        public_data=plan.public_data,
        leaf=leaf,
        body=body
        | {
            "leaf": leaf,
            "plan": plan_document(plan),
            "sharing": sharing_document(priced.sharing),
            "shares": [_share(one) for one in parts],
            "postings": postings,
        },
        salts=salts,
    )
    session.add(row)
    session.flush()  # the line before its shares
    session.add_all(
        LineShareRow(line=name, party=one.party, amount=one.amount, credited=0) for one in parts
    )
    return row


def line_id(settlement: str, agreement: str, period: str) -> str:
    """The id of a line: the same one however often its settlement is begun anew."""
    said = f"{settlement}\n{agreement}\n{period}"
    return f"lin_{sha256_hex(said.encode())[:32]}"


def use_leaves(session: Session, row: LineRow) -> list[str]:
    """Ids of the leaves of a line's uses, in the order in which its root commits to them."""
    query = (
        select(MeteredRow.leaf)
        .where(
            MeteredRow.agreement == row.agreement,
            MeteredRow.period == row.period,
            MeteredRow.number > row.first,
            MeteredRow.number <= row.last,
        )
        .order_by(MeteredRow.number)
    )
    return list(session.scalars(query))


def _chain(  # noqa: PLR0917 — a line's own parts, in order
    book: Book, name: str, plan: PricePlan, consumer: str, amount: int, parts: list[Share]
) -> list[Transfer]:
    """From the consumer to the clearing account, and from there to the holders, 分 for 分."""
    clearing = account(AccountKind.CLEARING)
    prepaid = account(AccountKind.PREPAID, consumer)
    drawn = 0
    if plan.kind is PlanKind.PREPAID:
        held = book.balance(prepaid)
        drawn = min(amount, held.credits - held.debits - held.debits_pending)
    owed = account(AccountKind.RECEIVABLE, consumer)
    chain = [
        Transfer(f"{name}.{tag}", debit, clearing, part, "usage", name)
        for tag, debit, part in (("p", prepaid, drawn), ("r", owed, amount - drawn))
        if part
    ]
    return chain + [
        Transfer(
            f"{name}.{place}",
            clearing,
            account(AccountKind.PAYABLE, one.party),
            one.amount,
            "share",
            name,
        )
        for place, one in enumerate(parts)
        if one.amount
    ]


def _posting(one: Transfer, salt: str) -> dict[str, Any]:
    """A transfer as it stands in evidence: the side that is a party's, blinded."""
    clearing = account(AccountKind.CLEARING)
    side, name = ("credit", one.credit) if one.debit == clearing else ("debit", one.debit)
    kind, _, owner = name.partition(":")
    return {
        "id": one.id,
        "account": kind,
        "side": side,
        "party": blind(owner, salt),
        "amount": one.amount,
    }


def _last(leaves: list[tuple[LeafId, bytes]]) -> str:
    return leaves[-1][0] if leaves else ""


def _quantity(of: Quantity) -> dict[str, int]:
    return {"uses": of.uses, "rows": of.rows, "bytes": of.bytes}


def _share(one: Share) -> dict[str, Any]:
    return {
        "party": one.party,
        "weight": f"{one.weight.numerator}/{one.weight.denominator}",
        "amount": one.amount,
        "resources": list(one.why),
    }
