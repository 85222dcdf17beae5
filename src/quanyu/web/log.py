"""The verifiable log at ``/log``, as C2SP tlog-tiles lays it out, and receipts of uses.

Everything here is public: leaves hold commitments (salted hashes), never a name or a query. A
receipt is a leaf with its proof, so it says nothing that the tiles do not say to everybody; what
opens a commitment is disclosed to the parties of the agreement only.
"""

import re

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.agreements import party_disclosure
from quanyu.evidence import ENTRIES, Disclosure, parse_path, receipt
from quanyu.kernel import Invalid, NotFound
from quanyu.parties import Caller
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node, node_of
from quanyu.web.who import caller_of

_FOR_EVER = "public, max-age=31536000, immutable"
_NAME = re.compile(r"[a-z]{2,5}_[0-9A-HJKMNP-TV-Z]{26}")


async def checkpoint(request: Request) -> Response:
    """``/log/checkpoint``: the newest signed note."""
    note = await run_in_threadpool(node_of(request).log.checkpoint)
    return _text(note)


async def keys(request: Request) -> Response:
    """``/log/key``: verifier keys of the log, one a line, as signed notes name them."""
    log = node_of(request).log
    return _text("".join(f"{key}\n" for key in log.keys).encode())


async def tile(request: Request) -> Response:
    """``/log/tile/{level}/{number}[.p/{width}]`` and ``/log/tile/entries/…``"""
    path = request.path_params["path"]
    try:
        level, index, width = parse_path(f"tile/{path}")
    except Invalid as error:
        raise NotFound("there is no tile {path}", path=path[:80]) from error
    log = node_of(request).log
    if level == ENTRIES:
        data = await run_in_threadpool(log.entries, index, width)
    else:
        data = await run_in_threadpool(log.tile, level, index, width)
    headers = {"cache-control": _FOR_EVER}
    return Response(data, headers=headers, media_type="application/octet-stream")


async def one_receipt(request: Request) -> Response:
    """``/log/receipts/{name}``: the receipt of a use or leaf; 202 while it waits for the log."""
    node = node_of(request)
    name = request.path_params["name"]
    if not _NAME.fullmatch(name):
        raise NotFound("there is no evidence of {id}", id=name[:80])
    caller = await caller_of(request)
    made = await run_in_threadpool(_receipt, node, name, caller)
    if made is None:
        waiting = {"id": name, "state": "pending"}
        headers = {"retry-after": "1", "cache-control": "no-store"}
        return Response(orjson.dumps(waiting), 202, headers, MEDIA_TYPES["json"])
    headers = {
        "cache-control": "no-cache",
        "content-disposition": f'inline; filename="{name}.receipt.json"',
    }
    return Response(made, headers=headers, media_type=MEDIA_TYPES["json"])


def _receipt(node: Node, name: str, caller: Caller) -> bytes | None:
    """The receipt; for a side of its agreement with what opens the party's commitment."""
    made = receipt(node.log, node.control, name, journals=node.journal.folder)
    if made is None or caller.anonymous:
        return made
    leaf = orjson.loads(orjson.loads(made)["leaf"])
    try:
        with node.control.read() as session:
            party, salt = party_disclosure(session, caller, str(leaf.get("agreement", "")))
    except NotFound:
        return made
    opened = [Disclosure("party", party, salt)]
    return receipt(node.log, node.control, name, disclosures=opened)


def _text(data: bytes) -> Response:
    return Response(data, headers={"cache-control": "no-cache"}, media_type="text/plain")


def routes() -> list[Route]:
    """Routes of the log."""
    return [
        Route("/log/checkpoint", checkpoint),
        Route("/log/key", keys),
        Route("/log/tile/{path:path}", tile),
        Route("/log/receipts/{name}", one_receipt),
    ]
