"""One page of what was found, in the order asked for, and the token of the next."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from quanyu.catalogue.finding.candidates import (
    Gathered,
    Narrowing,
    entry,
    facet,
    numbers_found,
)
from quanyu.catalogue.finding.ordered import Order, in_order
from quanyu.catalogue.finding.page_token import Key, read_token, write_token
from quanyu.catalogue.finding.question import Question
from quanyu.catalogue.finding.rank import Ranked, rank
from quanyu.catalogue.finding.text_index import Sought
from quanyu.catalogue.model import Search, Sort
from quanyu.catalogue.quality.tables import CareRow

MOST_RANKED = 250
_care = CareRow.__table__
_UNRANKED = -1.0

Page = tuple[list[int], str | None]


def page_of(
    session: Session, search: Search, question: Question, narrowing: Narrowing, found: Gathered
) -> Page:
    """The numbers of the page's entries, and the token of the next page if there is one."""
    if search.sort is Sort.RELEVANCE and question:
        return _by_relevance(session, search, question, narrowing, found)
    order, kind = _order(search)
    last = None if search.after is None else read_token(search, search.after, kind)
    if found.full:
        rows = in_order(session, Sought(question), narrowing, order, last, search.limit + 1)
    else:
        rows = order.first(session, last, search.limit + 1, found.numbers)
    return _cut(search, rows)


def _by_relevance(
    session: Session, search: Search, question: Question, narrowing: Narrowing, found: Gathered
) -> Page:
    """The best two hundred and fifty in their order, then the rest, the newest first."""
    if found.size <= MOST_RANKED:
        numbers: Iterable[int] = found.numbers
    else:
        # Those that say it in their title are ranked before all others, the newest of them first.
        in_title = Sought(question, in_title=True)
        titled = numbers_found(session, in_title, narrowing, MOST_RANKED).tolist()
        numbers = list(dict.fromkeys([*titled, *found.numbers.tolist()]))[:MOST_RANKED]
    ranked = rank(session, question, numbers)
    last: Ranked | None = None
    if search.after is not None:
        key, number = read_token(search, search.after, float)
        last = (float(key), number)  # type: ignore[arg-type]  # a float was asked for
    if search.reverse:
        ranked = [(score, number) for score, number in reversed(ranked)]
        left = ranked if last is None else [one for one in ranked if one > last]
    else:
        left = ranked if last is None else [one for one in ranked if one < last]
    if len(left) <= search.limit and found.size > len(ranked):
        left += _rest(session, search, question, narrowing, found, ranked, last)
    return _cut(search, left[: search.limit + 1])


def _rest(  # noqa: PLR0917 - the other half of _by_relevance
    session: Session,
    search: Search,
    question: Question,
    narrowing: Narrowing,
    found: Gathered,
    ranked: Sequence[Ranked],
    last: Ranked | None,
) -> list[Ranked]:
    below = last[1] if last is not None and last[0] == _UNRANKED else None
    known = {number for _, number in ranked}
    numbers = found.numbers
    if found.full:
        most = search.limit + 1 + len(known)
        numbers = numbers_found(session, Sought(question), narrowing, most, below)
    return [
        (_UNRANKED, number)
        for number in numbers.tolist()
        if number not in known and (below is None or number < below)
    ][: search.limit + 1]


def _order(search: Search) -> tuple[Order, type[Key]]:
    by_title = {Sort.TITLE_ZH: entry.c.sort_zh, Sort.TITLE_EN: entry.c.sort_en}
    if search.sort in by_title:
        return Order(by_title[search.sort], search.reverse), bytes
    by_health = {Sort.HEALTH: _care.c.health, Sort.SICKNESS: _care.c.sickness}
    if search.sort in by_health:
        return Order(by_health[search.sort], not search.reverse), float
    newest = entry.c.created_at if search.sort is Sort.CREATED else facet.c.updated_at
    return Order(newest, not search.reverse), datetime


def _cut(search: Search, rows: Sequence[tuple[Any, int]]) -> Page:
    shown = rows[: search.limit]
    onward = write_token(search, *shown[-1]) if len(rows) > len(shown) and shown else None
    return [number for _, number in shown], onward
