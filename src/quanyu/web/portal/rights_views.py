"""What pages show of rights: a line for each, what differs, terms as days of the city."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from quanyu.catalogue import ORIGINS, RIGHT_KINDS, Beneath, Held, Right
from quanyu.kernel import day_in_zone
from quanyu.parties import party
from quanyu.web.node import Node
from quanyu.web.portal.visit import local


def right_row(session: Session, request: Request, node: Node, right: Right) -> dict[str, Any]:
    """One right in words, and the JSON of it."""
    zone = node.settings.time_zone
    since, until = right.term
    row: dict[str, Any] = {
        "kind": right.kind.value,
        "kind_name": local(request, RIGHT_KINDS[right.kind].name),
        "holder": right.holder,
        "holder_name": local(request, party(session, right.holder).name),
        "origin": right.origin.value,
        "origin_name": local(request, ORIGINS[right.origin].name),
        "basis": right.basis,
        "scope": local(request, right.scope),
        "from": None if since is None else day_in_zone(since, zone),
        "until": last_day(until, zone),
        "term": right.term,
        "conditions": right.conditions,
        "proofs": right.proofs,
    }
    if isinstance(right, Held):
        row |= {
            "id": right.id,
            "registered": right.registered,
            "application": right.application,
            "operation": right.operation,
            "entered_at": right.entered_at,
            "ended_at": right.ended_at,
        }
    return row


def right_rows(
    session: Session, request: Request, node: Node, rights: Iterable[Right]
) -> list[dict[str, Any]]:
    """Rights in words."""
    return [right_row(session, request, node, right) for right in rights]


def beneath_rows(
    session: Session, request: Request, node: Node, beneath: Sequence[Beneath]
) -> list[dict[str, Any]]:
    """Sources with the rights on them."""
    return [
        {
            "resource": one.resource,
            "slug": one.slug,
            "title": local(request, one.title),
            "depth": one.depth,
            "rights": right_rows(session, request, node, one.rights),
        }
        for one in beneath
    ]


def rights_change(
    session: Session,
    request: Request,
    node: Node,
    before: Sequence[Right],
    after: Sequence[Right],
) -> list[dict[str, Any]]:
    """What an application asks for, right by right: ``same``, ``new`` or ``gone``."""
    rows = [
        right_row(session, request, node, right) | {"change": "same" if right in before else "new"}
        for right in after
    ]
    gone = [right for right in before if right not in after]
    return rows + [right_row(session, request, node, one) | {"change": "gone"} for one in gone]


def last_day(until: datetime | None, zone: str) -> date | None:
    """The last day of a term: it ends with a midnight, and people count by the day."""
    return None if until is None else day_in_zone(until - timedelta(microseconds=1), zone)
