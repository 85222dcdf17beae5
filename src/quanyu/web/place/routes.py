"""``/place``: everything at a place, as a page, as JSON, as GeoJSON."""

from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Bbox
from quanyu.kernel import Invalid, NotFound, QuanyuError, explain, translate
from quanyu.spacetime import DataUnavailable
from quanyu.web import parameters
from quanyu.web.documents import self_links
from quanyu.web.negotiate import offer, representation
from quanyu.web.node import base_of
from quanyu.web.pages import language_of, render
from quanyu.web.place import documents
from quanyu.web.place.answer import Said, Where, answer
from quanyu.web.place.asked import KNOWN, NAMED, Asked, read
from quanyu.web.place.sources import SOURCES, healths_told
from quanyu.web.serve_each import Answers, serve_each

OFFERED = offer("json", "html", "geojson")


async def place(request: Request) -> Response:
    """``/place``: what every collection that the caller may see has there."""
    given = parameters.read(request)
    parameters.check_known(given, KNOWN | {"f", "lang"})
    form = representation(request, OFFERED, given.get("f"))
    if form == "html":
        return await _page(request, given)
    asked = read(given)
    if asked is None:
        raise Invalid(
            "no place is named", field="point", mend="give one of: {names}", names=", ".join(NAMED)
        )
    where, answers = await _answered(request, asked, given)
    headers = {
        "cache-control": "private, no-cache",
        "vary": "Accept, Accept-Language, Authorization, Cookie, Quanyu-Agreement, Quanyu-Purpose",
        "content-language": language_of(request),
    }
    if form == "geojson":
        body = documents.features(where, answers)
        return Response(body, headers=headers, media_type=OFFERED[form])
    found = await _document(request, asked, where, answers)
    found["links"] = self_links(request, given, form, OFFERED)
    return Response(orjson.dumps(found), headers=headers, media_type=OFFERED[form])


async def _answered(
    request: Request, asked: Asked, given: dict[str, str]
) -> tuple[Where, Answers[Said]]:
    heard: list[Where] = []
    work = partial(answer, asked, heard=heard.append)
    only = asked.collections
    answers = await serve_each(request, work, face="place", given=given, only=only)
    return heard[0], answers


async def _document(
    request: Request, asked: Asked, where: Where, answers: Answers[Said]
) -> dict[str, Any]:
    language, base = language_of(request), base_of(request)
    found = documents.document(asked, where, answers, language, base)
    for name, source in SOURCES.items():
        found[name] = await source(request, where)
    healths = await healths_told(request, [part.resource.id for part in answers.parts])
    ids = {part.resource.slug: part.resource.id for part in answers.parts}
    for one in found["collections"]:
        one["health"] = healths.get(ids[one["id"]])
    return found


async def _page(request: Request, given: dict[str, str]) -> Response:
    """The same for people; what was typed wrongly is said above the form."""
    language = language_of(request)
    context: dict[str, Any] = {"given": given, "found": None, "island": None, "problem": None}
    status = 200
    try:
        asked = read(given)
        if asked is not None:
            where, answers = await _answered(request, asked, given)
            # As a client would read it: features come encoded.
            found = orjson.loads(orjson.dumps(await _document(request, asked, where, answers)))
            title = translate(language, "Everything at a place")
            context |= {"found": found, "island": _island(found, where.place.box, title)}
    except (Invalid, NotFound, DataUnavailable) as error:
        context["problem"] = _problem(request, error)
        status = error.status
    links = self_links(request, given, "html", OFFERED)
    context["links"] = [one for one in links if one["rel"] == "alternate"]
    return render(request, "place.html", context, status)


def _problem(request: Request, error: QuanyuError) -> dict[str, Any]:
    _, detail, mend = explain(error, language_of(request))
    return {"detail": detail, "mend": mend, "rule": error.rule, "field": error.field}


def _island(found: dict[str, Any], bounds: Bbox, title: str) -> dict[str, Any]:
    """What the map shows: the place and all features that were found."""
    shown = [
        feature | {"properties": {**(feature["properties"] or {}), "collection": one["title"]}}
        for one in found["collections"]
        for feature in one["features"]["features"]
        if feature["geometry"]
    ]
    here = {"type": "Feature", "id": "", "geometry": found["place"]["geometry"], "properties": {}}
    features = {"type": "FeatureCollection", "features": [here, *shown]}
    return {"features": features, "title": title, "bounds": list(bounds)}


def routes() -> list[Route]:
    """Routes of this question."""
    return [Route(documents.ROOT, place)]
