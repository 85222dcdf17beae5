"""Rules as people write them, in YAML or JSON, made :class:`Rule`; faults name their place."""

import json
from collections.abc import Mapping
from functools import cache
from operator import gt, lt
from pathlib import Path
from typing import Any

from quanyu.kernel import Invalid, LocalText
from quanyu.operations.rules.model import (
    Anomaly,
    Composite,
    Condition,
    Geofence,
    Missing,
    OrderWish,
    Rate,
    Rule,
    Severity,
    Simple,
    Step,
    Term,
    Threshold,
    Watch,
    duration,
)

MOST_BYTES = 1 << 20
MOST_RULES = 1_000
_SCHEMA = Path(__file__).parent / "rule.schema.json"
_SHORT = 80
_HOURS = {"day": 24, "week": 168}
_BOUNDS = {
    "minimum": "“{value}” is below {limit}",
    "maximum": "“{value}” is above {limit}",
    "exclusiveMinimum": "“{value}” is not above {limit}",
}
_DURATION = "a number and one of s, m, h, d, w, such as 15m"


@cache
def rule_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a rule."""
    schema: dict[str, Any] = json.loads(_SCHEMA.read_text("utf-8"))
    return schema


@cache
def _validator() -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(rule_schema())


def read_rules(text: str) -> list[Rule]:
    """The rules of a YAML (or JSON) text: one rule, a list, or an object with a list ``rules``.

    Raises :class:`Invalid` at the first fault, with its place and mend.
    """
    if len(text.encode()) > MOST_BYTES:
        raise Invalid("the rules have more than {most} bytes", field="rules", most=MOST_BYTES)
    said = _yaml(text)
    if isinstance(said, dict) and set(said) == {"rules"}:
        said = said["rules"]
    if isinstance(said, dict):
        return [parse_rule(said)]
    if not isinstance(said, list) or not 0 < len(said) <= MOST_RULES:
        raise Invalid(
            "a rule or a list of rules is needed here",
            field="rules",
            mend="write the list under “rules:”, each rule beginning with “- id:”",
        )
    found = [parse_rule(one, f"rules[{place}].") for place, one in enumerate(said)]
    seen: set[tuple[str, str]] = set()
    for place, one in enumerate(found):
        if (one.stream, one.id) in seen:
            raise Invalid("this rule stands twice here", field=f"rules[{place}].id")
        seen.add((one.stream, one.id))
    return found


def parse_rule(said: Any, where: str = "") -> Rule:
    """A rule from its document; raises :class:`Invalid`, the field with ``where`` before it."""
    if not isinstance(said, Mapping):
        raise Invalid("a rule is an object", field=where.rstrip(".") or "rule")
    document = _as_json(said, where)
    errors = sorted(_validator().iter_errors(document), key=lambda one: -len(one.instance_path))
    if errors:
        raise _fault(errors[0], where)
    when = _condition(document["when"], f"{where}when")
    order = document.get("work_order")
    steps = tuple(
        Step(one["to"], duration(one.get("after", "0s"))) for one in document.get("escalate", ())
    )
    for place, (one, after) in enumerate(zip(steps[1:], steps[:-1], strict=True), 1):
        if one.after < after.after:
            raise Invalid(
                "steps follow one another in time",
                field=f"{where}escalate[{place}].after",
                mend="put the earlier step first",
            )
    advice = document.get("advice")
    return Rule(
        id=document["id"],
        title=LocalText(**document["title"]),
        stream=document["stream"],
        when=when,
        watch=_watch(document.get("watch", {}), f"{where}watch"),
        severity=Severity(document.get("severity", "minor")),
        advice=LocalText(**advice) if advice else None,
        group=document.get("group", "thing"),
        group_wait=duration(document.get("group_wait", "30s")),
        lateness=duration(document.get("lateness", "1d")),
        ignore_flags=tuple(document.get("ignore_flags", ())),
        escalate=steps,
        work_order=OrderWish(
            order["category"], order.get("priority", "normal"), duration(order.get("after", "0s"))
        )
        if order
        else None,
        document=document,
    )


def _yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Without aliases: a few lines of them stand for gigabytes."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("aliases are not read here")
            return super().compose_node(parent, index)

    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise Invalid(
            "this is no YAML: line {line}",
            field="rules",
            mend="check indentation and colons near that line",
            line=line,
        ) from error


def _as_json(said: Mapping[Any, Any], where: str) -> dict[str, Any]:
    try:
        made: dict[str, Any] = json.loads(json.dumps(said, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(
            "this cannot be written as JSON",
            field=where.rstrip(".") or "rule",
            mend="write dates and special words in quotation marks",
        ) from error
    return made


def _condition(said: Mapping[str, Any], where: str) -> Condition:
    if said["kind"] != "composite":
        return _simple(said, where)
    terms = tuple(
        Term(
            name,
            _watch(one.get("watch", {}), f"{where}.terms.{name}.watch"),
            _simple(one["when"], f"{where}.terms.{name}.when"),
            one.get("count", 1),
        )
        for name, one in said["terms"].items()
    )
    unknown = _names(said["logic"]) - {one.name for one in terms}
    if unknown:
        raise Invalid(
            "there is no term {name}",
            field=f"{where}.logic",
            mend="name terms that stand under “terms”",
            name=min(unknown),
        )
    return Composite(
        terms, said["logic"], said.get("by", "thing") == "thing", duration(said.get("for", "0s"))
    )


def _simple(said: Mapping[str, Any], where: str) -> Simple:
    lasts = duration(said.get("for", "0s"))
    kind = said["kind"]
    if kind == "threshold":
        return _threshold(said, where, lasts)
    if kind == "rate":
        if "rise" not in said and "fall" not in said:
            raise Invalid(
                "a bound is needed here", field=f"{where}.rise", mend="give “rise”, “fall” or both"
            )
        over = duration(said["over"])
        _positive(over, f"{where}.over")
        return Rate(over, said.get("rise"), said.get("fall"), lasts)
    if kind == "missing":
        _positive(lasts, f"{where}.for")
        return Missing(lasts)
    if kind == "geofence":
        _check_area(said["area"], f"{where}.area")
        return Geofence(said["area"], said.get("alarm", "inside") == "inside", lasts)
    score, clear = said.get("score", 6.0), said.get("clear", min(3.0, said.get("score", 6.0)))
    if clear > score:
        raise Invalid(
            "it would clear before it raises", field=f"{where}.clear", mend="give less than “score”"
        )
    season = _HOURS[said.get("season", "day")]
    history = duration(said.get("history", "56d"))
    if history < 2 * season * 3_600_000_000:
        raise Invalid(
            "the history is shorter than two seasons",
            field=f"{where}.history",
            mend="give two weeks or more for a week, two days or more for a day",
        )
    return Anomaly(
        score, clear, said.get("side", "both"), season, history, said.get("least", 0.0), lasts
    )


def _threshold(said: Mapping[str, Any], where: str, lasts: int) -> Threshold:
    above, below = said.get("above"), said.get("below")
    if above is None and below is None:
        raise Invalid(
            "a bound is needed here", field=f"{where}.above", mend="give “above”, “below” or both"
        )
    if above is not None and below is not None and below >= above:
        raise Invalid(
            "no value would be in order", field=f"{where}.below", mend="give less than “above”"
        )
    for name, bound, beyond in (
        ("clear_below", above, gt),
        ("clear_above", below, lt),
    ):
        if name in said and (bound is None or beyond(said[name], bound)):
            raise Invalid(
                "it would clear before it raises",
                field=f"{where}.{name}",
                mend="clear_below is at most “above”, clear_above at least “below”",
            )
    return Threshold(
        above,
        below,
        said.get("clear_below", above),
        said.get("clear_above", below),
        lasts,
    )


def _watch(said: Mapping[str, Any], where: str) -> Watch:
    if "area" in said:
        _check_area(said["area"], f"{where}.area")
    return Watch(
        said.get("observed_property", ""),
        said.get("template", ""),
        said.get("area"),
        tuple(said.get("things", ())),
        tuple(said.get("datastreams", ())),
    )


def _check_area(area: Mapping[str, Any], where: str) -> None:
    for place, ring in enumerate(area["coordinates"]):
        if ring[0][:2] != ring[-1][:2]:
            raise Invalid(
                "a ring ends where it begins",
                field=f"{where}.coordinates[{place}]",
                mend="repeat the first position at the end",
            )
        if any(abs(one[0]) > 180 or abs(one[1]) > 90 for one in ring):
            raise Invalid(
                "a position is longitude and latitude in degrees",
                field=f"{where}.coordinates[{place}]",
            )


def _names(logic: Any) -> set[str]:
    if isinstance(logic, str):
        return {logic}
    parts = (
        [logic["not"]]
        if "not" in logic
        else next(logic[name] for name in ("all", "any", "of") if name in logic)
    )
    return set().union(*map(_names, parts))


def _positive(micros: int, where: str) -> None:
    if micros <= 0:
        raise Invalid("the duration is zero", field=where, mend=_DURATION)


def _fault(error: Any, where: str) -> Invalid:
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path
    ).lstrip(".")
    schema = rule_schema()
    keyword = str(error.schema_path[-1]) if error.schema_path else ""
    value: Any = error.instance
    if keyword == "required":
        name = error.kind.property
        return Invalid(
            "“{name}” is missing", field=where + (f"{path}.{name}" if path else name), name=name
        )
    if keyword == "additionalProperties":
        names = sorted(error.kind.unexpected)
        return Invalid(
            "there is no member “{name}” here",
            field=where + (f"{path}.{names[0]}" if path else names[0])[:_SHORT],
            mend="see the schema of rules: {names}",
            name=names[0][:_SHORT],
            names=", ".join(_known(schema, path, value)),
        )
    limit = getattr(error.kind, "options", None) or _limit(error)
    if plain := _plainly(error, keyword, where + path, limit):
        return plain
    return Invalid(
        "“{value}” does not fit: {keyword} {limit}",
        field=where + path,
        mend="see the schema of rules",
        value=json.dumps(value, ensure_ascii=False)[:_SHORT],
        keyword=keyword,
        limit=limit,
    )


def _plainly(error: Any, keyword: str, field: str, limit: Any) -> Invalid | None:
    """What people get wrong most, in words; ``None`` for the rest."""
    value = str(error.instance)[:_SHORT]
    if keyword == "type" and set(getattr(error.kind, "types", ())) <= {"number", "integer"}:
        mend = "write digits, with a point before fractions"
        return Invalid("“{value}” is no number", field=field, mend=mend, value=value)
    if keyword in _BOUNDS:
        return Invalid(_BOUNDS[keyword], field=field, value=value, limit=limit)
    if "(s|m|h|d|w)" in str(limit):
        return Invalid("“{value}” is no duration", field=field, mend=_DURATION, value=value)
    if field.rsplit(".", 1)[-1] == "id" and keyword == "pattern":
        text = "a name has small letters, digits and hyphens and begins with a letter"
        return Invalid(text, field=field, mend="such as heavy-rain")
    return None


def _limit(error: Any) -> str:
    for name in ("pattern", "limit", "expected_value", "types", "limit_value"):
        found = getattr(error.kind, name, None)
        if found is not None:
            return str(found)
    return ""


def _known(schema: Mapping[str, Any], path: str, value: Any) -> list[str]:
    if not path:
        return sorted(schema["properties"])
    if isinstance(value, dict) and value.get("kind") in schema["$defs"]:
        return sorted(schema["$defs"][value["kind"]]["properties"])
    last = path.rsplit(".", 1)[-1].split("[", maxsplit=1)[0]
    found = schema["properties"].get(last) or schema["$defs"].get(last) or {}
    if "$ref" in found:
        found = schema["$defs"][found["$ref"].rsplit("/", 1)[-1]]
    return sorted(found.get("properties", {}))
