"""Control-store tables of agreements, of what they have used, and of the gate's salt."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


class OfferRow(Table):
    """An offer. ``policy`` is canonical JSON, ``salt`` blinds the provider in the log."""

    __tablename__ = "offer"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    resource: Mapped[str] = mapped_column(String(40), index=True)
    provider: Mapped[str] = mapped_column(String(40), index=True)
    policy: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    open: Mapped[bool]
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Moment)
    salt: Mapped[str] = mapped_column(String(32))


class AgreementRow(Table):
    """An agreement; ``salt`` blinds both parties in the log and keys its hashed columns.

    ``uncovered`` is kept by whoever keeps the money: ``None`` while uses are paid for; else the
    purposes, with spaces between them, for which it may be used all the same.
    """

    __tablename__ = "agreement"
    __table_args__ = (
        Index("ix_agreement_consumer_resource", "consumer", "resource"),
        Index("ix_agreement_provider_state", "provider", "state"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    offer: Mapped[str] = mapped_column(ForeignKey("offer.id"), index=True)
    resource: Mapped[str] = mapped_column(String(40), index=True)
    provider: Mapped[str] = mapped_column(String(40))
    consumer: Mapped[str] = mapped_column(String(40))
    statement: Mapped[str] = mapped_column(Text)
    policy: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    held_by: Mapped[list[str]] = mapped_column(Json)
    revision: Mapped[int]
    requested_at: Mapped[datetime] = mapped_column(Moment)
    signed_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    salt: Mapped[str] = mapped_column(String(32))
    uncovered: Mapped[str | None] = mapped_column(String(200))


class AgreementStepRow(Table):
    """A step of an agreement; never changed once written."""

    __tablename__ = "agreement_step"

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=True)
    agreement: Mapped[str] = mapped_column(ForeignKey("agreement.id"), index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(String(16))
    side: Mapped[str] = mapped_column(String(16))
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)


class QuotaRow(Table):
    """What has been given out under one quota of one agreement.

    ``used`` counts what was answered and what is leased to workers. A rate keeps in ``due`` the
    microsecond (UTC epoch) at which its bucket is full again. ``wanted_at`` asks workers to give
    back what they hold: microseconds too.
    """

    __tablename__ = "agreement_quota"

    agreement: Mapped[str] = mapped_column(String(80), primary_key=True)
    rule: Mapped[str] = mapped_column(String(200), primary_key=True)
    used: Mapped[int] = mapped_column(_NUMBER, default=0)
    due: Mapped[int] = mapped_column(_NUMBER, default=0)
    wanted_at: Mapped[int] = mapped_column(_NUMBER, default=0)


class QuotaLeaseRow(Table):
    """That a worker may still give back a part of a quota, until ``expires_at`` (microseconds)."""

    __tablename__ = "agreement_quota_lease"

    worker: Mapped[str] = mapped_column(String(40), primary_key=True)
    agreement: Mapped[str] = mapped_column(String(80), primary_key=True)
    rule: Mapped[str] = mapped_column(String(200), primary_key=True)
    expires_at: Mapped[int] = mapped_column(_NUMBER)


class NoisyAnswerRow(Table):
    """An answer with noise that was given under an agreement, and paid for: asked again it is the
    same. ``question`` is a digest of restriction, version and question."""

    __tablename__ = "agreement_noisy_answer"

    agreement: Mapped[str] = mapped_column(String(80), primary_key=True)
    question: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    loss: Mapped[int] = mapped_column(_NUMBER)
    answer: Mapped[bytes] = mapped_column(LargeBinary)


class ObligationRow(Table):
    """Something owed under an agreement; ``next_at`` is when somebody is told of it next."""

    __tablename__ = "agreement_obligation"

    agreement: Mapped[str] = mapped_column(ForeignKey("agreement.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(200), primary_key=True)
    action: Mapped[str] = mapped_column(String(40))
    due: Mapped[datetime | None] = mapped_column(Moment)
    next_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    confirmed_by: Mapped[str | None] = mapped_column(String(40))
    evidence: Mapped[str] = mapped_column(Text)


class GateSaltRow(Table):
    """The node's own salt, for commitments under implicit agreements. One row."""

    __tablename__ = "gate_salt"

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    salt: Mapped[str] = mapped_column(String(64))


class WithheldRow(Table):
    """A resource that is not offered for now; ``salt`` blinds who overruled it, and why."""

    __tablename__ = "withheld"

    resource: Mapped[str] = mapped_column(String(40), primary_key=True)
    since: Mapped[datetime] = mapped_column(Moment)
    message: Mapped[str] = mapped_column(Text)
    params: Mapped[dict[str, str | int]] = mapped_column(Json)
    overruled_at: Mapped[datetime | None] = mapped_column(Moment)
    overruled_by: Mapped[str | None] = mapped_column(String(40))
    overruled_member: Mapped[str | None] = mapped_column(String(40))
    overruled_because: Mapped[str] = mapped_column(Text)
    salt: Mapped[str] = mapped_column(String(32))
