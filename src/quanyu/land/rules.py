"""**The** table of rules. A new rule is one entry: what it needs, its basis, and a small function.

Each is told plainly by name; the texts cited are to be read themselves, and a city adds its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from quanyu.kernel import LocalText
from quanyu.land import limits, lines, uses
from quanyu.land.case import Case
from quanyu.land.model import Finding, Role


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the compliance check.

    roles   roles of which at least one source must have been read; ``meaning``, when it is given,
            must be a column of one of them.
    wants   what the project must say (names of its attributes), else the rule is not checked.
    """

    id: str
    name: LocalText
    basis: LocalText
    roles: tuple[Role, ...]
    check: Callable[[Case], Finding]
    meaning: str | None = None
    wants: tuple[str, ...] = ()


_CONDITIONS = LocalText(
    zh="《城乡规划法》第四十三条（按照规划条件进行建设）；详细规划",
    en="Urban and Rural Planning Law, art. 43 (building as the planning conditions say); the plan",
)

RULES: tuple[Rule, ...] = (
    Rule(
        "farmland",
        LocalText(zh="不得占用永久基本农田", en="No building on permanent basic farmland"),
        LocalText(
            zh="《土地管理法》第三十五条；《基本农田保护条例》第十五条",
            en="Land Administration Law, art. 35; Regulations on Basic Farmland, art. 15",
        ),
        (Role.FARMLAND,),
        lines.farmland,
    ),
    Rule(
        "ecology",
        LocalText(zh="不得占用生态保护红线", en="No building within the ecological red line"),
        LocalText(
            zh="《关于在国土空间规划中统筹划定落实三条控制线的指导意见》（2019）；自然资发〔2022〕142号",
            en="Guiding opinions on the three control lines (2019); MNR notice 2022-142",
        ),
        (Role.ECOLOGY,),
        lines.ecology,
    ),
    Rule(
        "urban-boundary",
        LocalText(
            zh="城镇建设用途应在城镇开发边界内", en="Urban uses lie within the urban boundary"
        ),
        LocalText(
            zh="《关于在国土空间规划中统筹划定落实三条控制线的指导意见》（2019）；自然资发〔2023〕193号",
            en="Guiding opinions on the three control lines (2019); MNR notice 2023-193",
        ),
        (Role.URBAN,),
        lines.urban_boundary,
    ),
    Rule(
        "near-lines",
        LocalText(zh="邻近控制线", en="Control lines nearby"),
        LocalText(zh="提示，供研判", en="A hint, for judgement"),
        (Role.FARMLAND, Role.ECOLOGY),
        lines.near_lines,
        wants=("buffer_m",),
    ),
    Rule(
        "parcels",
        LocalText(zh="项目范围与宗地界线一致", en="The site agrees with parcel boundaries"),
        LocalText(
            zh="《不动产登记暂行条例》第八条（不动产单元）",
            en="Interim Regulations on Real Estate Registration, art. 8 (registration units)",
        ),
        (Role.PARCELS,),
        uses.parcels,
    ),
    Rule(
        "planned-use",
        LocalText(zh="拟用途与规划用途相容", en="The use is compatible with the planned one"),
        LocalText(
            zh="《土地管理法》第四条（严格按照规划确定的用途使用土地）；用途兼容表",
            en="Land Administration Law, art. 4 (use as planned); the table of compatible uses",
        ),
        (Role.PLANNED_USE,),
        uses.planned_use,
        meaning="class",
    ),
    Rule(
        "plan-use",
        LocalText(zh="拟用途为详细规划所允许", en="The detailed plan allows the use"),
        _CONDITIONS,
        (Role.PLAN,),
        uses.plan_use,
    ),
    Rule(
        "height",
        LocalText(zh="建筑高度不超过限高", en="The height limit is kept"),
        _CONDITIONS,
        (Role.PLAN,),
        limits.height,
        meaning="height",
        wants=("height_m",),
    ),
    Rule(
        "floor-area-ratio",
        LocalText(zh="容积率不超过上限", en="The floor-area ratio is kept"),
        _CONDITIONS,
        (Role.PLAN,),
        limits.floor_area_ratio,
        meaning="far",
        wants=("floor_area_m2",),
    ),
    Rule(
        "density",
        LocalText(zh="建筑密度不超过上限", en="The building density is kept"),
        _CONDITIONS,
        (Role.PLAN,),
        limits.density,
        meaning="density",
        wants=("footprint_m2",),
    ),
    Rule(
        "green-ratio",
        LocalText(zh="绿地率不低于下限", en="The green ratio is reached"),
        _CONDITIONS,
        (Role.PLAN,),
        limits.green,
        meaning="green",
        wants=("green_area_m2",),
    ),
)
