"""Signing in and out, and how a visitor likes its pages."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.kernel import LocalText, QuanyuError
from quanyu.parties import issuer_of
from quanyu.web import auth
from quanyu.web.node import Node
from quanyu.web.pages import COLOURS, TEXTS, keep
from quanyu.web.portal.account_pages import oidc_name
from quanyu.web.portal.single_sign_on import end_at_provider
from quanyu.web.portal.visit import TheNode, Visitor, go, reading, safe_path, show
from quanyu.web.who import check_csrf_of, drop_session, put_session, session_of

router = APIRouter(include_in_schema=False)
_EXAMPLES = "demo.json"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""What ``quanyu demo`` leaves in the node's folder about its example accounts."""


@router.get("/sign-in")
def sign_in_page(request: Request, node: TheNode, _caller: Visitor, back: str = "/") -> Response:
    """The form; a demo offers its example accounts."""
    return _form(request, node, back)


@router.post("/sign-in")
async def sign_in(request: Request, node: TheNode, _caller: Visitor) -> Response:
    """A session, and back to where the visitor came from."""
    await check_csrf_of(request)
    form = await request.form()
    login, back = str(form.get("login", "")), str(form.get("back", "/"))
    try:
        _, secret = await auth.sign_in(request, login, str(form.get("password", "")))
    except QuanyuError as error:
        return _form(request, node, back, login=login, error=error)
    await auth.sign_out(request)
    answer = go(safe_path(back))
    put_session(answer, request, secret)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, node: TheNode) -> Response:
    """The session ends; the browser forgets it."""
    await check_csrf_of(request)
    secret = session_of(request)
    issuer = await reading(node, lambda s: issuer_of(s, secret)) if secret else None
    await auth.sign_out(request)
    answer = go("/signed-out" if issuer else "/")
    drop_session(answer, request)
    return answer


@router.get("/signed-out")
async def signed_out(request: Request, node: TheNode, _caller: Visitor) -> Response:
    """Signed out here; a link to sign out at the OpenID provider too."""
    try:
        there = await run_in_threadpool(end_at_provider, node.settings.oidc_issuer, node)
    except QuanyuError:
        there = None  # a provider that is away is no reason not to be signed out here
    return show(request, "signed_out.html", {"there": there, "oidc_name": oidc_name(request, node)})


@router.get("/preferences")
def preferences(back: str = "/", text: str = "", theme: str = "") -> Response:
    """Text size and colours, kept in cookies, so that they work without scripts."""
    answer = go(safe_path(back))
    for name, value, allowed in (("text", text, TEXTS), ("theme", theme, COLOURS)):
        if value in allowed:
            keep(answer, f"quanyu_{name}", value)
    return answer


def _form(
    request: Request, node: Node, back: str, *, login: str = "", error: QuanyuError | None = None
) -> Response:
    context = {
        "back": safe_path(back),
        "login": login,
        "examples": _examples(node),
        "oidc": node.settings.oidc_issuer,
        "oidc_name": oidc_name(request, node),
    }
    return show(request, "sign_in.html", context, error=error)


def _examples(node: Node) -> list[dict[str, Any]]:
    """Accounts that a demo offers with one click; never to another machine's browser."""
    path = node.settings.dir / _EXAMPLES
    if node.settings.host not in _LOOPBACK or not path.exists():
        return []
    said = orjson.loads(path.read_bytes()).get("examples", [])
    return [
        one | {"name": LocalText(**one["name"])}
        for one in said
        if isinstance(one, dict) and "password" in one
    ]
