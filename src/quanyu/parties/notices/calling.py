"""Notices by webhook: signed, sent at least once, retried with growing waits, given up after N.

The waits are a receiver's, not a notice's: while one does not answer, nothing else is tried there,
and the others go on.
"""

import base64
import hashlib
import hmac
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import orjson
import structlog
from sqlalchemy import select, update

from quanyu.kernel import (
    ControlStore,
    Outbound,
    QuanyuError,
    Settings,
    ask,
    iso,
    now,
)
from quanyu.parties.keys import node_secret
from quanyu.parties.notices.model import TOPICS, worded
from quanyu.parties.notices.reading import params_of
from quanyu.parties.notices.tables import NoticeRow, WebhookDeliveryRow, WebhookRow
from quanyu.parties.notices.webhooks import secret_of

_log = structlog.get_logger(__name__)
WAITS = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 28_800, 86_400))
"""Between one failure and the next attempt; after the last of them a delivery is dead."""
_BATCH = 500
_AT_ONCE = 4
_SECONDS = 20.0
_TIMEOUT = 8.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class _Call:
    delivery: WebhookDeliveryRow
    notice: NoticeRow | None


def deliver_webhooks(control: ControlStore, settings: Settings) -> int:
    """Send what is due to every webhook, some at once; how many deliveries were taken."""
    moment = now()
    with control.read() as session:
        rows = session.execute(
            select(WebhookDeliveryRow, WebhookRow, NoticeRow)
            .join(WebhookRow, WebhookRow.id == WebhookDeliveryRow.webhook)
            .outerjoin(NoticeRow, NoticeRow.id == WebhookDeliveryRow.notice)
            .where(WebhookDeliveryRow.due_at <= moment, WebhookRow.active.is_(True))
            .order_by(WebhookDeliveryRow.due_at, WebhookDeliveryRow.id)
            .limit(_BATCH)
        ).all()
    if not rows:
        return 0
    key = node_secret(settings.dir / "keys")
    until = monotonic() + _SECONDS
    calls: dict[str, list[_Call]] = defaultdict(list)
    hooks = {}
    for delivery, hook, notice in rows:
        hooks[hook.id] = hook
        calls[hook.id].append(_Call(delivery, notice))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhook") as pool:
        taken = pool.map(
            lambda hook: _deliver(control, settings, hooks[hook], calls[hook], key, until), calls
        )
        return sum(taken)


def _deliver(  # noqa: PLR0917 - one receiver's work, called in one place
    control: ControlStore,
    settings: Settings,
    hook: WebhookRow,
    calls: list[_Call],
    key: bytes,
    until: float,
) -> int:
    taken = 0
    for call in calls:
        if monotonic() > until:
            break  # what is left is due still
        status, problem = _send(settings, hook, call, key)
        if problem is None:
            taken += 1
            _mark(control, call.delivery.id, due_at=None, done_at=now(), status=status)
            continue
        _fail(control, hook, call.delivery, status, problem)
        break
    return taken


def _send(
    settings: Settings, hook: WebhookRow, call: _Call, key: bytes
) -> tuple[int | None, str | None]:
    body = payload(call.notice, settings, call.delivery.created_at)
    headers = signed(secret_of(hook, key), call.delivery.id, int(now().timestamp()), body)
    out = Outbound(settings.allow_private_urls, max_bytes=1 << 16, timeout=_TIMEOUT)
    try:
        answered = ask(hook.url, out, method="POST", headers=headers, content=body)
    except QuanyuError as error:
        _log.info("webhook.failed", webhook=hook.id, error=error.type)
        return None, error.type
    if 200 <= answered.status < 300:
        return answered.status, None
    _log.info("webhook.failed", webhook=hook.id, status=answered.status)
    return answered.status, "status"


def payload(notice: NoticeRow | None, settings: Settings, at: datetime) -> bytes:
    """What is sent: ``type``, ``timestamp`` and ``data``, as Standard Webhooks has it."""
    if notice is None:
        return orjson.dumps({"type": "test", "timestamp": iso(at), "data": {}})
    params = params_of(notice)
    return orjson.dumps(
        {
            "type": f"notice.{notice.topic}",
            "timestamp": iso(notice.created_at),
            "data": {
                "id": notice.id,
                "party": notice.party,
                "topic": notice.topic,
                "topic_name": {"zh": TOPICS[notice.topic].zh, "en": TOPICS[notice.topic].en},
                "text": {
                    "zh": worded(notice.message, params, "zh", settings.time_zone),
                    "en": worded(notice.message, params, "en", settings.time_zone),
                },
                "link": settings.base_url + notice.link,
            },
        }
    )


def signed(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks: HMAC-SHA256 of ``id.timestamp.body`` under the secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    said = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "user-agent": "quanyu",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def _fail(
    control: ControlStore,
    hook: WebhookRow,
    delivery: WebhookDeliveryRow,
    status: int | None,
    problem: str,
) -> None:
    attempts = delivery.attempts + 1
    dead = attempts > len(WAITS) or status == _GONE
    again = now() + WAITS[min(attempts, len(WAITS)) - 1]
    _mark(
        control,
        delivery.id,
        due_at=None if dead else again,
        attempts=attempts,
        status=status,
        problem=problem,
    )
    if not dead:
        with control.begin() as session:  # nothing else is tried there before
            session.execute(
                update(WebhookDeliveryRow)
                .where(
                    WebhookDeliveryRow.webhook == hook.id,
                    WebhookDeliveryRow.due_at.is_not(None),
                    WebhookDeliveryRow.due_at < again,
                )
                .values(due_at=again)
            )


def _mark(control: ControlStore, delivery: str, **values: object) -> None:
    with control.begin() as session:
        session.execute(
            update(WebhookDeliveryRow).where(WebhookDeliveryRow.id == delivery).values(values)
        )
