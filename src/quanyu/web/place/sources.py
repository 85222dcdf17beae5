"""What is told of a place beyond the features of datasets: one entry of a table for each source.

A source is given the request and where the place is, and says a member of the JSON document that
is named as its key. What it tells has passed the gate that is its own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from quanyu.catalogue import HealthFigure, Kind, health_figures, published
from quanyu.kernel import Language, ResourceId
from quanyu.streams import things_at
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.place.answer import Where
from quanyu.web.serve_stream import look_whole_streams

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
            healths = _told(health_figures(session, [one.id for one in found]))
        return [_entry(one, language, base) | {"health": healths.get(one.id)} for one in found]

    return await run_in_threadpool(read)


async def healths_told(
    request: Request, ids: Sequence[ResourceId]
) -> dict[ResourceId, dict[str, Any]]:
    """State and score of the health of resources; what nobody has looked at is left out."""
    node = node_of(request)

    def read() -> dict[ResourceId, dict[str, Any]]:
        with node.control.read() as session:
            return _told(health_figures(session, ids))

    return await run_in_threadpool(read)


def _told(figures: Mapping[ResourceId, HealthFigure]) -> dict[ResourceId, dict[str, Any]]:
    return {key: {"state": one.state.value, "score": one.score} for key, one in figures.items()}


def _entry(one: Any, language: Language, base: str) -> dict[str, Any]:
    return {
        "id": one.slug,
        "kind": one.kind.value,
        "title": one.title.to(language),
        "access": one.access.value,
        "bbox": None if one.bbox is None else list(one.bbox),
        "href": f"{base}/resources/{one.slug}",
    }


async def facilities(request: Request, where: Where) -> list[dict[str, Any]]:
    """Things of streams that the caller sees as a whole, within the box around the place or with
    the id of an object that was meant: a facility and its object on the map have one id."""
    node, language, base = node_of(request), language_of(request), base_of(request)
    streams = await look_whole_streams(request)
    ids = [one.fid for one in where.candidates]
    west, south, east, north = where.place.box

    def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        with node.control.read() as session:
            for of in streams[:_MOST]:
                for one in things_at(session, of.id, (west, south, east, north), ids, _MOST):
                    address = quote(str(one.id), safe="")
                    found.append(
                        {
                            "id": one.id,
                            "name": one.name,
                            "stream": of.slug,
                            "title": of.title.to(language),
                            "href": f"{base}/facilities/{of.slug}/{address}",
                        }
                    )
        return found[:_MOST]

    return await run_in_threadpool(read)


SOURCES: Mapping[str, Source] = {"resources": catalogued, "facilities": facilities}
"""Members of the document by their names."""
