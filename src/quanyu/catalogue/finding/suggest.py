"""What a question may become while it is typed: words to end it with, and entries to go to."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.candidates import Narrowing, count_up_to, numbers_found
from quanyu.catalogue.finding.find import sight_of
from quanyu.catalogue.finding.meant import understood, widened
from quanyu.catalogue.finding.question import Form, Term, form_of
from quanyu.catalogue.finding.rank import rank
from quanyu.catalogue.finding.text_index import Sought
from quanyu.catalogue.finding.vocabulary import beginning_with
from quanyu.catalogue.letters import is_han, runs
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import LocalText, ResourceId
from quanyu.parties import Caller

MOST_TIMES = 100
_MOST_TRIED = 24
_MOST_RANKED = 200


class SuggestionKind(StrEnum):
    """A word that completes the question, or an entry."""

    WORD = "word"
    ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``text`` is the whole question; ``times`` how many entries have it (100: that many or more);
    ``resource`` and ``slug`` name the entry."""

    kind: SuggestionKind
    text: str
    title: LocalText | None = None
    times: int = 0
    resource: ResourceId | None = None
    slug: str = ""


def suggestions(
    session: Session, typed: str, *, visible_to: Caller, words: int = 5, entries: int = 5
) -> list[Suggestion]:
    """Words first, then entries; of what ``visible_to`` may see alone."""
    parts = [han or latin for han, latin in runs(typed[:100])]
    seen = sight_of(session, visible_to)
    if not parts or seen is None:
        return []
    found = _words(session, parts, seen, words)
    return [*found, *_entries(session, typed, seen, entries)]


def _words(session: Session, parts: list[str], seen: Narrowing, most: int) -> list[Suggestion]:
    *before, last = parts
    blank = "" if before and is_han(last) and is_han(before[-1]) else " "
    found: list[Suggestion] = []
    for word in beginning_with(session, last, _MOST_TRIED):
        terms = tuple(Term(one, (Form(form_of((one,)).words),)) for one in (*before, word))
        times = count_up_to(session, Sought((terms,)), seen, MOST_TIMES)
        if times:
            whole = blank.join((*before, word))
            found.append(Suggestion(SuggestionKind.WORD, whole, times=times))
    # The most frequent first; of equal ones the shorter.
    return sorted(found, key=lambda s: (-s.times, len(s.text), s.text))[:most]


def _entries(session: Session, typed: str, seen: Narrowing, most: int) -> list[Suggestion]:
    question = widened(session, understood(session, typed))
    if not question:
        return []
    numbers = numbers_found(session, Sought(question, in_title=True), seen, _MOST_RANKED)
    best = [number for _, number in rank(session, question, numbers)[:most]]
    rows = session.scalars(select(ResourceRow).where(ResourceRow.number.in_(best)))
    entries = {row.number: to_resource(row) for row in rows}
    return [
        Suggestion(
            SuggestionKind.ENTRY,
            entry.title.zh or entry.title.en,
            title=entry.title,
            resource=entry.id,
            slug=entry.slug,
        )
        for entry in (entries[number] for number in best if number in entries)
    ]
