"""The whole public catalogue as one list with links: ``/data/index.csv`` and ``.json``."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from quanyu.catalogue import HELD_KINDS, Access, Resource, State, care_of, resources
from quanyu.kernel import NotFound, iso
from quanyu.parties import ANONYMOUS
from quanyu.web import parameters
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node, base_of, node_of

_PAGE = 500
_DOWNLOADS = ("csv", "geojson", "parquet", "gpkg", "zip")
COLUMNS = (
    "id", "slug", "code", "kind", "title_zh", "title_en", "provider", "access", "licence",
    "update_cycle", "themes", "keywords", "version", "created", "updated", "data_at",
    "metadata_score", "page", *_DOWNLOADS,
)  # fmt: skip
_RISKY = ("=", "+", "-", "@", "\t", "\r")


async def index(request: Request) -> Response:
    """Every published entry, a line each; downloads where anybody may have them."""
    parameters.check_known(parameters.read(request), {"lang"})
    form = request.path_params["form"]
    if form not in ("csv", "json", "ndjson"):
        raise NotFound(
            "there is no form {form}",
            field="form",
            mend="use one of: {forms}",
            form=form[:20],
            forms="csv, json, ndjson",
        )
    rows = _rows(node_of(request), base_of(request))
    write = {"csv": _csv, "json": _json, "ndjson": _ndjson}[form]
    headers = {
        "cache-control": "public, max-age=60",
        "content-disposition": f'inline; filename="catalogue.{form}"',
    }
    return StreamingResponse(write(rows), 200, headers, MEDIA_TYPES[form])


def _rows(node: Node, base: str) -> Iterator[dict[str, Any]]:
    after: str | None = None
    while True:
        with node.control.read() as session:
            page = resources(
                session,
                visible_to=ANONYMOUS,
                states=frozenset({State.PUBLISHED}),
                limit=_PAGE,
                after=after,
            )
            care = care_of(session, [hit.id for hit in page.hits])
        for hit in page.hits:
            kept = care.get(hit.id)
            yield _row(hit, base) | {
                "data_at": iso(kept.data_at) if kept and kept.data_at else None,
                "metadata_score": kept.score if kept else None,
            }
        after = page.next
        if after is None:
            return


def _row(of: Resource, base: str) -> dict[str, Any]:
    given = of.kind in HELD_KINDS and of.access is Access.OPEN and not of.distributions
    links = {form: f"{base}/data/{of.slug}.{form}" if given else None for form in _DOWNLOADS}
    return {
        "id": of.id,
        "slug": of.slug,
        "code": of.code,
        "kind": of.kind.value,
        "title_zh": of.title.zh,
        "title_en": of.title.en,
        "provider": of.provider,
        "access": of.access.value,
        "licence": of.licence,
        "update_cycle": of.update_cycle.value,
        "themes": list(of.themes),
        "keywords": list(of.keywords),
        "version": of.version,
        "created": iso(of.created_at),
        "updated": iso(of.updated_at),
        "page": f"{base}/resources/{of.slug}",
        **links,
    }


def _csv(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in COLUMNS])
        if text.tell() > 1 << 15:
            yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    data = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return data


def _cell(value: Any) -> str:
    if isinstance(value, list):
        value = ";".join(value)
    said = "" if value is None else str(value)
    return f"'{said}" if said.startswith(_RISKY) else said


def _json(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield b'{"resources":['
    for number, row in enumerate(rows):
        yield (b"," if number else b"") + orjson.dumps(row)
    yield b"]}"


def _ndjson(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    for row in rows:
        yield orjson.dumps(row) + b"\n"
