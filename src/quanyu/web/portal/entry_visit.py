"""Who looks at which entry, and under what: what every page about one resource begins with."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from quanyu.catalogue import HELD_KINDS, Access, Kind, Resource, resource
from quanyu.parties import Caller, Party, party
from quanyu.web.pages import language_of
from quanyu.web.portal.identities import Identity, chosen, identities
from quanyu.web.portal.visit import say

SECTIONS: dict[str, str] = {
    "overview": "Overview",
    "figures": "Figures by time",
    "data": "Data and download",
    "dictionary": "Dictionary",
    "quality": "Quality",
    "discussion": "Discussion and corrections",
    "reuses": "Reuses",
    "history": "History",
}
"""Sections of the page of a resource, by their anchors; figures are a page of their own."""
_DATA = frozenset({"data", "dictionary"})


@dataclass(frozen=True, slots=True)
class EntryVisit:
    """An entry, its provider, and the agreement that the visitor looks under (``None``: the open
    one, or its own data)."""

    of: Resource
    provider: Party
    known: tuple[Identity, ...]
    under: Identity | None

    @property
    def parameters(self) -> dict[str, str]:
        """What a request for the data says."""
        return self.under.parameters if self.under else {}

    @property
    def as_key(self) -> str:
        """The agreement as it stands in addresses of pages."""
        return self.under.key if self.under else ""

    @property
    def query(self) -> str:
        """:attr:`parameters` as a query string, with a question mark when there are any."""
        return f"?{self.under.query}" if self.under else ""

    @property
    def holds_data(self) -> bool:
        """Whether this node has the data of the entry."""
        return self.of.kind in HELD_KINDS and not self.of.distributions

    def has(self, section: str) -> bool:
        """Whether the entry has that section of :data:`SECTIONS`."""
        if section == "figures":
            return self.of.kind is Kind.STREAM and not self.of.distributions
        return self.holds_data or section not in _DATA


def entry_visit(session: Session, caller: Caller, name: str, key: str | None) -> EntryVisit:
    """The visit of ``caller`` to the entry ``name``; ``key`` is the agreement that the address
    names. Raises :class:`NotFound` for what the caller may not know of."""
    of = resource(session, name, visible_to=caller)
    known = identities(session, caller, of.id)
    under = chosen(key, known)
    if under is None and of.access is not Access.OPEN and of.provider != caller.party:
        under = next(iter(known), None)
    return EntryVisit(of, party(session, of.provider), tuple(known), under)


def entry_frame(request: Request, visit: EntryVisit, on: str) -> dict[str, Any]:
    """What the frame of every page about an entry shows; ``on`` is the section it belongs to."""
    as_key = visit.as_key
    query = f"?as={as_key}" if as_key else ""
    here = f"/resources/{visit.of.slug}"

    def address(anchor: str) -> str:
        if anchor == "figures":
            return f"{here}/figures{query}"
        return f"#{anchor}" if on == "overview" else f"{here}{query}#{anchor}"

    sections = [
        {"name": say(request, name), "href": address(anchor), "on": anchor == on}
        for anchor, name in SECTIONS.items()
        if visit.has(anchor)
    ]
    language = language_of(request)
    return {
        "resource": visit.of,
        "provider": visit.provider,
        "sections": sections,
        "as_key": as_key,
        "as_query": query,
        "agreement_query": f"&{visit.under.query}" if visit.under else "",
        "data_query": visit.query,
        "under_name": visit.under.name(language) if visit.under else "",
    }
