"""Quality rules as a document: read from YAML or JSON, and written again."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from quanyu.kernel import Invalid
from quanyu.operations.health.model import (
    DIMENSION_OF,
    QualityDimension,
    QualityRule,
    QualitySeverity,
)
from quanyu.spacetime import (
    CheckKind,
    ValueCheck,
    parse_filter,
    seconds_of,
)

MOST_RULES = 200
_MOST_TEXT = 200_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_KEYS = frozenset(
    {
        "name",
        "title",
        "kind",
        "dimension",
        "severity",
        "share",
        "columns",
        "least",
        "most",
        "pattern",
        "values",
        "dataset",
        "theirs",
        "tolerance",
        "bbox",
        "age",
        "condition",
    }
)


def read_quality_rules(text: str) -> tuple[QualityRule, ...]:
    """The rules that a YAML (or JSON) document declares: a list below ``rules``.

    Raises :class:`Invalid` naming the rule and what is wrong with it.
    """
    if len(text) > _MOST_TEXT:
        raise Invalid("this is too long", field="rules", mend="shorten it")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise Invalid(
            "this is no YAML document", field="rules", mend="write a list of rules below “rules”"
        ) from error
    return parse_rules(document)


def parse_rules(document: object) -> tuple[QualityRule, ...]:
    """The same of a document that was read already."""
    listed = document.get("rules") if isinstance(document, Mapping) else document
    if listed is None:
        listed = []
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise Invalid(
            "the rules are no list", field="rules", mend="write a list of rules below “rules”"
        )
    if len(listed) > MOST_RULES:
        raise Invalid(
            "a dataset has at most {most} rules",
            field="rules",
            mend="leave some out",
            most=MOST_RULES,
        )
    rules = tuple(_rule(one, place) for place, one in enumerate(listed, start=1))
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise Invalid(
                "two rules are called “{name}”",
                field="name",
                mend="give each its own name",
                name=name,
            )
    return rules


def rules_document(rules: Sequence[QualityRule]) -> list[dict[str, Any]]:
    """Rules as they are declared; what stands for itself is left out."""
    return [_written(rule) for rule in rules]


def rules_yaml(rules: Sequence[QualityRule]) -> str:
    """Rules as YAML that :func:`read_quality_rules` reads."""
    text: str = yaml.safe_dump(
        {"rules": rules_document(rules)}, allow_unicode=True, sort_keys=False, width=100
    )
    return text


def _rule(said: object, place: int) -> QualityRule:
    if not isinstance(said, Mapping):
        raise Invalid(
            "rule {place} is no object",
            field="rules",
            mend="write name, kind and what it needs",
            place=place,
        )
    unknown = sorted(str(key) for key in said if key not in _KEYS)
    if unknown:
        raise Invalid(
            "rule {place} has no part “{key}”",
            field=unknown[0][:60],
            mend="use: {keys}",
            place=place,
            key=unknown[0][:60],
            keys=", ".join(sorted(_KEYS)),
        )
    name = str(said.get("name", ""))
    if not _NAME.fullmatch(name):
        raise Invalid(
            "rule {place} has no name", field="name", mend="use a-z, 0-9, - and _", place=place
        )
    kind = _word(CheckKind, said.get("kind"), "kind", name)
    dimension = _word(
        QualityDimension, said.get("dimension", DIMENSION_OF[kind].value), "dimension", name
    )
    severity = _word(
        QualitySeverity, said.get("severity", QualitySeverity.ERROR.value), "severity", name
    )
    share = said.get("share", 1.0)
    if not _number(share) or not 0 <= share <= 1:
        raise Invalid(
            "the share of rule “{name}” is not from 0 to 1",
            field="share",
            mend="write 0.95 for 95 %",
            name=name,
        )
    return QualityRule(
        name, _check(said, kind, name), dimension, severity, float(share), _text(said, "title", 300)
    )


def _check(said: Mapping[str, Any], kind: CheckKind, name: str) -> ValueCheck:
    age = said.get("age")
    bbox = said.get("bbox")
    if bbox is not None and not (
        isinstance(bbox, Sequence) and len(bbox) == 4 and all(map(_number, bbox))
    ):
        raise Invalid(
            "the extent of rule “{name}” has not four numbers",
            field="bbox",
            mend="give west, south, east, north in degrees",
            name=name,
        )
    condition = said.get("condition")
    if condition is not None:
        lang = "cql2-text" if isinstance(condition, str) else "cql2-json"
        condition = parse_filter(condition, None, lang)  # type: ignore[arg-type]
    tolerance = said.get("tolerance", 0)
    if not _number(tolerance) or tolerance < 0:
        raise Invalid(
            "the tolerance of rule “{name}” is no number",
            field="tolerance",
            mend="give a number from 0 on",
            name=name,
        )
    return ValueCheck(
        kind=kind,
        columns=_texts(said, "columns", name),
        least=_end(said.get("least")),
        most=_end(said.get("most")),
        pattern=_text(said, "pattern", 2_000),
        values=tuple(_list(said, "values", name)),
        dataset=_text(said, "dataset", 100),
        theirs=_texts(said, "theirs", name),
        tolerance=float(tolerance),
        bbox=None if bbox is None else tuple(float(one) for one in bbox),  # type: ignore[arg-type]
        age_s=seconds_of(str(age)) if age is not None else 0,
        condition=condition,
    )


def _end(value: Any) -> Any:
    """Ends of ranges; YAML reads dates and times as such, rules keep them as text."""
    if value is None or isinstance(value, int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _written(rule: QualityRule) -> dict[str, Any]:
    check = rule.check
    said: dict[str, Any] = {"name": rule.name, "kind": check.kind.value}
    more = {
        "title": rule.title,
        "dimension": "" if rule.dimension is DIMENSION_OF[check.kind] else rule.dimension.value,
        "severity": "" if rule.severity is QualitySeverity.ERROR else rule.severity.value,
        "share": None if rule.share == 1 else rule.share,
        "columns": list(check.columns),
        "least": check.least,
        "most": check.most,
        "pattern": check.pattern,
        "values": list(check.values),
        "dataset": check.dataset,
        "theirs": list(check.theirs),
        "tolerance": check.tolerance or None,
        "bbox": list(check.bbox) if check.bbox else None,
        "age": f"PT{check.age_s}S" if check.age_s else None,
        "condition": check.condition,
    }
    return said | {key: value for key, value in more.items() if value not in (None, "", [])}


def _word(kind: Any, value: object, field: str, name: str) -> Any:
    try:
        return kind(str(value))
    except ValueError:
        raise Invalid(
            "rule “{name}” says an unknown {part}",
            field=field,
            mend="use one of: {words}",
            name=name,
            part=field,
            words=", ".join(kind),
        ) from None


def _texts(said: Mapping[str, Any], key: str, name: str) -> tuple[str, ...]:
    value = said.get(key)
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in _list(said, key, name))


def _list(said: Mapping[str, Any], key: str, name: str) -> list[Any]:
    value = said.get(key)
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise Invalid(
            "“{key}” of rule “{name}” is no list",
            field=key,
            mend="write a list",
            key=key,
            name=name,
        )
    return list(value)


def _text(said: Mapping[str, Any], key: str, most: int) -> str:
    return str(said.get(key) or "")[:most]


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
