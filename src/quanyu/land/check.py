"""The compliance check 合规性审查: a project, the sources that may be read, and every rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from quanyu.kernel import Invalid, LocalText
from quanyu.land.case import Case, worst
from quanyu.land.model import (
    Asked,
    Declaration,
    Finding,
    Project,
    Role,
    Settings,
    Unread,
    Verdict,
)
from quanyu.land.plane import Plane
from quanyu.land.roles import ROLES
from quanyu.land.rules import RULES, Rule
from quanyu.land.sources import MOST_FEATURES, Reading, read_source
from quanyu.land.use_table import Compatibility
from quanyu.spacetime import View

_WANTS: dict[str, LocalText] = {
    "height_m": LocalText(zh="建筑高度", en="its height"),
    "floor_area_m2": LocalText(zh="建筑面积", en="its floor area"),
    "footprint_m2": LocalText(zh="建筑基底面积", en="its footprint"),
    "green_area_m2": LocalText(zh="绿地面积", en="its green area"),
    "buffer_m": LocalText(zh="邻近查找距离", en="how far around it to look"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A declared source as the caller may read it: a view, or the rule that refuses one.

    ``known`` is whether the caller may know of the dataset at all.
    """

    declaration: Declaration
    view: View | None
    refused_by: str = ""
    known: bool = True


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found: by rule id, in the order of the table; what was read, and what was not.

    ``rows`` counts the features that were read of each dataset.
    """

    project: Project
    asked: Asked
    area_m2: float
    net_m2: float
    net_of: str
    findings: Mapping[str, Finding]
    readings: tuple[Reading, ...]
    unread: tuple[Unread, ...]
    uses: Compatibility
    settings: Settings
    verdict: Verdict
    rows: Mapping[str, int]


def rules_of(settings: Settings) -> tuple[Rule, ...]:
    """The rules that a node applies; raises :class:`Invalid` for an id that there is not."""
    known = {rule.id: rule for rule in RULES}
    for name in settings.rules:
        if name not in known:
            raise Invalid(
                "there is no rule “{rule}”",
                field="land_rules",
                mend="use these: {rules}",
                rule=name[:40],
                rules=", ".join(known),
            )
    return tuple(known[name] for name in settings.rules) or RULES


def check_project(
    project: Project,
    sources: Sequence[Source],
    asked: Asked,
    uses: Compatibility,
    settings: Settings,
) -> Checked:
    """Judge a project by every rule.

    The same project, versions, day, tables and settings give the same result. Raises
    :class:`Invalid` for a project that lies on too many features.
    """
    rules = rules_of(settings)
    plane = Plane(project.geometry)
    readings: list[Reading] = []
    unread = [Unread(r, None, "land.no-source") for r in Role if not _declared(r, sources)]
    views: dict[str, View] = {}
    for source in sorted(sources, key=lambda one: (one.declaration.role, one.declaration.dataset)):
        of = source.declaration
        if source.view is None:
            name = of.dataset if source.known else None
            unread.append(Unread(of.role, name, source.refused_by))
            continue
        reading = read_source(
            of,
            source.view,
            project,
            plane,
            day=asked.day,
            tolerance=settings.tolerance_m,
        )
        if reading is None:
            unread.append(Unread(of.role, of.dataset, "land.coarse"))
            continue
        readings.append(reading)
        views[of.id] = source.view
    rows = {one.declaration.dataset: len(one.fids) for one in readings}

    def near(role: Role, distance: float) -> list[tuple[Reading, str, float]]:
        found = []
        for reading in readings:
            of = reading.declaration
            if of.role is role:
                near_by = _near(views[of.id], reading, case, asked.day, distance)
                found += near_by
                rows[of.dataset] += len(near_by)
        return found

    case = Case(project, plane, readings, unread, near, uses, settings.tolerance_m)
    findings = {rule.id: _judge(rule, case) for rule in rules}
    net, net_of = case.net
    return Checked(
        project,
        asked,
        case.area_m2,
        net,
        net_of,
        findings,
        tuple(readings),
        tuple(unread),
        uses,
        settings,
        worst(one.verdict for one in findings.values()),
        rows,
    )


def _declared(role: Role, sources: Sequence[Source]) -> bool:
    return any(one.declaration.role is role for one in sources)


def _near(
    view: View, reading: Reading, case: Case, day: date, distance: float
) -> list[tuple[Reading, str, float]]:
    """Features of a source within a distance of the project that do not lie on it."""
    plane, project = case.plane, case.project
    moment = datetime.combine(day, time(12), UTC)
    area = plane.around(project.geometry, distance)
    met = view.meeting(area, (moment, moment), MOST_FEATURES)
    if not met.fids:
        return []
    metres = plane.distance(project.geometry, met.geometries)
    on_it = set(reading.fids)
    return [
        (reading, fid, round(float(away), 2))
        for fid, away in sorted(zip(met.fids, metres, strict=True))
        if fid not in on_it and away <= distance
    ]


def _judge(rule: Rule, case: Case) -> Finding:
    """What a rule says; never “complies” where something that it needs was not seen."""
    lacking = _lacking(rule, case)
    if lacking is not None:
        return Finding(verdict=Verdict.UNCHECKED, said=lacking)
    found = rule.check(case)
    gap = _gap(rule, case)
    if gap is None or found.verdict not in (Verdict.PASS, Verdict.REVIEW):
        return found
    said = LocalText(zh=f"{found.said.zh}；{gap.zh}", en=f"{found.said.en}; {gap.en}")
    return replace(found, verdict=Verdict.REVIEW, said=said)


def _lacking(rule: Rule, case: Case) -> LocalText | None:
    """Why a rule cannot be checked at all."""
    for name in rule.wants:
        if not getattr(case.project, name):
            if name == "green_area_m2" and case.project.green_area_m2 == 0:
                continue
            said = _WANTS[name]
            return LocalText(zh=f"项目未说明{said.zh}", en=f"the project does not say {said.en}")
    if case.of(*rule.roles, meaning=rule.meaning):
        return None
    names_zh = "、".join(ROLES[role].name.zh for role in rule.roles)
    names_en = ", ".join(ROLES[role].name.en.lower() for role in rule.roles)
    if any(one.role in rule.roles and one.rule != "land.no-source" for one in case.unread):
        return LocalText(
            zh=f"您的合约未给出{names_zh}的数据", en=f"your agreements give no data of {names_en}"
        )
    hidden = any(rule.meaning in one.hidden for one in case.of(*rule.roles))
    if hidden:
        return LocalText(
            zh=f"您的合约未给出{names_zh}中所需的字段",
            en=f"your agreement does not give the column needed of {names_en}",
        )
    if case.of(*rule.roles):
        return LocalText(
            zh=f"{names_zh}未声明所需的字段", en=f"no column needed is declared of {names_en}"
        )
    return LocalText(zh=f"没有{names_zh}的数据", en=f"there are no data of {names_en}")


def _gap(rule: Rule, case: Case) -> LocalText | None:
    """What of a rule's sources the caller was not shown."""
    missing = any(one.role in rule.roles and one.rule != "land.no-source" for one in case.unread)
    none = {one.role for one in case.unread if one.rule == "land.no-source"} & set(rule.roles)
    if missing:
        return LocalText(
            zh="有的数据源您的合约未给出", en="not all sources are given by your agreements"
        )
    if any(one.narrowed for one in case.of(*rule.roles)):
        return LocalText(
            zh="您的合约只给出数据源的一部分", en="your agreement gives only a part of a source"
        )
    if none:
        zh = "、".join(ROLES[role].name.zh for role in sorted(none))
        en = ", ".join(ROLES[role].name.en.lower() for role in sorted(none))
        return LocalText(zh=f"没有{zh}的数据", en=f"there are no data of {en}")
    if any(
        set(one.hidden) & {rule.meaning, "uses", "class"}
        for one in case.of(*rule.roles)
        if rule.meaning or rule.id == "plan-use"
    ):
        return LocalText(
            zh="有的数据源未给出所需的字段", en="not every source gives the column needed"
        )
    return None
