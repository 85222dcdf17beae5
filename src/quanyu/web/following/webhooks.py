"""Tells webhooks of new observations: signed (Standard Webhooks), at least once, in order.

A receiver that fails is tried again with growing waits; its cursor stays where it is meanwhile, so
nothing is lost. When the gate refuses, the subscription ends and says why.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from time import monotonic

import structlog

from quanyu.kernel import (
    Invalid,
    NotFound,
    Outbound,
    QuanyuError,
    Refused,
    TooMany,
    Unauthenticated,
    ask,
    iso,
    now,
)
from quanyu.parties import WAITS, Caller, caller_of, derived, node_secret, signed, webhook_secret
from quanyu.streams import (
    Subscription,
    due_webhooks,
    end_subscription,
    heard,
    put_off,
)
from quanyu.web.following.news import Asked, News, news, note_use, written
from quanyu.web.node import Node

_log = structlog.get_logger(__name__)
_BATCH = 200
_AT_ONCE = 4
_SECONDS = 5.0
_TIMEOUT = 8.0
_QUOTA = timedelta(minutes=1)


def webhooks_wanted(node: Node) -> bool:
    """Whether any webhook is due; writes nothing."""
    newest = node.observations.newest()
    with node.control.read() as session:
        return bool(due_webhooks(session, newest, 1))


def tell_webhooks(node: Node) -> int:
    """Tell every webhook that is due what it has not heard; how many were told something."""
    newest = node.observations.newest()
    with node.control.read() as session:
        due = due_webhooks(session, newest, _BATCH)
    if not due:
        return 0
    key = node_secret(node.settings.dir / "keys")
    until = monotonic() + _SECONDS
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="stream-webhook") as pool:
        return sum(pool.map(partial(_follow, node, newest, key, until), due))


def secret_of(one: Subscription, key: bytes) -> str:
    """The secret that signs what is sent to a subscription."""
    return webhook_secret(derived(key, f"subscription {one.id} {one.salt}"))


def _follow(node: Node, newest: int, key: bytes, until: float, one: Subscription) -> bool:
    asked = Asked(one.slug, one.datastream, one.agreement, one.purpose)
    cursor, told_any = one.cursor, False
    while cursor < newest and monotonic() < until:
        try:
            told = news(node, _caller(node, one), asked, cursor, base=node.settings.base_url)
            body = _body(one, told)
            note_use(node, told, asked, body)
        except TooMany as error:
            _put_off(node, one, _QUOTA, 0, str(error))
            return told_any
        except (Refused, NotFound, Unauthenticated, Invalid) as error:
            _log.info("stream_webhook.ended", subscription=one.id, why=str(error))
            with node.control.begin() as session:
                end_subscription(session, one.id, str(error))
            return told_any
        if told.observations and not _send(node, one, key, told, body):
            return told_any
        told_any = told_any or bool(told.observations)
        cursor = told.to
        with node.control.begin() as session:
            heard(session, one.id, cursor, told=bool(told.observations))
    return told_any


def _caller(node: Node, one: Subscription) -> Caller:
    if one.member is None:
        raise NotFound("whoever subscribed is not known")
    with node.control.read() as session:
        return caller_of(session, one.member)


def _body(one: Subscription, told: News) -> bytes:
    return written(
        {
            "type": "observations",
            "timestamp": iso(now()),
            "data": {"subscription": one.id, "stream": one.slug, **told.document},
        }
    )


def _send(node: Node, one: Subscription, key: bytes, told: News, body: bytes) -> bool:
    """Whether the receiver took it; the same news has the same id each time."""
    name = f"{one.id}.{told.after}.{told.to}"
    headers = signed(secret_of(one, key), name, int(now().timestamp()), body)
    out = Outbound(node.settings.allow_private_urls, max_bytes=1 << 16, timeout=_TIMEOUT)
    status, problem = None, "status"
    try:
        answered = ask(one.address, out, method="POST", headers=headers, content=body)
    except QuanyuError as error:
        problem = error.type
    else:
        status = answered.status
        if 200 <= status < 300:
            return True
    attempts = one.attempts + 1
    wait = WAITS[min(attempts, len(WAITS)) - 1] if attempts <= len(WAITS) else None
    _log.info("stream_webhook.failed", subscription=one.id, status=status, problem=problem)
    _put_off(node, one, wait, attempts, problem, status=status)
    return False


def _put_off(
    node: Node,
    one: Subscription,
    wait: timedelta | None,
    attempts: int,
    problem: str,
    *,
    status: int | None = None,
) -> None:
    with node.control.begin() as session:
        put_off(
            session,
            one.id,
            until=None if wait is None else now() + wait,
            attempts=attempts,
            problem=problem,
            status=status,
        )
