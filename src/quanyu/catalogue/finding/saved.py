"""Searches that members keep, and notice of what is new for them.

A member is told of what its party may see: of published entries, and of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.candidates import facet
from quanyu.catalogue.finding.find import ready
from quanyu.catalogue.finding.meant import understood
from quanyu.catalogue.finding.ordered import Order, in_order
from quanyu.catalogue.finding.tables import SavedSearchRow
from quanyu.catalogue.finding.text_index import Sought
from quanyu.catalogue.model import Search, Sort
from quanyu.catalogue.validate import check_line
from quanyu.kernel import (
    ControlStore,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    Refused,
    Unauthenticated,
    new_id,
    now,
)
from quanyu.parties import Caller, notify

MOST_SAVED = 100
LOOKS_EVERY = timedelta(minutes=10)
TOPIC = "search"
_MOST_COUNTED = 100
_AT_ONCE = 50
_SEARCH = TypeAdapter(Search)
_PARAMETERS = {
    "kinds": "kind",
    "themes": "theme",
    "providers": "provider",
    "accesses": "access",
    "formats": "format",
    "licences": "licence",
    "cycles": "cycle",
    "grades": "grade",
    "freshness": "freshness",
}


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search that a member keeps; ``told`` says whether it wants notice of new hits."""

    id: str
    name: str
    search: Search
    told: bool
    created_at: datetime
    looked_at: datetime


def save_search(
    session: Session, search: Search, caller: Caller, *, name: str, told: bool = True
) -> SavedSearch:
    """Keep a search for the member who asks.

    Raises :class:`Unauthenticated` for nobody, :class:`Refused` for a caller that is no member,
    :class:`Invalid` for a name that is empty or too long and when too many are kept.
    """
    member, party = _member(caller)
    label = check_line(name, "name", 200)
    if not label:
        raise Invalid("this text is empty", field="name", mend="give the search a name")
    kept = select(func.count()).where(SavedSearchRow.member == member)
    if (session.scalar(kept) or 0) >= MOST_SAVED:
        raise Invalid(
            "at most {most} searches are kept", field="name", mend="remove some", most=MOST_SAVED
        )
    moment = now()
    row = SavedSearchRow(
        id=new_id("saved_search"),
        member=member,
        party=party,
        name=label,
        asked=_document(search),
        told=told,
        created_at=moment,
        looked_at=moment,
        looks_next=moment + LOOKS_EVERY,
    )
    session.add(row)
    session.flush()
    return _saved(row)


def saved_searches(session: Session, caller: Caller) -> list[SavedSearch]:
    """The searches that the member who asks keeps, the newest first."""
    member, _ = _member(caller)
    query = select(SavedSearchRow).where(SavedSearchRow.member == member)
    rows = session.scalars(query.order_by(SavedSearchRow.created_at.desc(), SavedSearchRow.id))
    return [_saved(row) for row in rows]


def forget_search(session: Session, search_id: str, caller: Caller) -> None:
    """Remove a search of the member who asks; :class:`NotFound` for any other."""
    member, _ = _member(caller)
    query = delete(SavedSearchRow).where(
        SavedSearchRow.id == search_id, SavedSearchRow.member == member
    )
    removed = session.scalars(query.returning(SavedSearchRow.id)).all()
    if not search_id.isprintable() or not removed:
        raise NotFound("there is no saved search {id}", id=search_id[:80])


def forget_searches_of(session: Session, member: MemberId) -> int:
    """Remove all that a member kept; how many there were."""
    query = delete(SavedSearchRow).where(SavedSearchRow.member == member)
    return len(session.scalars(query.returning(SavedSearchRow.id)).all())


def tell_new_hits(control: ControlStore) -> int:
    """Look once at searches whose turn it is, tell of new hits; how many were told (a duty)."""
    told = 0
    moment = now()
    with control.begin() as session:
        query = (
            select(SavedSearchRow)
            .where(SavedSearchRow.looks_next <= moment, SavedSearchRow.told)
            .order_by(SavedSearchRow.looks_next)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        for row in session.scalars(query).all():
            told += _tell(session, row, moment)
    return told


def changed_hits(
    session: Session, search: Search, since: datetime, *, visible_to: Caller, most: int
) -> list[int]:
    """Numbers of entries that match and were changed after ``since``, the latest first."""
    asked = ready(session, replace(search, facets=False), visible_to)
    question = understood(session, search.q)
    if asked.hopeless or (search.q.strip() and not question):
        return []
    narrowing = asked.narrowing().and_condition(facet.c.updated_at > since)
    latest = Order(facet.c.updated_at, falling=True)
    rows = in_order(session, Sought(question), narrowing, latest, None, most)
    return [number for _, number in rows]


def address_of(search: Search) -> dict[str, str]:
    """The parameters of the search page that ask for this."""
    found = {"q": search.q} if search.q else {}
    for name, parameter in _PARAMETERS.items():
        if values := getattr(search, name):
            found[parameter] = ",".join(sorted(map(str, values)))
    if search.bbox is not None:
        found["bbox"] = ",".join(f"{number:g}" for number in search.bbox)
    if search.interval is not None:
        first, last = search.interval
        found["datetime"] = "/".join(
            ".." if moment is None else f"{moment:%Y-%m-%d}" for moment in (first, last)
        )
    if search.sort is not Sort.RELEVANCE:
        found["sort"] = search.sort.value
    return found


def _tell(session: Session, row: SavedSearchRow, moment: datetime) -> bool:
    search = _SEARCH.validate_python(row.asked)
    reader = Caller(party=PartyId(row.party), member=MemberId(row.member))
    found = changed_hits(session, search, row.looked_at, visible_to=reader, most=_MOST_COUNTED)
    if found:
        address = urlencode({**address_of(search), "sort": Sort.UPDATED.value})
        notify(
            session,
            to=PartyId(row.party),
            topic=TOPIC,
            message="New or changed for your search “{name}”: {count}",
            params={"name": row.name, "count": len(found)},
            link=f"/search?{address}",
            members=[MemberId(row.member)],
            key=f"{row.id}/{row.looked_at.isoformat()}",
        )
    row.looked_at, row.looks_next = moment, moment + LOOKS_EVERY
    return bool(found)


def _member(caller: Caller) -> tuple[MemberId, PartyId]:
    if caller.anonymous:
        raise Unauthenticated("sign in to keep searches", mend="sign in with your account")
    if caller.member is None or caller.party is None:
        raise Refused("only members keep searches", rule="catalogue.saved-search")
    return caller.member, caller.party


def _document(search: Search) -> Mapping[str, Any]:
    plain = replace(search, after=None, limit=Search().limit, facets=True)
    kept: dict[str, Any] = _SEARCH.dump_python(plain, mode="json")
    sets = {name for name in kept if isinstance(getattr(plain, name), frozenset)}
    return {
        name: sorted(value) if name in sets else value
        for name, value in kept.items()
        if value not in (None, [], "")
    }


def _saved(row: SavedSearchRow) -> SavedSearch:
    search = _SEARCH.validate_python(row.asked)
    return SavedSearch(row.id, row.name, search, row.told, row.created_at, row.looked_at)
