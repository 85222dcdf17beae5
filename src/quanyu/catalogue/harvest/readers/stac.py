"""STAC: the collections of an API, or a static catalogue gone through by its ``child`` links."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from quanyu.catalogue.exchange import Parsed
from quanyu.catalogue.harvest.fetch import Reach, fetch, odd_answer
from quanyu.catalogue.harvest.model import SourceSettings
from quanyu.catalogue.harvest.readers.page import Cursor, SourcePage, onward_to

_ACCEPT = "application/json, application/geo+json;q=0.9"
_AT_ONCE = 10
_MOST = 10_000


def read(url: str, _settings: SourceSettings, cursor: Cursor | None, reach: Reach) -> SourcePage:
    """What stands at the next addresses of the queue; children found there join it."""
    queue = [str(one) for one in cursor["queue"]] if cursor else [url]
    done = {str(one) for one in cursor["done"]} if cursor else set()
    found: list[Parsed] = []
    turn = queue[:_AT_ONCE]
    for here in turn:
        done.add(here)
        parsed, further = _at(here, reach)
        found.append(parsed)
        queue += [there for there in further if there not in done and there not in queue]
    rest = queue[len(turn) :]
    if len(done) + len(rest) > _MOST:
        raise odd_answer(f"it leads to more than {_MOST} documents")
    return SourcePage(
        entries=tuple(entry for one in found for entry in one.entries),
        rejects=tuple(remark for one in found for remark in one.rejects),
        next={"queue": rest, "done": sorted(done)} if rest else None,
    )


def _at(here: str, reach: Reach) -> tuple[Parsed, list[str]]:
    from quanyu.catalogue.exchange import from_stac, loads

    answer = fetch(here, reach, accept=_ACCEPT)
    document = loads(answer.content)
    if not isinstance(document, dict):
        raise odd_answer("not an object")
    collections = isinstance(document.get("collections"), list)
    if document.get("type") not in {"Catalog", "Collection"} and not collections:
        raise odd_answer(f"“type” is {str(document.get('type'))[:40]}")
    parsed = from_stac(document, base=answer.url)
    # The address shown is the collection's own where the answer held but one.
    if document.get("type") == "Collection" and len(parsed.entries) == 1:
        entry = parsed.entries[0]
        parsed = replace(
            parsed, entries=(replace(entry, landing_page=entry.landing_page or answer.url),)
        )
    return parsed, [onward_to(link, here) for link in _further(document, collections=collections)]


def _further(document: Mapping[str, Any], *, collections: bool) -> Iterator[str]:
    """An API says where all its collections are; a static catalogue has children; pages go on."""
    links = [one for one in document.get("links") or [] if isinstance(one, dict)]
    listed = [one for one in links if one.get("rel") == "data"]
    relations = {"next"} if collections else {"data"} if listed else {"child"}
    for one in links:
        if one.get("rel") in relations and isinstance(one.get("href"), str):
            yield one["href"]
