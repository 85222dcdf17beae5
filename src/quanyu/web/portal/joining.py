"""Taking up an invitation: a new account, or a new way into one that there is.

The link's secret stands in the query, which no log line of this node holds, and never in the path.
"""

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.kernel import Invalid, LocalText, QuanyuError
from quanyu.parties import Invitation, Member, accept_invitation, open_invitation, party
from quanyu.parties import member as member_of
from quanyu.web import auth
from quanyu.web.node import Node
from quanyu.web.portal.account_pages import oidc_name
from quanyu.web.portal.people import ROLES
from quanyu.web.portal.visit import TheNode, Visitor, go, reading, say, show
from quanyu.web.who import address_of, check_csrf_of, put_session

router = APIRouter(include_in_schema=False)


@router.get("/join")
async def join_page(request: Request, node: TheNode, _caller: Visitor, code: str = "") -> Response:
    """What the invitation is, and the form to take it up."""
    return await _page(request, node, code)


@router.post("/join")
async def join(request: Request, node: TheNode, _caller: Visitor) -> Response:
    """The account is opened, and its member signed in."""
    await check_csrf_of(request)
    form = await request.form()
    code, chosen = str(form.get("code", "")), str(form.get("password", ""))
    login = str(form.get("login", ""))
    try:
        if chosen != str(form.get("again", "")):
            raise Invalid(
                "the two passwords are not the same", field="again", mend="write it twice alike"
            )
        made = await run_in_threadpool(
            accept_invitation,
            node.control,
            code,
            login=login,
            name=str(form.get("name", "")),
            password=chosen,
            address=address_of(request),
        )
    except QuanyuError as error:
        return await _page(request, node, code, login=login, error=error)
    _, secret = await auth.sign_in(request, made.login, chosen)
    await auth.sign_out(request)
    answer = go("/account")
    put_session(answer, request, secret)
    return answer


async def _page(
    request: Request, node: Node, code: str, *, login: str = "", error: QuanyuError | None = None
) -> Response:
    found = await run_in_threadpool(open_invitation, node.control, code, address_of(request))
    name, account = await reading(node, lambda s: _about(s, found))
    context = {
        "invitation": found,
        "party_name": name,
        "account": account,
        "code": code,
        "login": login or found.email,
        "role_names": {role: say(request, text) for role, text in ROLES.items()},
        "oidc": node.settings.oidc_issuer,
        "oidc_name": oidc_name(request, node),
    }
    answer = show(request, "join.html", context, error=error)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _about(session: Session, found: Invitation) -> tuple[LocalText, Member | None]:
    account = member_of(session, found.member) if found.member else None
    return party(session, found.party).name, account
