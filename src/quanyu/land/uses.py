"""Rules on parcels and uses."""

from dataclasses import replace

from quanyu.land.case import Case, found, worst
from quanyu.land.model import Finding, Role, Touch, Verdict
from quanyu.land.roles import CLASS, codes_in
from quanyu.land.sources import Reading, shape_of, touch


def parcels(case: Case) -> Finding:
    """The site is a whole parcel, or several whole ones; else it is for review."""
    readings = case.of(Role.PARCELS)
    touches = []
    for reading in readings:
        for row in range(len(reading.fids)):
            said = {"number": str(reading.says(row, "number") or reading.fids[row])}
            touches.append(touch(reading, row, case.area_m2, says=said))
    solid = [one for one in touches if not one.sliver]
    rest, left = case.left(readings)
    if not solid:
        return found(Verdict.REVIEW, "项目不在任何宗地上", "the project lies on no parcel")
    many = len(solid) > 1
    if left > 0:
        told = found(
            Verdict.REVIEW,
            "涉及 {count} 宗地，另有 {left_m2} 平方米不在宗地上",
            "on {count} parcels, and {left_m2} m² on none",
            touches,
            count=len(solid),
            left_m2=left,
        )
        return replace(told, left=shape_of(rest))
    return found(
        Verdict.REVIEW if many else Verdict.PASS,
        "涉及 {count} 宗地，应办理合并或分割" if many else "全部位于一宗地内",
        "on {count} parcels, which would have to be joined or split"
        if many
        else "all within one parcel",
        touches,
        count=len(solid),
    )


def planned_use(case: Case) -> Finding:
    """The table of compatible uses says of each planned area what it bears."""
    readings = case.of(Role.PLANNED_USE, meaning=CLASS)
    touches = [
        _judged(case, reading, row) for reading in readings for row in range(len(reading.fids))
    ]
    return _all_uses(case, readings, touches)


def plan_use(case: Case) -> Finding:
    """The uses that the plan lists; where it lists none, its class by the table."""
    readings = [one for one in case.of(Role.PLAN) if {"uses", CLASS} & one.shown.keys()]
    if not readings:
        return found(
            Verdict.UNCHECKED,
            "详细规划未给出用途",
            "no detailed plan that was read says which uses it allows",
        )
    touches = []
    for reading in readings:
        for row in range(len(reading.fids)):
            listed = codes_in(str(reading.says(row, "uses") or ""))
            if not listed:
                touches.append(_judged(case, reading, row))
                continue
            fits = reading.declaration.scheme == case.project.use.scheme
            allowed = any(case.project.use.code.startswith(one) for one in listed)
            verdict = (Verdict.PASS if allowed else Verdict.FAIL) if fits else Verdict.REVIEW
            said = {"uses": ", ".join(listed)}
            touches.append(touch(reading, row, case.area_m2, says=said, verdict=verdict))
    return _all_uses(case, readings, touches)


def _judged(case: Case, reading: Reading, row: int) -> Touch:
    """A planned area with what the table says of the proposed use in it."""
    code = reading.code(row)
    proposed = case.project.use
    comparable = code is not None and reading.declaration.scheme == proposed.scheme
    verdict = case.uses.verdict(code or "", proposed) if comparable else Verdict.REVIEW
    return touch(reading, row, case.area_m2, says={"class": code or ""}, verdict=verdict)


def _all_uses(case: Case, readings: list[Reading], touches: list[Touch]) -> Finding:
    solid = [one for one in touches if not one.sliver]
    rest, left = case.left(readings)
    against = sum(one.area_m2 for one in solid if one.verdict is Verdict.FAIL)
    open_ = sum(one.area_m2 for one in solid if one.verdict is Verdict.REVIEW)
    verdicts = [one.verdict or Verdict.REVIEW for one in solid]
    if left > 0:
        verdicts.append(Verdict.REVIEW)
    verdict = worst(verdicts) if verdicts else Verdict.REVIEW
    if verdict is Verdict.PASS:
        return found(verdict, "用途相容", "the use is compatible everywhere", touches)
    told = found(
        verdict,
        "不相容 {against_m2} 平方米，需研判 {review_m2} 平方米，无规划覆盖 {left_m2} 平方米",
        "incompatible on {against_m2} m², for review on {review_m2} m², unplanned on {left_m2} m²",
        touches,
        against_m2=against,
        review_m2=open_,
        left_m2=left,
    )
    return replace(told, left=shape_of(rest)) if left > 0 else told
