"""Who is asking: the bearer token or session cookie of a request, and the guard of that cookie."""

from dataclasses import replace
from functools import partial

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from quanyu.kernel import Invalid, Refused, Settings, Unauthenticated
from quanyu.parties import ANONYMOUS, Caller, check_csrf, csrf_token, network_of
from quanyu.web.look_once import look_once
from quanyu.web.negotiate import media_of
from quanyu.web.node import node_of

CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_name(settings: Settings) -> str:
    """Name of the session cookie: bound to the host by its prefix where the node speaks HTTPS."""
    return "__Host-quanyu_session" if _https(settings) else "quanyu_session"


def credentials(request: HTTPConnection) -> tuple[str | None, str | None]:
    """Bearer token and session secret that came with a request.

    Raises :class:`Unauthenticated` for an ``Authorization`` of another scheme.
    """
    authorization = request.headers.get("authorization")
    bearer = None
    if authorization is not None:
        scheme, _, bearer = authorization.partition(" ")
        if scheme.lower() != "bearer" or not bearer:
            raise Unauthenticated(
                "this kind of authorization is not known here",
                field="Authorization",
                mend="send: Authorization: Bearer qy_…",
            )
    return bearer, session_of(request)


def session_of(request: HTTPConnection) -> str | None:
    """The session secret in the cookie, if there is one."""
    if "cookie" not in request.headers:
        return None
    return request.cookies.get(cookie_name(node_of(request).settings)) or None


async def caller_of(request: HTTPConnection) -> Caller:
    """The caller; :data:`ANONYMOUS` without a credential, :class:`Unauthenticated` for a bad one.

    A session that has ended is no refusal: its owner goes on as anybody may.
    """
    bearer, secret = credentials(request)
    if bearer is None and secret is None:
        return ANONYMOUS
    callers = node_of(request).callers
    try:
        caller = callers.peek(bearer, secret)
        if caller is None:
            key = (id(callers), bearer, secret)
            caller = await look_once(key, partial(callers.who, bearer, secret))
    except Unauthenticated:
        if bearer is not None:
            raise
        return ANONYMOUS
    if request.scope["method"] not in SAFE:
        # What is done, not what is read, is kept with the network that it came from.
        caller = replace(caller, origin=network_of(address_of(request)))
    # The pages' header shows who is signed in, and their forms carry the session's token.
    state = request.scope.setdefault("state", {})
    state["caller"] = caller
    state["csrf"] = csrf_token(secret) if secret else ""
    return caller


async def signed_in(request: HTTPConnection) -> Caller:
    """The caller, who must be a member of a party."""
    caller = await caller_of(request)
    if caller.anonymous:
        raise Unauthenticated("sign in to do this", mend="sign in or send an API token")
    return caller


def csrf_token_of(request: HTTPConnection) -> str:
    """The token that this session's forms carry; empty when there is no session."""
    secret = session_of(request)
    return csrf_token(secret) if secret else ""


async def check_csrf_of(request: Request) -> None:
    """Refuse an unsafe request by cookie that does not carry the session's token.

    In the header ``X-CSRF-Token`` or the form field ``csrf_token``. Requests with a bearer token
    and those without any credential need none.
    """
    secret = session_of(request)
    if request.method in SAFE or secret is None or "authorization" in request.headers:
        return
    given = request.headers.get(CSRF_HEADER)
    if given is None and _is_form(request):
        given = str((await request.form()).get(CSRF_FIELD, ""))
    check_csrf(secret, given or "")


def check_origin(request: HTTPConnection) -> None:
    """Refuse an unsafe request that a browser says comes from another site's page."""
    if request.scope["method"] in SAFE or "authorization" in request.headers:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site in {"same-origin", "none"}:
        return
    settings = node_of(request).settings
    here = {f"{request.scope['scheme']}://{request.headers.get('host', '')}", settings.base_url}
    if site is not None or (origin is not None and origin not in here):
        raise Refused(
            "this request comes from a page of another site",
            rule="web.same-origin",
            mend="open the page here and try again",
        )


def put_session(response: Response, request: HTTPConnection, secret: str) -> None:
    """Keep a session in the browser, out of reach of scripts and of other sites' posts."""
    settings = node_of(request).settings
    response.set_cookie(
        cookie_name(settings),
        secret,
        max_age=settings.session_hours * 3600,
        path="/",
        secure=_https(settings),
        httponly=True,
        samesite="lax",
    )


def drop_session(response: Response, request: HTTPConnection) -> None:
    """Make the browser forget its session."""
    settings = node_of(request).settings
    response.delete_cookie(
        cookie_name(settings), path="/", secure=_https(settings), httponly=True, samesite="lax"
    )


def address_of(request: HTTPConnection) -> str:
    """The network address that the request came from, which sign-in limits count by."""
    return request.client.host if request.client else ""


def _https(settings: Settings) -> bool:
    return settings.base_url.startswith("https://")


def _is_form(request: Request) -> bool:
    kind = media_of(request)
    if kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return True
    if kind in {"", "application/json"}:
        return False
    raise Invalid("a body of this media type is not read here", field="Content-Type")
