"""Telling people: one call writes the notice and everything that is owed for it."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.kernel import LocalText, MemberId, PartyId, iso, new_id, now
from quanyu.parties.model import Role
from quanyu.parties.notices.choices import choices_of
from quanyu.parties.notices.model import TOPICS, Mail, Param
from quanyu.parties.notices.tables import (
    NoticeReaderRow,
    NoticeRow,
    WebhookDeliveryRow,
    WebhookRow,
)
from quanyu.parties.tables import MemberRow

DIGEST_HOUR_UTC = 0
"""Daily mail leaves at 08:00 in China."""


def notify(
    session: Session,
    *,
    to: PartyId,
    topic: str,
    message: str,
    params: Mapping[str, Param],
    link: str,
    roles: frozenset[Role] = frozenset(),
    members: Collection[MemberId] = (),
    key: str | None = None,
) -> str | None:
    """Tell members of a party something, with this transaction; the id of the notice.

    Told are ``members``, or those with any of ``roles``, or both when both are given; everybody
    when neither is. ``message`` is an English message id and is put into each reader's language;
    ``params`` fill its ``{names}``. ``link`` is a path on this node. With a ``key`` the same is
    said to a party once: ``None`` when it was said already. Pages show it, mail and webhooks
    carry it, by the duty :func:`~quanyu.parties.notices.delivery.deliver`.

    Raises ``ValueError`` for a topic that :data:`TOPICS` does not hold or a link that is no path:
    those are mistakes of the program.
    """
    if topic not in TOPICS:
        raise ValueError(f"there is no topic {topic}: add it to TOPICS")
    if not link.startswith("/") or link.startswith("//"):
        raise ValueError(f"{link} is no path on this node")
    moment = now()
    notice = new_id("notice")
    said: dict[str, Any] = {
        "id": notice,
        "party": to,
        "key": (key or notice)[:200],
        "topic": topic,
        "message": message,
        "params": {name: _kept(value) for name, value in params.items()},
        "link": link,
        "created_at": moment,
    }
    if not _said_first(session, said):
        return None
    readers = _readers(session, to, roles, frozenset(members))
    wanted = choices_of(session, [row.id for row in readers], topic)
    for row in readers:
        choice = wanted[row.id]
        mailed = choice.mail is not Mail.NEVER and bool(row.email)
        if choice.page or mailed:
            daily = choice.mail is Mail.DAILY
            session.add(
                NoticeReaderRow(
                    notice=notice,
                    member=row.id,
                    page=choice.page,
                    daily=daily,
                    mail_due=_mail_due(moment, daily=daily) if mailed else None,
                    mail_attempts=0,
                )
            )
    _owe_webhooks(session, to, topic, notice, moment)
    session.flush()
    return notice


def _said_first(session: Session, said: Mapping[str, Any]) -> bool:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(NoticeRow).values(said).on_conflict_do_nothing().returning(NoticeRow.id)
    return session.execute(statement).scalar_one_or_none() is not None


def _kept(value: Param) -> str | int | dict[str, str]:
    if isinstance(value, datetime):
        return {"at": iso(value)}
    return {"zh": value.zh, "en": value.en} if isinstance(value, LocalText) else value


def _readers(
    session: Session, to: PartyId, roles: frozenset[Role], members: frozenset[MemberId]
) -> list[MemberRow]:
    rows = session.scalars(
        select(MemberRow).where(MemberRow.party == to, MemberRow.active.is_(True))
    ).all()
    if not roles and not members:
        return list(rows)
    return [row for row in rows if row.id in members or roles & set(row.roles)]


def _mail_due(moment: datetime, *, daily: bool) -> datetime:
    if not daily:
        return moment
    today = moment.replace(hour=DIGEST_HOUR_UTC, minute=0, second=0, microsecond=0)
    return today if today > moment else today + timedelta(days=1)


def _owe_webhooks(session: Session, to: PartyId, topic: str, notice: str, moment: datetime) -> None:
    hooks = session.scalars(
        select(WebhookRow).where(WebhookRow.party == to, WebhookRow.active.is_(True))
    )
    for hook in hooks:
        if not hook.topics or topic in hook.topics:
            session.add(
                WebhookDeliveryRow(
                    id=new_id("notice"),
                    webhook=hook.id,
                    notice=notice,
                    created_at=moment,
                    due_at=moment,
                    attempts=0,
                )
            )
