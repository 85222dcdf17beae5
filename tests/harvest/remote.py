"""Catalogues of strangers, served on loopback: each answers what a test tells it to."""

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Said = tuple[int, str, bytes]
Route = Callable[[dict[str, str], bytes], Said]


@dataclass
class Remote:
    """A server; ``routes`` may be changed while it runs, ``asked`` is what it was asked."""

    url: str = ""
    routes: dict[str, Route] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    def start(self) -> "Remote":
        remote = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                parts = urlsplit(self.path)
                remote.asked.append(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                route = remote.routes.get(parts.path)
                status, kind, data = route(query, body) if route else (404, "text/plain", b"no")
                self.send_response(status)
                if status in {301, 302, 307}:
                    self.send_header("location", data.decode())
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(OSError):  # whoever asked has had enough
                    self.wfile.write(data)

            do_GET = do_POST = answer  # noqa: N815 - so they are called

            def log_message(self, *_: Any) -> None:
                """Tests say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()

    def json(self, path: str, document: Any, status: int = 200) -> None:
        data = json.dumps(document).encode()
        self.routes[path] = lambda _q, _b: (status, "application/json", data)


def package(number: int, **more: Any) -> dict[str, Any]:
    """A package as CKAN answers it."""
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "name": f"dataset-{number}",
        "title": f"Dataset {number}",
        "notes": f"About **{number}**",
        "license_id": "cc-by",
        "license_url": "https://creativecommons.org/licenses/by/4.0/",
        "metadata_modified": "2026-01-01T00:00:00.000000",
        "organization": {"name": "roads", "title": "Road Office"},
        "tags": [{"name": "streets", "display_name": "streets"}],
        "resources": [
            {
                "id": f"r{number}",
                "url": f"https://data.example.org/{number}.csv",
                "format": "CSV",
                "name": "As a table",
                "size": 1234,
            }
        ],
        **more,
    }


@dataclass
class Ckan:
    """A CKAN of some packages; ``claims`` is what it says their number is."""

    remote: Remote
    packages: list[dict[str, Any]]
    claims: int | None = None

    def __post_init__(self) -> None:
        self.remote.routes["/api/3/action/package_search"] = self.search

    def search(self, query: dict[str, str], _body: bytes) -> Said:
        start, rows = int(query.get("start", 0)), int(query.get("rows", 10))
        found = self.packages[start : start + rows]
        count = len(self.packages) if self.claims is None else self.claims
        document = {"success": True, "result": {"count": count, "results": found}}
        return 200, "application/json", json.dumps(document).encode()


def turtle(names: list[str], onward: str = "", total: int | None = None) -> bytes:
    """A DCAT catalogue in Turtle."""
    lines = [
        "@prefix dcat: <http://www.w3.org/ns/dcat#> .",
        "@prefix dct: <http://purl.org/dc/terms/> .",
        "@prefix hydra: <http://www.w3.org/ns/hydra/core#> .",
        "<https://o.example/c> a dcat:Catalog ; dct:title 'C'@en .",
    ]
    lines += [
        f"<https://o.example/c> dcat:dataset <https://o.example/{name}> ."
        f"<https://o.example/{name}> a dcat:Dataset ; dct:identifier 'urn:x:{name}' ;"
        f" dct:title '数据 {name}'@zh , 'Data {name}'@en ; dct:description 'On {name}'@en ;"
        f" dcat:distribution [ a dcat:Distribution ; dcat:downloadURL"
        f" <https://o.example/{name}.csv> ; dct:format 'CSV' ] ."
        for name in names
    ]
    if onward:
        lines.append(
            f"<https://o.example/page> a hydra:PartialCollectionView ; hydra:next <{onward}> ."
        )
    return "\n".join(lines).encode()
