"""What CKAN's Action API answers: one function for each action that reads.

A package is a published entry, its ``id`` the entry's and its ``name`` the slug; organisations are
the providers, groups the themes, tags the keywords.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from quanyu import __version__
from quanyu.catalogue import (
    LICENCES,
    THEMES,
    Kind,
    Listed,
    ListedBy,
    Resource,
    Search,
    Sort,
    State,
    ckan_group,
    listing,
    resource,
    search,
    to_ckan,
)
from quanyu.kernel import Invalid, NotFound, PartyId, Settings, iso
from quanyu.parties import Caller, Party, parties, party
from quanyu.web.ckan_query import Narrowed, names, narrowed, order
from quanyu.web.dcat import published
from quanyu.web.entries import Shelf

Given = dict[str, Any]

_MOST = 1_000
_DEEPEST = 10_000
_TAGGED = 5_000
_FACETS = {
    "organization": "providers",
    "groups": "themes",
    "res_format": "formats",
    "license_id": "licences",
}
_SORTS = {ListedBy.UPDATED: Sort.UPDATED, ListedBy.CREATED: Sort.CREATED}


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: the store, who asks, this node's address and settings, and the parameters."""

    session: Session
    caller: Caller
    base: str
    settings: Settings
    given: Given

    def text(self, *keys: str) -> str:
        """A parameter under one of its names; empty when it is not given."""
        for key in keys:
            value = self.given.get(key)
            if isinstance(value, str | int) and not isinstance(value, bool):
                text = str(value)
                if "\0" in text:
                    raise Invalid("a parameter holds a null character", field=key)
                return text
        return ""

    def needed(self, *keys: str) -> str:
        """The same; :class:`Invalid` when it is not given."""
        text = self.text(*keys)
        if not text:
            raise Invalid("Missing value", field=keys[0])
        return text

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number, at most ``most``."""
        text = self.text(name)
        if not text:
            return default
        if not text.isdecimal() or len(text) > 12:
            raise Invalid("Must be a natural number", field=name)
        return min(int(text), most)

    def shelf(self) -> Shelf:
        """What makes entries."""
        return Shelf(self.session, self.base, self.caller)


def package(shelf: Shelf, found: Resource) -> Given:
    """An entry as a package."""
    entry = shelf.entry(found)
    code = (found.code,) if found.code else ()
    named = replace(entry, identifier=found.id, other_identifiers=code)
    return to_ckan(named, name=found.slug)


def package_search(asked: Asked) -> Given:
    """Packages by words and filters; ``start`` reaches at most 10,000 deep with words."""
    rows, start = asked.number("rows", 10, _MOST), asked.number("start", 0, 10**9)
    within = narrowed(" ".join(names_of(asked, "fq", "fq_list")))
    q = asked.text("q")
    words = " ".join([*([] if q in {"*:*", "*"} else [q]), *sorted(within.tags)]).strip()
    by = order(asked.text("sort"))
    wants = names(asked.given.get("facet.field") or asked.given.get("facet_field"))
    if words or within.formats or within.licences or wants:
        hits, total, facets = _search(asked, within, words, by, rows=rows, start=start, wants=wants)
    else:
        page = listing(
            asked.session,
            replace(_listed(within, by), limit=rows, offset=start),
            visible_to=asked.caller,
        )
        hits, total, facets = page.hits, page.total, {}
    shelf = asked.shelf()
    return {
        "count": total,
        "sort": asked.text("sort") or "metadata_modified desc",
        "results": [package(shelf, hit) for hit in hits],
        "facets": {
            name: {one["name"]: one["count"] for one in facet["items"]}
            for name, facet in facets.items()
        },
        "search_facets": facets,
    }


def names_of(asked: Asked, *keys: str) -> list[str]:
    """Texts under these names, of which each may be a list."""
    found: list[str] = []
    for key in keys:
        value = asked.given.get(key)
        found += [str(one) for one in value] if isinstance(value, list) else []
        found += [value] if isinstance(value, str) else []
    return found


def _listed(within: Narrowed, by: tuple[ListedBy, bool] | None) -> Listed:
    column, falling = by or (ListedBy.UPDATED, True)
    return Listed(
        kinds=frozenset(map(Kind, within.kinds)),
        providers=frozenset(map(PartyId, within.providers)),
        themes=frozenset(within.themes),
        ids=frozenset(within.ids),
        updated=within.updated,
        by=column,
        falling=falling,
    )


def _search(
    asked: Asked,
    within: Narrowed,
    words: str,
    by: tuple[ListedBy, bool] | None,
    *,
    rows: int,
    start: int,
    wants: list[str],
) -> tuple[tuple[Resource, ...], int, Given]:
    column, falling = by or (ListedBy.NUMBER, True)
    wanted = Search(
        q=words[:1000],
        kinds=frozenset(map(Kind, within.kinds)),
        providers=frozenset(map(PartyId, within.providers)),
        themes=frozenset(within.themes),
        ids=frozenset(within.ids),
        formats=frozenset(within.formats),
        licences=frozenset(within.licences),
        states=frozenset({State.PUBLISHED}),
        filter=_changed(within),
        sort=_SORTS.get(column, Sort.RELEVANCE),
        # The natural order of a time is the newest first.
        reverse=column in _SORTS and not falling,
        limit=max(1, min(_MOST, start + rows)),
        facets=bool(wants),
    )
    page = search(asked.session, wanted, visible_to=asked.caller)
    hits, reached = page.hits, page
    while len(hits) < start + rows and reached.next and len(hits) < _DEEPEST:
        onward = replace(wanted, after=reached.next, facets=False)
        reached = search(asked.session, onward, visible_to=asked.caller)
        hits += reached.hits
    facets = {name: _facet(asked, name, page.facets) for name in wants if name in _FACETS}
    return hits[start : start + rows], page.total, facets


def _changed(within: Narrowed) -> Given | None:
    """``metadata_modified`` as CQL2."""
    ends = zip((">=", "<="), within.updated, strict=True)
    said = [
        {"op": op, "args": [{"property": "updated"}, {"timestamp": iso(moment)}]}
        for op, moment in ends
        if moment
    ]
    return {"op": "and", "args": said} if len(said) == 2 else said[0] if said else None


def _facet(asked: Asked, name: str, facets: Any) -> Given:
    items = [
        {"name": one.value, "display_name": _shown(asked, name, one.value), "count": one.count}
        for one in facets.get(_FACETS[name], ())
    ]
    return {"title": name, "items": items}


def _shown(asked: Asked, name: str, value: str) -> str:
    if name == "organization":
        return party(asked.session, PartyId(value)).name.to("zh")
    return THEMES[value].name.to("zh") if name == "groups" and value in THEMES else value


def package_list(asked: Asked) -> list[str]:
    """Names of packages."""
    return [one.slug for one in _slugs(asked)]


def current_package_list_with_resources(asked: Asked) -> list[Given]:
    """Packages, whole."""
    shelf = asked.shelf()
    limit = asked.number("limit", 100, _MOST)
    wanted = Listed(limit=limit, offset=asked.number("offset", 0, 10**9))
    page = listing(asked.session, wanted, visible_to=asked.caller)
    return [package(shelf, hit) for hit in page.hits]


def _slugs(asked: Asked) -> tuple[Resource, ...]:
    wanted = Listed(
        by=ListedBy.SLUG,
        limit=asked.number("limit", _MOST, _MOST),
        offset=asked.number("offset", 0, 10**9),
    )
    return listing(asked.session, wanted, visible_to=asked.caller).hits


def package_show(asked: Asked) -> Given:
    """One package by id or name."""
    found = resource(asked.session, asked.needed("id", "name_or_id"), visible_to=asked.caller)
    return package(asked.shelf(), published(found))


def package_autocomplete(asked: Asked) -> list[Given]:
    """Packages whose names or titles begin so."""
    wanted = Search(
        q=asked.needed("q", "query")[:200],
        states=frozenset({State.PUBLISHED}),
        limit=asked.number("limit", 10, 100) or 1,
        facets=False,
    )
    hits = search(asked.session, wanted, visible_to=asked.caller).hits
    return [
        {
            "name": one.slug,
            "title": one.title.to("zh"),
            "match_field": "title",
            "match_displayed": f"{one.title.to('zh')} ({one.slug})",
        }
        for one in hits
    ]


def resource_show(asked: Asked) -> Given:
    """One file or interface of a package."""
    name = asked.needed("id")
    owner, _, number = name.rpartition("-")
    found = resource(asked.session, owner, visible_to=asked.caller)
    for one in package(asked.shelf(), published(found))["resources"]:
        if one["id"] == name:
            return dict(one)
    raise NotFound("there is no resource {id}", id=f"{owner}-{number}"[:80])


def resource_search(asked: Asked) -> Given:
    """Files and interfaces by ``name:``, ``format:`` or ``url:`` among the newest packages."""
    clauses = [one.partition(":") for one in names_of(asked, "query")]
    if not clauses:
        raise Invalid("Missing value", field="query")
    shelf = asked.shelf()
    wanted = Listed(by=ListedBy.UPDATED, falling=True, limit=200)
    page = listing(asked.session, wanted, visible_to=asked.caller)
    found = [
        one
        for hit in page.hits
        for one in package(shelf, hit)["resources"]
        if all(value.lower() in str(one.get(key) or "").lower() for key, _, value in clauses)
    ]
    start, limit = asked.number("offset", 0, 10**6), asked.number("limit", 100, _MOST)
    return {"count": len(found), "results": found[start : start + limit]}


def _providers(asked: Asked) -> list[tuple[Party, int]]:
    """Those who have published something, and how much."""
    wanted = Search(states=frozenset({State.PUBLISHED}), limit=1)
    facets = search(asked.session, wanted, visible_to=asked.caller).facets
    counts = {one.value: one.count for one in facets.get("providers", ())}
    return [(one, counts[one.id]) for one in parties(asked.session) if counts.get(one.id)]


def _organization(one: Party, count: int) -> Given:
    return {
        "id": one.id,
        "name": one.id,
        "title": one.name.to("zh"),
        "display_name": one.name.to("zh"),
        "title_translated": {"zh": one.name.zh, "en": one.name.en},
        "description": "",
        "type": "organization",
        "state": "active",
        "approval_status": "approved",
        "is_organization": True,
        "image_url": "",
        "created": one.created_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "package_count": count,
    }


def organization_list(asked: Asked) -> list[Any]:
    """Organisations that have published something; whole with ``all_fields``."""
    found = _providers(asked)
    if _true(asked.given.get("all_fields")):
        return [_organization(one, count) for one, count in found]
    return [one.id for one, _ in found]


def organization_show(asked: Asked) -> Given:
    """One organisation."""
    name = asked.needed("id")
    for one, count in _providers(asked):
        if name in {one.id, one.name.zh, one.name.en}:
            return _organization(one, count)
    raise NotFound("there is no organization {id}", id=name[:80])


def group_list(asked: Asked) -> list[Any]:
    """Groups; whole with ``all_fields``."""
    if _true(asked.given.get("all_fields")):
        return [_group(asked, theme) for theme in THEMES]
    return list(THEMES)


def _group(asked: Asked, theme: str) -> Given:
    wanted = Listed(themes=frozenset({theme}), limit=0)
    count = listing(asked.session, wanted, visible_to=asked.caller).total
    more = {"package_count": count, "type": "group", "state": "active", "is_organization": False}
    return ckan_group(theme) | more


def group_show(asked: Asked) -> Given:
    """One group."""
    name = asked.needed("id")
    if name not in THEMES:
        raise NotFound("there is no group {id}", id=name[:80])
    return _group(asked, name)


def _tags(asked: Asked) -> dict[str, int]:
    """Keywords of the newest 5,000 entries, and how often each is used."""
    found: dict[str, int] = {}
    for start in range(0, _TAGGED, _MOST):
        wanted = Listed(by=ListedBy.UPDATED, falling=True, limit=_MOST, offset=start)
        page = listing(asked.session, wanted, visible_to=asked.caller)
        for hit in page.hits:
            for word in hit.keywords:
                found[word] = found.get(word, 0) + 1
        if len(page.hits) < _MOST:
            break
    return found


def tag_list(asked: Asked) -> list[Any]:
    """Tags, those that hold ``query`` where it is given."""
    sought = asked.text("query").casefold()
    found = sorted(word for word in _tags(asked) if sought in word.casefold())
    if not _true(asked.given.get("all_fields")):
        return list(found)
    return [{"id": word, "name": word, "display_name": word} for word in found]


def tag_show(asked: Asked) -> Given:
    """One tag."""
    name = asked.needed("id")
    if name not in _tags(asked):
        raise NotFound("there is no tag {id}", id=name[:80])
    return {"id": name, "name": name, "display_name": name, "vocabulary_id": None}


def license_list(asked: Asked) -> list[Given]:  # noqa: ARG001 - every action is called alike
    """Licences that the node knows."""
    return [
        {
            "id": key,
            "title": one.name.en,
            "title_translated": {"zh": one.name.zh, "en": one.name.en},
            "url": one.url,
            "status": "active",
            "od_conformance": "approved" if one.open else "not reviewed",
            "is_okd_compliant": one.open,
        }
        for key, one in LICENCES.items()
    ]


def format_autocomplete(asked: Asked) -> list[str]:
    """Formats that begin so."""
    sought = asked.needed("q").casefold()
    wanted = Search(states=frozenset({State.PUBLISHED}), limit=1)
    facets = search(asked.session, wanted, visible_to=asked.caller).facets
    formats = (one.value for one in facets.get("formats", ()))
    limit = asked.number("limit", 5, 100)
    return [one for one in formats if one.casefold().startswith(sought)][:limit]


def status_show(asked: Asked) -> Given:
    """What answers here. ``ckan_version`` is the version whose calls these are."""
    settings = asked.settings
    return {
        "ckan_version": "2.11.0",
        "site_url": asked.base,
        "site_title": settings.title_zh,
        "site_description": settings.title_en,
        "locale_default": "zh_Hans_CN",
        "error_emails_to": None,
        "extensions": [],
        "quanyu_version": __version__,
    }


def site_read(asked: Asked) -> bool:  # noqa: ARG001 - every action is called alike
    """Whether the site may be read: the catalogue is for all."""
    return True


def help_show(asked: Asked) -> str:
    """What an action does."""
    name = asked.needed("name")
    if name not in ACTIONS:
        raise NotFound("there is no action {name}", name=name[:80])
    return ACTIONS[name].__doc__ or name


def _true(value: Any) -> bool:
    return str(value).lower() in {"true", "1", "yes", "on"}


ACTIONS: dict[str, Callable[[Asked], Any]] = {
    action.__name__: action
    for action in (
        *(status_show, site_read, help_show),
        *(package_list, current_package_list_with_resources, package_show, package_search),
        *(package_autocomplete, resource_show, resource_search, format_autocomplete),
        *(group_list, group_show, organization_list, organization_show),
        *(tag_list, tag_show, license_list),
    )
}
"""Every action, by its name."""
