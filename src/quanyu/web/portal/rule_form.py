"""A rule as the fields of a form: both ways, so that fields and YAML say the same rule.

Fields are named as the places of a rule are, ``when.above`` say, so that a fault names its field.
A duration is two fields, a number and its ``….unit``; an area is its corners, one on a line.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from quanyu.kernel import Invalid
from quanyu.operations import Rule, parse_rule

Fields = Mapping[str, str]
TERMS = STEPS = 4
"""How many terms of a composite, and steps of an escalation, the form has."""
UNITS = ("s", "m", "h", "d", "w")
TERM_KINDS = ("above", "below", "rise", "fall", "missing")
_DURATION = re.compile(r"([0-9]+)(s|m|h|d|w)")
_WAITS = ("group_wait", "lateness")
_SIMPLE: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "threshold": (("above", "below", "clear_below", "clear_above"), (), ("for",)),
    "rate": (("rise", "fall"), (), ("over", "for")),
    "missing": ((), (), ("for",)),
    "geofence": ((), ("alarm",), ("for",)),
    "anomaly": (("score", "clear", "least"), ("side", "season"), ("history", "for")),
}
"""Of each kind of condition: numbers, words, durations."""


def document_of(said: Fields) -> dict[str, Any]:
    """The document of a rule out of fields; what is empty is left out.

    What is no number stays the text that it is: reading the rule says what is wrong with it.
    """
    document: dict[str, Any] = {
        "id": said.get("id", "").strip(),
        "title": _pair(said, "title"),
        "stream": said.get("stream", "").strip(),
    }
    if advice := _pair(said, "advice"):
        document["advice"] = advice
    document |= _words(said, "", ("severity",))
    if watch := _watch(said, "watch."):
        document["watch"] = watch
    kind = said.get("when.kind", "")
    document["when"] = _composite(said) if kind == "composite" else _simple(said, kind)
    document |= _words(said, "", ("group",)) | _durations(said, "", _WAITS)
    steps = [
        {"to": to} | _durations(said, f"escalate[{n}].", ("after",))
        for n in range(STEPS)
        if (to := said.get(f"escalate[{n}].to", "").strip())
    ]
    if steps:
        document["escalate"] = steps
    if said.get("work_order.category", "").strip():
        order = _words(said, "work_order.", ("category", "priority"))
        document["work_order"] = order | _durations(said, "work_order.", ("after",))
    return document


def fields_of(rule: Rule) -> dict[str, str] | None:
    """The fields of a rule; ``None`` for one that says more than the form can."""
    document = rule.document
    found: dict[str, str] = {}
    for name in ("id", "stream", "severity", "group", *_WAITS):
        _put(found, name, document.get(name))
    for name in ("title", "advice", "watch", "work_order"):
        for part, value in document.get(name, {}).items():
            _put(found, f"{name}.{part}", value)
    when = document["when"]
    for name, value in when.items():
        if name not in {"terms", "logic"}:
            _put(found, f"when.{name}", value)
    if when["kind"] == "composite":
        with suppress(KeyError, TypeError, StopIteration):
            _put_terms(found, when)
    for number, step in enumerate(document.get("escalate", ())):
        for name, value in step.items():
            _put(found, f"escalate[{number}].{name}", value)
    try:
        again = parse_rule(document_of(found))
    except Invalid:
        return None
    return found if replace(again, document={}) == replace(rule, document={}) else None


def input_of(field: str | None, said: Fields) -> str:
    """The field of the form at which a fault of a rule is to be mended; empty for none."""
    if not field:
        return ""
    for number in range(TERMS):
        name = said.get(f"when.terms[{number}].name", "")
        if name and re.match(rf"when\.terms\.{re.escape(name)}(\.|$)", field):
            return f"when.terms[{number}].value"
    place = field
    known = set(said) | {"id", "title.zh", "title.en"}
    while place and place not in known:
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return place or field


def _pair(said: Fields, name: str) -> dict[str, str]:
    return {
        language: text
        for language in ("zh", "en")
        if (text := said.get(f"{name}.{language}", "").strip())
    }


def _words(said: Fields, where: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: text for name in names if (text := said.get(where + name, "").strip())}


def _durations(said: Fields, where: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: text + said.get(f"{where}{name}.unit", "m")
        for name in names
        if (text := said.get(where + name, "").strip())
    }


def _numbers(said: Fields, where: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _number(text) for name in names if (text := said.get(where + name, "").strip())}


def _number(text: str) -> int | float | str:
    with suppress(ValueError):
        return int(text)
    with suppress(ValueError):
        return float(text)
    return text


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _watch(said: Fields, where: str) -> dict[str, Any]:
    found = _words(said, where, ("observed_property", "template"))
    if corners := _lines(said.get(f"{where}area", "")):
        found["area"] = _area(corners)
    for name in ("things", "datastreams"):
        if ids := _lines(said.get(where + name, "")):
            found[name] = ids
    return found


def _area(corners: list[str]) -> dict[str, Any]:
    ring = [[_number(one) for one in re.split(r"[\s,，]+", corner)] for corner in corners]
    if ring[0] != ring[-1]:
        ring.append(ring[0])
    return {"type": "Polygon", "coordinates": [ring]}


def _simple(said: Fields, kind: str) -> dict[str, Any]:
    numbers, words, durations = _SIMPLE.get(kind, ((), (), ()))
    found: dict[str, Any] = {"kind": kind}
    if kind == "geofence":
        corners = _lines(said.get("when.area", ""))
        found |= {"area": _area(corners)} if corners else {}
    found |= _numbers(said, "when.", numbers) | _words(said, "when.", words)
    return found | _durations(said, "when.", durations)


def _composite(said: Fields) -> dict[str, Any]:
    terms: dict[str, Any] = {}
    parts: list[Any] = []
    for number in range(TERMS):
        where = f"when.terms[{number}]."
        name = said.get(f"{where}name", "").strip()
        if not name:
            continue
        if name in terms:
            raise Invalid("this name stands twice here", field=f"{where}name")
        terms[name] = _term(said, where)
        parts.append({"not": name} if said.get(f"{where}not") else name)
    found: dict[str, Any] = {"kind": "composite"} | _words(said, "when.", ("by",))
    found["terms"] = terms
    join = said.get("when.logic", "all")
    if join == "at_least":
        least = _number(said.get("when.logic.at_least", "").strip() or "1")
        found["logic"] = {"at_least": least, "of": parts}
    else:
        found["logic"] = {"any" if join == "any" else "all": parts}
    return found | _durations(said, "when.", ("for",))


def _term(said: Fields, where: str) -> dict[str, Any]:
    kind, value = said.get(f"{where}is", "above"), said.get(f"{where}value", "").strip()
    when: dict[str, Any]
    if kind == "missing":
        when = {"kind": "missing"}
    else:
        when = {"kind": "threshold" if kind in {"above", "below"} else "rate"}
        when |= {kind: _number(value)} if value else {}
    span = "for" if kind == "missing" else "over"
    spans = _durations(said, where, ("over",))
    if kind not in {"above", "below"} and spans:
        when[span] = spans["over"]
    found: dict[str, Any] = {"when": when}
    if watch := _words(said, where, ("observed_property",)):
        found["watch"] = watch
    return found | _numbers(said, where, ("count",))


def _put(found: dict[str, str], name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, dict) and value.get("type") == "Polygon":
        ring = value["coordinates"][0]
        found[name] = "\n".join(" ".join(map(str, corner)) for corner in ring[:-1])
    elif isinstance(value, list):
        found[name] = "\n".join(map(str, value))
    elif isinstance(value, str) and (part := _DURATION.fullmatch(value)) and _is_span(name):
        found[name], found[f"{name}.unit"] = part.groups()
    else:
        found[name] = str(value)


def _is_span(name: str) -> bool:
    return name.rsplit(".", 1)[-1] in {"for", "over", "after", "history", *_WAITS}


def _put_terms(found: dict[str, str], when: Mapping[str, Any]) -> None:
    logic = when["logic"]
    join = next(name for name in ("all", "any", "of") if name in logic)
    found["when.logic"] = "at_least" if join == "of" else join
    _put(found, "when.logic.at_least", logic.get("at_least"))
    turned = {one["not"] for one in logic[join] if isinstance(one, dict)}
    for number, (name, term) in enumerate(when["terms"].items()):
        where, said = f"when.terms[{number}].", term["when"]
        kind = next(one for one in TERM_KINDS if one in said or one == said["kind"])
        found |= {f"{where}name": name, f"{where}is": kind}
        _put(found, f"{where}value", said.get(kind))
        _put(found, f"{where}over", said.get("for" if kind == "missing" else "over"))
        _put(found, f"{where}count", term.get("count"))
        _put(found, f"{where}observed_property", term.get("watch", {}).get("observed_property"))
        if name in turned:
            found[f"{where}not"] = "1"
