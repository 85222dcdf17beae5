"""Texts in Chinese and English cut into the words that are indexed.

Chinese has no blanks, so each run of its characters gives every single character and every pair:
whatever words a reader sees in it are then found by their pairs, and the index never depends on a
dictionary. Dictionaries cut *questions* (:func:`segments`), where it matters which characters
belong together. English gives the word as written and its stem.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import pairwise
from threading import Lock
from typing import Any

from quanyu.catalogue.letters import is_han, runs

LONGEST_WORD = 64
_CLAUSE = re.compile(r"[。，；：、！？（）\n.,;:!?()]+")
_stemming = Lock()  # the stemmer keeps its work in itself


def index_words(text: str) -> list[str]:
    """The words to index of ``text``, in order, each once."""
    return list(dict.fromkeys(word for clause in _CLAUSE.split(text) for word in _words(clause)))


@lru_cache(maxsize=50_000)
def _words(clause: str) -> tuple[str, ...]:
    # Descriptions repeat themselves and each other: most clauses have been cut before.
    found: list[str] = []
    for han, latin in runs(clause):
        if han:
            found.extend(han)
            found.extend(a + b for a, b in pairwise(han))
        else:
            word = latin[:LONGEST_WORD]
            found.append(word)
            if (root := stem(word)) != word:
                found.append(root)
    return tuple(dict.fromkeys(found))


def needed(word: str) -> tuple[str, ...]:
    """The indexed words that all occur where ``word`` does: the pairs of a Chinese word."""
    if is_han(word) and len(word) > 2:
        return tuple(dict.fromkeys(a + b for a, b in pairwise(word)))
    return (word,)


def segments(han: str) -> list[str]:
    """A run of Chinese cut into words by a dictionary (jieba's, with its model for new words)."""
    return [han] if len(han) <= 2 else _cutter()(han)


def vocabulary(title: str, keywords: Iterable[str], abstract: str) -> set[str]:
    """The words that a text teaches: what misspelt and half-typed ones are compared with.

    Of Chinese titles and keywords also two neighbouring words together (公交 + 车站).
    """
    found: set[str] = set()
    for text in (title, *keywords):
        found.update(_taught(text, True))
    for clause in _CLAUSE.split(abstract):
        found.update(_taught(clause, False))
    return found


@lru_cache(maxsize=50_000)
def _taught(text: str, together: bool) -> frozenset[str]:
    found: set[str] = set()
    for han, latin in runs(text):
        if latin:
            found.add(latin)
            continue
        cut = segments(han)
        found.update(cut)
        if together:
            found.update(a + b for a, b in pairwise(cut))
            found.add(han)
    return frozenset(word for word in found if _teaches(word))


def _teaches(word: str) -> bool:
    if is_han(word):
        return 2 <= len(word) <= 8
    return 3 <= len(word) <= 24 and not word.isdigit()


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


@cache
def _cutter() -> Any:
    import rjieba  # its dictionary takes a while to load

    return rjieba.cut
