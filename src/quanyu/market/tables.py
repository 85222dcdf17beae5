"""Control-store tables of the market: uses, plans, the ledger, and what settling made of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


class MeterRow(Table):
    """How far the meter has come: one row, locked while uses are written, so that their numbers
    have no gaps and stand in the order in which they were committed."""

    __tablename__ = "market_meter"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    reached: Mapped[int] = mapped_column(NUMBER)


class MeteredRow(Table):
    """A use that was metered. ``digest`` is the RFC 6962 hash of its leaf; ``payload`` the SHA-256
    of what a provider reported, empty for uses that this node answered itself."""

    __tablename__ = "market_use"
    __table_args__ = (Index("ix_market_use_agreement", "agreement", "period", "number"),)

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    agreement: Mapped[str] = mapped_column(String(40))
    period: Mapped[str] = mapped_column(String(7))
    free: Mapped[bool]
    rows: Mapped[int] = mapped_column(NUMBER)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    leaf: Mapped[str] = mapped_column(String(40))
    bytes: Mapped[int] = mapped_column(NUMBER)


class OfferPlanRow(Table):
    """The price plan of an offer, how its income is shared and the service level promised; never
    changed once written."""

    __tablename__ = "market_plan"

    offer: Mapped[str] = mapped_column(String(40), primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), index=True)
    kind: Mapped[str] = mapped_column(String(16), index=True)
    plan: Mapped[dict[str, Any]] = mapped_column(Json)
    sharing: Mapped[dict[str, Any]] = mapped_column(Json)
    level: Mapped[dict[str, Any] | None] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(Moment)
    leaf: Mapped[str] = mapped_column(String(40))


class PrepaidRow(Table):
    """What was counted of a period under a prepaid agreement, without uses that are free: so that
    only what is new is counted to see whether the balance still covers it."""

    __tablename__ = "market_prepaid"

    agreement: Mapped[str] = mapped_column(String(40), primary_key=True)
    period: Mapped[str] = mapped_column(String(7), primary_key=True)
    uses: Mapped[int] = mapped_column(NUMBER, default=0)
    rows: Mapped[int] = mapped_column(NUMBER, default=0)
    bytes: Mapped[int] = mapped_column(NUMBER, default=0)


class AccountRow(Table):
    """An account of the ledger, with what was posted to it and what is pending."""

    __tablename__ = "market_account"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(String(40), index=True)
    debits_posted: Mapped[int] = mapped_column(NUMBER, default=0)
    credits_posted: Mapped[int] = mapped_column(NUMBER, default=0)
    debits_pending: Mapped[int] = mapped_column(NUMBER, default=0)
    credits_pending: Mapped[int] = mapped_column(NUMBER, default=0)


class TransferRow(Table):
    """A transfer; never changed and never removed. ``resolves`` is the pending one that it posts
    or voids: unique, so that each is resolved at most once."""

    __tablename__ = "market_transfer"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_market_transfer_subject", "subject"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(NUMBER, unique=True)
    chain: Mapped[str] = mapped_column(String(64))
    debit: Mapped[str] = mapped_column(String(80), index=True)
    credit: Mapped[str] = mapped_column(String(80), index=True)
    amount: Mapped[int] = mapped_column(NUMBER)
    kind: Mapped[str] = mapped_column(String(8))
    resolves: Mapped[str | None] = mapped_column(String(64), unique=True)
    code: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Moment)


class SettlementRow(Table):
    """One settlement of a period: all uses numbered up to ``reach`` that are not settled yet."""

    __tablename__ = "market_settlement"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    period: Mapped[str] = mapped_column(String(7), index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    reach: Mapped[int] = mapped_column(NUMBER)
    begun_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class LineRow(Table):
    """What one agreement used in one period, as one settlement priced, split and posted it.

    ``first`` and ``last`` are the numbers between which its uses lie. ``body`` is the line as it
    stands in statements; ``salts`` open the parties of its leaf.
    """

    __tablename__ = "market_line"
    __table_args__ = (Index("ix_market_line_agreement", "agreement", "period", "last"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    settlement: Mapped[str] = mapped_column(String(40), index=True)
    agreement: Mapped[str] = mapped_column(String(40))
    resource: Mapped[str] = mapped_column(String(40))
    provider: Mapped[str] = mapped_column(String(40), index=True)
    consumer: Mapped[str] = mapped_column(String(40), index=True)
    period: Mapped[str] = mapped_column(String(7))
    first: Mapped[int] = mapped_column(NUMBER)
    last: Mapped[int] = mapped_column(NUMBER)
    uses: Mapped[int] = mapped_column(NUMBER)
    rows: Mapped[int] = mapped_column(NUMBER)
    bytes: Mapped[int] = mapped_column(NUMBER)
    free_uses: Mapped[int] = mapped_column(NUMBER)
    amount: Mapped[int] = mapped_column(NUMBER)
    credited: Mapped[int] = mapped_column(NUMBER, default=0)
    public_data: Mapped[bool]
    leaf: Mapped[str] = mapped_column(String(40))
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    salts: Mapped[dict[str, str]] = mapped_column(Json)


class LineShareRow(Table):
    """A part of a line's amount, the party that it is due to, and what was credited of it."""

    __tablename__ = "market_share"

    line: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)
    amount: Mapped[int] = mapped_column(NUMBER)
    credited: Mapped[int] = mapped_column(NUMBER, default=0)


class DocumentRow(Table):
    """An invoice, credit note or statement: its canonical JSON and the leaf that seals it."""

    __tablename__ = "market_document"
    __table_args__ = (Index("ix_market_document_party", "party", "kind", "period"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(40), unique=True)
    party: Mapped[str] = mapped_column(String(40))
    settlement: Mapped[str] = mapped_column(String(40), index=True)
    period: Mapped[str] = mapped_column(String(7))
    amount: Mapped[int] = mapped_column(NUMBER)
    paid: Mapped[int] = mapped_column(NUMBER, default=0)
    at: Mapped[datetime] = mapped_column(Moment)
    leaf: Mapped[str] = mapped_column(String(40))
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    salt: Mapped[str] = mapped_column(String(32))


class ValuationRow(Table):
    """A contribution that was computed: its transcript, and the leaf that commits to it."""

    __tablename__ = "market_valuation"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(String(40), index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    transcript: Mapped[dict[str, Any]] = mapped_column(Json)
    leaf: Mapped[str] = mapped_column(String(40))


class PermittedIncomeRow(Table):
    """The most that a provider may take in for public data in a period, and who fixed it."""

    __tablename__ = "market_permitted_income"

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    period: Mapped[str] = mapped_column(String(7), primary_key=True)
    amount: Mapped[int] = mapped_column(NUMBER)
    basis: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime] = mapped_column(Moment)
    leaf: Mapped[str] = mapped_column(String(40))
