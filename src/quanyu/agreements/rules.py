"""Rules that the gate has of itself, besides those that policies bring. Each is documented here.

A refusal by a policy names ``{agreement}#{rule}``, where the rule is the ``@id`` of the ODRL rule
or constraint, or else its place: ``permission.1.constraint.2``.
"""

from types import MappingProxyType

from quanyu.kernel import Refused

RULES = MappingProxyType(
    {
        "scope.read": "The token used does not carry the scope “read”.",
        "scope.write": "Only a supplier or steward edits, with a token that carries “write”.",
        "token.bound": "The token used works under one agreement only, and it is not this one.",
        "resource.withdrawn": "The resource was withdrawn: agreements on it give nothing any more.",
        "resource.closed": "The resource is not shared (不予共享): no agreement gives it.",
        "resource.core": "Core data never leave the node (GB/T 43697).",
        "resource.sick": "The resource is not well, and is not offered until it is mended.",
        "resource.overrule": "Only a steward of the provider or of the node has it offered then.",
        "resource.unconfirmed": "The grade of important data waits for a reviewer's confirmation.",
        "resource.level": "The level that a reviewer confirmed does not allow this access.",
        "operation.ended": "The operator's authorisation or right is not in force now.",
        "operation.report": "Figures that are not published are for both sides and the node.",
        "agreement.none": "There is no agreement between the caller's party and the provider.",
        "agreement.party": "The agreement named is not one of the caller's party.",
        "agreement.state": "The agreement is not active: requested, refused, withdrawn or ended.",
        "agreement.suspended": "The agreement is suspended by one of its sides.",
        "agreement.expired": "The agreement is over: its policy permits nothing from now on.",
        "agreement.uncovered": "The prepaid balance is used up, and the use costs something.",
        "agreement.altered": "The agreement's text is not the one that was signed.",
        "policy.term": "The policy holds a term that this node does not understand.",
        "policy.value": "A term of the policy has a value that cannot be read.",
        "policy.ambiguous": "Two permissions overlap under different conditions.",
        "policy.deny": "No permission of the policy includes the action asked.",
        "figures.only": "The agreement gives figures of groups only, and this would show rows.",
        "offer.provider": "Only a supplier or steward of the provider puts an offer forward.",
        "offer.recipient": "The offer is made to another party.",
        "agreement.request": "Only a consumer or steward of a party requests an agreement for it.",
        "agreement.own": "A party needs no agreement on its own resource.",
        "agreement.decide": "Only a supplier or steward of the provider decides on a request.",
        "agreement.side": "Only a member of one of the two sides, with its role, may do this.",
        "agreement.step": "This step cannot be taken from the state that the agreement is in.",
    }
)


def refused(rule: str, detail: str, mend: str, **params: str) -> Refused:
    """A refusal by a rule of :data:`RULES`; one that is not documented there is a ``KeyError``."""
    if rule not in RULES:
        raise KeyError(rule)
    refusal = Refused(detail, mend=mend, rule=rule)
    refusal.params = dict(params)
    return refusal
