"""What others say of this log, and what this node says of others' as their witness.

``/witness`` is C2SP tlog-witness. It is open to whoever brings a checkpoint that a known log has
signed; nothing can be learned or changed by it but what that log says of itself.
"""

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.evidence import (
    Behind,
    add_checkpoint,
    cosigned,
    timestamp_over,
    timestamps,
    witnessed,
)
from quanyu.kernel import NotFound, TooLarge, iso
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node, node_of

_LONGEST = 16 << 10
_TEXT = "text/plain; charset=utf-8"
_TOKEN = "application/timestamp-reply"  # noqa: S105 - a media type
_SIZE = "text/x.tlog.size"


async def cosigned_checkpoint(request: Request) -> Response:
    """``/log/checkpoint.cosigned``: the newest signed note that a witness has cosigned."""
    note = await run_in_threadpool(cosigned, node_of(request).log)
    if note is None:
        raise NotFound("no witness has cosigned this log yet")
    return Response(note, headers={"cache-control": "no-cache"}, media_type=_TEXT)


async def timestamp_list(request: Request) -> Response:
    """``/log/timestamps``: sizes of the checkpoints that an authority has timestamped."""
    sizes = await run_in_threadpool(timestamps, node_of(request).log)
    listed = [{"size": size, "href": f"/log/timestamps/{size}"} for size in sizes]
    return Response(orjson.dumps({"timestamps": listed}), media_type=MEDIA_TYPES["json"])


async def timestamp_answer(request: Request) -> Response:
    """``/log/timestamps/{size}``: the authority's answer; with ``/checkpoint`` what it is over."""
    size = request.path_params["size"]
    found = await run_in_threadpool(timestamp_over, node_of(request).log, size)
    if found is None or found.size != size:
        raise NotFound("no checkpoint of {size} leaves was timestamped", size=size)
    if request.url.path.endswith("/checkpoint"):
        return Response(found.note, media_type=_TEXT)
    return Response(found.token, media_type=_TOKEN)


async def witness_key(request: Request) -> Response:
    """``/witness/key``: the verifier key of this node's cosignatures."""
    return Response(f"{node_of(request).witness.key}\n", media_type=_TEXT)


async def witness_logs(request: Request) -> Response:
    """``/witness/logs``: what was cosigned last of each log, so that anybody can compare."""
    node = node_of(request)

    def read() -> list[dict[str, object]]:
        with node.control.read() as session:
            found = witnessed(session)
        return [
            {"origin": one.origin, "size": one.size, "root": one.root, "at": iso(one.at)}
            for one in found
        ]

    logs = await run_in_threadpool(read)
    return Response(orjson.dumps({"logs": logs}), media_type=MEDIA_TYPES["json"])


async def cosign_checkpoint(request: Request) -> Response:
    """``POST /witness/add-checkpoint``: a cosignature; 403, 404, 409 with the size, 422."""
    node = node_of(request)
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > _LONGEST:
            raise TooLarge("a request to cosign has at most {most} bytes", most=_LONGEST)
    try:
        line = await run_in_threadpool(_cosign, node, bytes(body))
    except Behind as behind:  # the form that clients of the protocol read
        return Response(f"{behind.size}\n", 409, media_type=_SIZE)
    return Response(line, media_type=_TEXT)


def _cosign(node: Node, body: bytes) -> str:
    return add_checkpoint(node.control, node.witness, body)


def routes() -> list[Route]:
    """Routes of witnesses and timestamps; before those of the log's own names."""
    return [
        Route("/log/checkpoint.cosigned", cosigned_checkpoint),
        Route("/log/timestamps", timestamp_list),
        Route("/log/timestamps/{size:int}", timestamp_answer),
        Route("/log/timestamps/{size:int}/checkpoint", timestamp_answer),
        Route("/witness/key", witness_key),
        Route("/witness/logs", witness_logs),
        Route("/witness/add-checkpoint", cosign_checkpoint, methods=["POST"]),
    ]
