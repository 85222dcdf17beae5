"""Rules by which the catalogue refuses, beside those of the gate. Each is documented here."""

from types import MappingProxyType

from quanyu.kernel import Refused

CATALOGUE_RULES = MappingProxyType(
    {
        "rights.holder": "A registered right is changed, given away or given up by its holder.",
        "rights.transfer": "The right is registered as one that does not go to another party.",
        "rights.conditions": "Conditions that came with a right are kept, or made stricter.",
        "rights.term": "A right lasts no longer than the one that it comes from or rests on.",
        "rights.proof": "A right of another party than the provider needs a basis and a document.",
        "rights.derive": "A resource beneath is registered as one that others do not build upon.",
        "rights.attribution": "Whoever is to be named for a resource beneath is named here too.",
        "grading.confirmed": "A grade is no lower, an access no wider than a reviewer confirmed.",
        "grading.core": "Core data are offered in no product: they never leave the node.",
        "grading.unconfirmed": "Important data are offered once a reviewer confirmed their grade.",
        "operation.coded": "Only what is registered and coded is put into authorised operation.",
        "operation.holder": "An authorisation is granted by who has the right to operate.",
        "operation.operator": "Only a supplier or steward of the operator accepts and reports.",
        "operation.term": "An authorisation lasts no longer than the right that it comes from.",
        "product.operate": "A product is made out of what its provider may operate, or open data.",
        "rights.share": "The shares of income due on a resource and beneath it pass the whole.",
    }
)


def refused(rule: str, detail: str, mend: str, *, field: str | None = None, **said: str) -> Refused:
    """A refusal by a rule of :data:`CATALOGUE_RULES`; any other rule is a ``KeyError``."""
    if rule not in CATALOGUE_RULES:
        raise KeyError(rule)
    return Refused(detail, mend=mend, field=field, rule=rule, **said)
