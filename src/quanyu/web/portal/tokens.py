"""My tokens: issue (the secret is shown once), list, revoke."""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.kernel import AgreementId, Invalid, QuanyuError, TokenId, now
from quanyu.parties import Caller, Scope
from quanyu.web import auth
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.identities import identities
from quanyu.web.portal.visit import Member, TheNode, go, reading, say, show
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
SCOPES: dict[Scope, str] = {
    Scope.READ: "read data",
    Scope.WRITE: "publish, request and approve",
    Scope.OBSERVE: "write observations, for devices",
    Scope.ADMIN: "administer",
}


@router.get("/tokens")
async def tokens_page(request: Request, node: TheNode, caller: Member) -> Response:
    """The caller's tokens and the form for a new one."""
    return await _page(request, node, caller)


@router.post("/tokens")
async def issue(request: Request, node: TheNode, caller: Member) -> Response:
    """A new token; this answer alone shows its secret."""
    await check_csrf_of(request)
    form = await request.form()
    try:
        token, secret = await auth.new_token(
            request,
            caller,
            name=str(form.get("name", "")),
            scopes=frozenset(_scope(str(value)) for value in form.getlist("scopes")),
            expires_at=now() + timedelta(days=_days(str(form.get("days", "")))),
            agreement=AgreementId(str(form["agreement"])) if form.get("agreement") else None,
        )
    except QuanyuError as error:
        return await _page(request, node, caller, error=error)
    answer = await _page(request, node, caller, issued={"token": token, "secret": secret})
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/tokens/{token_id}/revoke")
async def revoke(request: Request, caller: Member, token_id: str) -> Response:
    """Worthless within a second, on every worker."""
    await check_csrf_of(request)
    await auth.end_token(request, caller, TokenId(token_id))
    return go("/tokens")


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    *,
    issued: dict[str, object] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    language = language_of(request)
    mine = {one.agreement: one for one in await reading(node, lambda s: identities(s, caller))}
    context = {
        "tokens": await auth.list_tokens(request, caller),
        "issued": issued,
        "scopes": [scope for scope in Scope if scope in caller.scopes],
        "scope_names": {scope: say(request, text) for scope, text in SCOPES.items()},
        "agreements": [{"id": i, "name": one.name(language)} for i, one in mine.items()],
        "agreement_names": {i: one.name(language) for i, one in mine.items()},
        "now": now(),
    }
    return show(request, "tokens.html", context, error=error)


def _scope(text: str) -> Scope:
    try:
        return Scope(text)
    except ValueError as error:
        raise Invalid(
            "there is no scope {scope}",
            field="scopes",
            mend="choose among those shown",
            scope=text[:40],
        ) from error


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 366:
        raise Invalid("a token lasts 1 to 366 days", field="days", mend="give a whole number")
    return int(text)
