"""The acts of administration, for auditors and stewards: filters, a page, a CSV."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from quanyu.kernel import Invalid, in_zone, iso
from quanyu.parties import (
    ACTS,
    Act,
    ActFilter,
    Role,
    acts,
    all_acts,
    members,
    parties,
)
from quanyu.web.node import Node
from quanyu.web.portal.people import KINDS, ROLES
from quanyu.web.portal.tokens import SCOPES
from quanyu.web.portal.visit import Member, TheNode, filter_of, link_to, local, reading, say, show

router = APIRouter(include_in_schema=False)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
WORDS: dict[str, str] = {
    **{kind.value: name for kind, name in KINDS.items()},
    **{scope.value: name for scope, name in SCOPES.items()},
}
"""Values of details that have a name."""

FIELDS: dict[str, str] = {
    "before": "Before",
    "after": "After",
    "roles": "Roles",
    "member": "Member",
    "from": "From day",
    "to": "To",
    "until": "Until",
    "expires": "Expires",
    "scopes": "Scopes",
    "agreement": "Agreement",
    "topics": "Topics",
    "kind": "Kind",
}
_COLUMNS = (
    "id", "at", "kind", "actor", "actor_party", "on_behalf_of", "token", "party", "subject",
    "origin", "details", "sound", "position",
)  # fmt: skip


@router.get("/audit")
async def audit_page(request: Request, node: TheNode, caller: Member) -> Response:
    """Who did what to whom, when and from where."""
    wanted = _filter(request, node)

    def read(session: Session) -> dict[str, Any]:
        page = acts(session, caller, wanted)
        known = (
            parties(session)
            if caller.runs_node
            else [one for one in parties(session) if one.id == caller.party]
        )
        people = {m.id: m.name for one in known for m in members(session, one.id)}
        return {"page": page, "parties": known, "people": people}

    said = await reading(node, read)
    page = said["page"]
    context = {
        "acts": page.acts,
        "details": {
            one.id: _said(request, one, said["people"], node.settings.time_zone)
            for one in page.acts
        },
        "kinds": ACTS,
        "wanted": wanted,
        "since": request.query_params.get("since", ""),
        "until": request.query_params.get("until", ""),
        "people": said["people"],
        "parties": said["parties"],
        "party_names": {one.id: local(request, one.name) for one in said["parties"]},
        "next_href": link_to(request, after=page.after) if page.after else None,
        "csv_href": "/audit.csv" + link_to(request, after=None, f=None).removeprefix("/audit"),
    }
    twin = {"acts": [_row(one) for one in page.acts], "next": context["next_href"]}
    return show(request, "audit.html", context, twin=twin)


@router.get("/audit.csv")
async def audit_csv(request: Request, node: TheNode, caller: Member) -> Response:
    """The same acts, all of them, as CSV (RFC 4180, UTF-8 with a mark so that sheets read it)."""
    wanted = _filter(request, node)
    await reading(node, lambda s: acts(s, caller, ActFilter(limit=1)))  # refuse before beginning

    def lines() -> Iterator[bytes]:
        yield b"\xef\xbb\xbf" + _line(_COLUMNS)
        with node.control.read() as session:
            for one in all_acts(session, caller, wanted):
                row = _row(one)
                yield _line([_cell(row[name]) for name in _COLUMNS])

    headers = {
        "content-disposition": 'attachment; filename="audit.csv"',
        "cache-control": "no-store",
    }
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def _said(
    request: Request, one: Act, people: Mapping[str, str], zone: str
) -> list[tuple[str, str]]:
    """An act's details in words: names for ids and roles, times for instants, nothing for empty."""

    def word(value: object) -> str:
        text = str(value)
        if text in set(Role):
            return say(request, ROLES[Role(text)])
        if text in WORDS:
            return say(request, WORDS[text])
        return people.get(text) or (
            in_zone(datetime.fromisoformat(text), zone) if _INSTANT.fullmatch(text) else text
        )

    rows = []
    for key, value in one.details.items():
        parts = value if isinstance(value, list) else [value]
        text = ", ".join(word(part) for part in parts if part != "")
        if text or value == []:
            rows.append((say(request, FIELDS[key]) if key in FIELDS else key, text or "—"))
    return rows


def _filter(request: Request, node: Node) -> ActFilter:
    said = request.query_params
    zone = ZoneInfo(node.settings.time_zone)
    since, until = (_day(said.get(name, ""), name) for name in ("since", "until"))
    return ActFilter(
        kind=filter_of(request, "kind", ACTS),
        actor=said.get("actor", ""),
        party=said.get("party", ""),
        subject=said.get("subject", ""),
        since=datetime.combine(since, time.min, zone) if since else None,
        until=datetime.combine(until + timedelta(days=1), time.min, zone) if until else None,
        after=said.get("after", ""),
    )


def _day(text: str, field: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - a day, no instant
    except ValueError as error:
        raise Invalid("this is no day", field=field, mend="write it like 2026-10-01") from error


def _row(one: Act) -> dict[str, Any]:
    return {
        "id": one.id,
        "at": iso(one.at),
        "kind": one.kind,
        "actor": one.actor,
        "actor_party": one.actor_party,
        "on_behalf_of": list(one.on_behalf_of),
        "token": one.token,
        "party": one.party,
        "subject": one.subject,
        "origin": one.origin,
        "details": dict(one.details),
        "sound": one.sound,
        "position": one.position,
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return "; ".join(f"{k}={_cell(v)}" for k, v in value.items())
    if isinstance(value, list):
        return " ".join(map(_cell, value))
    text = str(value)
    # A spreadsheet would take such a text for a formula.
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _line(cells: object) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)  # type: ignore[arg-type]
    return text.getvalue().encode()
