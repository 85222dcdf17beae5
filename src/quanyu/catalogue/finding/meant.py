"""What was meant: pinyin understood, words half typed completed, slips corrected.

Nothing is proposed that the caller could not see: every proposal is first sought within what is
visible to the caller, and its frequency counted there alone.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from quanyu.catalogue.finding.candidates import Narrowing, count_up_to
from quanyu.catalogue.finding.question import (
    Form,
    Question,
    Term,
    asked_words,
    cut,
    form_of,
    read_question,
)
from quanyu.catalogue.finding.text_index import Sought
from quanyu.catalogue.finding.vocabulary import beginning_with, near, spelt_words
from quanyu.catalogue.letters import is_han, runs

_MOST_BEGINNINGS = 24
_MANY = 200
_LONGEST_HAN = 8
_MOST_RUNS, _LONGEST_RUN = 8, 24
_MUCH_MORE = 5
_FEW = 3


def understood(session: Session, text: str) -> Question:
    """The question, its pinyin understood."""
    latin = {word for words in asked_words(text) for word in words if not is_han(word)}
    return read_question(text, spelt_words(session, latin) if latin else None)


def widened(session: Session, question: Question) -> Question:
    """The question with words taken for beginnings of words, or of their pinyin, too."""
    return tuple(tuple(_widened(session, term) for term in terms) for terms in question)


def _widened(session: Session, term: Term) -> Term:
    if not term.word.isalnum() or is_han(term.word):
        return term
    begun = beginning_with(session, term.word, _MOST_BEGINNINGS)
    return term.or_else(form_of((word,), 0.5) for word in begun)


def corrected(session: Session, text: str, seen: Narrowing) -> str | None:
    """The text with its slips mended, when that finds more that is visible; else ``None``."""
    asked = list(runs(text))
    if len(asked) > _MOST_RUNS or any(len(han) > _LONGEST_RUN for han, _ in asked):
        return None
    mended = [_mended_run(session, run, seen) for run in asked]
    if all(new is None for new in mended):
        return None
    words = [
        new if new is not None else (han or latin)
        for new, (han, latin) in zip(mended, asked, strict=True)
    ]
    whole = " ".join(words)
    found = _seen_times(session, understood(session, whole), seen, 1)
    return whole if found else None


def _mended_run(session: Session, run: tuple[str, str], seen: Narrowing) -> str | None:
    han, latin = run
    if latin:
        times = _seen_times(session, understood(session, latin), seen, _MANY)
        return _best(session, latin, seen, times) if times <= _FEW else None
    times = _seen_times(session, (_terms(cut(run)),), seen, _MANY)
    if times > _FEW:
        return None
    if 2 <= len(han) <= _LONGEST_HAN and (whole := _best(session, han, seen, times)):
        return whole
    return None if times else _mended_part(session, cut(run), seen)


def _mended_part(session: Session, words: Sequence[str], seen: Narrowing) -> str | None:
    """A run of several words of which one is wrong, perhaps cut apart where it is."""
    for size in range(len(words) - 1, 0, -1):
        for start in range(len(words) - size + 1):
            piece = "".join(words[start : start + size])
            if not 2 <= len(piece) <= _LONGEST_HAN:
                continue
            if _seen_times(session, (_terms(words[start : start + size]),), seen, 1):
                continue
            if better := _best(session, piece, seen, 0):
                whole = "".join((*words[:start], better, *words[start + size :]))
                if _seen_times(session, understood(session, whole), seen, 1):
                    return whole
    return None


def _best(session: Session, word: str, seen: Narrowing, times: int) -> str | None:
    """The word that ``word`` most likely is a slip of, among those that visible entries have:
    the nearest, and of equally near ones the most frequent."""
    enough = max(1, times * _MUCH_MORE)
    for equally_near in near(session, word):
        counted = [
            (-_seen_times(session, (_terms([other]),), seen, _MANY), other)
            for other in equally_near
        ]
        often, other = min(counted)
        if -often >= enough:
            return other
    return None


def _terms(words: Sequence[str]) -> tuple[Term, ...]:
    return tuple(Term(word, (Form(form_of((word,)).words),)) for word in words)


def _seen_times(session: Session, question: Question, seen: Narrowing, most: int) -> int:
    return count_up_to(session, Sought(question), seen, most) if question else 0
