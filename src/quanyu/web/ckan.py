"""CKAN's Action API, the calls that read: ``/api/3/action/{name}``, by GET and by POST.

What harvesters and ``ckanapi`` use of CKAN 2.11. Errors come in CKAN's own envelope.
"""

from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.kernel import Invalid, NotFound, QuanyuError, Refused, Unauthenticated, explain
from quanyu.parties import Caller
from quanyu.web.ckan_actions import ACTIONS, Asked, Given
from quanyu.web.entries import cacheable
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.who import caller_of

_TYPES: dict[type[QuanyuError], tuple[int, str]] = {
    Invalid: (409, "Validation Error"),
    NotFound: (404, "Not Found Error"),
    Refused: (403, "Authorization Error"),
    Unauthenticated: (403, "Authorization Error"),
}


async def root(request: Request) -> Response:
    """``/api/3``: the version."""
    return cacheable(request, b'{"version":3}', MEDIA_TYPES["json"])


async def action(request: Request) -> Response:
    """``/api/3/action/{name}``"""
    name = request.path_params["name"]
    if name not in ACTIONS:
        text = orjson.dumps(f"Bad request - Action name not known: {name[:80]}")
        return Response(text, 400, media_type=MEDIA_TYPES["json"])
    base = base_of(request)
    said = {"help": f"{base}/api/3/action/help_show?name={name}"}
    try:
        given = await _given(request)
        caller = await _caller(request)
        result = await run_in_threadpool(_do, request, name, caller, base, given)
    except QuanyuError as error:
        if error.status >= 500:
            raise
        return _failed(request, error, said)
    return cacheable(
        request, orjson.dumps({**said, "success": True, "result": result}), MEDIA_TYPES["json"]
    )


def _do(request: Request, name: str, caller: Caller, base: str, given: Given) -> Any:
    node = node_of(request)
    with node.control.read() as session:
        return ACTIONS[name](Asked(session, caller, base, node.settings, given))


async def _given(request: Request) -> Given:
    """Parameters of the query, and of a body in JSON or of a form."""
    try:
        query = request.scope["query_string"].decode()
        pairs = parse_qs(query, max_num_fields=64)
    except ValueError as error:
        raise Invalid("the query cannot be read", field="query") from error
    found: Given = {key: _one(values) for key, values in pairs.items()}
    if request.method != "POST":
        return found
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        form = await request.form()
        return found | {key: value for key, value in form.items() if isinstance(value, str)}
    body = (await request.body()).strip()
    if not body:
        return found
    try:
        if kind.startswith("application/x-www-form-urlencoded") and body[:1] != b"{":
            fields = parse_qs(body.decode(), max_num_fields=64)
            return found | {key: _one(values) for key, values in fields.items()}
        document = orjson.loads(body)
    except ValueError as error:
        raise Invalid("the body is no JSON", field="body", mend="send a JSON object") from error
    if not isinstance(document, dict):
        raise Invalid("the body is no JSON object", field="body", mend="send a JSON object")
    return found | document


def _one(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


async def _caller(request: Request) -> Caller:
    """The caller; CKAN's clients send a token without a scheme."""
    token = request.headers.get("authorization") or request.headers.get("x-ckan-api-key")
    if token and " " not in token:
        return await run_in_threadpool(node_of(request).callers.who, token, None)
    return await caller_of(request)


def _failed(request: Request, error: QuanyuError, said: Given) -> Response:
    status, kind = _TYPES.get(type(error), (error.status, error.title))
    _, detail, mend = explain(error, language_of(request))
    message = f"{detail} ({mend})" if mend else detail
    what: Given = {"__type": kind, "message": message}
    if error.field and kind == "Validation Error":
        what[error.field] = [message]
    body = orjson.dumps({**said, "success": False, "error": what})
    headers = {"cache-control": "no-store"}
    return Response(body, status, headers, MEDIA_TYPES["json"])


def routes() -> list[Route]:
    """Routes of the Action API."""
    found = [Route(path, root) for path in ("/api/3", "/api/3/")]
    return [
        *found,
        *(
            Route(f"{path}/action/{{name}}", action, methods=["GET", "POST"])
            for path in ("/api/3", "/api")
        ),
    ]
