"""Agreements that need no signature: open data for everyone, its own data for the holder.

They compile from ODRL like every other, so that there is one path.
"""

from functools import cache

from quanyu.agreements.compiling import Terms, compile_policy
from quanyu.agreements.jsonld import parse_policy
from quanyu.agreements.vocabulary import ODRL_CONTEXT

OPEN_DATA = "open:"
HOLDER = "holder:"

OPEN_POLICY = {
    "@context": ODRL_CONTEXT,
    "@type": "Set",
    "@id": "urn:quanyu:open",
    "permission": [{"@id": "open.use", "action": "use", "duty": [{"action": "attribute"}]}],
}
"""Published with access *open*: any use by anybody, the source named."""

HOLDER_POLICY = {
    "@context": ODRL_CONTEXT,
    "@type": "Set",
    "@id": "urn:quanyu:holder",
    "permission": [
        {"@id": "holder.use", "action": "use"},
        {"@id": "holder.modify", "action": "modify"},
    ],
}
"""The members of the party that holds a resource: any use of it, and (by their roles) edits."""


@cache
def implicit_terms(holder: bool) -> Terms:
    """The terms of the holder's implicit agreement, or of the open one."""
    return compile_policy(parse_policy(HOLDER_POLICY if holder else OPEN_POLICY))
