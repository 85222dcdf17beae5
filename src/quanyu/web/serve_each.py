"""One request that uses many collections at once: each by its own gate, view, quota and evidence.

The same way as :mod:`~quanyu.web.serve_use`, for every dataset that the caller may know of. One
that refuses is named, as the catalogue names it, and nothing of it is opened. Every one that was
asked is used, also where it had nothing to tell: that nothing is there is an answer.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from quanyu.agreements import Ask, Grant
from quanyu.catalogue import Kind, Resource, published
from quanyu.kernel import Invalid, NotFound, QuanyuError, Refused, TooMany
from quanyu.parties import Caller
from quanyu.spacetime import DataUnavailable, View
from quanyu.web.node import Node, node_of
from quanyu.web.serve_use import (
    ACTIONS,
    Using,
    ask_of,
    doubt,
    number_of,
    spend,
    use_of,
    write_down,
)
from quanyu.web.who import caller_of

Made = TypeVar("Made")
Opened = tuple[Resource, View]

_MOST = 1_000
"""Most datasets that one request asks; a node with more is asked about some of them by name."""

_LISTED_S = 0.5
_LISTS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Told(Generic[Made]):
    """What a collection told: ``rows`` and ``size`` are features and bytes that leave with it.

    Without an ``essential`` one nothing can be answered: its refusal refuses the whole.
    """

    made: Made
    rows: int
    size: int
    essential: bool = False


@dataclass(frozen=True, slots=True)
class Part(Generic[Made]):
    """What one collection told, and the use that its receipt is of (``None``: counted only)."""

    resource: Resource
    made: Made
    use: str | None


@dataclass(frozen=True, slots=True)
class Closed:
    """A collection that did not answer, and the rule that says so."""

    resource: Resource
    rule: str


@dataclass(frozen=True, slots=True)
class Away:
    """A collection whose files cannot be opened or read, and what there is to say of that."""

    resource: Resource
    problem: DataUnavailable


@dataclass(frozen=True, slots=True)
class Answers(Generic[Made]):
    """Parts in the catalogue's order. ``more``: there are collections that were not asked.
    ``away``: those whose files cannot be read."""

    parts: tuple[Part[Made], ...]
    closed: tuple[Closed, ...]
    more: bool
    away: tuple[Away, ...] = ()


async def serve_each(
    request: Request,
    work: Callable[[Sequence[Opened], list[Away]], Mapping[str, Told[Made]]],
    *,
    face: str,
    given: Mapping[str, str],
    only: Collection[str] = (),
) -> Answers[Made]:
    """What ``work`` makes of the caller's views of all datasets, or of those with slugs ``only``.

    ``work`` gives one :class:`Told` for each that was opened, by its slug, or adds it to those that
    are :class:`Away`, among which it finds what could not be opened; their health looks at their
    files. When this returns, quotas are spent
    and the uses are on disk. Raises what ``work`` raises, and what the journal raises.
    """
    node, caller = node_of(request), await caller_of(request)
    ask = ask_of(request, given, face, ACTIONS[face])

    away: list[Away] = []

    def use() -> tuple[
        list[tuple[Grant, View, Resource]], list[Closed], bool, Mapping[str, Told[Made]]
    ]:
        began = monotonic()
        known, more = _known(node, caller)
        chosen = [one for one in known if not only or one.slug in only]
        _check_only(only, known)
        opened, closed = _open(node, caller, ask, chosen, away=away, began=began)
        try:
            told = work([(of, view) for _, view, of in opened], away)
        finally:
            for one in away:
                doubt(node, one.problem)
        return opened, closed, more, told

    opened, closed, more, told = await run_in_threadpool(use)
    spent: list[tuple[Using, Told[Made], Resource]] = []
    # What the whole rests on first: if it is refused, nobody else's quota is touched.
    answered = [one for one in opened if one[2].slug in told]
    answered.sort(key=lambda one: not told[one[2].slug].essential)
    for grant, view, of in answered:
        one = told[of.slug]
        use_ = use_of(request, node, grant, view.version.number, face)
        using = Using(request, node, grant, use_, caller.anonymous, view.version.created_at)
        try:
            await spend(using, 1, one.rows, one.size)
        except (Refused, TooMany) as error:
            if one.essential:
                raise
            closed.append(Closed(of, error.rule or ""))
            continue
        spent.append((using, one, of))
    await asyncio.gather(*(write_down(using, one.rows, one.size) for using, one, _ in spent))
    parts = tuple(
        Part(of, one.made, None if using.by_count else using.use.id) for using, one, of in spent
    )
    return Answers(parts, tuple(closed), more, tuple(away))


def _open(
    node: Node,
    caller: Caller,
    ask: Ask,
    chosen: Sequence[Resource],
    *,
    away: list[Away],
    began: float,
) -> tuple[list[tuple[Grant, View, Resource]], list[Closed]]:
    """What each gives: by what was known when the request ``began``, however long it takes. What
    cannot be opened is added to ``away``."""
    opened: list[tuple[Grant, View, Resource]] = []
    closed: list[Closed] = []
    newest = node.store.foresee([one.slug for one in chosen])
    for of in chosen:
        try:
            grant = node.gate.decide(caller, of.slug, ask, began)
            number = number_of(node, grant, {})
            if number is None and of.slug in newest:
                number = newest[of.slug].number
            view = node.store.view(of.slug, grant.restriction, number)
        except NotFound:  # an entry whose data are held elsewhere, or withdrawn meanwhile
            continue
        except DataUnavailable as error:
            away.append(Away(of, error))
            continue
        except (Refused, Invalid) as error:
            closed.append(Closed(of, _rule(error)))
            continue
        opened.append((grant, view, of))
    return opened, closed


def _rule(error: QuanyuError) -> str:
    return error.rule or ("agreement.choose" if error.field == "agreement" else "")


_Seen = tuple[int, str | None]
_lists: dict[_Seen, tuple[float, list[Resource], bool]] = {}


def _known(node: Node, caller: Caller) -> tuple[list[Resource], bool]:
    """Published datasets, and whether there are more; believed for as long as the gate believes
    what it knows, which is told of them here."""
    key = (id(node.control), caller.party)
    found = _lists.get(key)
    if found is not None and monotonic() < found[0]:
        return found[1], found[2]
    began = monotonic()
    with node.control.read() as session:
        listed = published(session, (Kind.DATASET,), limit=_MOST + 1)
    kept, more = listed[:_MOST], len(listed) > _MOST
    node.gate.foresee(caller, kept, began)
    if len(_lists) >= _LISTS_KEPT:
        _lists.clear()
    _lists[key] = (began + _LISTED_S, kept, more)
    return kept, more


def _check_only(only: Collection[str], known: Sequence[Resource]) -> None:
    slugs = {one.slug for one in known}
    for name in only:
        if name not in slugs:
            raise Invalid(
                "there is no collection {name}",
                field="collections",
                mend="name collections of the catalogue",
                name=name[:80],
            )
