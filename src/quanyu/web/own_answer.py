"""This node asks itself: a request to its own faces, answered into a file.

What a node does of itself for somebody (a push to a peer) goes through the same routes as what is
asked over the network, with a token of whom it is for, so there is one way to data.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message

from quanyu.evidence import Use
from quanyu.federation import Told
from quanyu.web.serve_use import HELD

_LONGEST_PROBLEM = 1 << 16


async def answer_into(app: ASGIApp, path: str, headers: Mapping[str, str], file: Path) -> Told:
    """How the node answers ``GET path`` with these headers; a body with status 200 is written
    to ``file``. Its use is not in evidence: who asked puts it there before anything leaves. Such a
    request has no address: what asks for one is refused."""
    status, problem, held = 0, bytearray(), list[Use]()
    asked = whole = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            # Nobody hangs up: whoever gives up cancels the request.
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    with file.open("wb") as out:

        async def send(message: Message) -> None:
            nonlocal status, whole
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status == 200:
                await run_in_threadpool(out.write, message.get("body", b""))
                whole = not message.get("more_body", False)
            elif len(problem) < _LONGEST_PROBLEM:
                problem.extend(message.get("body", b""))

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", b"localhost"),
                (b"accept-language", b"en"),
                (b"accept-encoding", b"identity"),
                *((name.encode(), value.encode()) for name, value in headers.items()),
            ],
            "client": None,
            "server": None,
            HELD: held.append,
        }
        await app(scope, receive, send)
    why, rule = _problem(bytes(problem)) if status != 200 else ("", "")
    return Told(
        status=status,
        use=held[0] if whole and len(held) == 1 else None,
        why=why or str(status),
        rule=rule,
    )


def _problem(body: bytes) -> tuple[str, str]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(said, dict):
        return "", ""
    return str(said.get("detail") or said.get("title") or ""), str(said.get("rule") or "")
