"""Policies read from JSON-LD: compact, prefixed and expanded forms alike.

No JSON-LD processor runs here and nothing is fetched: the contexts that may be named are known
beforehand, and what a known context does not explain is refused.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from quanyu.agreements.policy import Condition, Constraint, Logical, Policy, PolicyType, Rule
from quanyu.agreements.vocabulary import (
    KNOWN_CONTEXTS,
    PREFIXES,
    PROFILE,
    compact,
    unknown,
)
from quanyu.kernel import Invalid

DEEPEST = 32
LARGEST_BYTES = 256 * 1024
_MOST_NODES = 50_000
_SAFE = 2**53 - 1
_CONTEXT_ENTRIES = {**PREFIXES, "@vocab": PREFIXES["odrl"]}
_LOGIC = frozenset({"odrl:and", "odrl:or", "odrl:xone", "odrl:andSequence"})
_POLICY = frozenset(
    {
        "@context",
        "@id",
        "@type",
        "odrl:permission",
        "odrl:prohibition",
        "odrl:obligation",
        "odrl:target",
        "odrl:assigner",
        "odrl:assignee",
        "odrl:profile",
        "odrl:conflict",
        "odrl:timestamp",
    }
)
_RULE = frozenset(
    {
        "@id",
        "@type",
        "odrl:action",
        "odrl:constraint",
        "odrl:target",
        "odrl:assigner",
        "odrl:assignee",
    }
)
_ALIASES = {
    "odrl:uid": "@id",
    "odrl:id": "@id",
    "odrl:type": "@type",
    "https://w3id.org/dspace/2025/1/timestamp": "odrl:timestamp",
    "dspace:timestamp": "odrl:timestamp",
}


def parse_policy(document: Any) -> Policy:
    """The policy that a JSON-LD document states.

    Raises :class:`Invalid` for anything it does not understand, naming the term and its place.
    """
    check_json(document)
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    found = _object(document, "policy", _POLICY)
    _check_context(found.get("@context"))
    kind = compact(str(_one(found.get("@type"), "policy.@type") or "Set")).removeprefix("odrl:")
    if kind == "Policy":
        kind = "Set"
    if kind not in set(PolicyType):
        raise unknown(kind, "policy.@type")
    conflict = _iri(found.get("odrl:conflict"), "policy.conflict")
    if conflict not in (None, "odrl:prohibit"):
        raise unknown(conflict, "policy.conflict")
    profiles = tuple(str(_iri(item, "policy.profile")) for item in _many(found.get("odrl:profile")))
    for profile in profiles:
        if profile != compact(PROFILE):
            raise unknown(profile, "policy.profile")
    return Policy(
        type=PolicyType(kind),
        uid=_text(found.get("@id"), "policy.uid"),
        permissions=_rules(found, "permission", duties=True),
        prohibitions=_rules(found, "prohibition"),
        obligations=_rules(found, "obligation"),
        target=_node(found.get("odrl:target"), "policy.target"),
        assigner=_node(found.get("odrl:assigner"), "policy.assigner"),
        assignee=_node(found.get("odrl:assignee"), "policy.assignee"),
        profiles=profiles,
        timestamp=_text(
            _value(found.get("odrl:timestamp"), "policy.timestamp"), "policy.timestamp"
        ),
    )


def check_json(document: Any, field: str = "policy") -> None:
    """Raise :class:`Invalid` for what canonical JSON cannot hold or is too large."""
    waiting: list[tuple[Any, int]] = [(document, 0)]
    nodes = size = 0
    while waiting:
        item, depth = waiting.pop()
        nodes += 1
        if isinstance(item, Mapping):
            waiting.extend((key if isinstance(key, str) else _WRONG, depth + 1) for key in item)
            waiting.extend((value, depth + 1) for value in item.values())
        elif isinstance(item, list | tuple):
            waiting.extend((value, depth + 1) for value in item)
        elif not _is_json_scalar(item):
            raise Invalid(
                "only what JSON can hold exactly is allowed: text, numbers, lists, objects",
                field=field,
                mend="write numbers above 2^53 as text and leave out NaN and infinity",
            )
        elif isinstance(item, str):
            size += len(item)
        if depth > DEEPEST or nodes > _MOST_NODES or size > LARGEST_BYTES:
            raise Invalid(
                "the document is too deep or too large", field=field, mend="make it smaller"
            )


_WRONG = object()
_SURROGATE = re.compile("[\ud800-\udfff]")


def _is_json_scalar(item: Any) -> bool:
    if isinstance(item, str):
        return _SURROGATE.search(item) is None
    if isinstance(item, float):
        return math.isfinite(item)
    return item is None or (isinstance(item, int) and abs(item) <= _SAFE)


def _check_context(context: Any) -> None:
    for item in _many(context):
        if isinstance(item, Mapping):
            for prefix, iri in item.items():
                if iri != _CONTEXT_ENTRIES.get(prefix):
                    raise unknown(f"{prefix}: {iri}", "policy.@context")
        elif not isinstance(item, str) or item not in KNOWN_CONTEXTS:
            raise unknown(item, "policy.@context")


def _object(value: Any, field: str, allowed: frozenset[str]) -> dict[str, Any]:
    """``value``'s properties by compact name; an extra one or one given twice is refused."""
    if not isinstance(value, Mapping):
        raise Invalid("an object is needed here", field=field, mend="see ODRL 2.2 §2")
    found: dict[str, Any] = {}
    for key, content in value.items():
        name = key if key.startswith("@") else compact(key)
        name = _ALIASES.get(name, name)
        if name not in allowed:
            raise unknown(key, f"{field}.{key}"[:200])
        if name in found:
            raise Invalid("a property is given twice", field=f"{field}.{key}", mend="give it once")
        found[name] = content
    return found


def _rules(
    found: Mapping[str, Any], kind: str, *, duties: bool = False, field: str = "policy"
) -> tuple[Rule, ...]:
    items = _many(found.get(f"odrl:{kind}"))
    return tuple(
        _rule(item, f"{field}.{kind}[{number}]", kind, duties=duties)
        for number, item in enumerate(items)
    )


def _rule(value: Any, field: str, kind: str, *, duties: bool) -> Rule:
    allowed = _RULE | {"odrl:duty"} if duties else _RULE
    found = _object(value, field, allowed)
    _check_type(found, {kind.capitalize(), "Duty" if kind == "obligation" else "Rule"}, field)
    action, refinements = _action(found.get("odrl:action"), f"{field}.action")
    return Rule(
        action=action,
        refinements=refinements,
        constraints=_conditions(found.get("odrl:constraint"), f"{field}.constraint"),
        duties=_rules(found, "duty", field=field) if duties else (),
        target=_node(found.get("odrl:target"), f"{field}.target"),
        assigner=_node(found.get("odrl:assigner"), f"{field}.assigner"),
        assignee=_node(found.get("odrl:assignee"), f"{field}.assignee"),
        uid=_text(found.get("@id"), f"{field}.uid"),
    )


def _action(value: Any, field: str) -> tuple[str, tuple[Condition, ...]]:
    value = _one(value, field)
    if isinstance(value, Mapping) and set(value) - {"@id", "uid"}:
        rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#value"
        allowed = frozenset({"@id", "@type", "rdf:value", rdf, "odrl:refinement"})
        found = _object(value, field, allowed)
        _check_type(found, {"Action"}, field)
        named = [found[key] for key in ("@id", "rdf:value", rdf) if key in found]
        if len(named) != 1:
            raise Invalid("an action has exactly one name", field=field, mend="name it once")
        refinements = _conditions(found.get("odrl:refinement"), f"{field}.refinement")
        return _action(named[0], field)[0], refinements
    name = _iri(value, field)
    if name is None:
        raise Invalid("a rule needs an action", field=field, mend="such as “use” or “read”")
    return name, ()


def _conditions(value: Any, field: str) -> tuple[Condition, ...]:
    return tuple(_condition(item, f"{field}[{number}]") for number, item in enumerate(_many(value)))


def _condition(value: Any, field: str) -> Condition:
    allowed = frozenset(
        {
            "@id",
            "@type",
            "odrl:leftOperand",
            "odrl:operator",
            "odrl:rightOperand",
            "odrl:unit",
            *_LOGIC,
        }
    )
    found = _object(value, field, allowed)
    uid = _text(found.pop("@id", None), f"{field}.uid")
    _check_type(found, {"Constraint", "LogicalConstraint"}, field)
    found.pop("@type", None)
    logic = [name for name in found if name in _LOGIC]
    if logic:
        if len(found) != 1:
            raise Invalid("a logical constraint stands alone", field=field, mend="split it")
        content = found[logic[0]]
        if isinstance(content, Mapping) and set(content) == {"@list"}:
            content = content["@list"]
        return Logical(logic[0], _conditions(content, f"{field}.{logic[0]}"), uid)
    left = _iri(found.get("odrl:leftOperand"), f"{field}.leftOperand")
    operator = _iri(found.get("odrl:operator"), f"{field}.operator")
    if left is None or operator is None or "odrl:rightOperand" not in found:
        raise Invalid(
            "a constraint has leftOperand, operator and rightOperand", field=field, mend="give all"
        )
    right = _value(found["odrl:rightOperand"], f"{field}.rightOperand")
    unit = _iri(found.get("odrl:unit"), f"{field}.unit")
    return Constraint(left, operator, right, unit, uid)


def _value(value: Any, field: str) -> Any:
    """A right operand as plain JSON: literals, IRIs and JSON values unwrapped."""
    if isinstance(value, list | tuple):
        items = [_value(item, field) for item in value]
        return items[0] if len(items) == 1 else items
    if not isinstance(value, Mapping):
        return value
    keys = set(value)
    if keys == {"@list"}:
        return _value(_many(value["@list"]), field)
    if keys == {"@id"}:
        return _iri(value, field)
    if "@value" in keys and keys <= {"@value", "@type"}:
        kind = compact(str(value.get("@type", "")))
        content = value["@value"]
        while isinstance(content, list | tuple) and len(content) == 1:
            content = content[0]
        return _number(content, kind, field) if kind in _NUMBERS else content
    if any(key.startswith("@") for key in keys):
        raise unknown(", ".join(sorted(keys)), field)
    return dict(value)


_NUMBERS = frozenset({"xsd:integer", "xsd:decimal", "xsd:double", "xsd:int", "xsd:long"})


def _number(content: Any, kind: str, field: str) -> Any:
    if not isinstance(content, str):
        return content
    try:
        number = float(content) if kind in {"xsd:double", "xsd:decimal"} else int(content)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or abs(number) > _SAFE:
        raise Invalid(
            "“{text}” is no {kind}", field=field, mend="write a number", text=content, kind=kind
        )
    return number


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _one(value: Any, field: str) -> Any:
    if isinstance(value, list | tuple):
        if len(value) > 1:
            raise Invalid("only one value is allowed here", field=field, mend="give one")
        return value[0] if value else None
    return value


def _node(value: Any, field: str) -> str | None:
    """The IRI of an asset or a party, given by itself or as an object with nothing but its type."""
    value = _one(value, field)
    if isinstance(value, Mapping):
        found = _object(value, field, frozenset({"@id", "@type"}))
        _check_type(found, {"Asset", "Party"}, field)
        value = found.get("@id")
    return _text(value, field)


def _iri(value: Any, field: str) -> str | None:
    value = _one(value, field)
    if isinstance(value, Mapping):
        value = _object(value, field, frozenset({"@id"})).get("@id")
    text = _text(value, field)
    return None if text is None else compact(text)


def _text(value: Any, field: str) -> str | None:
    value = _one(value, field)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise Invalid("text is needed here", field=field, mend="give a name or an IRI")
    return value


def _check_type(found: Mapping[str, Any], known: set[str], field: str) -> None:
    for item in _many(found.get("@type")):
        if not isinstance(item, str) or compact(item).removeprefix("odrl:") not in known:
            raise unknown(item, f"{field}.@type")
