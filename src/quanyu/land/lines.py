"""Rules on the three control lines 三区三线."""

from dataclasses import replace

from quanyu.land.case import Case, found
from quanyu.land.model import Finding, Role, Verdict
from quanyu.land.sources import shape_of
from quanyu.land.use_table import OUTSIDE


def farmland(case: Case) -> Finding:
    """Any overlap but slivers fails."""
    return _free_of(case, Role.FARMLAND, "永久基本农田", "permanent basic farmland")


def ecology(case: Case) -> Finding:
    """Any overlap but slivers fails."""
    return _free_of(case, Role.ECOLOGY, "生态保护红线", "the ecological red line")


def _free_of(case: Case, role: Role, zh: str, en: str) -> Finding:
    readings = case.of(role)
    touches = [one for reading in readings for one in case.touches(reading)]
    area = case.area_of(readings)
    if area > 0:
        return found(
            Verdict.FAIL,
            f"占用{zh} {{area_m2}} 平方米（占项目 {{percent}}%）",
            f"{{area_m2}} m² lie on {en} ({{percent}} % of the project)",
            touches,
            area_m2=area,
            percent=100 * area / case.area_m2,
        )
    slivers = case.area_of(readings, slivers=True)
    if slivers > 0:
        return found(
            Verdict.PASS,
            f"未占用{zh}；另有 {{sliver_m2}} 平方米为数字化容差内的碎面，未计",
            f"none on {en}; {{sliver_m2}} m² are slivers within the tolerance and do not count",
            touches,
            sliver_m2=slivers,
        )
    return found(Verdict.PASS, f"未占用{zh}", f"none on {en}")


def urban_boundary(case: Case) -> Finding:
    """What lies outside is judged by the table of compatible uses."""
    readings = case.of(Role.URBAN)
    touches = [one for reading in readings for one in case.touches(reading)]
    outside, area = case.left(readings)
    if area <= 0:
        return found(
            Verdict.PASS, "全部位于城镇开发边界内", "all within the urban boundary", touches
        )
    verdict = case.uses.verdict(OUTSIDE, case.project.use)
    told = found(
        verdict,
        {
            Verdict.FAIL: "边界外 {area_m2} 平方米（{percent}%），该用途不得在边界外布局",
            Verdict.REVIEW: "边界外 {area_m2} 平方米（{percent}%），该用途在边界外需研判",
            Verdict.PASS: "边界外 {area_m2} 平方米（{percent}%），该用途可在边界外",
        }[verdict],
        {
            Verdict.FAIL: "{area_m2} m² ({percent} %) lie outside, where this use has no place",
            Verdict.REVIEW: "{area_m2} m² ({percent} %) lie outside, where this use needs review",
            Verdict.PASS: "{area_m2} m² ({percent} %) lie outside, where this use may be",
        }[verdict],
        touches,
        area_m2=area,
        percent=100 * area / case.area_m2,
    )
    return replace(told, left=shape_of(outside))


def near_lines(case: Case) -> Finding:
    """Control lines within the distance asked for, but not on the project, are for review."""
    distance = case.project.buffer_m
    near = [
        (reading, fid, metres)
        for role in (Role.FARMLAND, Role.ECOLOGY)
        for reading, fid, metres in case.near(role, distance)
    ]
    if not near:
        return found(
            Verdict.PASS,
            "项目外 {buffer_m} 米内无其他控制线",
            "no further control line within {buffer_m} m",
            buffer_m=distance,
        )
    return found(
        Verdict.REVIEW,
        "项目外 {buffer_m} 米内有 {features} 处控制线，最近 {least_m} 米",
        "{features} control areas within {buffer_m} m, the nearest at {least_m} m",
        buffer_m=distance,
        features=len(near),
        least_m=min(metres for _, _, metres in near),
    )
