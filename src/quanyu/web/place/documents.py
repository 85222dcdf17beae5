"""The answer as JSON and as GeoJSON; features stay the bytes that the store encoded."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import shapely

from quanyu.kernel import Language, explain, iso, now
from quanyu.spacetime import GRIDS, Interval, Place
from quanyu.web.documents import link
from quanyu.web.place.answer import Candidate, Said, Where
from quanyu.web.place.asked import Asked, By
from quanyu.web.serve_each import Answers, Closed, Part

ROOT = "/place"
_FEATURE = b'{"type":"Feature",'
_LEVELS = {"beidou": 7, "h3": 10, "quadkey": 18}
"""Levels of the cells that are told of a place: some metres to some tens of metres wide."""


def document(
    asked: Asked, where: Where, answers: Answers[Said], language: Language, base: str
) -> dict[str, Any]:
    """The JSON document, without its links to itself."""
    there = [part for part in answers.parts if part.made.found and part.made.found.returned]
    return {
        "place": place_of(asked, where),
        "datetime": times(asked.interval),
        "candidates": [candidate(one, language, base) for one in where.candidates],
        "collections": [_collection(part, language, base) for part in there],
        "nothingIn": [
            part.resource.slug
            for part in answers.parts
            if part.made.found and not part.made.found.returned
        ],
        "problems": [
            {"id": part.resource.slug, "detail": explain(part.made.problem, language)[1]}
            for part in answers.parts
            if part.made.problem
        ]
        + [
            {"id": one.resource.slug, "detail": explain(one.problem, language)[1]}
            for one in answers.away
        ],
        "askAccess": [_closed(one, language, base) for one in answers.closed],
        "notAsked": answers.more,
        "timeStamp": iso(now()),
    }


def features(where: Where, answers: Answers[Said]) -> bytes:
    """One GeoJSON feature collection; each feature says its ``collection``."""
    parts = []
    for part in answers.parts:
        found = part.made.found
        if found and found.returned:
            own = _FEATURE + b'"collection":' + orjson.dumps(part.resource.slug) + b","
            # Within strings quotes are escaped, so these bytes begin features and nothing else.
            parts.append(found.features.replace(_FEATURE + b'"id":', own + b'"id":'))
    here: bytes = shapely.to_geojson(where.place.geometry).encode()
    return (
        b'{"type":"FeatureCollection","place":' + here + b',"features":[' + b",".join(parts) + b"]}"
    )


def place_of(asked: Asked, where: Where) -> dict[str, Any]:
    """The place that was meant."""
    found: dict[str, Any] = {
        "by": asked.by.value,
        "said": asked.said,
        "geometry": orjson.Fragment(shapely.to_geojson(where.place.geometry)),
        "radius": where.place.metres,
        "cells": cells_at(where.place),
    }
    if asked.by is By.CELL:
        found["grid"] = asked.text
    if where.candidates:
        first = where.candidates[0]
        found |= {"collection": first.of.slug, "id": first.fid, "label": first.label}
    return found


def cells_at(place: Place) -> dict[str, str]:
    """Cells of the grids that hold the middle of a place: keys to join by."""
    middle = shapely.point_on_surface(place.geometry)
    found = {}
    for name, level in _LEVELS.items():
        if name != "beidou" or abs(middle.y) < 88:
            found[name] = str(GRIDS[name].cells(middle.x, middle.y, level)[0])
    return found


def times(interval: Interval) -> list[str | None]:
    """Both ends of an interval, ``null`` where it is open."""
    return [None if moment is None else iso(moment) for moment in interval]


def candidate(one: Candidate, language: Language, base: str) -> dict[str, Any]:
    """An object that the words may mean."""
    middle = shapely.point_on_surface(one.geometry)
    query = urlencode({"id": f"{one.of.slug}/{one.fid}"})
    return {
        "collection": one.of.slug,
        "title": one.of.title.to(language),
        "id": one.fid,
        "label": one.label,
        "point": [round(middle.x, 7), round(middle.y, 7)],
        "href": f"{base}{ROOT}?{query}",
    }


def _collection(part: Part[Said], language: Language, base: str) -> dict[str, Any]:
    found = part.made.found
    assert found is not None  # noqa: S101 - the caller looked
    slug = part.resource.slug
    here = f"{base}/ogc/features/collections/{slug}"
    links = [
        link(here, "collection", "json"),
        link(f"{here}/items", "items", "geojson"),
        link(f"{base}/resources/{quote(slug)}", "describedby", "html"),
    ]
    if part.use:
        links.append(link(f"{base}/log/receipts/{part.use}", "receipt", "json"))
    said: dict[str, Any] = {
        "id": slug,
        "title": part.resource.title.to(language),
        "access": part.resource.access.value,
        "attribution": part.resource.attribution,
        "licence": part.resource.licence,
        "numberReturned": found.returned,
        "features": orjson.Fragment(
            b'{"type":"FeatureCollection","features":[' + found.features + b"]}"
        ),
        "metres": [round(metres, 2) for metres in found.metres],
        "links": links,
    }
    if found.matched is not None:
        said["numberMatched"] = found.matched
    return said


def _closed(one: Closed, language: Language, base: str) -> Mapping[str, Any]:
    slug = one.resource.slug
    return {
        "id": slug,
        "title": one.resource.title.to(language),
        "rule": one.rule,
        "href": f"{base}/resources/{quote(slug)}",
    }
