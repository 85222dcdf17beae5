"""The market's desk: what the bank did, written down by the node's steward; credit notes.

Each form is shown back first, and books only what was confirmed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from quanyu.kernel import Invalid, PartyId, QuanyuError, Refused
from quanyu.market import (
    INVOICE,
    balances,
    begin_payout,
    booked,
    credit_line,
    credited,
    deposit,
    document,
    documents,
    end_payout,
    from_yuan,
    pay_invoice,
    pending_payouts,
)
from quanyu.parties import Caller, Role, parties, party
from quanyu.web.node import Node
from quanyu.web.portal.price_words import ACCOUNTS, MOVEMENTS
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    go,
    local,
    reading,
    say,
    show,
    trying,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_DIGITS = 16
_FIELDS = ("party", "invoice", "amount", "reference", "outcome")
_Book = Callable[[Session, Caller, Mapping[str, str]], object]
BOOKED: dict[str, str] = {
    "deposit": "Deposit in advance",
    "payment": "Payment of an invoice",
    "payout": "Payout that the bank was told of",
    "payout-end": "What became of a payout",
}
"""What is written down, by the step that forms send."""
_BOOKS: dict[str, _Book] = {
    "deposit": lambda s, c, said: deposit(
        s, c, said["party"], from_yuan(said["amount"], "amount"), said["reference"]
    ),
    "payment": lambda s, c, said: pay_invoice(
        s, c, said["invoice"], from_yuan(said["amount"], "amount"), said["reference"]
    ),
    "payout": lambda s, c, said: begin_payout(
        s, c, said["party"], from_yuan(said["amount"], "amount"), said["reference"]
    ),
    "payout-end": lambda s, c, said: end_payout(
        s, c, said["reference"], paid=said["outcome"] == "paid"
    ),
}


@router.get("/payments")
async def payments(request: Request, node: TheNode, caller: Member) -> Response:
    """Open invoices, what the parties hold, and the forms."""
    return await _page(request, node, caller)


@router.post("/payments")
async def book(request: Request, node: TheNode, caller: Member) -> Response:
    """Show back what would be booked; book it once that is confirmed."""
    await check_csrf_of(request)
    form = await request.form()
    kind, said = str(form.get("kind", "")), _said(form)

    def write(session: Session) -> object:
        return _book(kind)(session, caller, said)

    try:
        if form.get("step") == "book":
            await writing(node, write)
            return go("/payments")
        await trying(node, write)  # what is shown back would be taken
    except QuanyuError as error:
        return await _page(request, node, caller, said=said | {"kind": kind}, error=error)
    return await _page(request, node, caller, said=said | {"kind": kind}, confirm=True)


@router.get("/statements/{code}/credit")
async def credit_page(
    request: Request, node: TheNode, caller: Member, code: str, line: str = ""
) -> Response:
    """The form of a credit note on one line."""
    return await _credit_page(request, node, caller, code, {"line": line})


@router.post("/statements/{code}/credit")
async def credit(request: Request, node: TheNode, caller: Member, code: str) -> Response:
    """Show a credit note back; issue it once that is confirmed."""
    await check_csrf_of(request)
    form = await request.form()
    said = {name: str(form.get(name, "")) for name in ("line", "amount", "reason")}
    booking = form.get("step") == "book"

    def write(session: Session) -> str:
        amount = from_yuan(said["amount"], "amount")
        before = _before(form) if booking else None
        note = credit_line(session, caller, said["line"], amount, said["reason"], before=before)
        return note.code

    try:
        if booking:
            await writing(node, write)
            return go(f"/statements/{code}")
        await trying(node, write)
    except QuanyuError as error:
        return await _credit_page(request, node, caller, code, said, error=error)
    return await _credit_page(request, node, caller, code, said, confirm=True)


def _before(form: FormData) -> int:
    """What had been credited when the note was shown back: so it is issued once."""
    text = str(form.get("credited", ""))
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise Invalid(
            "a credit note is looked at before it is issued",
            field="credited",
            mend="use the buttons of the page",
        )
    return int(text)


def _said(form: FormData) -> dict[str, str]:
    return {name: str(form.get(name, "")).strip() for name in _FIELDS}


def _book(kind: str) -> _Book:
    found = _BOOKS.get(kind)
    if found is None:
        raise Invalid("there is no such step", field="kind", mend="use the buttons of the page")
    return found


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    *,
    said: Mapping[str, str] | None = None,
    confirm: bool = False,
    error: QuanyuError | None = None,
) -> Response:
    if not (caller.runs_node and caller.may(Role.STEWARD)):
        raise Refused(
            "only a steward of the node writes down what the bank did",
            mend="ask the node's steward",
            rule="market.node",
        )

    def read(session: Session) -> dict[str, Any]:
        names = {one.id: local(request, one.name) for one in parties(session)}
        held = {name: balances(session, name) for name in names}
        # The node's steward reads everybody's invoices.
        issued, _ = documents(session, caller, kind=INVOICE, limit=200)
        return {
            "parties": list(names.items()),
            "open": [
                {
                    "code": one.code,
                    "party": names[PartyId(one.party)],
                    "period": one.period,
                    "open": one.amount - one.paid,
                    "at": one.at,
                }
                for one in issued
                if one.amount > one.paid
            ],
            "balances": [
                {"party": names[PartyId(name)], **row}
                for name, row in held.items()
                if any(row.values())
            ],
            "payouts": [
                {
                    "party": names.get(PartyId(one.subject), one.subject),
                    "amount": -one.amount,
                    "at": one.at,
                }
                for one in pending_payouts(session)
            ],
            "moved": [
                {
                    "at": one.at,
                    "name": say(request, MOVEMENTS.get(one.code, one.code)),
                    "amount": one.amount,
                    "pending": one.pending,
                }
                for one in booked(session)
            ],
        }

    found = await reading(node, read)
    context = found | {
        "json_href": "/payments?f=json",
        "said": said or {},
        "confirm": confirm,
        "kinds": {name: say(request, text) for name, text in BOOKED.items()},
        "accounts": {name: say(request, text) for name, text in ACCOUNTS.items()},
        "names": dict(found["parties"]),
    }
    twin = {name: found[name] for name in ("open", "balances", "payouts", "moved")}
    shown = twin if not (confirm or error) else None
    return show(request, "payments.html", context, twin=shown, error=error)


async def _credit_page(
    request: Request,
    node: Node,
    caller: Caller,
    code: str,
    said: Mapping[str, str],
    *,
    confirm: bool = False,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        of = document(session, caller, code)
        line = next((one for one in of.body.get("lines", ()) if one["line"] == said["line"]), None)
        if line is None:
            raise Invalid("there is no line {id}", field="line", id=said["line"][:40])
        return {
            "document": of,
            "owner": party(session, PartyId(of.party)),
            "line": line,
            "credited": credited(session, line["line"]),
        }

    context = await reading(node, read) | {
        "said": said,
        "confirm": confirm,
    }
    return show(request, "credit.html", context, error=error)
