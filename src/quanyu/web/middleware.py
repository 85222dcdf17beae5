"""What happens to every request: an id, a log line, figures, headers, limits. Pure ASGI, one layer.

Its cost is on every answer, so it builds nothing that the request does not need.
"""

import re
from collections.abc import Iterable
from time import perf_counter

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quanyu.kernel import QuanyuError, TooLarge, request_id
from quanyu.web import metrics
from quanyu.web.problems import answer, unexpected
from quanyu.web.turns import those_who_ask_first
from quanyu.web.who import SAFE, check_origin

_log = structlog.get_logger("quanyu.access")

_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_BODY_BYTES = 1 << 20
_FILES = re.compile(r"/dsp/transfers/[^/]+/data")
"""Where a whole file is the body."""
_ARRAYS_BYTES = 32 << 20
"""Of bodies to SensorThings, which may be arrays of observations."""
_ARRAYS_UNDER = "/sensorthings/"
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self' blob:; child-src blob:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)
"""Scripts and styles come from this host only; workers of the map are made from blobs."""

_EXPOSED = (
    b"Link, ETag, Content-Crs, Quanyu-Use, Quanyu-Agreement, OGC-NumberReturned, "
    b"OGC-NumberMatched, X-Request-Id, Retry-After"
)
_ALLOWED = (
    b"Authorization, Accept, Accept-Language, If-None-Match, Quanyu-Agreement, Quanyu-Purpose, "
    b"X-Request-Id"
)
_ALWAYS: list[tuple[bytes, bytes]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", _EXPOSED),
]
_PAGE: list[tuple[bytes, bytes]] = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), payment=(), usb=()"),
]
_PREFLIGHT: list[tuple[bytes, bytes]] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD"),
    (b"access-control-allow-headers", _ALLOWED),
    (b"access-control-max-age", b"86400"),
    (b"vary", b"Origin"),
]


_LINE_FROM = 400  # status from which an answer is a line at level info


class Edge:
    """The outermost layer.

    Cross-origin reading is allowed to everybody without credentials: a page of another site can
    read what a stranger could, or use a token that its user gave it, never the user's session.
    ``upload_bytes`` bounds the bodies of uploads (``multipart/form-data``, and files that peers
    push), declared or not; other bodies are bounded to 1 MiB, arrays of observations to 32 MiB.
    """

    def __init__(self, app: ASGIApp, upload_bytes: int) -> None:
        self._app = app
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        identifier = _request_id(scope)
        scope["request_id"] = identifier
        method = scope["method"]
        status = 0
        size = 0

        async def sending(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _complete(message.get("headers", ()), identifier)
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            if method not in SAFE or method == "OPTIONS":
                await self._guarded(scope, receive, sending)
            else:
                await self._app(scope, receive, sending)
        except Exception as error:
            if status:
                # The answer has begun: it is broken off, so that nobody takes it for whole.
                _log.error("answer.broken_off", request_id=identifier, exc_info=error)
                raise
            request = Request(scope, receive)
            await unexpected(request, error)(scope, receive, sending)
        finally:
            seconds = perf_counter() - started
            route = getattr(scope.get("route"), "path", None) or "none"
            metrics.count(method, route, status, seconds, size)
            if scope["path"] not in _QUIET:
                # A line for each good answer would cost as much as the answer: metrics count them.
                write = _log.debug if status < _LINE_FROM else _log.info
                write(
                    "request",
                    request_id=identifier,
                    method=method,
                    path=scope["path"],
                    status=status,
                    ms=round(seconds * 1000, 2),
                    bytes=size,
                )

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Preflights, foreign pages and bodies that say they are too large."""
        request = Request(scope, receive)
        headers = request.headers
        upload = headers.get("content-type", "").startswith("multipart/form-data")
        upload = upload or _FILES.fullmatch(scope["path"]) is not None
        most = self._upload_bytes if upload else _BODY_BYTES
        if scope["path"].startswith(_ARRAYS_UNDER) and not upload:
            most = _ARRAYS_BYTES
            await those_who_ask_first()
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await send({"type": "http.response.start", "status": 204, "headers": [*_PREFLIGHT]})
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            check_origin(request)
            declared = headers.get("content-length", "0")
            if not declared.isdecimal() or int(declared) > most:
                raise _too_large(most)
        except QuanyuError as error:
            await answer(request, error)(scope, receive, send)
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise _too_large(most)
            return message

        await self._app(scope, bounded, send)


def _too_large(most: int) -> TooLarge:
    return TooLarge("the body passes the limit of {limit} bytes", limit=most)


def _complete(headers: Iterable[tuple[bytes, bytes]], identifier: str) -> list[tuple[bytes, bytes]]:
    """The answer's headers and those that every answer has, each once."""
    said = dict(headers)
    more = _ALWAYS
    if said.get(b"content-type", b"").startswith(b"text/html"):
        more = _ALWAYS + _PAGE
    return [
        *headers,
        *(item for item in more if item[0] not in said),
        (b"x-request-id", identifier.encode()),
    ]


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            if _SANE_ID.fullmatch(value):
                return str(value, "ascii")
            break
    return request_id()
