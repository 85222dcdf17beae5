"""Where a provider pushes the data of a transfer to: ``/dsp/transfers/{id}/data``.

Whoever sends the token that went out with the transfer's request may put one file there while the
transfer is started. To anybody else there is no such address.
"""

import hashlib
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.federation import expect_file, here_of, take_file
from quanyu.kernel import Unauthenticated
from quanyu.web.node import node_of
from quanyu.web.who import credentials

_BLOCK = 1 << 20


async def data(request: Request) -> Response:
    """Take a file: 201 when it is new, 200 when this very one is here already."""
    node, pid = node_of(request), request.path_params["pid"]
    token, _ = credentials(request)
    if token is None:
        raise Unauthenticated("a token is needed", mend="send the one of the data address")
    here = here_of(node.settings)

    def expect() -> Path:
        with node.control.begin() as session:
            return expect_file(session, here, pid, token)

    part = await run_in_threadpool(expect)
    try:
        digest = await _save(request, part)

        def take() -> bool:
            with node.control.begin() as session:
                return take_file(session, here, pid, token, part=part, sha256=digest)

        new = await run_in_threadpool(take)
    finally:
        part.unlink(missing_ok=True)
    return Response(status_code=201 if new else 200, headers={"cache-control": "no-store"})


async def _save(request: Request, part: Path) -> str:
    """The body on disk; its SHA-256."""
    digest, held = hashlib.sha256(), bytearray()
    with part.open("wb") as out:

        def write(block: bytes) -> None:
            digest.update(block)
            out.write(block)

        async for block in request.stream():
            held += block
            if len(held) >= _BLOCK:
                await run_in_threadpool(write, bytes(held))
                held.clear()
        await run_in_threadpool(write, bytes(held))
    return digest.hexdigest()


def routes() -> list[Route]:
    """The route of pushed files."""
    return [Route("/dsp/transfers/{pid}/data", data, methods=["POST", "PUT"])]
