"""Webhooks of a party: where, about what, and the secret that signs them (Standard Webhooks).

No secret is stored: it is made from the node's own and the webhook's salt, and shown once.
"""

import base64
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from quanyu.kernel import (
    Conflict,
    Invalid,
    NotFound,
    PartyId,
    new_id,
    new_salt,
    now,
    without_secrets,
)
from quanyu.parties.administrative_acts import record_act
from quanyu.parties.keys import derived
from quanyu.parties.model import Caller
from quanyu.parties.notices.model import TOPICS
from quanyu.parties.notices.tables import WebhookDeliveryRow, WebhookRow
from quanyu.parties.rights import check_administers

MOST = 20
LISTED = 100
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a party wants notices sent; all topics when none is named."""

    id: str
    party: PartyId
    url: str
    topics: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice to one webhook; without ``notice`` it is a test. ``state`` says how it stands."""

    id: str
    webhook: str
    notice: str | None
    created_at: datetime
    due_at: datetime | None
    attempts: int
    status: int | None
    problem: str | None
    done_at: datetime | None

    @property
    def state(self) -> str:
        """``delivered``, ``dead`` or ``waiting``."""
        if self.done_at is not None:
            return "delivered"
        return "dead" if self.due_at is None else "waiting"


def add_webhook(
    session: Session,
    caller: Caller | None,
    party: PartyId,
    *,
    url: str,
    topics: Collection[str],
    key: bytes,
    allow_private: bool = False,
) -> tuple[Webhook, str]:
    """A webhook and its secret, which is shown this once; owes ``webhook.added``.

    ``key`` is the node's secret. Raises :class:`Refused` unless the caller administers the party,
    :class:`Invalid` for a URL that is not of https (http only on this machine, when private
    addresses are allowed) or an unknown topic, :class:`Conflict` when there are :data:`MOST`.
    """
    check_administers(caller, party)
    check_webhook_url(url, allow_private=allow_private)
    if not set(topics) <= set(TOPICS):
        raise Invalid("there is no such topic", field="topics", mend="choose one that is listed")
    count = select(func.count()).select_from(WebhookRow).where(WebhookRow.party == party)
    if (session.scalar(count) or 0) >= MOST:
        raise Conflict(
            "a party has at most {most} webhooks", mend="remove one that is not used", most=MOST
        )
    row = WebhookRow(
        id=new_id("webhook"),
        party=party,
        url=url,
        topics=sorted(set(topics)),
        salt=new_salt(),
        active=True,
        created_at=now(),
    )
    session.add(row)
    details = {"to": without_secrets(url), "topics": row.topics}
    record_act(session, caller, "webhook.added", row.id, party=party, details=details)
    session.flush()
    return _webhook(row), secret_of(row, key)


def renew_webhook(session: Session, caller: Caller | None, webhook_id: str, key: bytes) -> str:
    """Another secret for a webhook, shown this once; the old one signs nothing any more."""
    row = _administered(session, caller, webhook_id)
    row.salt = new_salt()
    record_act(session, caller, "webhook.renewed", row.id, party=PartyId(row.party))
    return secret_of(row, key)


def remove_webhook(session: Session, caller: Caller | None, webhook_id: str) -> None:
    """Remove a webhook and what waits for it; owes ``webhook.removed``."""
    row = _administered(session, caller, webhook_id)
    session.execute(delete(WebhookDeliveryRow).where(WebhookDeliveryRow.webhook == row.id))
    session.delete(row)
    record_act(session, caller, "webhook.removed", row.id, party=PartyId(row.party))


def try_webhook(session: Session, caller: Caller | None, webhook_id: str) -> None:
    """Have a test delivered to a webhook."""
    row = _administered(session, caller, webhook_id)
    session.add(
        WebhookDeliveryRow(
            id=new_id("notice"),
            webhook=row.id,
            notice=None,
            created_at=now(),
            due_at=now(),
            attempts=0,
        )
    )


def replay_delivery(session: Session, caller: Caller | None, delivery_id: str) -> None:
    """Deliver once more what was given up or delivered, with the same ``webhook-id``."""
    row = session.get(WebhookDeliveryRow, delivery_id) if delivery_id.isprintable() else None
    if row is None:
        raise NotFound("there is no delivery {id}", id=delivery_id)
    _administered(session, caller, row.webhook)
    row.due_at, row.done_at, row.attempts = now(), None, 0


def webhooks(
    session: Session, caller: Caller | None, party: PartyId
) -> list[tuple[Webhook, list[Delivery]]]:
    """The webhooks of a party, each with its last deliveries; raises :class:`Refused`."""
    check_administers(caller, party)
    rows = session.scalars(
        select(WebhookRow).where(WebhookRow.party == party).order_by(WebhookRow.id)
    ).all()
    return [(_webhook(row), _deliveries(session, row.id)) for row in rows]


def secret_of(row: WebhookRow, key: bytes) -> str:
    """The secret that signs what is sent to a webhook, as Standard Webhooks writes it."""
    return webhook_secret(derived(key, f"webhook {row.id} {row.salt}"))


def webhook_secret(key: bytes) -> str:
    """A key as Standard Webhooks writes secrets."""
    return "whsec_" + base64.b64encode(key).decode()


def check_webhook_url(url: object, *, allow_private: bool) -> None:
    """Raise :class:`Invalid` unless a webhook may be called there: by https, or by http on this
    machine where private addresses are allowed."""
    if not isinstance(url, str):
        raise Invalid("a webhook has a URL", field="url", mend="give a URL that begins https://")
    try:
        parts = urlsplit(url)
        local = allow_private and parts.hostname in _LOOPBACK
        good = bool(parts.hostname) and (
            parts.scheme == "https" or (local and parts.scheme == "http")
        )
        good = good and parts.port != 0 and not parts.fragment
    except ValueError:
        good = False
    if not good or len(url) > 2000 or not url.isprintable():
        raise Invalid(
            "a webhook is called by https", field="url", mend="give a URL that begins https://"
        )


def _deliveries(session: Session, webhook: str) -> list[Delivery]:
    rows = session.scalars(
        select(WebhookDeliveryRow)
        .where(WebhookDeliveryRow.webhook == webhook)
        .order_by(WebhookDeliveryRow.id.desc())
        .limit(LISTED)
    )
    return [
        Delivery(
            id=row.id,
            webhook=row.webhook,
            notice=row.notice,
            created_at=row.created_at,
            due_at=row.due_at,
            attempts=row.attempts,
            status=row.status,
            problem=row.problem,
            done_at=row.done_at,
        )
        for row in rows
    ]


def _administered(session: Session, caller: Caller | None, webhook_id: str) -> WebhookRow:
    row = session.get(WebhookRow, webhook_id) if webhook_id.isprintable() else None
    if row is None:
        raise NotFound("there is no webhook {id}", id=webhook_id)
    check_administers(caller, PartyId(row.party))
    return row


def _webhook(row: WebhookRow) -> Webhook:
    return Webhook(row.id, PartyId(row.party), row.url, tuple(row.topics), row.created_at)
