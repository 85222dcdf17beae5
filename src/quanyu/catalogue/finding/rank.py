"""Which of the entries found are meant most: the same on every database.

A term counts most in the title, less among keywords and least elsewhere; a synonym or a beginning
counts less than the word as written; and a short title that is all about the question before a
long one that also names it.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.listed import among
from quanyu.catalogue.finding.question import Question, Term
from quanyu.catalogue.finding.tables import TextRow

_TITLE, _KEYWORDS, _REST = 10.0, 6.0, 2.0
_SHORT, _OTHER_LANGUAGE = 4.0, 6

Ranked = tuple[float, int]


def rank(session: Session, question: Question, numbers: Iterable[int]) -> list[Ranked]:
    """Scores and numbers, the best first, of what scores alike the newest."""
    texts = TextRow.__table__.c
    wanted = select(texts.number, texts.title, texts.keywords)
    rows = session.execute(wanted.where(among(session, texts.number, numbers))).all()
    forms = chain.from_iterable(term.forms for terms in question for term in terms)
    asked = frozenset(word for form in forms for word in form.words)
    known: dict[tuple[frozenset[str], frozenset[str], int], float] = {}
    scored: list[Ranked] = []
    for number, title, keywords in rows:
        # Many entries have the same of the few words that matter.
        words = title.split()
        has = frozenset(asked.intersection(words)), frozenset(asked.intersection(keywords.split()))
        key = (*has, len(words))
        if key not in known:
            known[key] = _score(question, *key)
        scored.append((known[key], number))
    return sorted(scored, reverse=True)


def _score(
    question: Question, titled: frozenset[str], keywords: frozenset[str], size: int
) -> float:
    """What an entry is worth whose title of ``size`` words and whose keywords have these."""
    named = titled | keywords
    return max((_worth(terms, titled, named, size) for terms in question), default=0.0)


def _worth(
    terms: Sequence[Term], titled: frozenset[str], named: frozenset[str], size: int
) -> float:
    worth = 0.0
    met: set[str] = set()
    for term in terms:
        best = _REST
        for form in term.forms:
            if titled.issuperset(form.words):
                found = _TITLE * form.worth
                met.update(form.words)
            elif named.issuperset(form.words):
                found = _KEYWORDS * form.worth
            else:
                continue
            best = max(best, found)
        worth += best
    return worth / len(terms) + _SHORT * len(met) / (size + _OTHER_LANGUAGE)
