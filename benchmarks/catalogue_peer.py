"""The search's peer: pgstac, the store of stac-fastapi-pgstac, the same entries as collections.

Asked as its API asks it, ``SELECT collection_search(…)``, without HTTP, as quanyu is asked too.
It counts no facets, knows no Chinese words and forgives no slips.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import psycopg

import peers
from quanyu.catalogue import Resource, Search
from quanyu.kernel import LocalText

PGSTAC = ("pypgstac[psycopg]==0.10.0",)

Ask = Callable[[Search], int]


@contextmanager
def pgstac(dsn: str, entries: Iterator[Resource], copies: int) -> Iterator[Ask]:
    """A database of pgstac beside the one of ``dsn``, with each entry ``copies`` times.

    What it gives asks a question and says how many were found.
    """
    program = peers.environment("pgstac", PGSTAC, (3, 11)) / "bin" / "pypgstac"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS pgstac")
        connection.execute("CREATE DATABASE pgstac")
    url = dsn.rsplit("/", 1)[0] + "/pgstac"
    start = time.perf_counter()
    subprocess.run([program, "migrate", "--dsn", url], check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "collections.ndjson"
        with lines.open("wb") as file:
            for entry in entries:
                for copy in range(copies):
                    file.write(orjson.dumps(_collection(entry, copy)) + b"\n")
        loading: list[str | Path] = [program, "load", "collections", lines, "--dsn", url]
        loading += ["--method", "insert"]
        subprocess.run(loading, check=True, capture_output=True, env=os.environ)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("SET search_path TO pgstac, public")
        count = connection.execute("SELECT count(*) FROM collections").fetchone()
        print(f"pgstac: {count and count[0]} collections after {time.perf_counter() - start:.0f} s")

        def ask(wanted: Search) -> int:
            sent = orjson.dumps(_question(wanted)).decode()
            row = connection.execute("SELECT collection_search(%s::jsonb)", [sent]).fetchone()
            assert row is not None
            return int(row[0]["numberMatched"])

        yield ask


def _question(wanted: Search) -> dict[str, Any]:
    asked: dict[str, Any] = {"limit": wanted.limit}
    if wanted.q:
        asked["q"] = " AND ".join(wanted.q.split())
    if wanted.bbox:
        asked["bbox"] = list(wanted.bbox)
    if wanted.interval:
        asked["datetime"] = _interval(wanted.interval)
    return asked


def _collection(entry: Resource, copy: int) -> dict[str, Any]:
    box = entry.bbox or (-180.0, -90.0, 180.0, 90.0)
    interval = [moment and moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in entry.interval]
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": f"{entry.slug}-{copy}",
        "title": _both(entry.title),
        "description": _both(entry.abstract or entry.title),
        "keywords": list(entry.keywords),
        "license": entry.licence,
        "extent": {"spatial": {"bbox": [list(box)]}, "temporal": {"interval": [interval]}},
        "links": [],
    }


def _both(text: LocalText) -> str:
    return " ".join(part for part in (text.zh, text.en) if part)


def _interval(interval: Sequence[Any]) -> str:
    return "/".join(one.strftime("%Y-%m-%dT%H:%M:%SZ") if one else ".." for one in interval)
