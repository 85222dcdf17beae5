"""What is told of a place beyond the features of datasets: one entry of a table for each source.

A source is given the request and where the place is, and says a member of the JSON document that
is named as its key. What it tells has passed the gate that is its own.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from quanyu.catalogue import Kind, published
from quanyu.kernel import Language
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.place.answer import Where

Source = Callable[[Request, Where], Awaitable[list[dict[str, Any]]]]
_MOST = 20
_OTHERS = frozenset(Kind) - {Kind.DATASET}


async def catalogued(request: Request, where: Where) -> list[dict[str, Any]]:
    """Entries of other kinds (scenes, streams, facilities, airspace …) whose published extent
    meets the box around the place: what the catalogue tells everybody."""
    node = node_of(request)
    language, base = language_of(request), base_of(request)

    def read() -> list[dict[str, Any]]:
        with node.control.read() as session:
            found = published(session, _OTHERS, limit=_MOST, bbox=where.place.box)
        return [_entry(one, language, base) for one in found]

    return await run_in_threadpool(read)


def _entry(one: Any, language: Language, base: str) -> dict[str, Any]:
    return {
        "id": one.slug,
        "kind": one.kind.value,
        "title": one.title.to(language),
        "access": one.access.value,
        "bbox": None if one.bbox is None else list(one.bbox),
        "href": f"{base}/resources/{one.slug}",
    }


SOURCES: Mapping[str, Source] = {"resources": catalogued}
"""Members of the document by their names."""
