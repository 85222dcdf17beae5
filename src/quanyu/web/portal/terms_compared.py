"""Versions of terms in a negotiation, each in words, with what changed from the one before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from quanyu.federation import Message, Move, terms_understood
from quanyu.kernel import Language, QuanyuError
from quanyu.web.portal.policy_words import in_words

PROPOSALS = {Move.REQUEST: "offer", Move.OFFER: "offer", Move.AGREE: "agreement"}
_TERMS = ("permission", "prohibition", "obligation")


@dataclass(frozen=True, slots=True)
class Term:
    """A term in words. ``change`` is ``added``, ``removed`` or empty."""

    kind: str
    text: str
    change: str


@dataclass(frozen=True, slots=True)
class Version:
    """Terms as one message proposed them; ``understood`` says whether this node could enforce
    them."""

    number: int
    terms: tuple[Term, ...]
    changed: bool
    understood: bool
    text: str


def versions(messages: Sequence[Message], language: Language) -> dict[int, Version]:
    """The proposals among messages, by the messages' numbers."""
    found: dict[int, Version] = {}
    before: list[tuple[str, str]] | None = None
    for message in messages:
        place = PROPOSALS.get(message.move)
        document = message.body.get(place) if place else None
        if not isinstance(document, dict):
            continue
        words, understood = _words(document, language)
        found[message.number] = Version(
            number=len(found) + 1,
            terms=tuple(_compared(before, words)),
            changed=before is not None and before != words,
            understood=understood,
            text=orjson.dumps(document, option=orjson.OPT_INDENT_2).decode(),
        )
        before = words
    return found


def words_of(document: dict[str, Any], language: Language) -> list[tuple[str, str]]:
    """Kind and words of each term of a proposal or an agreement."""
    return _words(document, language)[0]


def _words(document: dict[str, Any], language: Language) -> tuple[list[tuple[str, str]], bool]:
    rules = {name: document[name] for name in _TERMS if document.get(name)}
    try:
        return [(w.kind, w.text) for w in in_words(terms_understood(rules), language)], True
    except QuanyuError:
        # What is not understood here is shown as it was written, rule by rule.
        kinds = {"permission": "yes", "prohibition": "no", "obligation": "duty"}
        return [
            (kinds[name], orjson.dumps(rule, option=orjson.OPT_SORT_KEYS).decode())
            for name, given in rules.items()
            for rule in (given if isinstance(given, list) else [given])
        ], False


def _compared(before: list[tuple[str, str]] | None, now: list[tuple[str, str]]) -> list[Term]:
    if before is None:
        return [Term(kind, text, "") for kind, text in now]
    said = [Term(kind, text, "" if (kind, text) in before else "added") for kind, text in now]
    gone = [Term(kind, text, "removed") for kind, text in before if (kind, text) not in now]
    return said + gone
