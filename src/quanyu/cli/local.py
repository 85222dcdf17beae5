"""Requests to the node in this process, by the same doors and the same gate as over the network."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlencode

import orjson

from quanyu import app as composition
from quanyu.kernel import Invalid, QuanyuError, Unavailable, configure_logs, load_settings


@dataclass(slots=True)
class Reply:
    """Status and headers (lower-case names) of an answer whose body has been given away."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent with a POST, or with another method."""

    media_type: str
    data: bytes
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)


class Asking(Protocol):
    """A GET of a node that is open, or a POST where there is a ``body``; see :func:`ask`."""

    def __call__(
        self,
        path: str,
        parameters: Mapping[str, str],
        *,
        token: str | None = None,
        write: Callable[[bytes], Any],
        body: Body | None = None,
    ) -> Reply:
        """The answer's status and headers; ``write`` is given its body."""


@contextmanager
def asking(folder: Path) -> Iterator[Asking]:
    """The node in ``folder``, open for several requests."""
    from quanyu.web import create_app

    settings = load_settings(dir=folder)
    configure_logs(settings.log_format, "error")
    node = composition.open_node(settings)
    try:
        application = create_app(node)

        def get(
            path: str,
            parameters: Mapping[str, str],
            *,
            token: str | None = None,
            write: Callable[[bytes], Any],
            body: Body | None = None,
        ) -> Reply:
            return asyncio.run(_send(application, path, parameters, token, write, body))

        yield get
        if node.sequencer is not None:
            node.sequencer.step()
    finally:
        composition.close_node(node)


def ask(
    folder: Path,
    path: str,
    parameters: Mapping[str, str],
    *,
    token: str | None = None,
    write: Callable[[bytes], Any],
    body: Body | None = None,
) -> Reply:
    """GET ``path`` of the node in ``folder`` (or send ``body``); ``write`` is given the answer's
    body piece by piece.

    The use is in evidence like any other. Raises :class:`QuanyuError` for a problem document.
    """
    with asking(folder) as get:
        return get(path, parameters, token=token, write=write, body=body)


def bearer(token_file: Path | None) -> str | None:
    """The token in a file: on the command line it would stay in the shell's history."""
    if token_file is None:
        return None
    try:
        return token_file.read_text("utf-8").strip()
    except OSError as error:
        raise Invalid(
            "{path} cannot be read: {why}", field="token-file", path=token_file, why=error.strerror
        ) from error


async def _send(
    application: Any,
    path: str,
    parameters: Mapping[str, str],
    token: str | None,
    write: Callable[[bytes], Any],
    body: Body | None,
) -> Reply:
    reply, problem = Reply(), bytearray()
    # The command line speaks English, whatever the node speaks to browsers.
    headers = [(b"host", b"localhost"), (b"accept", b"*/*"), (b"accept-language", b"en")]
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    if body is not None:
        headers += [(name.encode(), value.encode()) for name, value in body.headers.items()]
        headers.append((b"content-type", body.media_type.encode()))
        headers.append((b"content-length", str(len(body.data)).encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET" if body is None else body.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": urlencode(parameters).encode(),
        "headers": headers,
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 0),
    }

    async def receive() -> dict[str, Any]:
        # A streamed answer listens for a disconnect; here nobody goes away before the end.
        await asyncio.sleep(0)
        data = b"" if body is None else body.data
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {k.decode().lower(): v.decode() for k, v in message["headers"]}
        elif piece := message.get("body", b""):
            (problem.extend if reply.status >= 400 else write)(piece)

    await application(scope, receive, send)
    if reply.status >= 400:
        raise _error(reply.status, bytes(problem))
    return reply


def _error(status: int, body: bytes) -> QuanyuError:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = {}
    kind = Unavailable if status == 503 else Invalid
    return kind(
        "{said}",
        field=said.get("field"),
        mend=said.get("mend"),
        rule=said.get("rule"),
        said=said.get("detail", f"answered {status}"),
    )
