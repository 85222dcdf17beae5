"""Sign-in by the OpenID provider of the node's settings: out to it and back."""

from functools import lru_cache

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from quanyu.kernel import NotFound, QuanyuError
from quanyu.parties import (
    Client,
    Proved,
    Provider,
    UnknownSubject,
    begin_oidc,
    bind_oidc,
    client_of,
    finish_oidc,
    open_invitation,
    rules_of,
    sign_in_oidc,
)
from quanyu.web import auth
from quanyu.web.node import Node
from quanyu.web.portal.account_pages import oidc_name
from quanyu.web.portal.visit import TheNode, Visitor, go, problem_of, safe_path, show, writing
from quanyu.web.who import address_of, put_session

router = APIRouter(include_in_schema=False)
_COOKIE = "quanyu_oidc"
_PATH = "/sign-in/oidc"
_SECONDS = 600


@router.get("/sign-in/oidc")
async def begin(
    request: Request,
    node: TheNode,
    caller: Visitor,
    *,
    back: str = "/",
    code: str = "",
    bind: str = "",
) -> Response:
    """Off to the provider; with ``code`` to take up an invitation, with ``bind`` for an account."""
    client = _client(node)
    address = address_of(request)
    invitation = None
    if code:
        found = await run_in_threadpool(open_invitation, node.control, code, address)
        invitation = found.id
    begun = await run_in_threadpool(
        begin_oidc,
        node.control,
        provider_of(client.issuer),
        client,
        address=address,
        back=safe_path(back),
        invitation=invitation,
        member=caller.member if bind == "1" else None,
    )
    answer = RedirectResponse(begun.url, 303)
    answer.set_cookie(
        _COOKIE,
        begun.browser,
        max_age=_SECONDS,
        path=_PATH,
        secure=node.settings.base_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.get("/sign-in/oidc/callback")
async def finish(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Back from the provider: a session, or what is in the way."""
    client = _client(node)
    said = dict(request.query_params)
    try:
        proved = await run_in_threadpool(
            finish_oidc,
            node.control,
            provider_of(client.issuer),
            client,
            said,
            browser=request.cookies.get(_COOKIE, ""),
            address=address_of(request),
        )
        if proved.member is not None:
            await writing(node, lambda s: bind_oidc(s, caller, proved))
            answer = go("/account?done=account")
        else:
            answer = await _enter(request, node, proved)
    except QuanyuError as error:
        answer = _stopped(request, node, error)
    answer.delete_cookie(_COOKIE, path=_PATH)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


async def _enter(request: Request, node: Node, proved: Proved) -> Response:
    rules = rules_of(node.settings) if node.settings.oidc_auto_provision else ()
    _, secret = await run_in_threadpool(
        sign_in_oidc,
        node.control,
        proved,
        address=address_of(request),
        agent=request.headers.get("user-agent", ""),
        hours=node.settings.session_hours,
        rules=rules,
    )
    await auth.sign_out(request)
    answer = go(safe_path(proved.back))
    put_session(answer, request, secret)
    return answer


def _stopped(request: Request, node: Node, error: QuanyuError) -> Response:
    context = {
        "problem": problem_of(request, error),
        "unknown": isinstance(error, UnknownSubject),
        "oidc_name": oidc_name(request, node),
    }
    return show(request, "sign_in_stopped.html", context, status=error.status)


def end_at_provider(settings_issuer: str | None, node: Node) -> str | None:
    """Where to sign out at the provider too (OpenID Connect RP-Initiated Logout 1.0)."""
    client = client_of(node.settings)
    if client is None or settings_issuer != client.issuer:
        return None
    from authlib.common.urls import add_params_to_uri

    endpoint = provider_of(client.issuer).metadata().get("end_session_endpoint")
    if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
        return None
    said = [
        ("client_id", client.client_id),
        ("post_logout_redirect_uri", f"{node.settings.base_url}/signed-out"),
    ]
    return str(add_params_to_uri(endpoint, said))


@lru_cache(maxsize=4)
def provider_of(issuer: str) -> Provider:
    """What this process knows of a provider."""
    return Provider(issuer)


def _client(node: Node) -> Client:
    client = client_of(node.settings)
    if client is None:
        raise NotFound("this node has no OpenID provider", mend="sign in with your password")
    return client
