"""This node's catalogue as the protocol gives it: what is offered to one peer, a page at a time.

Who is offered what is found in two light questions, whatever the number of datasets; what a
dataset says is made once for each revision and set of offers, and kept.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeAlias, TypeVar

import orjson
from sqlalchemy.orm import Session

from quanyu.agreements import open_offers, policies_of
from quanyu.catalogue import HELD_KINDS, Resource, entries_of, published_revisions
from quanyu.federation.kit import DATASETS, TERMS
from quanyu.federation.messages import CONTEXT
from quanyu.federation.model import Here
from quanyu.federation.odrl import terms_of
from quanyu.federation.transferring import FORMATS, PULL
from quanyu.kernel import Invalid, LocalText, NotFound, PartyId, ResourceId

PAGE = 1000
MOST = 10_000
_KEPT = 50_000
Name = TypeVar("Name", bound=Hashable)
Thing = TypeVar("Thing")
_Key: TypeAlias = tuple[str, ResourceId, int, tuple[str, ...]]
"""Of what a dataset's document is made: the node's URL, the entry, its revision, its offers."""


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """A page of the catalogue: the document as JSON, and the tokens of the pages around it."""

    body: bytes
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class _Put:
    """An offer as the protocol writes it, and to whom it is made: everybody without ``to``."""

    to: str | None
    document: dict[str, Any] | None


class _Kept(Generic[Name, Thing]):
    """The things used last; what is behind a name never changes, so nothing is ever stale."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Name, Thing] = OrderedDict()
        self._lock = Lock()

    def get(self, name: Name) -> Thing | None:
        return self._things.get(name)

    def put(self, name: Name, thing: Thing) -> None:
        with self._lock:
            self._things[name] = thing
            while len(self._things) > self._most:
                self._things.popitem(last=False)


_offers: _Kept[str, _Put] = _Kept(_KEPT)
_documents: _Kept[_Key, bytes] = _Kept(_KEPT)


def catalog_page(
    session: Session, here: Here, party: PartyId | None, *, after: int = 0, limit: int = PAGE
) -> CatalogPage:
    """Datasets that are offered to ``party`` (``None``: to everybody), from the ``after``-th on.

    Raises :class:`Invalid` for a page that cannot be.
    """
    if not 1 <= limit <= MOST or after < 0:
        raise Invalid(
            "a page has 1 to {most} datasets", field="limit", mend="ask for fewer", most=MOST
        )
    names = _offered(session, here, party)
    page = names[after : after + limit]
    made = _made(session, here, page)
    if here.scripted and after == 0:
        made = [orjson.dumps(_seeded(here, name)) for name in DATASETS] + made
    head: dict[str, Any] = {
        "@context": [CONTEXT],
        "@id": f"urn:quanyu:catalog:{here.participant}",
        "@type": "Catalog",
        "participantId": here.participant,
        "service": [_service(here)],
    }
    body = orjson.dumps(head)
    if made:  # the schema knows no empty list of datasets
        body = body[:-1] + b',"dataset":[' + b",".join(made) + b"]}"
    last = after + limit
    return CatalogPage(
        body,
        next=str(last) if last < len(names) else None,
        previous=str(max(0, after - limit)) if after else None,
    )


def dataset_document(
    session: Session, here: Here, party: PartyId | None, name: str
) -> dict[str, Any]:
    """One dataset; :class:`NotFound` when none of that id is offered to ``party``."""
    if here.scripted and name in DATASETS:
        return {"@context": [CONTEXT], **_seeded(here, name)}
    for key in _offered(session, here, party):
        if key[1] == name:
            found: dict[str, Any] = orjson.loads(_made(session, here, [key])[0])
            return {"@context": [CONTEXT], **found}
    raise NotFound("there is no dataset {id}", field="id", mend="see the catalogue", id=name[:80])


def _offered(session: Session, here: Here, party: PartyId | None) -> list[_Key]:
    made_to: dict[ResourceId, list[str]] = {}
    put = open_offers(session)
    missing = [one.id for one in put if _offers.get(one.id) is None]
    for name, policy in policies_of(session, missing).items():
        _offers.put(name, _written(name, policy))
    for one in put:
        known = _offers.get(one.id)
        if known is None or known.document is None:
            continue
        if known.to is None or (party is not None and known.to.endswith(party)):
            made_to.setdefault(one.resource, []).append(one.id)
    return [
        (here.root, name, revision, tuple(made_to[name]))
        for name, revision in published_revisions(session, HELD_KINDS)
        if name in made_to
    ]


def _written(name: str, policy: dict[str, Any]) -> _Put:
    to = policy.get("assignee")
    try:
        terms = terms_of(policy)
    except Invalid:
        # The protocol's profile cannot say it, and must not say something else.
        return _Put(to, None)
    return _Put(to, {"@type": "Offer", "@id": name, **terms})


def _made(session: Session, here: Here, names: Sequence[_Key]) -> list[bytes]:
    missing = [name for name in names if _documents.get(name) is None]
    fresh: dict[_Key, bytes] = {}
    if missing:
        entries = entries_of(session, [name[1] for name in missing])
        for name in missing:
            of = entries.get(name[1])
            if of is not None:
                fresh[name] = orjson.dumps(_dataset(here, of, name[3]))
                _documents.put(name, fresh[name])
    found = (fresh.get(name) or _documents.get(name) for name in names)
    return [one for one in found if one is not None]


def _dataset(here: Here, of: Resource, names: Sequence[str]) -> dict[str, Any]:
    policies = [put.document for name in names if (put := _offers.get(name)) and put.document]
    said: dict[str, Any] = {
        "@id": of.id,
        "@type": "Dataset",
        "title": _texts(of.title),
        "description": _texts(of.abstract),
        "keyword": list(of.keywords),
        "landingPage": f"{here.root}/resources/{of.slug}",
        "hasPolicy": policies,
        "distribution": [
            {"@type": "Distribution", "format": form, "accessService": _service(here)}
            for form in FORMATS
        ],
    }
    return {name: value for name, value in said.items() if value}


def _seeded(here: Here, name: str) -> dict[str, Any]:
    return {
        "@id": name,
        "@type": "Dataset",
        "hasPolicy": [{"@type": "Offer", "@id": f"CD123:{name}:456", **TERMS}],
        "distribution": [
            {"@type": "Distribution", "format": PULL, "accessService": _service(here)}
        ],
    }


def _service(here: Here) -> dict[str, str]:
    return {
        "@id": f"urn:quanyu:service:{here.participant}",
        "@type": "DataService",
        "endpointURL": here.address,
    }


def _texts(text: LocalText | None) -> list[dict[str, str]]:
    pairs = () if text is None else (("zh", text.zh), ("en", text.en))
    return [{"@language": tag, "@value": said} for tag, said in pairs if said]
