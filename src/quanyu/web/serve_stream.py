"""The one way from a request to a stream: gate, sight, answer, quota, evidence, bytes.

The same way as :mod:`~quanyu.web.serve_use`, for what has no versions: a route gives
:func:`serve_stream` a function of a :class:`Sight`; nothing else in ``web`` can get one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from quanyu.agreements import Ask, Grant
from quanyu.catalogue import Kind, Resource, State, resource, resources
from quanyu.kernel import Invalid, NotFound, QuanyuError, Refused, ResourceId, TooMany, now
from quanyu.parties import Caller, Role, Scope
from quanyu.spacetime import OPEN
from quanyu.streams import Change, Changed, Do, Sight, change
from quanyu.web.compress import compressed
from quanyu.web.look_once import look_once
from quanyu.web.node import Node, base_of, node_of
from quanyu.web.serve_use import (
    ACTIONS,
    Answer,
    Using,
    ask_of,
    decide,
    headers_of,
    spend,
    use_of,
    write_down,
)
from quanyu.web.turns import asking
from quanyu.web.whence import whence_of
from quanyu.web.who import caller_of, check_csrf_of

FACE = "sensorthings"
OBSERVING = "observe"
EDITING = "edit"
BELIEVED_S = 0.5
_MOST_KNOWN = 50_000
_MOST_LISTED = 1_000


def root_url(request: Request, slug: str) -> str:
    """The address of a stream's SensorThings service."""
    return f"{base_of(request)}/sensorthings/{slug}/v1.1"


async def serve_stream(
    request: Request,
    slug: str,
    work: Callable[[Sight], Answer],
    given: Mapping[str, str],
    face: str = FACE,
) -> Response:
    """Answer a use of a stream through a face with what ``work`` makes of the caller's sight of it.

    Raises what the gate, the streams and the journal raise; then no byte has left.
    """
    with asking():
        return await _answered(request, slug, work, given, face)


async def _answered(
    request: Request,
    slug: str,
    work: Callable[[Sight], Answer],
    given: Mapping[str, str],
    face: str,
) -> Response:
    node, caller = node_of(request), await caller_of(request)
    grant = await decide(node, caller, slug, ask_of(request, given, face, ACTIONS[face]))
    _check_versions(grant)

    def look() -> Answer:
        _check_kind(node, slug, grant.resource)
        with node.streams.sight(grant.resource, grant.restriction) as sight:
            return work(sight)

    answer = await run_in_threadpool(look)
    using = Using(
        request, node, grant, use_of(request, node, grant, 0, face), caller.anonymous, now()
    )
    await spend(using, 1, answer.rows, len(answer.body))
    await write_down(using, answer.rows, len(answer.body))
    headers = headers_of(using, answer)
    body, coding = compressed(request, answer.body, answer.media_type)
    if coding:
        headers["content-encoding"] = coding
    return Response(body, answer.status, headers, answer.media_type or None)


async def look_streams(request: Request) -> list[Resource]:
    """Published streams that the caller may read."""
    return [of for of, _ in await _readable(request)]


async def serve_whole_streams(
    request: Request, work: Callable[[Resource], list[dict[str, Any]]]
) -> list[tuple[Resource, list[dict[str, Any]], str | None]]:
    """What ``work`` finds in each stream of which nothing is kept from the caller, and the use
    (``None``: counted only). Each that was asked is used: that nothing is there is an answer too.

    A stream whose quota is used up tells nothing. Raises what the journal raises.
    """
    node, caller = node_of(request), await caller_of(request)
    found: list[tuple[Resource, list[dict[str, Any]], str | None]] = []
    for of, grant in await _readable(request):
        if not grant.restriction.open or grant.versions is not None:
            continue
        made = await run_in_threadpool(work, of)
        using = Using(
            request, node, grant, use_of(request, node, grant, 0, FACE), caller.anonymous, now()
        )
        size = len(orjson.dumps(made))
        try:
            await spend(using, 1, len(made), size)
        except (Refused, TooMany):
            continue
        await write_down(using, len(made), size)
        found.append((of, made, None if using.by_count else using.use.id))
    return found


async def _readable(request: Request) -> list[tuple[Resource, Grant]]:
    node, caller = node_of(request), await caller_of(request)
    ask = ask_of(request, {}, FACE, ACTIONS[FACE])

    def read() -> list[tuple[Resource, Grant]]:
        with node.control.read() as session:
            page = resources(
                session,
                visible_to=caller,
                kinds=frozenset({Kind.STREAM}),
                states=frozenset({State.PUBLISHED}),
                limit=_MOST_LISTED,
                after=None,
            )
        found = []
        for hit in page.hits:
            try:
                grant = node.gate.decide(caller, hit.slug, ask)
                with node.control.read() as session:
                    found.append((resource(session, hit.slug, visible_to=caller), grant))
            except QuanyuError:
                continue
        return found

    return await run_in_threadpool(read)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who may write what to a stream."""

    resource: ResourceId
    caller: Caller

    @property
    def edits(self) -> bool:
        """Whether entities may be made too: not by a device's token."""
        return any(self.caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD))


_allowed: dict[tuple[int, Caller, str, str], tuple[float, Writer]] = {}


async def writer_of(request: Request, slug: str, face: str = OBSERVING) -> Writer:
    """Who writes to a stream; believed for half a second, as all that the gate says.

    Raises :class:`Refused` unless the gate lets it be modified as a whole: by a supplier or steward
    of its provider with a token that may write, or, for observations alone, a device's token.
    """
    node, caller = node_of(request), await caller_of(request)
    await check_csrf_of(request)
    key = (id(node.gate), caller, slug, face)
    known = _allowed.get(key)
    started = monotonic()
    if known is not None and started < known[0]:
        return known[1]
    ask = Ask(face, ACTIONS[OBSERVING], whence=whence_of(request))

    def look() -> Writer:
        grant = node.gate.decide(caller, slug, ask)
        _check_kind(node, slug, grant.resource)
        _check_versions(grant)
        if grant.restriction != OPEN:
            raise Refused(
                "the agreement gives a part of the stream, and who writes sees all of it",
                mend="ask the provider to write",
                rule="policy.deny",
            )
        return Writer(grant.resource, caller)

    found = await look_once(key, look)
    if len(_allowed) >= _MOST_KNOWN:
        _allowed.clear()
    _allowed[key] = (started + BELIEVED_S, found)
    return found


async def change_stream(request: Request, slug: str, asked: Change) -> Changed:
    """Change entities of a stream; raises what :func:`writer_of` and :func:`change` raise."""
    node = node_of(request)
    observing = asked.do is Do.CREATE and asked.path.endswith("/Observations")
    writer = await writer_of(request, slug, OBSERVING if observing else EDITING)
    party = str(writer.caller.party or "")
    return await run_in_threadpool(
        change, node.control, node.intake, writer.resource, asked, party, making=writer.edits
    )


_streams: set[ResourceId] = set()
"""Resources that are known to be streams: of which kind a resource is never changes."""


def _check_kind(node: Node, slug: str, name: ResourceId) -> None:
    if name in _streams:
        return
    with node.control.read() as session:
        if resource(session, slug).kind is not Kind.STREAM:
            raise NotFound("{id} is no stream", id=slug[:80])
    if len(_streams) >= _MOST_KNOWN:
        _streams.clear()
    _streams.add(name)


def _check_versions(grant: Grant) -> None:
    if grant.versions is not None:
        raise Invalid(
            "the agreement gives versions, and a stream has none",
            field="agreement",
            mend="the holder has to change the policy",
        )
