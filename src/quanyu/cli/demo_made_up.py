"""What the demo city lacks and is made up, each labelled as generated: relief, pictures from above,
a laser scan, a city model, parcels, plans, control lines, building sites in time, sensors."""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from quanyu.catalogue import Access, Description, refresh_dataset, resource
from quanyu.cli import demo_land, demo_model, demo_relief, demo_scenes
from quanyu.cli.data import Desk, bring_in, put_on_show
from quanyu.kernel import LocalText, NotFound
from quanyu.land import DeclarationDraft, Role, check_declaration, declare
from quanyu.spacetime import ALL, Format, IngestOptions, Query, Version

_SEED = 20261
_NOTE = LocalText(zh="由程序生成，不是法定规划", en="made by a program, no statutory plan")
_LIMITS = {"height": "height_limit", "far": "far", "density": "density", "green": "green"}


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A made-up dataset: what the catalogue says of it, and its role in the land space."""

    dataset: str
    title: LocalText
    abstract: LocalText
    themes: tuple[str, ...] = ("geography",)
    role: Role | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, LocalText] = field(default_factory=dict)


_CLASS = LocalText(zh="规划地类代码（GB/T 21010）", en="Planned class (GB/T 21010)")
RELIEF = MadeUp(
    "generated-relief",
    LocalText(zh="生成的地形", en="Generated relief"),
    LocalText(zh="虚构的高程栅格，像元 4 米。", en="A made-up elevation raster, 4 m a pixel."),
)
SCENES = MadeUp(
    "generated-imagery",
    LocalText(zh="生成的影像", en="Generated imagery"),
    LocalText(
        zh="按真实土地利用绘出的两景虚构四波段影像；第二景中有一块绿地变为裸地。",
        en="Two made-up scenes of four bands, drawn from real land use; in the second one a green "
        "area is bare.",
    ),
)
CLOUD = MadeUp(
    "generated-laser-scan",
    LocalText(zh="生成的激光点云", en="Generated laser scan"),
    LocalText(
        zh="虚构的地面、屋顶和树木点，含分类与颜色。",
        en="Made-up points of ground, roofs and trees, with classes and colours.",
    ),
)
MODEL = MadeUp(
    "generated-model",
    LocalText(zh="生成的建筑模型（LoD2）", en="Generated building model (LoD2)"),
    LocalText(
        zh="真实建筑轮廓加虚构的屋顶，立于虚构的地形之上。",
        en="Real footprints with made-up roofs, standing on the made-up relief.",
    ),
    ("housing", "geography"),
)
PARCELS = MadeUp(
    "generated-parcels",
    LocalText(zh="生成的宗地", en="Generated parcels"),
    LocalText(zh="在真实街区内虚构的宗地。", en="Made-up parcels within real blocks."),
    ("housing",),
    Role.PARCELS,
    {"number": "parcel"},
    {
        "parcel": LocalText(zh="宗地代码", en="Number of the parcel"),
        "area_m2": LocalText(zh="面积（平方米）", en="Area in m²"),
    },
)
PLANS = MadeUp(
    "generated-plans",
    LocalText(zh="生成的详细规划", en="Generated detailed plans"),
    LocalText(zh="每个街区虚构的用途与限值。", en="A made-up use with limits for each block."),
    ("housing",),
    Role.PLAN,
    {"class": "dlbm", **_LIMITS},
    {
        "dlbm": _CLASS,
        "height_limit": LocalText(zh="建筑限高（米）", en="Height limit (m)"),
        "far": LocalText(zh="容积率上限", en="Greatest floor-area ratio"),
        "density": LocalText(zh="建筑密度上限（%）", en="Greatest building density (%)"),
        "green": LocalText(zh="绿地率下限（%）", en="Least green ratio (%)"),
    },
)
SITES = MadeUp(
    "generated-sites",
    LocalText(zh="生成的建设项目（随时间变化）", en="Generated building sites, in time"),
    LocalText(
        zh="虚构的建设项目：每个阶段一行，注明起止日期；第 2 版是后来得知的情况。",
        en="Made-up building sites: a row for each stage with the days for which it holds; version "
        "2 is what came to be known later.",
    ),
    ("housing",),
    meanings={
        "name": LocalText(zh="名称", en="Name"),
        "stage": LocalText(zh="阶段", en="Stage"),
        "height": LocalText(zh="高度（米）", en="Height in metres"),
    },
)
SENSORS = MadeUp(
    "generated-air",
    LocalText(zh="生成的空气监测点", en="Generated air sensors"),
    LocalText(zh="虚构的监测点与读数。", en="Made-up sensors and readings."),
    ("environment",),
    meanings={
        "name": LocalText(zh="名称", en="Name"),
        "pm25": LocalText(zh="PM2.5（微克/立方米）", en="PM2.5 (µg/m³)"),
        "no2": LocalText(zh="二氧化氮（微克/立方米）", en="NO₂ (µg/m³)"),
        "noise": LocalText(zh="噪声（分贝）", en="Noise (dB)"),
    },
)


def _line(name: str, zh: str, en: str, role: Role) -> MadeUp:
    return MadeUp(
        f"generated-{name}",
        LocalText(zh=f"生成的{zh}", en=f"Generated {en}"),
        LocalText(zh="虚构的控制线。", en="A made-up control line."),
        ("environment",),
        role,
        {"name": "name"},
        {"name": LocalText(zh="名称", en="Name")},
    )


LINES = {
    "farmland": _line("farmland", "永久基本农田", "basic farmland", Role.FARMLAND),
    "red-line": _line("red-line", "生态保护红线", "ecological red line", Role.ECOLOGY),
    "urban-boundary": _line("urban-boundary", "城镇开发边界", "urban boundary", Role.URBAN),
}


def make_up(desk: Desk, *, quiet: bool) -> None:
    """Make what is not there yet; a start that was cut short goes on."""
    if _number(desk, SENSORS.dataset):
        return
    rng = np.random.default_rng(_SEED)
    houses, said = _layer(desk, "helsinki-buildings")
    streets, roads = _layer(desk, "helsinki-streets")
    uses, kinds = _layer(desk, "helsinki-landuse")
    box = desk.store.view("helsinki-buildings").extent()[0]
    assert box is not None  # noqa: S101 - the demo city has buildings
    ground = demo_relief.ground_of(box)
    group = np.array([one["group"] or "" for one in kinds])
    green = shapely.union_all(uses[np.isin(group, ("green", "natural", "grass"))])
    water = shapely.union_all(uses[group == "water"])
    tops = np.array([float(one["height"] or 0) or 3.4 * float(one["levels"] or 0) for one in said])
    tops = np.where(tops > 0, tops, 6.0)
    with tempfile.TemporaryDirectory() as name:
        maker = _Maker(desk, Path(name), quiet=quiet)
        blocks = demo_land.blocks_of(
            ground, streets, [one["highway"] or "" for one in roads], water
        )
        parcels = list(demo_land.parcels(blocks, houses))
        maker.rows(PARCELS, parcels)
        maker.rows(PLANS, demo_land.plans(ground, blocks, green))
        for key, rows in demo_land.control_lines(ground, green).items():
            maker.rows(LINES[key], rows)
        for later in (False, True):
            known = np.random.default_rng(_SEED)
            sites = demo_land.building_sites(parcels, known, later=later)
            maker.rows(SITES, sites, number=2 if later else 1)
        covers = {
            "green": [green],
            "water": [water],
            "street": shapely.buffer(streets, 2.5),
            "roof": houses,
        }
        scenes = demo_scenes.write_scenes(ground, covers, rng, maker.folder)
        for number, scene in enumerate(scenes, 1):
            maker.file(SCENES, scene, IngestOptions(bands=demo_scenes.BANDS), number=number)
        demo_relief.write_relief(ground, maker.folder / "relief.tif")
        how = IngestOptions(bands=("elevation",), datetime="2025-06-01T00:00:00Z")
        maker.file(RELIEF, maker.folder / "relief.tif", how)
        laz = maker.folder / "scan.laz"
        demo_scenes.write_cloud(ground, houses, tops, green, rng, laz)
        maker.file(CLOUD, laz)
        model = maker.folder / "model.city.json"
        names = [one["osm_id"].replace("/", "-") for one in said]
        demo_model.write_model(ground, names, houses, tops, model)
        maker.file(MODEL, model)
        maker.rows(SENSORS, demo_land.sensors(blocks, rng))


@dataclass(frozen=True, slots=True)
class _Maker:
    desk: Desk
    folder: Path
    quiet: bool

    def rows(self, what: MadeUp, rows: Iterable[demo_land.Row], number: int = 1) -> None:
        """Bring in shapes with properties; the role that they play is declared."""
        found = list(rows)
        shapes = demo_relief.in_degrees(np.array([shape for shape, _ in found], dtype=object))
        features = [
            {
                "type": "Feature",
                "geometry": orjson.Fragment(shapely.to_geojson(shape).encode()),
                "properties": {**said, "generated": True},
            }
            for shape, (_, said) in zip(shapes, found, strict=True)
        ]
        path = self.folder / f"{what.dataset}.geojson"
        path.write_bytes(orjson.dumps({"type": "FeatureCollection", "features": features}))
        timed = any("from" in said for _, said in found)
        first, last = ("from", "to") if timed else (None, None)
        how = IngestOptions(id_column="id", valid_from=first, valid_to=last)
        self.file(what, path, how, number=number)
        if what.role is not None:
            self._declare(what, what.role)

    def file(
        self, what: MadeUp, path: Path, options: IngestOptions | None = None, number: int = 1
    ) -> None:
        """Bring in a file as version ``number`` of its dataset, unless that is there."""
        if _number(self.desk, what.dataset) >= number:
            return
        source, how = str(path), options or IngestOptions()
        made = bring_in(
            self.desk, source, what.dataset, how, title=what.dataset, quiet=self.quiet
        ).version
        if number > 1:
            with self.desk.control.begin() as session:
                refresh_dataset(session, made, self.desk.caller)
            self.desk.store.view(what.dataset).prepare()
        else:
            put_on_show(self.desk, made, _described(self.desk, what, made))

    def _declare(self, what: MadeUp, role: Role) -> None:
        desk = self.desk
        draft = DeclarationDraft(role=role, dataset=what.dataset, columns=what.columns, note=_NOTE)
        view = desk.store.view(what.dataset)
        check_declaration(role, view, what.columns, draft.scheme, draft.values)
        with desk.control.begin() as session:
            declare(session, draft, desk.caller)
            if role is Role.PLAN:
                planned = DeclarationDraft(
                    role=Role.PLANNED_USE, dataset=what.dataset, columns={"class": "dlbm"},
                    note=_NOTE,
                )  # fmt: skip
                declare(session, planned, desk.caller)


def _described(desk: Desk, what: MadeUp, version: Version) -> Description:
    known = {one.name for one in version.fields}
    return Description(
        title=what.title,
        abstract=what.abstract,
        provider=desk.party,
        licence="CC0-1.0",
        access=Access.OPEN,
        themes=what.themes,
        keywords=("生成", "示例", "generated", "example"),
        generated=True,
        example=True,
        meanings={name: said for name, said in what.meanings.items() if name in known},
    )


def _number(desk: Desk, slug: str) -> int:
    """The newest version that stands in the catalogue, 0 without one."""
    with desk.control.read() as session:
        try:
            resource(session, slug)
        except NotFound:
            return 0
    return desk.store.version(slug).number


def _layer(desk: Desk, slug: str) -> tuple[demo_land.Shapes, list[dict[str, Any]]]:
    """Shapes of a dataset on the plane, and their properties."""
    written = b"".join(desk.store.view(slug).write(Query(limit=ALL), Format.GEOJSON))
    features = orjson.loads(written)["features"]
    shapes = shapely.from_geojson([orjson.dumps(one["geometry"]) for one in features])
    return demo_relief.on_plane(shapes), [one["properties"] for one in features]
