"""The two hooks by which the compatibility kit has this node begin as consumer.

They are there only where the setting ``tck`` is on, and take the kit's token.
"""

from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.federation import (
    SCRIPTS,
    TERMS,
    Here,
    Peer,
    ask_for,
    begin_transfer,
    check_callback,
    here_of,
    peer_of,
    process_document,
)
from quanyu.kernel import Conflict, Invalid, NotFound
from quanyu.parties import node_party
from quanyu.web.dsp import JSON, json_of, token_bearer
from quanyu.web.node import node_of


async def negotiation(request: Request) -> Response:
    """``POST {datasetId, offerId, providerId, connectorAddress}``: ask for that dataset."""

    def begin(session: Session, here: Here, peer: Peer, given: dict[str, Any]) -> Any:
        own = node_party(session)
        if own is None:
            raise Conflict("this node has no party of its own", mend="make a node: quanyu init")
        return ask_for(
            session,
            here,
            peer,
            own.id,
            dataset=_seeded(given, "datasetId"),
            offer_id=_text(given, "offerId"),
            terms=dict(TERMS),
        )

    return await _begun(request, begin)


async def transfer(request: Request) -> Response:
    """``POST {agreementId, format, providerId, connectorAddress}``: ask for its data."""

    def begin(session: Session, here: Here, peer: Peer, given: dict[str, Any]) -> Any:
        own = node_party(session)
        if own is None:
            raise Conflict("this node has no party of its own", mend="make a node: quanyu init")
        name = _seeded(given, "agreementId")
        return begin_transfer(
            session,
            here,
            peer.id,
            own.id,
            callback=check_callback(peer, _text(given, "connectorAddress")),
            agreement=name,
            dataset=name,
            form=_text(given, "format"),
        )

    return await _begun(request, begin)


async def _begun(request: Request, begin: Any) -> Response:
    node = node_of(request)
    here = here_of(node.settings)
    if not here.scripted:
        raise NotFound("there is nothing at this address")
    caller = await token_bearer(request)
    given = await json_of(request)

    def write() -> dict[str, Any]:
        with node.control.begin() as session:
            peer = peer_of(session, caller)
            check_callback(peer, _text(given, "connectorAddress"))
            return process_document(begin(session, here, peer, given))

    return Response(orjson.dumps(await run_in_threadpool(write)), 200, media_type=JSON)


def _seeded(given: dict[str, Any], name: str) -> str:
    found = _text(given, name)
    if found not in SCRIPTS:
        raise Invalid("this name is not seeded", field=name, mend="use the kit's own names")
    return found


def _text(given: dict[str, Any], name: str) -> str:
    found = given.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= 2000:
        raise Invalid("a text is needed here", field=name, mend="see the kit's settings")
    return found


def routes() -> list[Route]:
    """Routes of the kit."""
    return [
        Route("/tck/negotiations/requests", negotiation, methods=["POST"]),
        Route("/tck/transfers/requests", transfer, methods=["POST"]),
    ]
