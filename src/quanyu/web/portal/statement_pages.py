"""Statements, invoices and credit notes of the visitor's party, and its balances."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.catalogue import resource
from quanyu.kernel import NotFound, PartyId, Unavailable
from quanyu.market import (
    STATEMENT,
    Document,
    Method,
    balances,
    charge_rows,
    document,
    documents,
    movements,
    statement_file,
)
from quanyu.parties import Caller, party
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.portal.price_words import ACCOUNTS, DOCUMENTS, METHODS, MOVEMENTS, part_name
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    filter_of,
    link_to,
    local,
    reading,
    say,
    show,
)

router = APIRouter(include_in_schema=False)


@router.get("/statements")
async def statements(
    request: Request, node: TheNode, caller: Member, after: str | None = None
) -> Response:
    """What was issued to the party, how its accounts stand, and what moved on them."""
    kind = filter_of(request, "kind", DOCUMENTS) or None

    def read(session: Session) -> dict[str, Any]:
        page, following = documents(session, caller, kind=kind, after=after)
        names = {one.party: party(session, PartyId(one.party)).name for one in page}
        return {
            "rows": [
                _row(request, one) | {"party": local(request, names[one.party])} for one in page
            ],
            "next": following,
            "balances": balances(session, str(caller.party)),
            "movements": [
                {
                    "at": one.at,
                    "account": one.account,
                    "code": one.code,
                    "amount": one.amount,
                    "pending": one.pending,
                }
                for one in movements(session, str(caller.party), 50)
            ],
        }

    found = await reading(node, read)
    context = found | {
        "kind": kind or "",
        "kinds": {name: say(request, text) for name, text in DOCUMENTS.items()},
        "accounts": {name: say(request, text) for name, text in ACCOUNTS.items()},
        "codes": {name: say(request, text) for name, text in MOVEMENTS.items()},
        "next_href": link_to(request, after=found["next"]) if found["next"] else "",
    }
    return show(request, "statements.html", context, twin=found)


@router.get("/statements/{code}")
async def statement(request: Request, node: TheNode, caller: Member, code: str) -> Response:
    """One document, line by line."""

    def read(session: Session) -> dict[str, Any]:
        of = document(session, caller, code)
        owner = party(session, PartyId(of.party))
        return {
            "document": of,
            "owner": owner,
            "lines": [_line(session, request, caller, one) for one in of.body.get("lines", [])],
        }

    found = await reading(node, read)
    of: Document = found["document"]
    context = found | {
        "kind_name": say(request, DOCUMENTS[of.kind]),
        "accounts": {name: say(request, text) for name, text in ACCOUNTS.items()},
        "file_href": f"/statements/{of.code}/file" if of.kind == STATEMENT else "",
        "key_command": f"quanyu verify {of.code}.json --key node.key",
    }
    return show(request, "statement.html", context, twin=of.body)


@router.get("/statements/{code}/file")
async def statement_evidence(node: TheNode, caller: Member, code: str) -> Response:
    """A statement with all its evidence: what ``quanyu verify`` reads."""

    def read() -> tuple[Document, bytes | None]:
        with node.control.read() as session:
            of = document(session, caller, code)
            if of.kind != STATEMENT:
                raise NotFound("there is no statement {id}", id=code[:80])
            return of, statement_file(session, node.log, of)

    of, made = await run_in_threadpool(read)
    if made is None:
        raise Unavailable("the log has not taken all of it in yet", mend="try again soon")
    headers = {
        "content-disposition": f'attachment; filename="{of.code}.json"',
        "cache-control": "private, no-cache",
    }
    return Response(made, headers=headers, media_type=MEDIA_TYPES["json"])


def _row(request: Request, one: Document) -> dict[str, Any]:
    return {
        "code": one.code,
        "kind": one.kind,
        "kind_name": say(request, DOCUMENTS[one.kind]),
        "period": one.period,
        "amount": one.amount,
        "open": one.amount - one.paid if one.kind == "invoice" else None,
        "at": one.at,
    }


def _line(
    session: Session, request: Request, caller: Caller, line: dict[str, Any]
) -> dict[str, Any]:
    """A line as people read it; names are filled in where the reader may know them."""
    title, slug = line["resource"], ""
    try:
        of = resource(session, line["resource"], visible_to=caller)
        title, slug = local(request, of.title), of.slug
    except NotFound:
        title = say(request, "a resource that is not public")
    shared = line.get("shares", [])
    found = line["charges"] if "charges" in line else charge_rows(line)
    largest = max((one["amount"] for one in shared), default=0)
    method = line.get("sharing", {}).get("method")
    return line | {
        "title": title,
        "slug": slug,
        "charges": [one | {"name": say(request, part_name(one["what"]))} for one in found],
        "method": say(request, METHODS[Method(method)]) if method else "",
        "shares": [
            one
            | {
                "name": local(request, party(session, PartyId(one["party"])).name)
                if one["party"]
                else say(request, "another holder"),
                "width": round(100 * one["amount"] / largest, 2) if largest else 0,
            }
            for one in shared
        ],
    }
