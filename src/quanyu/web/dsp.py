"""Dataspace Protocol 2025-1: versions and catalogue.

``/.well-known/dspace-version`` is for everybody; all else is for those who send a token. Errors are
in the protocol's own form.
"""

from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.federation import (
    CONTEXT,
    MOST,
    PAGE,
    catalog_page,
    check_context,
    dataset_document,
    here_of,
)
from quanyu.kernel import Invalid, QuanyuError, Unauthenticated, explain
from quanyu.parties import Caller
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import node_of
from quanyu.web.who import caller_of

JSON = MEDIA_TYPES["json"]
VERSION = "2025-1"


async def versions(_request: Request) -> Response:
    """``/.well-known/dspace-version``: the one version that is spoken here, and how."""
    said = {
        "version": VERSION,
        "path": "/dsp",
        "binding": "HTTPS",
        "auth": {"protocol": "Bearer", "version": "RFC 6750"},
    }
    return Response(orjson.dumps({"protocolVersions": [said]}), media_type=JSON)


async def catalog(request: Request) -> Response:
    """``/dsp/catalog/request``: what is offered to the caller, a page at a time."""
    try:
        caller = await token_bearer(request)
        body = await json_of(request)
        check_context(body)
        if body.get("@type") != "CatalogRequestMessage":
            raise Invalid(
                "this address takes a CatalogRequestMessage", field="@type", mend="send that type"
            )
        if body.get("filter"):
            raise Invalid(
                "filters are not supported here", field="filter", mend="leave it out, and page"
            )
        after, limit = _number(request, "after", 0), _number(request, "limit", PAGE)
        node = node_of(request)

        def read() -> Any:
            with node.control.read() as session:
                return catalog_page(
                    session, here_of(node.settings), caller.party, after=after, limit=limit
                )

        page = await run_in_threadpool(read)
    except QuanyuError as error:
        return catalog_error(error)
    base = f"{here_of(node.settings).address}/catalog/request"
    links = [
        f'<{base}?after={token}&limit={limit}>; rel="{name}"'
        for name, token in (("next", page.next), ("previous", page.previous))
        if token is not None
    ]
    headers = {"cache-control": "private, no-cache"}
    if links:
        headers["link"] = ", ".join(links)
    return Response(page.body, headers=headers, media_type=JSON)


async def dataset(request: Request) -> Response:
    """``/dsp/catalog/datasets/{id}``: one dataset and its offers."""
    try:
        caller = await token_bearer(request)
        node, name = node_of(request), request.path_params["name"]

        def read() -> dict[str, Any]:
            with node.control.read() as session:
                return dataset_document(session, here_of(node.settings), caller.party, name)

        found = await run_in_threadpool(read)
    except QuanyuError as error:
        return catalog_error(error)
    return Response(
        orjson.dumps(found), headers={"cache-control": "private, no-cache"}, media_type=JSON
    )


def catalog_error(error: QuanyuError) -> Response:
    """An error of the catalogue in the protocol's form."""
    said = {"@context": [CONTEXT], "@type": "CatalogError", **said_of(error)}
    return error_response(error, said)


def said_of(error: QuanyuError) -> dict[str, Any]:
    """Code and reasons of an error."""
    _, detail, mend = explain(error, "en")
    where = f"{error.field}: " if error.field else ""
    return {
        "code": error.rule or error.type,
        "reason": [one for one in (f"{where}{detail}", mend) if one],
    }


def error_response(error: QuanyuError, said: dict[str, Any]) -> Response:
    """The answer that carries an error's body."""
    headers = {"cache-control": "no-store"}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="quanyu"'
    return Response(orjson.dumps(said), error.status, headers, JSON)


async def token_bearer(request: Request) -> Caller:
    """The caller, who must send a token: the protocol is spoken by programs."""
    if "authorization" not in request.headers:
        raise Unauthenticated("a token is needed", mend="send: Authorization: Bearer qy_…")
    caller = await caller_of(request)
    if caller.token is None:
        raise Unauthenticated("a token is needed", mend="send: Authorization: Bearer qy_…")
    return caller


async def json_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body; :class:`Invalid` for anything else."""
    try:
        found = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Invalid("the body is no JSON", field="body", mend="send a JSON object") from error
    if not isinstance(found, dict):
        raise Invalid("the body is no JSON object", field="body", mend="send a JSON object")
    return found


def _number(request: Request, name: str, default: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdecimal() or len(given) > 9:
        raise Invalid(
            "a number from 0 to {most} is needed", field=name, mend="use the links", most=MOST
        )
    return int(given)


def routes() -> list[Route]:
    """Routes of versions and catalogue."""
    return [
        Route("/.well-known/dspace-version", versions),
        Route("/dsp/catalog/request", catalog, methods=["POST"]),
        Route("/dsp/catalog/datasets/{name}", dataset),
    ]
