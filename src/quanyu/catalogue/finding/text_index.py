"""The index of words: what is sought in it, and putting entries into it.

It knows only which entry has which word; it neither cuts texts nor ranks. Besides words it holds
*tags* (words that begin with ``_``, which no text's can) for the values of facets, extents and
times, so that it meets every filter at once, and each word of a title again, after a ``=``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.listed import among
from quanyu.catalogue.finding.postings import Bits, blank, change_postings, put_in, rows_of
from quanyu.catalogue.finding.question import Question, Term
from quanyu.catalogue.finding.tables import TextRow
from quanyu.catalogue.finding.words import stem

_MOST_WORDS = 20_000
_TITLE = "="


@dataclass(frozen=True, slots=True)
class Indexed:
    """The words of an entry, by where they stand, and its tags."""

    title: Sequence[str]
    keywords: Sequence[str]
    rest: Sequence[str]
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sought:
    """What the index is asked: the question, and groups of tags of each of which one is there.

    in_title  asks for the question's words in the title alone.
    """

    question: Question = ()
    tags: tuple[tuple[str, ...], ...] = ()
    in_title: bool = False

    @property
    def narrows(self) -> bool:
        """Whether anything is asked at all."""
        return bool(self.question or self.tags)


def put_texts(connection: Connection, entries: Sequence[tuple[int, Indexed]]) -> None:
    """Index entries, each in place of what was indexed of it before."""
    table = TextRow.__table__.c
    mine = among(connection, table.number, [number for number, _ in entries])
    before = {
        number: _all_words(title, keywords, rest)
        for number, title, keywords, rest in connection.execute(
            select(table.number, table.title, table.keywords, table.rest).where(mine)
        )
    }
    if before:
        connection.execute(delete(TextRow).where(mine))
    added: dict[str, list[int]] = {}
    removed: dict[str, list[int]] = {}
    rows = []
    for number, words in entries:
        rest = (*words.rest[:_MOST_WORDS], *words.tags)
        row = [" ".join(part) for part in (words.title, words.keywords, rest)]
        rows.append(dict(zip(("title", "keywords", "rest"), row, strict=True), number=number))
        new, old = _all_words(*row), before.get(number, set())
        for word in new - old:
            added.setdefault(word, []).append(number)
        for word in old - new:
            removed.setdefault(word, []).append(number)
    connection.execute(insert(TextRow), rows)
    change_postings(connection, added, removed)


def _all_words(title: str, keywords: str, rest: str) -> set[str]:
    titled = title.split()
    return {*titled, *(_TITLE + word for word in titled), *keywords.split(), *rest.split()}


def matching(session: Session, sought: Sought, first: int, last: int) -> Bits:
    """Which entries of the blocks ``first`` to ``last`` have all that is sought, which narrows."""
    before = _TITLE if sought.in_title else ""
    question = [
        [[[before + word for word in form] for form in _fewest(term)] for term in terms]
        for terms in sought.question
    ]
    words = {word for terms in question for forms in terms for form in forms for word in form}
    rows = rows_of(session, words.union(*sought.tags), first, last)

    def having(word: str) -> Bits:
        bits = blank(first, last)
        put_in(bits, rows.get(word, ()), first)
        return bits

    def either(forms: Sequence[Sequence[str]]) -> Bits:
        whole = blank(first, last)
        for form in forms:
            if len(form) == 1:
                put_in(whole, rows.get(form[0], ()), first)
            else:
                whole |= _all(map(having, form))
        return whole

    groups = [either([[tag] for tag in group]) for group in sought.tags]
    if question:
        alternatives = (_all(map(either, terms)) for terms in question)
        groups.append(reduce(np.bitwise_or, alternatives))
    return _all(groups)


def _all(parts: Iterable[Bits]) -> Bits:
    return reduce(np.bitwise_and, parts)


def _fewest(term: Term) -> list[tuple[str, ...]]:
    """The forms that find all that the others do: where a word stands, its stem does too."""
    sets = dict.fromkeys(frozenset(map(stem, form.words)) for form in term.forms)
    return [tuple(sorted(one)) for one in sets if not any(other < one for other in sets)]
