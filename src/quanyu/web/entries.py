"""Entries as other catalogues want them: where this node serves each; answers to be cached."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from quanyu.agreements import offers
from quanyu.catalogue import (
    HELD_KINDS,
    Access,
    Distribution,
    Entry,
    Kind,
    Measurement,
    Resource,
    entry_of,
    sources,
)
from quanyu.kernel import LocalText, PartyId, ResourceId
from quanyu.operations import Outcome, QualityDimension, healths_of, latest_results
from quanyu.parties import Caller, party
from quanyu.web.collection import DOWNLOADS, SHAPED
from quanyu.web.compress import compressed
from quanyu.web.negotiate import MEDIA_TYPES

_NAMES = {
    "geojson": "GeoJSON",
    "jsonfg": "JSON-FG",
    "csv": "CSV",
    "parquet": "GeoParquet",
    "fgb": "FlatGeobuf",
    "arrow": "Arrow",
    "gpkg": "GeoPackage",
    "xlsx": "XLSX",
    "ndjson": "NDJSON",
    "cityjson": "CityJSON",
    "cityjsonseq": "CityJSONSeq",
    "zip": "ZIP",
}


@dataclass(slots=True)
class Shelf:
    """What is needed again and again while entries are made for one answer."""

    session: Session
    base: str
    caller: Caller
    names: dict[PartyId, LocalText] = field(default_factory=dict)
    measured: dict[ResourceId, tuple[Measurement, ...]] = field(default_factory=dict)

    def entry(self, resource: Resource) -> Entry:
        """The entry of a resource, with the addresses that this node serves it at."""
        if resource.id not in self.measured:
            self.measured |= measurements(self.session, [resource.id])
        if resource.provider not in self.names:
            self.names[resource.provider] = party(self.session, resource.provider).name
        return entry_of(
            resource,
            self.names[resource.provider],
            distributions(resource, self.base),
            base=self.base,
            policy=self._policy(resource),
            sources=self._sources(resource),
            measurements=self.measured.get(resource.id, ()),
        )

    def entries(self, found: Iterable[Resource]) -> list[Entry]:
        """The entries of a page."""
        found = list(found)
        self.measured |= measurements(self.session, [one.id for one in found])
        return [self.entry(resource) for resource in found]

    def _policy(self, resource: Resource) -> str:
        if resource.access in {Access.OPEN, Access.CLOSED}:
            return ""
        offered = offers(self.session, resource.id)
        return f"{self.base}/resources/{resource.slug}/policy" if offered else ""

    def _sources(self, resource: Resource) -> dict[str, str]:
        if not resource.lineage:
            return {}
        known = sources(self.session, resource.id, visible_to=self.caller)
        return {one.id: f"{self.base}/resources/{one.slug}" for one in known}


def measurements(
    session: Session, ids: Sequence[ResourceId]
) -> dict[ResourceId, tuple[Measurement, ...]]:
    """What everybody may know of the quality of these resources: the figure of health, its parts
    that are known, and the share of the rules of each dimension that hold; never counts of rows."""
    results = latest_results(session, ids)
    found = {}
    for name, health in healths_of(session, ids).items():
        told = []
        if health.score is not None and health.at is not None:
            told.append(Measurement("health", "health", health.score, health.at))
        told += [
            Measurement(part.aspect.value, "health", part.score, health.at)
            for part in health.parts
            if part.score is not None and health.at is not None
        ]
        for dimension in QualityDimension:
            mine = [one for one in results.get(name, ()) if one.dimension is dimension]
            if mine:
                holding = sum(one.outcome is Outcome.HOLDS for one in mine)
                share = holding / len(mine)
                told.append(Measurement(dimension.value, dimension.value, share, mine[0].at))
        found[name] = tuple(told)
    return {name: found.get(name, ()) for name in ids}


def distributions(resource: Resource, base: str) -> tuple[Distribution, ...]:
    """Files and interfaces of a dataset that this node holds; each passes the gate when used."""
    if resource.distributions:
        return ()
    if resource.kind is Kind.STREAM:
        return (
            Distribution(
                f"{base}/sensorthings/{resource.slug}/v1.1",
                title=LocalText(zh="OGC SensorThings 接口", en="OGC SensorThings API"),
                format="OGC SensorThings API 1.1",
                media_type=MEDIA_TYPES["json"],
                api=True,
            ),
        )
    if resource.kind not in HELD_KINDS:
        return ()
    located = resource.bbox is not None
    files = [
        Distribution(
            f"{base}/data/{resource.slug}.{form}",
            title=LocalText(zh=f"{name} 文件", en=f"{name} file"),
            format=name if located or form != "parquet" else "Parquet",
            media_type=MEDIA_TYPES[form],
        )
        for form in DOWNLOADS
        if (name := _NAMES[form]) and (located or form not in SHAPED)
    ]
    features = Distribution(
        f"{base}/ogc/features/collections/{resource.slug}",
        title=LocalText(zh="OGC API – Features 接口", en="OGC API – Features"),
        format="OGC API – Features",
        media_type=MEDIA_TYPES["json"],
        api=True,
    )
    tiles = Distribution(
        f"{base}/ogc/tiles/collections/{resource.slug}/tiles",
        title=LocalText(zh="OGC API – Tiles 矢量瓦片", en="OGC API – Tiles, vector tiles"),
        format="OGC API – Tiles",
        media_type=MEDIA_TYPES["json"],
        api=True,
    )
    return (*files, features, tiles) if located else (*files, features)


def cacheable(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    changed: datetime | None = None,
    links: Iterable[str] = (),
    vary: str = "Accept, Authorization, Cookie",
) -> Response:
    """An answer with ``ETag`` and ``Last-Modified``, or 304 where the client has it already.

    ``links`` are values of a ``Link`` header.
    """
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "private, no-cache", "vary": vary}
    if changed is not None:
        headers["last-modified"] = format_datetime(changed.astimezone(UTC), usegmt=True)
    joined = ", ".join(links)
    if joined:
        headers["link"] = joined
    if _has_it(request, tag, changed):
        return Response(status_code=304, headers=headers)
    packed, coding = compressed(request, body, media_type)
    if coding:
        headers["content-encoding"] = coding
        headers["vary"] += ", Accept-Encoding"
    return Response(packed, headers=headers, media_type=media_type)


def _has_it(request: Request, tag: str, changed: datetime | None) -> bool:
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = {one.strip().removeprefix("W/") for one in known.split(",")}
        return tag in tags or "*" in tags
    since = request.headers.get("if-modified-since")
    if since is None or changed is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return changed.replace(microsecond=0) <= moment
