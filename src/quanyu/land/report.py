"""A check as a document that can be signed: RFC 8785 bytes, equal for equal checks."""

from collections.abc import Mapping
from typing import Any

from quanyu.kernel import LocalText, canonical, iso, sha256_hex
from quanyu.land.check import Checked, rules_of
from quanyu.land.class_table import SCHEMES
from quanyu.land.intake import DECIMALS
from quanyu.land.model import VERDICTS, Finding, Project, Touch
from quanyu.land.plane import ELLIPSOID, METHOD
from quanyu.land.roles import ROLES
from quanyu.land.sources import Reading, shape_of

TYPE = "quanyu-land-report-1"

UNREAD: dict[str, LocalText] = {
    "land.no-source": LocalText(zh="没有数据集担任此角色", en="no dataset plays this role"),
    "land.not-given": LocalText(
        zh="担任此角色的数据源未向您公开", en="a source of this role is not open to you"
    ),
    "land.which-agreement": LocalText(
        zh="您有多份合约，请指明用哪一份", en="you have several agreements; say which one to use"
    ),
    "land.coarse": LocalText(
        zh="您的合约只给出概略位置，无法量算",
        en="your agreement gives places only coarsely, so nothing can be measured",
    ),
}
_REFUSED = LocalText(zh="您的合约未给出", en="not given by your agreement")


def report_document(checked: Checked) -> dict[str, Any]:
    """The report; it names no person, party or agreement."""
    rules = {rule.id: rule for rule in rules_of(checked.settings)}
    return {
        "type": TYPE,
        "day": checked.asked.day.isoformat(),
        "project": _project(checked),
        "method": {
            "area": METHOD,
            "ellipsoid": ELLIPSOID,
            "tolerance_m": checked.settings.tolerance_m,
            "uses_table": checked.uses.digest,
            "uses_table_own": checked.uses.own,
        },
        "sources": [_source(one) for one in checked.readings],
        "unread": [
            {
                "role": one.role.value,
                "role_name": _text(ROLES[one.role].name),
                "dataset": one.dataset,
                "rule": one.rule,
                "why": _text(UNREAD.get(one.rule, _REFUSED)),
            }
            for one in checked.unread
        ],
        "findings": [
            {
                "rule": name,
                "name": _text(rules[name].name),
                "basis": _text(rules[name].basis),
                **_finding(found),
            }
            for name, found in checked.findings.items()
        ],
        "verdict": checked.verdict.value,
        "verdict_name": _text(VERDICTS[checked.verdict]),
    }


def report_bytes(checked: Checked) -> tuple[bytes, str]:
    """Canonical bytes of the report, and their SHA-256 in hexadecimal."""
    data = canonical(report_document(checked))
    return data, sha256_hex(data)


def _project(checked: Checked) -> dict[str, Any]:
    project: Project = checked.project
    return {
        "name": project.name,
        "geometry": shape_of(project.geometry, DECIMALS),
        "crs": project.crs,
        "use": project.use.code,
        "scheme": project.use.scheme.value,
        "scheme_name": _text(SCHEMES[project.use.scheme]),
        "use_name": _text(project.use.name),
        "height_m": project.height_m,
        "floor_area_m2": project.floor_area_m2,
        "footprint_m2": project.footprint_m2,
        "green_area_m2": project.green_area_m2,
        "buffer_m": project.buffer_m,
        "area_m2": round(checked.area_m2, 2),
        "net_m2": round(checked.net_m2, 2),
        "net_of": checked.net_of,
    }


def _source(reading: Reading) -> dict[str, Any]:
    of = reading.declaration
    return {
        "role": of.role.value,
        "role_name": _text(ROLES[of.role].name),
        "dataset": of.dataset,
        "version": reading.version,
        "known_at": iso(reading.known_at),
        "declaration": of.id,
        "revision": of.revision,
        "scheme": of.scheme.value,
        "narrowed": reading.narrowed,
        "hidden": list(reading.hidden),
        "features": len(reading.fids),
        "note": _text(of.note) if of.note else None,
    }


def _finding(found: Finding) -> dict[str, Any]:
    document: dict[str, Any] = {
        "verdict": found.verdict.value,
        "verdict_name": _text(VERDICTS[found.verdict]),
        "said": _text(found.said),
        "figures": dict(found.figures),
        "touches": [_touch(one) for one in found.touches],
    }
    if found.left is not None:
        document["left"] = found.left
    return document


def _touch(one: Touch) -> dict[str, Any]:
    document: dict[str, Any] = {
        "role": one.role.value,
        "dataset": one.dataset,
        "version": one.version,
        "feature": one.feature,
        "area_m2": one.area_m2,
        "share": one.share,
        "sliver": one.sliver,
        "says": dict(one.says),
        "geometry": one.geometry,
    }
    if one.verdict is not None:
        document["verdict"] = one.verdict.value
        document["verdict_name"] = _text(VERDICTS[one.verdict])
    return document


def _text(text: LocalText) -> Mapping[str, str]:
    return {"zh": text.zh, "en": text.en}
