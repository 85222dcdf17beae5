"""DCAT in JSON-LD, RDF/XML or Turtle: one document, or pages linked by ``hydra:next``."""

from quanyu.catalogue.harvest.fetch import Reach, fetch
from quanyu.catalogue.harvest.model import SourceSettings
from quanyu.catalogue.harvest.readers.page import Cursor, SourcePage, onward_to, page_of

_ACCEPT = (
    "application/ld+json, text/turtle;q=0.9, application/rdf+xml;q=0.8, "
    "application/n-triples;q=0.7, application/json;q=0.5"
)


def read(url: str, _settings: SourceSettings, cursor: Cursor | None, reach: Reach) -> SourcePage:
    """The document at the address, and where it says the next one is."""
    from quanyu.catalogue.exchange import from_dcat

    here = str((cursor or {}).get("url", url))
    answer = fetch(here, reach, accept=_ACCEPT)
    media_type = answer.headers.get("content-type", "")
    parsed = from_dcat(answer.content, media_type, base=answer.url)
    onward = {"url": onward_to(parsed.next, here)} if parsed.next else None
    return page_of(parsed, onward)
