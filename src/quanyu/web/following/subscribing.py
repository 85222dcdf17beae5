"""Webhooks on a stream made and changed, for the interface and the portal alike."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from quanyu.agreements import Ask
from quanyu.catalogue import Kind, resource
from quanyu.kernel import Invalid, NotFound, Refused
from quanyu.parties import Caller, check_webhook_url, node_secret
from quanyu.streams import (
    Subscription,
    SubscriptionDraft,
    Way,
    datastream_numbers,
    subscribe,
    subscription,
)
from quanyu.web.following.news import FACE, Asked
from quanyu.web.following.webhooks import secret_of
from quanyu.web.node import Node

Changed = TypeVar("Changed")


def begin_webhook(
    node: Node, caller: Caller, slug: str, sent: dict[str, Any]
) -> tuple[Subscription, str]:
    """A webhook on a stream, and the secret that signs what it is told.

    ``sent`` has ``url`` and perhaps ``datastream``, ``after``, ``agreement``, ``purpose``. Raises
    as :func:`allowed` does, and :class:`Invalid` for an address that may not be called.
    """
    url = sent.get("url")
    check_webhook_url(url, allow_private=node.settings.allow_private_urls)
    asked = Asked(slug, None, _optional(sent, "agreement"), _optional(sent, "purpose"))
    number = allowed(node, caller, asked, sent.get("datastream"))
    newest = node.observations.newest()
    if caller.party is None or caller.member is None:
        raise Refused("only a member of a party can subscribe", rule="identity.required")
    draft = SubscriptionDraft(
        way=Way.WEBHOOK,
        party=caller.party,
        member=caller.member,
        slug=slug,
        address=str(url),
        cursor=newest if sent.get("after") is None else number_of(sent["after"], newest),
        agreement=asked.agreement or caller.agreement,
        purpose=asked.purpose,
        datastream=number,
    )
    with node.control.begin() as session:
        made = subscribe(session, draft)
    return made, secret_of(made, node_secret(node.settings.dir / "keys"))


def change_webhook(
    node: Node,
    caller: Caller,
    slug: str,
    identifier: str,
    change: Callable[[Session, str], Changed],
) -> Changed:
    """Change a webhook of the caller's party; raises :class:`NotFound` for those of others."""
    with node.control.begin() as session:
        _own(caller, slug, subscription(session, identifier))
        return change(session, identifier)


def allowed(node: Node, caller: Caller, asked: Asked, said: Any) -> int | None:
    """The number of the datastream that is asked for, once the gate has let the caller in.

    Raises what the gate says, and :class:`NotFound` for what is no stream or no datastream of it.
    """
    grant = node.gate.decide(caller, asked.slug, Ask(FACE, "read", asked.purpose, asked.agreement))
    with node.control.read() as session:
        found = resource(session, asked.slug, visible_to=caller)
        if found.kind is not Kind.STREAM:
            raise NotFound("there is no stream {slug}", slug=asked.slug)
        if said is None:
            return None
        number = datastream_numbers(session, found.id, [str(said)]).get(str(said))
    if number is None or number not in node.streams.visible_datastreams(
        grant.resource, grant.restriction, [number]
    ):
        raise NotFound("there is no datastream {id}", id=str(said)[:80])
    return number


def _own(caller: Caller, slug: str, one: Subscription) -> None:
    if one.party != caller.party or one.slug != slug:
        raise NotFound("there is no subscription {id}", id=one.id)


def number_of(said: Any, newest: int) -> int:
    """The number of an observation after which to begin; raises :class:`Invalid`."""
    try:
        number = int(said)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= newest:
        raise Invalid(
            "this is no number of an observation that was given out",
            field="after",
            mend="give the id of the last event that you had",
        )
    return number


def _optional(sent: dict[str, Any], name: str) -> str | None:
    value = sent.get(name)
    if value is not None and not isinstance(value, str):
        raise Invalid("{name} is text", field=name, name=name)
    return value
