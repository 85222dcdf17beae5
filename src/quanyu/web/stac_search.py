"""Item Search of STAC API 1.0 over the imagery that this node holds.

Every collection is asked within the caller's restriction of it, and what they give is merged in the
order asked for. A page is a use of each collection that has items on it; rows are items.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from functools import cmp_to_key, partial
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from quanyu.kernel import Invalid, NotFound
from quanyu.spacetime import DataUnavailable, View, parse_filter
from quanyu.web import parameters
from quanyu.web.documents import link
from quanyu.web.filters import filter_language
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of, node_of
from quanyu.web.serve_several import serve_uses
from quanyu.web.serve_use import Answer, doubt, scene_slugs, serve_use
from quanyu.web.stac_items import Item, items_of, query_of, sorting, with_fields

CATALOGUE = "catalogue:"
"""What a token begins with once only the catalogue is left to search."""

ROOT = "/stac"
_MOST = 1_000
_CATALOGUED = frozenset({"collections", "ids", "bbox", "datetime", "limit", "intersects", "token",
                         "lang"})  # fmt: skip
_Place = tuple[str | None, int]
"""Where a collection is to be read on: the token of a page, and how many of it have been given."""


async def stored_item(
    request: Request, slug: str, name: str, given: Mapping[str, str]
) -> Response | None:
    """The item of that id, when the collection is imagery that this node holds."""
    if slug not in await scene_slugs(request):
        return None
    base = base_of(request)

    def work(view: View) -> Answer:
        feature = view.feature(name)
        if feature is None:
            raise NotFound("there is no item {id}", id=name[:80])
        body = orjson.dumps(items_of(view, slug, feature, base, given)[0])
        return Answer(media_type=MEDIA_TYPES["geojson"], body=body, rows=1)

    return await serve_use(request, slug, work, face="features", given=given, form="geojson")


async def stored_items(request: Request, given: dict[str, str]) -> Response | None:
    """A page of items; ``None`` when there is none and the catalogue may have some."""
    if "bbox" in given and "intersects" in given:
        raise Invalid("bbox and intersects exclude each other", field="intersects")
    named = frozenset(parameters.names(given.get("collections", "")))
    every = await scene_slugs(request)
    slugs = [slug for slug in every if not named or slug in named]
    only_here = bool(given.keys() - _CATALOGUED) or (bool(named) and named <= set(slugs))
    if not slugs and not only_here:
        return None
    if "filter" in given:
        parse_filter(given["filter"], None, filter_language(given))
    limit = parameters.whole(given, "limit", 10, least=1, most=_MOST)
    places = _read_token(given["token"]) if given.get("token") else dict.fromkeys(slugs, _BEGIN)
    node, base, nothing = node_of(request), base_of(request), False

    def work(views: Mapping[str, View]) -> tuple[Answer, Mapping[str, int]]:
        nonlocal nothing
        left = {slug: places[slug] for slug in views if slug in places}
        items, rows = _merged(
            views, left, given, limit, base, lenient=not named, doubted=partial(doubt, node)
        )
        nothing = not items
        token = _token(left) if left else "" if only_here else CATALOGUE
        found = [with_fields(item, given.get("fields")) for item in items]
        document = feature_collection(request, dict(given), found, token or None, base)
        return Answer(media_type=MEDIA_TYPES["geojson"], body=orjson.dumps(document)), rows

    answer = await serve_uses(request, slugs, work, face="features", given=given, need_all=False)
    return None if nothing and not only_here else answer


_BEGIN: _Place = (None, 0)


def _merged(  # noqa: C901 - one walk through all
    views: Mapping[str, View],
    places: dict[str, _Place],
    given: Mapping[str, str],
    limit: int,
    base: str,
    *,
    lenient: bool,
    doubted: Callable[[DataUnavailable], None],
) -> tuple[list[Item], dict[str, int]]:
    """The next items of all collections together, and of how many each are; ``places`` moves on,
    and a collection that is at its end is no more in it."""
    heads: dict[str, Item] = {}
    flows: dict[str, Iterator[tuple[Item, _Place | None]]] = {}
    following: dict[str, _Place | None] = {}
    order: tuple[tuple[str, bool], ...] = ()

    def advance(slug: str) -> None:
        found = next(flows[slug], None)
        if found is None:
            heads.pop(slug, None)
            places.pop(slug, None)
        else:
            heads[slug], following[slug] = found

    refusals: list[Invalid] = []
    last = next(reversed(places), "")
    for slug in list(places):
        flows[slug] = _flow(views[slug], slug, given, limit, base, places[slug])
        try:
            advance(slug)
            order = order or sorting(given, views[slug])
        except Invalid as error:
            # What one collection has no property for, another may have.
            if not lenient or (len(refusals) == len(flows) - 1 and slug == last):
                raise
            refusals.append(error)
            heads.pop(slug, None)
            places.pop(slug, None)
        except DataUnavailable as error:
            if not lenient:
                raise
            doubted(error)
            heads.pop(slug, None)
            places.pop(slug, None)

    def compare(one: Item, other: Item) -> int:
        return _compare(one, other, order)

    key = cmp_to_key(compare)
    items: list[Item] = []
    rows = dict.fromkeys(views, 0)
    while heads and len(items) < limit:
        slug = min(heads, key=lambda name: key(heads[name]))
        items.append(heads[slug])
        rows[slug] += 1
        after = following[slug]
        if after is None:
            heads.pop(slug)
            places.pop(slug)
        else:
            places[slug] = after
            if len(items) < limit:
                advance(slug)
    return items, rows


def _flow(  # noqa: PLR0917 - one way in
    view: View, slug: str, given: Mapping[str, str], limit: int, base: str, place: _Place
) -> Iterator[tuple[Item, _Place | None]]:
    """Items of one collection from a place on, each with the place after it (none at the end)."""
    after, given_out = place
    while True:
        page = view.page(query_of(given, view, limit, after))
        items = items_of(view, slug, page.features, base, given) if page.returned else []
        for number, item in enumerate(items[given_out:], start=given_out + 1):
            if number < len(items):
                yield item, (after, number)
            else:
                yield item, None if page.next is None else (page.next, 0)
        if page.next is None:
            return
        after, given_out = page.next, 0


def _compare(one: Item, other: Item, order: tuple[tuple[str, bool], ...]) -> int:
    for name, falling in order:
        mine, yours = _value(one, name), _value(other, name)
        if mine == yours:
            continue
        if mine is None or yours is None:
            return 1 if mine is None else -1
        return (-1 if mine < yours else 1) * (-1 if falling else 1)
    return 0


def _value(item: Item, name: str) -> Any:
    if name in {"scene", "fid"}:
        return item["id"]
    return item["properties"].get({"crs": "proj:code"}.get(name, name))


def _token(places: Mapping[str, _Place]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(places)).decode().rstrip("=")


def _read_token(text: str) -> dict[str, _Place]:
    try:
        said = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return {
            str(slug): (None if after is None else str(after), max(int(number), 0))
            for slug, (after, number) in said.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise Invalid(
            "this token is none of ours", field="token", mend="begin the search again"
        ) from error


def feature_collection(
    request: Request, given: dict[str, str], found: list[Item], token: str | None, base: str
) -> dict[str, Any]:
    """A page of Items, with its links."""
    here = base + request.scope["path"]
    links = [link(here, "self", "geojson"), link(f"{base}{ROOT}", "root", "json")]
    if token and request.method == "POST":
        body = {"token": token}
        links.append(link(here, "next", "geojson", method="POST", body=body, merge=True))
    elif token:
        kept = {name: value for name, value in given.items() if name != "collections"}
        if "/items" not in here and "collections" in given:
            kept["collections"] = given["collections"]
        links.append(link(f"{here}?{urlencode({**kept, 'token': token})}", "next", "geojson"))
    return {
        "type": "FeatureCollection",
        "features": found,
        "links": links,
        "numberReturned": len(found),
    }
