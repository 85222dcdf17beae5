"""Dataspace Protocol 2025-1: contract negotiations and transfers, as provider and as consumer.

Each address takes its messages from peers of this node alone. To anybody else there is no process
of that id. What a message does is written down before it is answered.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.federation import (
    Move,
    Peer,
    Process,
    ProcessKind,
    error_document,
    here_of,
    peer_of,
    process_document,
    process_row,
    read_message,
    receive,
    receive_first,
    receive_transfer,
    receive_transfer_request,
    to_process,
)
from quanyu.kernel import NotFound, QuanyuError, Refused
from quanyu.web.dsp import JSON, error_response, json_of, said_of, token_bearer
from quanyu.web.node import node_of

_Handler = Callable[[Request], Awaitable[Response]]
_NEG, _TRF = ProcessKind.NEGOTIATION, ProcessKind.TRANSFER
_NO_STORE = {"cache-control": "no-store"}


def _status(kind: ProcessKind) -> _Handler:
    async def handle(request: Request) -> Response:
        pid = request.path_params["pid"]

        def read(session: Session, peer: Peer) -> dict[str, Any]:
            row = process_row(session, kind, pid, peer.id, hold=False)
            return process_document(to_process(row))

        return await _answered(request, kind, read, writes=False)

    return handle


def _first(kind: ProcessKind, move: Move) -> _Handler:
    async def handle(request: Request) -> Response:
        def write(session: Session, peer: Peer, body: dict[str, Any]) -> dict[str, Any]:
            message = read_message(body, kind, move)
            here = here_of(node_of(request).settings)
            take: Callable[..., Process] = (
                receive_first if kind is _NEG else receive_transfer_request
            )
            return process_document(take(session, here, peer, message))

        return await _answered(request, kind, write, status=201)

    return handle


def _next(kind: ProcessKind, *moves: Move) -> _Handler:
    async def handle(request: Request) -> Response:
        pid = request.path_params["pid"]

        def write(session: Session, peer: Peer, body: dict[str, Any]) -> dict[str, Any]:
            here = here_of(node_of(request).settings)
            message = read_message(body, kind, *moves)
            if kind is _NEG:
                return process_document(receive(session, here, peer, pid, message))
            process, address = receive_transfer(session, here, peer, pid, message)
            said = process_document(process)
            return said if address is None else {**said, "dataAddress": address}

        return await _answered(request, kind, write)

    return handle


async def _answered(
    request: Request,
    kind: ProcessKind,
    work: Callable[..., dict[str, Any]],
    *,
    status: int = 200,
    writes: bool = True,
) -> Response:
    node = node_of(request)
    body: dict[str, Any] = {}
    try:
        caller = await token_bearer(request)
        body = await json_of(request) if writes else {}

        def run() -> dict[str, Any]:
            if writes:
                with node.control.begin() as session:
                    return work(session, peer_of(session, caller), body)
            with node.control.read() as session:
                return work(session, peer_of(session, caller))

        found = await run_in_threadpool(run)
    except QuanyuError as error:
        return _failed(request, kind, body, error)
    return Response(orjson.dumps(found), status, _NO_STORE, JSON)


def _failed(
    request: Request, kind: ProcessKind, body: dict[str, Any], error: QuanyuError
) -> Response:
    pid = request.path_params.get("pid")
    if pid is not None and isinstance(error, Refused) and error.rule == "dsp.peer":
        error = NotFound(  # who may not know of it is not told that it is there
            "there is no {kind} {id}", field="pid", kind=kind.value, id=pid[:80]
        )
    said = error_document(
        kind,
        pids=(_pid(body, "providerPid"), _pid(body, "consumerPid")),
        code=error.rule or error.type,
        reason="",
    )
    return error_response(error, {**said, **said_of(error)})


def _pid(body: dict[str, Any], name: str) -> str:
    found = body.get(name)
    return found[:200] if isinstance(found, str) else ""


def routes() -> list[Route]:
    """Routes of negotiations and transfers: those of both roles, for one id is never two things."""
    taken: list[tuple[str, _Handler]] = [
        ("negotiations/request", _first(_NEG, Move.REQUEST)),
        ("negotiations/offers", _first(_NEG, Move.OFFER)),
        ("negotiations/{pid}/request", _next(_NEG, Move.REQUEST)),
        ("negotiations/{pid}/offers", _next(_NEG, Move.OFFER)),
        ("negotiations/{pid}/events", _next(_NEG, Move.ACCEPT, Move.FINALIZE)),
        ("negotiations/{pid}/agreement", _next(_NEG, Move.AGREE)),
        ("negotiations/{pid}/agreement/verification", _next(_NEG, Move.VERIFY)),
        ("negotiations/{pid}/termination", _next(_NEG, Move.TERMINATE)),
        ("transfers/request", _first(_TRF, Move.REQUEST)),
        ("transfers/{pid}/start", _next(_TRF, Move.START)),
        ("transfers/{pid}/completion", _next(_TRF, Move.COMPLETE)),
        ("transfers/{pid}/termination", _next(_TRF, Move.TERMINATE)),
        ("transfers/{pid}/suspension", _next(_TRF, Move.SUSPEND)),
    ]
    posts = [
        Route(f"/dsp/{path}{end}", handler, methods=["POST"])
        for path, handler in taken
        for end in ("", "/")  # callback addresses are joined with one slash too many by some
    ]
    return [
        *posts,
        Route("/dsp/negotiations/{pid}", _status(_NEG)),
        Route("/dsp/transfers/{pid}", _status(_TRF)),
    ]
