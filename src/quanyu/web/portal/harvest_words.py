"""Words and drawings of harvesting: names of states and outcomes, bars of runs, differences."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from quanyu.catalogue import HarvestRun, OnMissing, RecordOutcome, RunState, SourceKind, Trust
from quanyu.kernel import translate
from quanyu.web.pages import language_of
from quanyu.web.portal.visit import say

KINDS: dict[SourceKind, str] = {
    SourceKind.DCAT: "DCAT (JSON-LD, RDF/XML, Turtle)",
    SourceKind.CKAN: "CKAN (Action API)",
    SourceKind.RECORDS: "OGC API – Records",
    SourceKind.CSW: "CSW 2.0.2 or 3.0",
    SourceKind.STAC: "STAC (collections)",
    SourceKind.QUANYU: "Another quanyu",
}
RUN_STATES: dict[RunState, str] = {
    RunState.RUNNING: "Under way",
    RunState.STALLED: "No progress, tried again",
    RunState.HELD: "Waits for a word",
    RunState.DONE: "Done",
    RunState.FAILED: "Failed",
    RunState.CANCELLED: "Stopped",
}
OUTCOMES: dict[RecordOutcome, str] = {
    RecordOutcome.ADDED: "Added",
    RecordOutcome.CHANGED: "Changed",
    RecordOutcome.UNCHANGED: "Unchanged",
    RecordOutcome.RENAMED: "Under another identifier",
    RecordOutcome.CONFLICT: "In conflict",
    RecordOutcome.SKIPPED: "Passed over",
    RecordOutcome.DUPLICATE: "Here from another source",
    RecordOutcome.REJECTED: "Rejected",
    RecordOutcome.MISSING: "Missing",
    RecordOutcome.WITHDRAWN: "Withdrawn",
}
TRUSTS: dict[Trust, str] = {
    Trust.REVIEW: "Wait as drafts for review",
    Trust.PUBLISH: "Publish at once",
}
ON_MISSING: dict[OnMissing, str] = {
    OnMissing.MARK: "Mark it as missing",
    OnMissing.WITHDRAW: "Withdraw it",
}
FILTERS = tuple(one for one in RecordOutcome if one is not RecordOutcome.UNCHANGED)

_SHADES = {
    RecordOutcome.ADDED: "new",
    RecordOutcome.CHANGED: "changed",
    RecordOutcome.RENAMED: "changed",
    RecordOutcome.CONFLICT: "conflict",
    RecordOutcome.UNCHANGED: "same",
    RecordOutcome.SKIPPED: "same",
    RecordOutcome.DUPLICATE: "same",
    RecordOutcome.REJECTED: "bad",
    RecordOutcome.MISSING: "gone",
    RecordOutcome.WITHDRAWN: "gone",
}
_WIDE = 600

FIELDS: dict[str, str] = {
    "title": "Title",
    "abstract": "Abstract",
    "keywords": "Keywords",
    "themes": "Themes",
    "licence": "Licence",
    "access": "Access",
    "grade": "Grade",
    "update_cycle": "Update cycle",
    "bbox": "Extent",
    "interval": "Time",
    "fields": "Fields",
    "formats": "Formats",
    "provenance": "Provenance",
    "contact": "Contact",
    "version": "Version",
    "attribution": "Attribution",
    "source": "Source",
    "distributions": "Distributions",
    "identifier": "Identifier",
}


def bars(run: HarvestRun) -> dict[str, Any]:
    """A run as one bar, its parts as wide as what came to each outcome."""
    total = sum(run.counts.values())
    parts, x = [], 0.0
    for outcome in RecordOutcome:
        count = run.counts.get(outcome, 0)
        if count:
            width = _WIDE * count / total
            parts.append(
                {"x": round(x, 2), "width": round(width, 2), "shade": _SHADES[outcome],
                 "outcome": outcome, "count": count}
            )  # fmt: skip
            x += width
    expected = max(run.total or 0, run.seen)
    return {"width": _WIDE, "parts": parts, "seen": run.seen, "expected": expected}


def explained(request: Request, reason: Mapping[str, Any]) -> dict[str, str]:
    """A kept reason in the reader's language."""
    language = language_of(request)
    params = {
        name: translate(language, value) if isinstance(value, str) and value in _SAID else value
        for name, value in (reason.get("params") or {}).items()
    }
    mend = reason.get("mend")
    return {
        "detail": translate(language, str(reason["detail"]), **params),
        "mend": translate(language, str(mend), **params) if mend else "",
    }


def difference(request: Request, field: str, old: Any, new: Any) -> dict[str, str]:
    """A field's two sides as texts."""
    return {
        "field": say(request, FIELDS[field]) if field in FIELDS else field,
        "key": field,
        "old": _text(old),
        "new": _text(new),
    }


def _text(value: Any) -> str:
    if value in (None, "", [], {}):
        return "—"
    if isinstance(value, Mapping):
        if set(value) <= {"zh", "en"}:
            return " / ".join(str(one) for one in (value.get("zh"), value.get("en")) if one)
        said = (f"{name}: {_text(one)}" for name, one in value.items() if one not in (None, ""))
        return ", ".join(said)
    if isinstance(value, list | tuple):
        return " · ".join(_text(one) for one in value)[:1000]
    return str(value)[:1000]


EXTRA_WORDS: tuple[str, ...] = (
    "identity numbers",
    "numbers of bank cards",
    "numbers of passports",
    "passwords or keys",
    "biometric features",
    "health of persons",
    "beliefs of persons",
    "income or accounts of persons",
    "where persons have been",
    "mobile phone numbers",
    "e-mail addresses",
    "number plates",
    "names of persons",
    "dates of birth",
    "addresses of households",
    "sex or ethnicity of persons",
    "addresses of devices",
    "numbers of devices",
    "names of accounts",
    "remarks of officials",
)
"""What parameters of reasons may say: the rules of sensitivity."""

_SAID = frozenset(EXTRA_WORDS)
