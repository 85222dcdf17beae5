"""One request that uses some collections by name: each by its own gate, view, quota and evidence.

The same way as :mod:`~quanyu.web.serve_use`, where one collection helps to answer about another, or
an answer is put together out of several.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from quanyu.agreements import Ask, Gate, Grant
from quanyu.kernel import Invalid, NotFound, QuanyuError, Refused, UseId
from quanyu.spacetime import DataUnavailable, Once, View
from quanyu.web.compress import compressed
from quanyu.web.node import base_of, node_of
from quanyu.web.serve_use import (
    ACTIONS,
    VARY,
    Answer,
    Using,
    ask_of,
    decide,
    doubting,
    spend,
    use_of,
    view_of,
    write_down,
)
from quanyu.web.who import caller_of

Made = TypeVar("Made")
Counted = Mapping[str, tuple[int, int]]
"""Rows and bytes of an answer that are of each collection, by its slug."""


class Ledger:
    """What a question with noise is answered through; opened when the gate has decided."""

    def __init__(self) -> None:
        self._gate: Gate | None = None
        self._grants: Mapping[str, Grant] = {}

    def open(self, gate: Gate, grants: Mapping[str, Grant]) -> None:
        """Let questions about what was granted be answered."""
        self._gate, self._grants = gate, grants

    def once(self, slug: str, view: View) -> Once:
        """For :meth:`~quanyu.spacetime.View.aggregate` of that collection's view."""

        def answer(question: str, make: Callable[[], bytes]) -> bytes:
            if self._gate is None:
                raise ValueError("nothing has been granted yet")
            return self._gate.answer_once(self._grants[slug], view.version.number, question, make)

        return answer


async def read_several(
    request: Request,
    wanted: Mapping[str, Ask],
    work: Callable[[Mapping[str, View | QuanyuError]], Made],
    counted: Callable[[Made], Counted],
    *,
    asked: str = "",
    ledger: Ledger | None = None,
    whole: bool = False,
) -> tuple[Made, dict[str, UseId]]:
    """What ``work`` makes of the caller's views of several datasets (by slug), and the use of each
    that is not merely counted.

    A dataset that the gate or the store refuses comes as the error that says why; it is no use.
    Each that ``counted`` names is spent and written down before anything is given back; ``asked``
    is what the uses say of a question that is not in the address. With ``whole`` a use under an
    agreement counts all rows of its view: a row of the answer may hold many. Raises what ``work``
    raises, and :class:`Refused` when a quota is used up.
    """
    node = node_of(request)
    caller = await caller_of(request)
    grants: dict[str, Grant] = {}
    views: dict[str, View | QuanyuError] = {}
    for slug, ask in wanted.items():
        try:
            grant = await decide(node, caller, slug, ask)
            given = {} if ask.version is None else {"version": str(ask.version)}
            views[slug] = await view_of(node, grant, given)
            grants[slug] = grant
        except (Refused, NotFound, Invalid, DataUnavailable) as error:
            views[slug] = error
    if ledger is not None:
        ledger.open(node.gate, grants)
    with doubting(node):
        made = await run_in_threadpool(work, views)
    uses = {}
    for slug, (shown, size) in counted(made).items():
        view, rows = views[slug], shown
        if not isinstance(view, View):
            raise TypeError(f"{slug} was refused and cannot be used")
        if whole and not grants[slug].open_data:
            rows = max(shown, await run_in_threadpool(view.count))
        use = use_of(
            request, node, grants[slug], view.version.number, wanted[slug].face, asked=asked
        )
        using = Using(request, node, grants[slug], use, caller.anonymous, view.version.created_at)
        await spend(using, 1, rows, size)
        await write_down(using, rows, size)
        if not using.by_count:
            uses[slug] = use.id
    return made, uses


async def check_several(request: Request, wanted: Mapping[str, Ask]) -> None:
    """Raise what the gate would refuse of these datasets now."""
    node, caller = node_of(request), await caller_of(request)
    for slug, ask in wanted.items():
        await decide(node, caller, slug, ask)


async def serve_uses(
    request: Request,
    slugs: Sequence[str],
    work: Callable[[Mapping[str, View]], tuple[Answer, Mapping[str, int]]],
    *,
    face: str,
    given: Mapping[str, str],
    need_all: bool,
    helping: str | None = None,
    ledger: Ledger | None = None,
) -> Response:
    """Answer a use of the data of several entries at once, each within its own restriction.

    ``work`` also tells how many rows of each are in the answer, of those that it used: each is a
    use, with its quota, its leaf and its share of the bytes. What the caller may not read is left
    out, or refused where ``need_all``. ``helping`` is the face of those after the first, where that
    is another. Raises as :func:`~quanyu.web.serve_use.serve_use`.
    """
    # An agreement or a version that is named is of what is asked for, not of what helps.
    wanted = {}
    for at, slug in enumerate(slugs):
        through = face if at == 0 else helping or face
        said = given if at == 0 or not need_all else {}
        wanted[slug] = ask_of(request, said, through, ACTIONS[through])

    def answer_of(views: Mapping[str, View | QuanyuError]) -> tuple[Answer, Mapping[str, int]]:
        refused = [one for one in views.values() if not isinstance(one, View)]
        if need_all and refused:
            raise refused[0]
        return work({slug: view for slug, view in views.items() if isinstance(view, View)})

    def counted(made: tuple[Answer, Mapping[str, int]]) -> Counted:
        size, rows = len(made[0].body), made[1]
        total = max(1, sum(rows.values()))
        return {slug: (count, size * count // total) for slug, count in rows.items()}

    (answer, _rows), uses = await read_several(request, wanted, answer_of, counted, ledger=ledger)
    links = [
        *answer.links,
        *(f'<{base_of(request)}/log/receipts/{use}>; rel="receipt"' for use in uses.values()),
    ]
    headers = {"cache-control": "private, no-cache", "vary": VARY, **dict(answer.headers)}
    if uses:
        headers["quanyu-use"] = ", ".join(uses.values())
    if links:
        headers["link"] = ", ".join(links)
    body, coding = compressed(request, answer.body, answer.media_type)
    if coding:
        headers["content-encoding"] = coding
    return Response(body, answer.status, headers, answer.media_type)
