"""Datasets that the example department takes out of the city's: parts, nothing added."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from quanyu.catalogue import Contact, Resource, UpdateCycle, register_dataset, resource
from quanyu.cli.data import Desk, bring_in
from quanyu.cli.demo_city import DEPARTMENT_CONTACT, THEMES, Theme
from quanyu.kernel import LocalText
from quanyu.parties import Caller
from quanyu.spacetime import (
    ALL,
    FieldType,
    Format,
    IngestOptions,
    Query,
    Version,
    View,
    parse_filter,
)

_OF = {theme.dataset: theme for theme in THEMES}


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of ``source`` for which ``where`` (CQL2) holds, as a dataset of its own.

    ``bare`` leaves out contact, keywords and meanings, for a reviewer to find.
    """

    dataset: str
    source: str
    where: str
    title: LocalText
    abstract: LocalText
    themes: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    bare: bool = False

    def theme(self) -> Theme:
        """What is said of it."""
        whole = _OF[self.source]
        said = f"{self.source} ({self.where})"
        contact: Contact | None = None if self.bare else DEPARTMENT_CONTACT
        return Theme(
            dataset=self.dataset,
            layer=None,
            title=self.title,
            abstract=self.abstract,
            themes=self.themes,
            keywords=self.keywords,
            provenance=LocalText(
                zh=f"示例：由本目录数据集筛选得到，未作改动：{said}。",
                en=f"Example: rows of a dataset of this catalogue, unchanged: {said}.",
            ),
            provider="department",
            example=True,
            cycle=UpdateCycle.IRREGULAR if self.bare else UpdateCycle.YEARLY,
            contact=contact,
            meanings={} if self.bare else whole.meanings,
        )


CYCLEWAYS = Part(
    "helsinki-cycleways",
    "helsinki-streets",
    "highway = 'cycleway'",
    LocalText(zh="赫尔辛基市中心自行车道", en="Cycleways of central Helsinki"),
    LocalText(zh="自行车专用道的中心线。", en="Centre lines of ways for bicycles alone."),
    ("transport",),
    ("自行车", "绿色出行", "cycleways", "bicycles"),
)
PARKS = Part(
    "helsinki-parks",
    "helsinki-landuse",
    "kind = 'park'",
    LocalText(zh="赫尔辛基市中心公园", en="Parks of central Helsinki"),
    LocalText(zh="公园的范围与名称。", en="Outlines and names of parks."),
    ("environment", "life"),
    ("公园", "绿地", "parks", "green"),
)
BICYCLE_PARKING = Part(
    "helsinki-bicycle-parking",
    "helsinki-services",
    "kind = 'bicycle_parking'",
    LocalText(zh="赫尔辛基市中心自行车停放点", en="Bicycle parking in central Helsinki"),
    LocalText(zh="自行车停放点的位置。", en="Where bicycles can be parked."),
    ("transport", "life"),
    ("自行车", "停车", "bicycle", "parking"),
)
TALL_BUILDINGS = Part(
    "helsinki-tall-buildings",
    "helsinki-buildings",
    "levels >= 7",
    LocalText(zh="赫尔辛基市中心高层建筑", en="Tall buildings of central Helsinki"),
    LocalText(
        zh="源数据记载为七层及以上的建筑；未记载层数的建筑不在其中。",
        en="Buildings with seven or more recorded levels; those without a record are not in it.",
    ),
    ("housing",),
    ("高层建筑", "建筑", "tall buildings", "levels"),
)
CAFES = Part(
    "helsinki-cafes",
    "helsinki-services",
    "kind = 'cafe'",
    LocalText(zh="赫尔辛基市中心咖啡馆", en="Cafés of central Helsinki"),
    LocalText(zh="咖啡馆。", en="Cafés."),
    ("commerce",),
    bare=True,
)
PARTS = (CYCLEWAYS, PARKS, BICYCLE_PARKING, TALL_BUILDINGS, CAFES)


def take_parts(desk: Desk, *, quiet: bool) -> dict[str, Version]:
    """Bring in each part by its source's rows; the version of each dataset."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            query = Query(limit=ALL, filter=parse_filter(part.where))
            path = Path(folder) / f"{part.dataset}.geojson"
            view = desk.store.view(part.source)
            path.write_bytes(orjson.dumps(_rows(view, query)))
            made[part.dataset] = _bring(desk, path, part.source, part.dataset, quiet=quiet)
    return made


def register_part(desk: Desk, part: Part, version: Version, caller: Caller) -> Resource:
    """The entry of a part, registered by its provider and seen by nobody else yet."""
    with desk.control.begin() as session:
        source = resource(session, part.source)
        assert caller.party is not None  # noqa: S101 - an example member has a party
        said = part.theme().describe(caller.party, (source.id,))
        return register_dataset(session, version, said, caller, area=desk.settings.area_code)


def change_value(
    desk: Desk, dataset: str, row: str, values: dict[str, str], *, quiet: bool
) -> Version:
    """A new version of ``dataset`` in which one row has other values."""
    view = desk.store.view(dataset)
    city = _rows(view, Query(limit=ALL))
    for feature in city["features"]:
        if feature["properties"]["osm_id"] == row:
            feature["properties"] |= values
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{dataset}.geojson"
        path.write_bytes(orjson.dumps(city))
        return _bring(desk, path, dataset, dataset, quiet=quiet)


def _rows(view: View, query: Query) -> dict[str, Any]:
    """The rows as GeoJSON without ids, which would make a column: ``osm_id`` has them."""
    found: dict[str, Any] = orjson.loads(b"".join(view.write(query, Format.GEOJSON)))
    for feature in found["features"]:
        del feature["id"]
    return found


def _bring(desk: Desk, path: Path, like: str, dataset: str, *, quiet: bool) -> Version:
    """Ingest with the types of another dataset: a part of its rows may suggest others."""
    fields = desk.store.view(like).version.fields
    kept = {FieldType.STRING, FieldType.NUMBER, FieldType.INTEGER, FieldType.BOOLEAN}
    types = {field.name: field.type.value for field in fields if field.type in kept}
    options = IngestOptions(id_column="osm_id", types=types)
    made = bring_in(desk, str(path), dataset, options, title=dataset, quiet=quiet).version
    desk.store.view(dataset).prepare()
    return made
