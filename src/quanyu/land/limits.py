"""Rules on what a detailed plan limits: height, floor-area ratio, density, green ratio.

A ratio is held against the limits of the plan's areas on the net site, weighted by area: with one
area that is its limit, with several the floor area that they bear together.
"""

from dataclasses import dataclass, replace

from quanyu.land.case import Case, found
from quanyu.land.model import Finding, Role, Touch, Verdict
from quanyu.land.sources import shape_of, touch


@dataclass(frozen=True, slots=True)
class _Limits:
    """Limits of the plan's areas under the project, each with its square metres."""

    touches: list[Touch]
    known: list[tuple[float, float]]
    silent_m2: float
    left_m2: float
    rest: object

    @property
    def whole(self) -> bool:
        """Whether all of the project has a limit."""
        return bool(self.known) and self.silent_m2 == 0 and self.left_m2 == 0

    @property
    def weighted(self) -> float:
        """The limit over all areas that have one."""
        total = sum(area for _, area in self.known)
        return sum(limit * area for limit, area in self.known) / total


def _limits(case: Case, meaning: str) -> _Limits:
    readings = case.of(Role.PLAN, meaning=meaning)
    touches, known, silent = [], [], 0.0
    for reading in readings:
        for row in range(len(reading.fids)):
            limit = reading.number(row, meaning)
            said = {} if limit is None else {meaning: limit}
            one = touch(reading, row, case.area_m2, says=said)
            touches.append(one)
            if one.sliver:
                continue
            if limit is None:
                silent += one.area_m2
            else:
                known.append((limit, float(reading.areas[row])))
    rest, left = case.left(readings)
    return _Limits(touches, known, silent, left, rest)


def height(case: Case) -> Finding:
    """The lowest limit under the project counts."""
    limits = _limits(case, "height")
    if not limits.known:
        return _unlimited(limits)
    least = min(limit for limit, _ in limits.known)
    proposed = case.project.height_m or 0.0
    if proposed > least:
        return found(
            Verdict.FAIL,
            "拟建高度 {height_m} 米，限高 {limit_m} 米，超出 {over_m} 米",
            "{height_m} m are proposed and {limit_m} m allowed: {over_m} m over the limit",
            limits.touches,
            height_m=proposed,
            limit_m=least,
            over_m=proposed - least,
        )
    return _kept(
        limits,
        "拟建高度 {height_m} 米，限高 {limit_m} 米",
        "{height_m} m are proposed and {limit_m} m allowed",
        height_m=proposed,
        limit_m=least,
    )


def floor_area_ratio(case: Case) -> Finding:
    """Floor area over net site area, held against the plan."""
    limits = _limits(case, "far")
    if not limits.known:
        return _unlimited(limits)
    net, basis = case.net
    ratio, limit = (case.project.floor_area_m2 or 0.0) / net, limits.weighted
    zh = "净用地面积（宗地内）" if basis == "parcels" else "用地面积（项目范围）"
    en = "net site area (on parcels)" if basis == "parcels" else "area of the project"
    return _ratio(
        limits,
        over=_above(ratio, limit),
        zh=f"容积率 {{ratio}}（建筑面积 ÷ {zh} {{site_m2}} 平方米），上限 {{limit}}",
        en=f"floor-area ratio {{ratio}} (floor area / {en} {{site_m2}} m²), at most {{limit}}",
        ratio=ratio,
        limit=limit,
        site_m2=net,
    )


def density(case: Case) -> Finding:
    """Footprint over net site area, in per cent."""
    limits = _limits(case, "density")
    if not limits.known:
        return _unlimited(limits)
    net, _ = case.net
    percent, limit = 100 * (case.project.footprint_m2 or 0.0) / net, limits.weighted
    return _ratio(
        limits,
        over=_above(percent, limit),
        zh="建筑密度 {percent}%，上限 {limit}%",
        en="building density {percent} %, at most {limit} %",
        percent=percent,
        limit=limit,
        site_m2=net,
    )


def green(case: Case) -> Finding:
    """Green area over net site area, in per cent."""
    limits = _limits(case, "green")
    if not limits.known:
        return _unlimited(limits)
    net, _ = case.net
    percent, limit = 100 * (case.project.green_area_m2 or 0.0) / net, limits.weighted
    return _ratio(
        limits,
        over=_above(limit, percent),
        zh="绿地率 {percent}%，下限 {limit}%",
        en="green ratio {percent} %, at least {limit} %",
        percent=percent,
        limit=limit,
        site_m2=net,
    )


def _above(value: float, limit: float) -> bool:
    """Whether a ratio is above another by more than areas are told to."""
    return round(value, 4) > round(limit, 4)


def _ratio(limits: _Limits, *, over: bool, zh: str, en: str, **figures: float) -> Finding:
    if over:
        return found(Verdict.FAIL, zh, en, limits.touches, **figures)
    return _kept(limits, zh, en, **figures)


def _kept(limits: _Limits, zh: str, en: str, **figures: float) -> Finding:
    """The limit is kept; where a part of the project has none, that is for review."""
    if limits.whole:
        return found(Verdict.PASS, zh, en, limits.touches, **figures)
    open_ = limits.silent_m2 + limits.left_m2
    told = found(
        Verdict.REVIEW,
        f"{zh}；另有 {{open_m2}} 平方米无此限值",
        f"{en}; {{open_m2}} m² have no such limit",
        limits.touches,
        **figures,
        open_m2=open_,
    )
    return _drawn(told, limits)


def _unlimited(limits: _Limits) -> Finding:
    told = found(
        Verdict.REVIEW,
        "项目范围内的详细规划未给出此限值",
        "no detailed plan says this limit where the project lies",
        limits.touches,
    )
    return _drawn(told, limits)


def _drawn(finding: Finding, limits: _Limits) -> Finding:
    return replace(finding, left=shape_of(limits.rest)) if limits.left_m2 > 0 else finding
