"""Policies as the protocol writes them (ODRL profile of §6): strings for names, no numbers as
right operands, no target in rules, full IRIs for what the shared context does not explain."""

from collections.abc import Mapping
from typing import Any

from quanyu.agreements import (
    ODRL_CONTEXT,
    PREFIXES,
    Policy,
    compile_policy,
    parse_policy,
    policy_document,
)
from quanyu.kernel import Invalid

RULES = ("permission", "prohibition", "obligation")
_OUTSIDE = {"quanyu": PREFIXES["quanyu"]}
_TERMS = ("profile", *RULES)


def terms_of(policy: Policy | Mapping[str, Any]) -> dict[str, Any]:
    """What a policy permits, forbids and obliges, without parties, target and date.

    Raises :class:`Invalid` (rule ``dsp.profile``) for what the protocol's profile cannot say.
    """
    document = policy_document(policy) if isinstance(policy, Policy) else dict(policy)
    found: dict[str, Any] = {}
    for name in RULES:
        rules = _many(document.get(name))
        if rules:
            found[name] = [_rule(rule, name) for rule in rules]
    profile = document.get("profile")
    if profile:
        found["profile"] = [_full(one) for one in _many(profile)]
    return found


def read_terms(offer: Any, field: str) -> dict[str, Any]:
    """The terms of an Offer or Agreement in a message, checked in form.

    Raises :class:`Invalid` for a rule that names a target, and for no rule at all.
    """
    if not isinstance(offer, Mapping):
        raise Invalid("an object is needed here", field=field, mend="see the message's schema")
    found: dict[str, Any] = {}
    for name in RULES:
        rules = _read_rules(offer.get(name), f"{field}.{name}")
        if rules:
            found[name] = rules
    if "permission" not in found and "prohibition" not in found:
        raise Invalid(
            "terms have a permission or a prohibition", field=field, mend="say what is permitted"
        )
    if offer.get("profile"):
        found["profile"] = _many(offer["profile"])
    return found


def _read_rules(rules: Any, field: str) -> list[Any]:
    if rules is None:
        return []
    if not isinstance(rules, list) or not all(isinstance(one, Mapping) for one in rules):
        raise Invalid("a list of rules is needed here", field=field, mend="use []")
    for number, rule in enumerate(rules):
        place = f"{field}[{number}]"
        if "target" in rule or "odrl:target" in rule:
            raise Invalid(
                "a rule names no target: the whole policy does",
                field=f"{place}.target",
                mend="leave it out",
                rule="dsp.target",
            )
        if not isinstance(rule.get("action"), str):
            raise Invalid("a rule has an action", field=f"{place}.action", mend="such as use")
    return [_without_empty(rule) for rule in rules]


def understood(terms: Mapping[str, Any]) -> Policy:
    """The policy that terms state; :class:`Invalid` naming the term that is not understood."""
    policy = parse_policy({"@context": ODRL_CONTEXT, "@type": "Offer", **terms})
    compile_policy(policy)  # what the gate could not enforce is not agreed on
    return policy


def same_terms(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two terms say the same, the order of rules and constraints left aside."""
    if one is None or other is None:
        return False
    return bool(_settled(one) == _settled(other))


def _rule(rule: Mapping[str, Any], kind: str) -> dict[str, Any]:
    if rule.get("target") is not None:
        raise _cannot("target")
    action = rule["action"]
    if isinstance(action, Mapping):
        raise _cannot("refinement")
    said: dict[str, Any] = {"action": _full(action)}
    if rule.get("@id"):
        said["@id"] = rule["@id"]
    if rule.get("constraint"):
        said["constraint"] = [_condition(one) for one in _many(rule["constraint"])]
    if rule.get("duty"):
        said["duty"] = [_rule(one, kind) for one in _many(rule["duty"])]
    return said


def _condition(condition: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, value in condition.items():
        if name in {"and", "or", "xone", "andSequence"}:
            said[name] = [_condition(one) for one in _many(value)]
        elif name == "rightOperand":
            said[name] = _right(value)
        else:
            said[name] = _full(value) if isinstance(value, str) and name != "@id" else value
    return said


def _right(value: Any) -> Any:
    if isinstance(value, bool):
        return {"@type": "xsd:boolean", "@value": value}
    if isinstance(value, int):
        return {"@type": "xsd:integer", "@value": str(value)}
    if isinstance(value, float):
        return {"@type": "xsd:decimal", "@value": repr(value)}
    if isinstance(value, list):
        return [_full(one) if isinstance(one, str) else one for one in value]
    return _full(value) if isinstance(value, str) else value


def _full(name: str) -> str:
    prefix, colon, rest = name.partition(":")
    return f"{_OUTSIDE[prefix]}{rest}" if colon and prefix in _OUTSIDE else name


def _cannot(what: str) -> Invalid:
    return Invalid(
        "the Dataspace Protocol's profile of ODRL has no {what} within a rule",
        field="policy",
        mend="offer it on this node only, or word it as a constraint",
        rule="dsp.profile",
        what=what,
    )


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_empty(v) for k, v in value.items() if v not in ([], None)}
    return [_without_empty(one) for one in value] if isinstance(value, list) else value


_UNORDERED = frozenset({*RULES, "constraint", "and", "or", "xone", "duty", "profile"})


def _settled(value: Any, name: str = "") -> Any:
    """``value`` without what says nothing: names of rules, empty lists, the order of rules."""
    if isinstance(value, Mapping):
        dropped = {"@id", "uid"} if "@value" in value else {"@id", "uid", "@type"}
        return {
            key.removeprefix("odrl:"): _settled(one, key.removeprefix("odrl:"))
            for key, one in value.items()
            if key not in dropped and one not in ([], None)
        }
    if isinstance(value, list):
        items = [_settled(one) for one in value]
        return sorted(items, key=repr) if name in _UNORDERED else items
    return value.removeprefix("odrl:") if isinstance(value, str) else value


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
