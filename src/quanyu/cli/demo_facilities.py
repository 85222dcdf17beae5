"""City parts of the demo, all of them from OpenStreetMap: two datasets, and their inventory."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import orjson
import shapely

from quanyu.catalogue import resource
from quanyu.cli.data import Desk
from quanyu.cli.demo_city import DEPARTMENT_CONTACT, Theme
from quanyu.cli.demo_relief import on_plane
from quanyu.kernel import LocalText, now, read_calendar
from quanyu.operations import AssetDraft, import_assets, plan_maintenance
from quanyu.parties import Caller
from quanyu.spacetime import ALL, Format, Query

_NAME = {
    "osm_id": LocalText(zh="OpenStreetMap 编号", en="OpenStreetMap id"),
    "name": LocalText(zh="当地名称", en="Name on the spot"),
    "operator": LocalText(zh="运营单位", en="Operator"),
}
FACILITIES = Theme(
    dataset="helsinki-facilities",
    layer="facilities",
    title=LocalText(zh="赫尔辛基市中心城市部件", en="Street facilities of central Helsinki"),
    abstract=LocalText(
        zh="路灯、井盖、消火栓、果皮箱、座椅、桥梁等的位置。",
        en="Where street lamps, manholes, hydrants, waste baskets, benches and bridges are.",
    ),
    themes=("transport", "life"),
    keywords=("路灯", "井盖", "城市部件", "street lamps", "manholes"),
    provider="department",
    example=True,
    contact=DEPARTMENT_CONTACT,
    meanings={
        **_NAME,
        "group": LocalText(zh="大类", en="Group"),
        "kind": LocalText(zh="种类", en="Kind"),
        "start_date": LocalText(zh="建成时间", en="When it was built"),
    },
)
PIPELINES = Theme(
    dataset="helsinki-pipelines",
    layer="pipelines",
    title=LocalText(zh="赫尔辛基市中心管线", en="Pipelines of central Helsinki"),
    abstract=LocalText(
        zh="源数据记载的供热管线走向；源数据注明为推断。",
        en="Courses of heating pipes that the source records; it says that they are interpolated.",
    ),
    themes=("geography",),
    keywords=("管线", "供热", "pipelines", "heating"),
    provider="department",
    example=True,
    contact=DEPARTMENT_CONTACT,
    meanings={
        **_NAME,
        "carries": LocalText(zh="输送介质", en="What it carries"),
        "location": LocalText(zh="敷设位置", en="Where it lies"),
        "diameter": LocalText(zh="管径（米）", en="Diameter (m)"),
    },
)
_TEMPLATES = {"street_lamp": "lamp", "waste_basket": "bin"}
_NAMES = {
    "lamp": LocalText(zh="路灯", en="street lamp"),
    "manhole": LocalText(zh="井盖", en="manhole"),
    "bin": LocalText(zh="果皮箱", en="waste basket"),
    "bridge": LocalText(zh="桥梁", en="bridge"),
    "pipe": LocalText(zh="供热管", en="heating pipe"),
}
_COVERS = {"water": "water", "heat": "heat", "drain": "rain", "gas": "gas", "telecom": "telecom"}
_REACH_M = 40.0
"""How far from the middle of a street its lamps, manholes and bins may stand."""
_NETWORK = "heating-network"
Rows = list[tuple[Any, Mapping[str, Any]]]


def rows_of(desk: Desk, slug: str) -> Rows:
    """Shapes of a dataset in degrees, and their properties."""
    written = b"".join(desk.store.view(slug).write(Query(limit=ALL), Format.GEOJSON))
    features = orjson.loads(written)["features"]
    shapes = shapely.from_geojson([orjson.dumps(one["geometry"]) for one in features])
    return [(shape, one["properties"]) for shape, one in zip(shapes, features, strict=True)]


def take_inventory(desk: Desk, keeper: Caller) -> None:
    """Enter streets with what stands in them, pipes and bridges, and have some looked after."""
    streets, facilities = rows_of(desk, "helsinki-streets"), rows_of(desk, FACILITIES.dataset)
    named = _named_streets(streets)
    drafts = [
        *named.values(),
        *_in_streets(facilities, streets, named),
        *_bridges(streets, {one.id for one in named.values()}),
        *_pipes(rows_of(desk, PIPELINES.dataset)),
    ]
    calendar = read_calendar(desk.settings.holidays_file, desk.settings.time_zone)
    with desk.control.begin() as session:
        of = resource(session, FACILITIES.dataset).id
        known = {one.parent for one in drafts if one.parent}
        kept = [one for one in drafts if one.template not in ("street", "group") or one.id in known]
        if import_assets(session, of, keeper, kept).added == 0:
            return
        today = calendar.day_of(now())
        bridges = [one for one in kept if one.template == "bridge"]
        longest = max(
            (one for one in kept if one.template == "street"),
            key=lambda one: float(one.attributes["length_m"]),
        )
        for asset, title, category, days in (
            *((one, "桥梁定期检查 · Regular inspection", "bridge", 365) for one in bridges[:1]),
            (longest, "道路照明巡查 · Round of the street's lamps", "lighting", 30),
        ):
            plan_maintenance(
                session, of, asset.id, keeper, title=title, category=category, every_days=days,
                first=today, calendar=calendar,
            )  # fmt: skip


def _named_streets(streets: Rows) -> dict[str, AssetDraft]:
    """A street for each name: the id of its longest way, the length of all of them."""
    lengths = shapely.length(on_plane(np.array([shape for shape, _ in streets], dtype=object)))
    longest: dict[str, tuple[float, Any, Mapping[str, Any]]] = {}
    sums: dict[str, float] = {}
    for (shape, said), length in zip(streets, lengths.tolist(), strict=True):
        name = said.get("name")
        if not name:
            continue
        sums[name] = sums.get(name, 0.0) + length
        if name not in longest or length > longest[name][0]:
            longest[name] = (length, shape, said)
    return {
        name: AssetDraft(
            id=said["osm_id"],
            name=name,
            template="street",
            **_point(shape),
            attributes={"length_m": round(sums[name], 1)},
        )
        for name, (_, shape, said) in longest.items()
    }


def _in_streets(
    facilities: Rows, streets: Rows, named: Mapping[str, AssetDraft]
) -> Iterator[AssetDraft]:
    """Lamps, manholes and bins; each a part of the nearest street that has a name."""
    lines = [(shape, said["name"]) for shape, said in streets if said.get("name")]
    tree = shapely.STRtree(on_plane(np.array([shape for shape, _ in lines], dtype=object)))
    for shape, said in facilities:
        kind = str(said["kind"])
        template = "manhole" if said["group"] == "manhole" else _TEMPLATES.get(kind)
        if template is None:
            continue
        near = tree.query_nearest(on_plane(shape), max_distance=_REACH_M)
        parent = named[lines[int(near[0])][1]].id if len(near) else None
        covers = {"cover_of": _COVERS[kind]} if template == "manhole" and kind in _COVERS else {}
        yield AssetDraft(
            id=said["osm_id"],
            name=said.get("name") or _called(template, said["osm_id"]),
            template=template,
            parent=parent,
            **_point(shape),
            attributes=covers,
        )


def _bridges(streets: Rows, taken: set[str]) -> Iterator[AssetDraft]:
    """Ways on bridges; one that stands for its street already is none of its own."""
    for shape, said in streets:
        if said.get("bridge") and said["osm_id"] not in taken:
            name = said.get("name") or _called("bridge", said["osm_id"])
            yield AssetDraft(id=said["osm_id"], name=name, template="bridge", **_point(shape))


def _pipes(pipes: Rows) -> Iterator[AssetDraft]:
    lengths = shapely.length(on_plane(np.array([shape for shape, _ in pipes], dtype=object)))
    yield AssetDraft(id=_NETWORK, name="供热管网 · heating network", template="group")
    for (shape, said), length in zip(pipes, lengths.tolist(), strict=True):
        if said.get("carries") == "heat":
            yield AssetDraft(
                id=said["osm_id"],
                name=_called("pipe", said["osm_id"]),
                template="pipe",
                parent=_NETWORK,
                **_point(shape),
                attributes={"carries": "heat", "length_m": round(length, 1)},
            )


def _called(template: str, name: str) -> str:
    number = name.rpartition("/")[2]
    return f"{_NAMES[template].zh} · {_NAMES[template].en} {number}"


def _point(shape: Any) -> dict[str, Any]:
    at = shapely.point_on_surface(shape)
    return {"lon": round(at.x, 7), "lat": round(at.y, 7)}
