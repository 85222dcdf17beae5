"""Texts in Chinese and English cut into the words that are indexed and sought.

Chinese has no blanks, so each run of its characters gives every single character and every pair:
two-character words, the usual length, are then found exactly, and one character too. English gives
the word as written and its stem. Index and question are cut here, the same for every database.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from threading import Lock
from typing import Any, TypeAlias

LONGEST_WORD = 64
MOST_TERMS = 24
MOST_ALTERNATIVES = 16
_HAN = (
    "\u3005\u3007"  # iteration mark, zero
    "\u3040-\u30ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U000323af"
)
_RUN = re.compile(rf"((?:(?=\w)[{_HAN}])+)|([^\W_{_HAN}]+)")
_ALTERNATIVES = re.compile(r"[,，、;；|]")
_MARKS = re.compile(r"[\u0300-\u036f]")
_STOP = frozenset(
    "a an and are as at by for from in is it of on or that the to with 的".split()  # noqa: SIM905
)
_stemming = Lock()  # the stemmer keeps its work in itself


Term: TypeAlias = tuple[str, ...]
"""A word that must occur in one of these forms; ``…*`` is the beginning of a word."""


def index_words(text: str) -> Iterator[str]:
    """The words to index of ``text``, in order, repeated as often as they occur."""
    for han, latin in _runs(text):
        if han:
            yield from han
            yield from (a + b for a, b in pairwise(han))
        else:
            word = latin[:LONGEST_WORD]
            yield word
            if (root := stem(word)) != word:
                yield root


def query_terms(question: str) -> list[list[Term]]:
    """Alternatives, each a list of terms that all must occur; empty when there is nothing to seek.

    Commas part alternatives, blanks part terms (OGC API - Records ``q``).
    """
    alternatives = (_terms(part) for part in _ALTERNATIVES.split(question[:1000]))
    return [terms for terms in alternatives if terms][:MOST_ALTERNATIVES]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The English stem of a word in small letters; others are left alone."""
    if not (word.isascii() and word.isalpha()):
        return word
    with _stemming:
        return str(_stemmer().stemWord(word))


@cache
def _stemmer() -> Any:
    # Loading it loads all of its languages, which would be a good part of the program's start.
    import snowballstemmer

    return snowballstemmer.stemmer("english")


def fold(text: str) -> str:
    """Letters made alike: small, of one width, without the marks that sit on Latin letters."""
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return unicodedata.normalize("NFC", bare).casefold()


def _terms(text: str) -> list[Term]:
    found: list[Term] = []
    for han, latin in _runs(text):
        if han:
            found += [(a + b,) for a, b in pairwise(han)] or [(han,)]
        else:
            word = latin[:LONGEST_WORD]
            forms = [word]
            if len(word) > 1:
                forms += [stem(word), f"{word}*"]
            if len(word) > 4 and word.endswith("es"):
                forms.append(word[:-2])  # the stemmer makes "buse" of buses
            found.append(tuple(dict.fromkeys(forms)))
    plain = [term for term in found if term[0] not in _STOP] or found
    return list(dict.fromkeys(plain))[:MOST_TERMS]


def _runs(text: str) -> Iterator[tuple[str, str]]:
    for match in _RUN.finditer(fold(text)):
        yield match[1] or "", match[2] or ""
