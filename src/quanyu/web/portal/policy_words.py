"""Policies in words: what an agreement allows, forbids and asks, in the reader's language."""

from dataclasses import dataclass

from quanyu.agreements import Policy, Stated, compile_policy
from quanyu.kernel import Language, translate
from quanyu.web.portal.identities import purpose_name


@dataclass(frozen=True, slots=True)
class Word:
    """One term. ``kind`` is ``yes``, ``no`` or ``duty``."""

    kind: str
    text: str


ACTION_WORDS: dict[str, str] = {
    "odrl:use": "use the data in any form: features, maps, files, statistics",
    "odrl:read": "read features",
    "odrl:display": "show the data on maps",
    "odrl:reproduce": "download files",
    "odrl:aggregate": "compute statistics",
    "quanyu:compute": "run algorithms where the data are",
    "odrl:modify": "edit the data",
    "quanyu:match": "compare identifiers without showing them",
}


def in_words(policy: Policy, language: Language) -> list[Word]:
    """Every term of a policy that this node enforces.

    Raises :class:`~quanyu.kernel.Invalid` for a policy with a term that it does not know.
    """
    terms = compile_policy(policy)
    found = []
    for kind, clauses in (("yes", terms.permissions), ("no", terms.prohibitions)):
        for clause in clauses:
            action = translate(language, ACTION_WORDS.get(clause.action, clause.action))
            found.append(Word(kind, action))
            found.extend(Word(kind, said_of(one, language)) for one in clause.said)
    found.extend(Word("duty", said_of(one, language)) for one in terms.duties)
    return found


def said_of(stated: Stated, language: Language) -> str:
    """A term in words."""
    params = dict(stated.params)
    if "purpose" in stated.message and "value" in params:
        names = params["value"].split(", ")
        params["value"] = ", ".join(purpose_name(language, name) for name in names)
    if "released" in stated.message and "value" in params:
        params["value"] = translate(language, params["value"])
    if params.get("unit"):
        params["unit"] = translate(language, params["unit"])
    return translate(language, stated.message, **params)
