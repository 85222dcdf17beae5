"""Who is told of new observations: where, of what, and up to which number it has heard.

The cursor moves when the receiver has acknowledged, so that what it did not is told again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, String, Text, bindparam, case, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from quanyu.kernel import (
    Conflict,
    MemberId,
    Moment,
    NotFound,
    PartyId,
    Table,
    new_id,
    new_salt,
    now,
)

MOST = 100
"""Webhooks of one party on streams."""


class Way(StrEnum):
    """How observations are told."""

    WEBHOOK = "webhook"
    MQTT = "mqtt"


class SubscriptionRow(Table):
    """A subscription; without ``due_at`` nothing is sent, after ``ended_at`` never again."""

    __tablename__ = "stream_subscription"
    __table_args__ = (
        Index("ix_stream_subscription_party", "party"),
        Index("ix_stream_subscription_due", "kind", "due_at"),
        Index("ix_stream_subscription_client", "client"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    slug: Mapped[str] = mapped_column(String(255))
    agreement: Mapped[str | None] = mapped_column(String(40))
    purpose: Mapped[str | None] = mapped_column(String(64))
    datastream: Mapped[int | None] = mapped_column(BigInteger)
    address: Mapped[str] = mapped_column(Text)
    client: Mapped[str] = mapped_column(Text)
    qos: Mapped[int]
    salt: Mapped[str] = mapped_column(String(64))
    cursor: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    attempts: Mapped[int]
    status: Mapped[int | None]
    problem: Mapped[str | None] = mapped_column(Text)
    failing_at: Mapped[datetime | None] = mapped_column(Moment)
    delivered_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionDraft:
    """A subscription to be; ``address`` is a URL or topic, ``datastream`` a number or all."""

    way: Way
    party: PartyId
    slug: str
    address: str
    cursor: int
    member: MemberId | None = None
    agreement: str | None = None
    purpose: str | None = None
    datastream: int | None = None
    client: str = ""
    qos: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription and how it stands; ``cursor`` is the last number that was heard."""

    id: str
    way: Way
    party: PartyId
    member: MemberId | None
    slug: str
    agreement: str | None
    purpose: str | None
    datastream: int | None
    address: str
    client: str
    qos: int
    salt: str
    cursor: int
    created_at: datetime
    due_at: datetime | None
    attempts: int
    status: int | None
    problem: str | None
    failing_at: datetime | None
    delivered_at: datetime | None
    ended_at: datetime | None

    @property
    def state(self) -> str:
        """``active``, ``waiting`` after a failure, ``stopped`` after too many, ``paused`` as it was
        asked to be, or ``ended``."""
        if self.ended_at is not None:
            return "ended"
        if self.due_at is None:
            return "stopped" if self.problem else "paused"
        return "waiting" if self.attempts else "active"


def subscribe(session: Session, draft: SubscriptionDraft) -> Subscription:
    """Begin to tell; a client's subscription to a topic that is there is the same one.

    Raises :class:`Conflict` when a party has :data:`MOST` webhooks.
    """
    if draft.way is Way.MQTT:
        row = session.scalar(
            select(SubscriptionRow).where(
                SubscriptionRow.client == draft.client,
                SubscriptionRow.address == draft.address,
                SubscriptionRow.ended_at.is_(None),
            )
        )
        if row is not None:
            row.qos = draft.qos
            return _subscription(row)
    elif len(subscriptions(session, draft.party)) >= MOST:
        raise Conflict(
            "a party has at most {most} webhooks", mend="remove one that is not used", most=MOST
        )
    row = SubscriptionRow(
        id=new_id("subscription"),
        kind=draft.way,
        party=draft.party,
        member=draft.member,
        slug=draft.slug,
        agreement=draft.agreement,
        purpose=draft.purpose,
        datastream=draft.datastream,
        address=draft.address,
        client=draft.client,
        qos=draft.qos,
        salt=new_salt(),
        cursor=draft.cursor,
        created_at=now(),
        due_at=now(),
        attempts=0,
    )
    session.add(row)
    session.flush()
    return _subscription(row)


def subscription(session: Session, identifier: str) -> Subscription:
    """One subscription; raises :class:`NotFound`."""
    return _subscription(_row(session, identifier))


def subscriptions(session: Session, party: PartyId, slug: str | None = None) -> list[Subscription]:
    """The webhooks of a party, oldest first; those that ended stay until they are removed."""
    query = select(SubscriptionRow).where(
        SubscriptionRow.party == party, SubscriptionRow.kind == Way.WEBHOOK
    )
    if slug is not None:
        query = query.where(SubscriptionRow.slug == slug)
    return [_subscription(row) for row in session.scalars(query.order_by(SubscriptionRow.id))]


def of_client(session: Session, client: str) -> list[Subscription]:
    """What a client of the message broker subscribed to."""
    query = select(SubscriptionRow).where(
        SubscriptionRow.client == client,
        SubscriptionRow.kind == Way.MQTT,
        SubscriptionRow.ended_at.is_(None),
    )
    return [_subscription(row) for row in session.scalars(query)]


def due_webhooks(session: Session, newest: int, limit: int) -> Sequence[Subscription]:
    """Those to which something may have to be told: they have not heard of ``newest`` yet."""
    query = (
        select(SubscriptionRow)
        .where(
            SubscriptionRow.kind == Way.WEBHOOK,
            SubscriptionRow.due_at <= now(),
            SubscriptionRow.cursor < newest,
        )
        .order_by(SubscriptionRow.due_at)
        .limit(limit)
    )
    return [_subscription(row) for row in session.scalars(query)]


def heard(session: Session, identifier: str, cursor: int, *, told: bool = True) -> None:
    """The receiver has all up to ``cursor``; ``told`` unless there was nothing for it."""
    # What was paused while it was being told stays so.
    due = case((SubscriptionRow.due_at.is_(None), None), else_=bindparam("due", now(), Moment))
    values: dict[str, object] = {"cursor": cursor, "due_at": due}
    if told:
        values |= {"attempts": 0, "status": None, "problem": None, "failing_at": None}
        values |= {"delivered_at": now()}
    session.execute(
        update(SubscriptionRow)
        .where(SubscriptionRow.id == identifier, SubscriptionRow.cursor < cursor)
        .values(values)
    )


def put_off(
    session: Session,
    identifier: str,
    *,
    until: datetime | None,
    attempts: int,
    problem: str,
    status: int | None = None,
) -> None:
    """It could not be told; tried again at ``until``, or not before somebody says so."""
    row = _row(session, identifier)
    if row.due_at is None:  # paused meanwhile
        return
    row.due_at, row.attempts, row.problem, row.status = until, attempts, problem[:500], status
    row.failing_at = row.failing_at or now()


def resume(session: Session, identifier: str) -> Subscription:
    """Go on where it stopped; raises :class:`Conflict` for one that ended."""
    row = _row(session, identifier)
    if row.ended_at is not None:
        raise Conflict("this subscription has ended", mend="subscribe anew")
    row.due_at, row.attempts = now(), 0
    return _subscription(row)


def pause(session: Session, identifier: str) -> Subscription:
    """Tell nothing until it goes on; raises :class:`Conflict` for one that ended."""
    row = _row(session, identifier)
    if row.ended_at is not None:
        raise Conflict("this subscription has ended", mend="subscribe anew")
    row.due_at, row.attempts, row.status, row.problem = None, 0, None, None
    row.failing_at = None
    return _subscription(row)


def end_subscription(session: Session, identifier: str, why: str) -> None:
    """Tell nothing more, and say why."""
    row = _row(session, identifier)
    row.ended_at, row.due_at, row.problem = now(), None, why[:500]


def remove_subscription(session: Session, identifier: str) -> None:
    """Forget a subscription; raises :class:`NotFound`."""
    session.delete(_row(session, identifier))


def _row(session: Session, identifier: str) -> SubscriptionRow:
    row = session.get(SubscriptionRow, identifier) if identifier.isprintable() else None
    if row is None:
        raise NotFound("there is no subscription {id}", id=identifier[:80])
    return row


def _subscription(row: SubscriptionRow) -> Subscription:
    return Subscription(
        id=row.id,
        way=Way(row.kind),
        party=PartyId(row.party),
        member=None if row.member is None else MemberId(row.member),
        slug=row.slug,
        agreement=row.agreement,
        purpose=row.purpose,
        datastream=row.datastream,
        address=row.address,
        client=row.client,
        qos=row.qos,
        salt=row.salt,
        cursor=row.cursor,
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
        status=row.status,
        problem=row.problem,
        failing_at=row.failing_at,
        delivered_at=row.delivered_at,
        ended_at=row.ended_at,
    )
