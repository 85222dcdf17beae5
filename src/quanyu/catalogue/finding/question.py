"""A question in words, read into what must, may and need not occur.

Commas part alternatives, blanks part terms that all must occur (OGC API - Records ``q``). A term
occurs in one of several forms: as written, by its stem, as a synonym, or as the word that its
letters spell in pinyin.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from quanyu.catalogue.finding.synonyms import synonyms
from quanyu.catalogue.finding.words import LONGEST_WORD, needed, segments, stem
from quanyu.catalogue.letters import is_han, runs

MOST_TERMS = 24
MOST_ALTERNATIVES = 16
_MOST_FORMS = 40
_LONGEST = 1000
_WIDEST = 4
_PARTS = re.compile(r"[,，、;；|]")
_STOP = frozenset(
    "a an and are as at by for from in is it of on or that the to with 的 和 与 及 在 了 是".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Form:
    """Words that all occur together, and how much it is worth beside the word as written."""

    words: tuple[str, ...]
    worth: float = 1.0


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the question, and the forms of which one must occur."""

    word: str
    forms: tuple[Form, ...]

    def or_else(self, forms: Iterable[Form]) -> "Term":
        """The same with further forms."""
        known = {form.words for form in self.forms}
        more = [form for form in forms if form.words not in known]
        return replace(self, forms=(*self.forms, *more)[:_MOST_FORMS])


Terms = tuple[Term, ...]
Question = tuple[Terms, ...]
"""Alternatives, each of terms that all must occur; empty when there is nothing to seek."""


def read_question(text: str, spelt: Mapping[str, Sequence[str]] | None = None) -> Question:
    """What ``text`` asks; ``spelt`` says which words some of its words spell in pinyin."""
    alternatives = (_terms(part, spelt or {}) for part in _PARTS.split(text[:_LONGEST]))
    return tuple(terms for terms in alternatives if terms)[:MOST_ALTERNATIVES]


def asked_words(text: str) -> list[list[str]]:
    """The words of each alternative, Chinese cut by the dictionary; stop words left in."""
    return [
        [word for run in runs(part) for word in cut(run)] for part in _PARTS.split(text[:_LONGEST])
    ]


def cut(run: tuple[str, str]) -> list[str]:
    """The words of one run."""
    han, latin = run
    return segments(han) if han else [latin[:LONGEST_WORD]]


def form_of(words: Iterable[str], worth: float = 1.0) -> Form:
    """All of these words, in the pairs that the index keeps of Chinese."""
    return Form(tuple(dict.fromkeys(part for word in words for part in needed(word))), worth)


def _terms(text: str, spelt: Mapping[str, Sequence[str]]) -> Terms:
    words = [word for run in runs(text) for word in cut(run)]
    words = [word for word in words if word not in _STOP] or words
    found: list[Term] = []
    at = 0
    while at < len(words) and len(found) < MOST_TERMS:
        term, taken = _term(words[at : at + _WIDEST], spelt)
        found.append(term)
        at += taken
    return tuple({term.forms[0].words: term for term in found}.values())


def _term(words: Sequence[str], spelt: Mapping[str, Sequence[str]]) -> tuple[Term, int]:
    """The longest beginning of ``words`` that has synonyms, else the first word."""
    known = synonyms()
    for taken in range(len(words), 0, -1):
        others = known.of(words[:taken])
        if others or taken == 1:
            break
    asked = words[:taken]
    forms = [form_of(asked)]
    if not any(map(is_han, asked)):
        forms += [form_of(map(stem, asked), 0.9)]
        last = asked[-1]
        if len(last) > 4 and last.endswith("es"):
            # The stemmer makes "buse" of buses.
            forms.append(form_of((*asked[:-1], last[:-2]), 0.9))
    # Stems stand in the index too, so that a synonym is found in each of its endings.
    forms += [form_of(map(stem, other), 0.7) for other in others]
    if taken == 1:
        forms += [form_of((word,), 0.6) for word in spelt.get(asked[0], ())]
    return Term(" ".join(asked), ()).or_else(_each_once(forms)), taken


def _each_once(forms: Iterable[Form]) -> list[Form]:
    best: dict[tuple[str, ...], Form] = {}
    for form in forms:
        best.setdefault(form.words, form)
    return list(best.values())
