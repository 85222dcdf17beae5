"""What a SensorThings interface (OGC 18-088) offers: its Datastreams."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from quanyu.catalogue.codes import UpdateCycle
from quanyu.catalogue.harvest.fetch import Reach, fetch, odd_answer
from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import Bbox, Distribution
from quanyu.catalogue.probe.guessing import slug_from, themes_of, title_of
from quanyu.catalogue.probe.model import Proposal, ProposedField, ServiceFound
from quanyu.catalogue.probe.remarks import (
    MOST,
    abstract_of,
    address_of,
    box_of,
    cut,
    interval_of,
    line,
    objects_of,
    signed_in,
)
from quanyu.kernel import LocalText

_MOST_PAGES = 10
"""Servers may give fewer at once than they were asked for."""


def datastreams_address(url: str, document: Mapping[str, Any]) -> str:
    """Where a service document at ``url`` says that its Datastreams are; empty for others."""
    sets = {str(one.get("name")): one.get("url") for one in objects_of(document.get("value"))}
    return address_of(url.rstrip("/") + "/", sets.get("Datastreams"))


def from_sensorthings(url: str, asked: str, root: str, reach: Reach) -> ServiceFound:
    """The Datastreams at ``root``; ``asked`` may hold user and password for the host."""
    query = urlencode({"$top": MOST, "$expand": "ObservedProperty,Thing", "$count": "true"})
    streams: list[dict[str, Any]] = []
    count: object = None
    onward, seen = f"{root}?{query}", set[str]()
    while onward and onward not in seen and len(seen) < _MOST_PAGES and len(streams) < MOST:
        seen.add(onward)
        page = _page(signed_in(onward, asked), reach)
        streams += objects_of(page["value"])
        count = page.get("@iot.count", count)
        onward = address_of(onward, page.get("@iot.nextLink"))
    offered = tuple(_datastream(one, root) for one in streams[:MOST])
    return ServiceFound("SensorThings", "", url, offered, cut(count))


def _page(url: str, reach: Reach) -> dict[str, Any]:
    from quanyu.catalogue.exchange import loads

    answer = loads(fetch(url, reach, accept="application/json").content)
    if not isinstance(answer, dict) or not isinstance(answer.get("value"), list):
        raise odd_answer("there are no Datastreams")
    return answer


def _datastream(one: Mapping[str, Any], root: str) -> Proposal:
    key = one.get("@iot.id")
    title = title_of(line(key) or "stream", line(one.get("name")))
    here = address_of(root, one.get("@iot.selfLink")) or f"{root}({_key(key)})"
    observed, unit = _object(one.get("ObservedProperty")), _object(one.get("unitOfMeasurement"))
    meaning = line(observed.get("name"))
    fields = (
        ProposedField("phenomenonTime", "datetime", LocalText(zh="观测时间", en="Time observed")),
        ProposedField(
            "result",
            "number",
            LocalText(en=meaning) if meaning else None,
            line(unit.get("symbol"), 40),
        ),
    )
    about = abstract_of(one.get("description"))
    said = (about.zh or about.en) if about else ""
    period = str(one.get("phenomenonTime") or "")
    first, _, last = period.partition("/")
    return Proposal(
        source=here,
        slug=slug_from(title.en, f"datastream-{line(key, 40)}"),
        title=title,
        abstract=about,
        themes=themes_of((title.zh, title.en, meaning, said)),
        update_cycle=UpdateCycle.REAL_TIME,
        bbox=_area(one.get("observedArea")),
        interval=interval_of(first, last or first),
        fields=fields,
        formats=("SensorThings",),
        distributions=(
            Distribution(
                f"{here}/Observations", None, "SensorThings", "application/json", api=True
            ),
        ),
        notes=(because("read from its {kind}", kind="SensorThings"),),
    )


def _key(key: object) -> str:
    """An id as addresses write it: texts in quotes."""
    if isinstance(key, int):
        return str(key)
    return quote("'" + line(key).replace("'", "''") + "'", safe="'")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _area(geometry: object) -> Bbox | None:
    import shapely

    if not isinstance(geometry, dict):
        return None
    try:
        shape = shapely.geometry.shape(geometry)
    except (ValueError, TypeError, KeyError, AttributeError, shapely.errors.ShapelyError):
        return None
    return box_of(shape.bounds) if not shape.is_empty else None
