"""Policies written as JSON-LD, in one compact form, and as the bytes that are signed."""

from typing import Any

from quanyu.agreements.policy import Condition, Constraint, Logical, Policy, Rule
from quanyu.agreements.vocabulary import CONTEXT, PREFIXES, compact
from quanyu.kernel import canonical


def policy_document(policy: Policy) -> dict[str, Any]:
    """The policy as compact JSON-LD; arrays wherever ODRL allows several."""
    return _without_empty(
        {
            "@context": [CONTEXT[0], dict(CONTEXT[1])],
            "@type": policy.type.value,
            "@id": policy.uid,
            "profile": [_expanded(profile) for profile in policy.profiles],
            "target": policy.target,
            "assigner": policy.assigner,
            "assignee": policy.assignee,
            "timestamp": policy.timestamp,
            "permission": [_rule_document(rule) for rule in policy.permissions],
            "prohibition": [_rule_document(rule) for rule in policy.prohibitions],
            "obligation": [_rule_document(rule) for rule in policy.obligations],
        }
    )


def policy_bytes(policy: Policy) -> bytes:
    """The policy in RFC 8785 canonical JSON: what is signed and hashed."""
    return canonical(policy_document(policy))


def _rule_document(rule: Rule) -> dict[str, Any]:
    action: Any = _bare(rule.action)
    if rule.refinements:
        action = {
            "rdf:value": {"@id": _expanded(rule.action)},
            "refinement": [_condition_document(item) for item in rule.refinements],
        }
    return _without_empty(
        {
            "@id": rule.uid,
            "action": action,
            "target": rule.target,
            "assigner": rule.assigner,
            "assignee": rule.assignee,
            "constraint": [_condition_document(item) for item in rule.constraints],
            "duty": [_rule_document(duty) for duty in rule.duties],
        }
    )


def _condition_document(condition: Condition) -> dict[str, Any]:
    if isinstance(condition, Logical):
        operands = [_condition_document(item) for item in condition.operands]
        return {
            **({"@id": condition.uid} if condition.uid else {}),
            _bare(condition.operator): operands,
        }
    return {
        **({"@id": condition.uid} if condition.uid else {}),
        "leftOperand": _bare(condition.left),
        "operator": _bare(condition.operator),
        "rightOperand": _right_document(condition),
        **({"unit": _bare(condition.unit)} if condition.unit else {}),
    }


def _right_document(constraint: Constraint) -> Any:
    right = constraint.right
    if constraint.left == "odrl:dateTime" and isinstance(right, str):
        return {"@value": right, "@type": "xsd:dateTime"}
    if isinstance(right, list) and not any(isinstance(item, dict | list) for item in right):
        return right
    return {"@type": "@json", "@value": right} if isinstance(right, dict | list) else right


def _bare(name: str) -> str:
    bare = name.removeprefix("odrl:")
    return bare if bare and compact(bare) == name else name


def _expanded(name: str) -> str:
    prefix, _, rest = name.partition(":")
    return f"{PREFIXES[prefix]}{rest}" if prefix in PREFIXES else name


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value not in (None, [])}
