"""Rules that the gate has of itself, besides those that policies bring. Each is documented here.

A refusal by a policy names ``{agreement}#{rule}``, where the rule is the ``@id`` of the ODRL rule or
constraint, or else its place: ``permission.1.constraint.2``.
"""

from types import MappingProxyType

from quanyu.agreements.terms import TERMS
from quanyu.agreements.vocabulary import ASKABLE, DUTIES, PARENTS
from quanyu.kernel import Refused

RULES = MappingProxyType(
    {
        "scope.read": "The token used does not carry the scope “read”.",
        "token.bound": "The token used works under one agreement only, and it is not this one.",
        "resource.withdrawn": "The resource was withdrawn: agreements on it give nothing any more.",
        "resource.closed": "The resource is not shared (不予共享): no agreement gives it.",
        "resource.core": "Core data never leave the node (GB/T 43697).",
        "agreement.none": "There is no agreement between the caller's party and the provider.",
        "agreement.party": "The agreement named is not one of the caller's party.",
        "agreement.state": "The agreement is not active: requested, refused, withdrawn or ended.",
        "agreement.suspended": "The agreement is suspended by one of its sides.",
        "agreement.expired": "The agreement is over: its policy permits nothing from now on.",
        "agreement.altered": "The agreement's text is not the one that was signed.",
        "policy.term": "The policy holds a term that this node does not understand.",
        "policy.value": "A term of the policy has a value that cannot be read.",
        "policy.ambiguous": "Two permissions overlap under different conditions.",
        "policy.deny": "No permission of the policy includes the action asked.",
        "offer.provider": "Only a supplier or steward of the provider puts an offer forward.",
        "offer.recipient": "The offer is made to another party.",
        "agreement.request": "Only a consumer or steward of a party requests an agreement for it.",
        "agreement.own": "A party needs no agreement on its own resource.",
        "agreement.decide": "Only a supplier or steward of the provider decides on a request.",
        "agreement.side": "Only a member of one of the two sides, with its role, may do this.",
        "agreement.step": "This step cannot be taken from the state that the agreement is in.",
    }
)


def refused(rule: str, detail: str, mend: str, **params: object) -> Refused:
    """A refusal by a rule of :data:`RULES`; a rule that is not documented there is a ``KeyError``."""
    RULES[rule]
    return Refused(detail, mend=mend, rule=rule, **params)


def rules_document() -> str:
    """``docs/reference/rules.md``."""
    lines = [
        "# Rules that refuse",
        "",
        "Every refusal names its rule. A rule of a policy is named"
        " `{agreement}#{rule}`: the `@id` of the ODRL rule or constraint, or else its place, such as"
        " `permission.1.constraint.2`. All others are the gate's own:",
        "",
        "| rule | meaning |",
        "|---|---|",
        *(f"| `{rule}` | {meaning} |" for rule, meaning in RULES.items()),
        "",
    ]
    return "\n".join(lines)


def terms_document() -> str:
    """``docs/reference/policy-terms.md``."""
    lines = [
        "# Terms of policies",
        "",
        "Policies are ODRL 2.2 in JSON-LD with the profile `urn:quanyu:ns:odrl-1` for what ODRL lacks"
        " (prefix `quanyu`: `urn:quanyu:ns:`). Everything that is not in these tables is refused, by name.",
        "",
        "## Constraints",
        "",
        "| operand | operator | says | example of the right operand |",
        "|---|---|---|---|",
        *(
            f"| `{left}` | `{operator}` | {term.says} | `{term.example}` |"
            for (left, operator), term in TERMS.items()
        ),
        "",
        "`odrl:and` joins constraints. `odrl:or`, `odrl:xone` and `odrl:andSequence` are read and"
        " written but not enforced, so a policy with them is not taken.",
        "",
        "## Actions",
        "",
        *(
            f"- `{action}`"
            + (f", included in `{parent}`" if parent else "")
            + (" · asked by faces of the node" if action in ASKABLE else "")
            for action, parent in PARENTS.items()
        ),
        "",
        f"Duties: {', '.join(f'`{duty}`' for duty in sorted(DUTIES))}.",
        "",
        "## How rules combine",
        "",
        "1. A permission or prohibition is *meant* when its action includes the action asked and its"
        " purposes and recipients hold the caller's.",
        "2. A prohibition that is meant and in force wins. Without further constraints it refuses;"
        " with columns, rows or a region it takes those away. An unstated purpose counts as prohibited.",
        "3. All permissions that are meant must be in force, and all of them narrow together. At least"
        " one must be meant.",
        "4. Two permissions whose actions overlap must have the same purposes and recipients, or none"
        " in common: else the policy is not taken. So a further constraint on a permission"
        " never shows more.",
        "5. Every count, volume and rate of the permissions meant is charged, all or none.",
        "",
    ]
    return "\n".join(lines)
