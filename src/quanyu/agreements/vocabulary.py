"""Names that policies are written in: ODRL 2.2 core vocabulary and quanyu's profile of it.

Inside the program a name is compact, ``odrl:use`` or ``quanyu:columns``, however it was written.
"""

import re
from types import MappingProxyType

from quanyu.kernel import Invalid

ODRL = "http://www.w3.org/ns/odrl/2/"
QUANYU = "urn:quanyu:ns:"
XSD = "http://www.w3.org/2001/XMLSchema#"
PROFILE = f"{QUANYU}odrl-1"
"""IRI of the profile: the operands that ODRL lacks (``docs/reference/policy-terms.md``)."""

ODRL_CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
CONTEXT = (ODRL_CONTEXT, {"quanyu": QUANYU})
KNOWN_CONTEXTS = frozenset(
    {
        ODRL_CONTEXT,
        "https://www.w3.org/ns/odrl.jsonld",
        "https://w3id.org/dspace/2025/1/context.jsonld",
        "https://w3id.org/dspace/2025/1/odrl-profile.jsonld",
    }
)
PREFIXES = MappingProxyType({"odrl": ODRL, "quanyu": QUANYU, "xsd": XSD})

PARENTS: MappingProxyType[str, str | None] = MappingProxyType(
    {
        "odrl:use": None,
        "odrl:aggregate": "odrl:use",
        "odrl:anonymize": "odrl:use",
        "odrl:derive": "odrl:use",
        "odrl:display": "odrl:use",
        "odrl:distribute": "odrl:use",
        "odrl:index": "odrl:use",
        # ODRL puts modify under use; here who may read may not write unless it is said.
        "odrl:modify": None,
        "odrl:read": "odrl:use",
        "odrl:reproduce": "odrl:use",
        "odrl:transfer": None,
        "odrl:sell": "odrl:transfer",
        # An algorithm is sent to the data; identifiers are compared without being shown.
        "quanyu:compute": "odrl:use",
        "quanyu:match": "odrl:use",
    }
)
"""Known actions of permissions and prohibitions, each with the action that includes it (§3.13)."""

MODIFY = "odrl:modify"
AGGREGATE = "odrl:aggregate"
ASKABLE = frozenset(
    {
        "odrl:aggregate",
        "odrl:display",
        MODIFY,
        "odrl:read",
        "odrl:reproduce",
        "odrl:use",
        "quanyu:compute",
        "quanyu:match",
    }
)
"""Actions that a face of this node performs: statistics, tiles and maps, edits, features, files,
algorithms sent to the data, private set intersection."""

DELETE, INFORM = "odrl:delete", "odrl:inform"
DUTIES: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        "odrl:attribute": (
            "name the source wherever the data are shown",
            "name the source wherever the data are shown, before {by}",
        ),
        DELETE: (
            "delete the data when they are no longer needed",
            "delete the data by {by}",
        ),
        INFORM: ("inform the provider of the use", "inform the provider by {by}"),
    }
)
"""Known actions of duties and what they say, without and with a deadline. They stand over the use
and are not conditions before it."""


def compact(name: str) -> str:
    """``name`` in its compact form: a bare name is ODRL's, an unknown IRI stays as it is."""
    for prefix, iri in PREFIXES.items():
        if name.startswith(iri):
            return f"{prefix}:{name[len(iri) :]}"
    return name if ":" in name or "/" in name else f"odrl:{name}"


def covers(wide: str, narrow: str) -> bool:
    """Whether action ``narrow`` is ``wide`` or included in it."""
    step: str | None = narrow
    while step is not None:
        if step == wide:
            return True
        step = PARENTS.get(step)
    return False


def gives(permitted: str, asked: str) -> bool:
    """Whether a permission of one action gives another: who may read rows may add them up."""
    return covers(permitted, asked) or (asked == AGGREGATE and covers(permitted, "odrl:read"))


def short(value: str) -> str:
    """A name without quanyu's own prefix: ``urn:quanyu:ns:research`` → ``research``."""
    for prefix in (QUANYU, "quanyu:", "urn:quanyu:"):
        if value.startswith(prefix):
            return value[len(prefix) :]
    return value


_ID = re.compile(r"[A-Za-z0-9_:.-]{1,80}")


def is_id(text: str) -> bool:
    """Whether ``text`` could be an identifier of this node: databases never see anything else."""
    return _ID.fullmatch(text) is not None


def unknown(term: object, field: str) -> Invalid:
    """The error of everything that is not understood: it fails closed and names the term."""
    return Invalid(
        "the term “{term}” is not understood here, so the policy is not taken",
        field=field,
        rule="policy.term",
        mend="use the terms listed in docs/reference/policy-terms.md",
        term=str(term)[:200],
    )
