"""The one way from a request to data: gate, view, answer, quota, evidence, bytes.

A route gives :func:`serve_use` a function of a :class:`View`; nothing else in ``web`` can get one
(``tests/web/test_structure.py`` holds that), so no answer passes by the gate or the journal.
:func:`look` and :func:`look_each` show what a view says of itself (fields, extent): they pass the
gate too, but are no use of the data, so they cost no quota and leave no evidence.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from quanyu.agreements import Ask, Grant
from quanyu.catalogue import HELD_KINDS, Kind, Resource, State, resource, resources
from quanyu.evidence import Use
from quanyu.kernel import (
    AgreementId,
    Invalid,
    NotFound,
    Refused,
    UseId,
    new_id,
    now,
)
from quanyu.operations import doubt_files
from quanyu.parties import Caller
from quanyu.spacetime import UNRECORDED, DataUnavailable, Version, View, naming, version_of
from quanyu.web import metrics, parameters
from quanyu.web.commitments import query_commitment
from quanyu.web.compress import compressed, gzip_accepted
from quanyu.web.elsewhere import or_elsewhere
from quanyu.web.look_once import look_once
from quanyu.web.node import Node, base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.ranges import http_date
from quanyu.web.stream import Chunks, Streamed
from quanyu.web.whence import whence_of
from quanyu.web.who import caller_of

Made = TypeVar("Made")

ACTIONS = {
    "features": "read",
    "place": "read",
    "land": "read",
    "compute": "read",
    "algorithm": "quanyu:compute",
    "intersection": "quanyu:match",
    "sum": "aggregate",
    "tiles": "display",
    "3d": "display",
    "download": "reproduce",
    "sql": "read",
    "edit": "modify",
    "statistics": "aggregate",
    "sensorthings": "read",
    "observe": "modify",
}
"""What a caller does with data through each face, in ODRL's words."""

HELD = "quanyu.held"
"""Where the scope of a request that this node makes to itself has a function that takes its use.
No server puts it there, and no caller over the network can."""

VARY = "Accept, Accept-Encoding, Authorization, Cookie, Quanyu-Agreement, Quanyu-Purpose"
_LONGEST = 200
_MOST_SCENES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a route made of a view.

    ``chunks`` instead of ``body`` is a stream: a function that is given another, to be told of rows
    as they go out; ``named`` where its bytes have a place for the name of the use, and ``around``
    what surrounds them where they are a part. ``rows`` counts the features that ``body`` shows.
    ``links`` are values of the header ``Link``.
    """

    media_type: str
    body: bytes = b""
    chunks: Chunks | None = None
    rows: int = 0
    status: int = 200
    named: bool = False
    around: tuple[bytes, bytes] = (b"", b"")
    headers: tuple[tuple[str, str], ...] = ()
    links: tuple[str, ...] = ()


async def serve_use(
    request: Request,
    slug: str,
    work: Callable[[View], Answer],
    *,
    face: str,
    given: Mapping[str, str],
    form: str,
    quick: Callable[[View], bool] | None = None,
    every_version: bool = False,
) -> Response:
    """Answer a use of the data of ``slug`` with what ``work`` makes of the caller's view.

    ``face`` is a key of :data:`ACTIONS`. ``quick`` says whether ``work`` takes about a millisecond
    on a view, so that it need not go to a thread. ``every_version`` says that ``work`` tells of
    versions before the view's, which an agreement over some versions does not give. Raises what
    the gate, the store and the journal raise; then no byte has left.
    """
    node = node_of(request)
    caller = await caller_of(request)
    grant = await decide(node, caller, slug, ask_of(request, given, face, ACTIONS[face]))
    if every_version and grant.versions is not None:
        raise Refused(
            "the agreement gives some versions only, and this tells of others",
            field="version",
            mend="ask for one of the versions that it gives",
            rule="policy.deny",
        )
    view = await view_of(node, grant, given)
    tag = _tag(request, view, grant, form)
    if _fresh(request, tag):
        answer = Answer(media_type="", status=304)
    elif quick is not None and quick(view):
        answer = work(view)
    else:
        with doubting(node):
            answer = await run_in_threadpool(work, view)
    return await _answered(request, caller, grant, view, (face, tag, answer))


async def serve_changes(
    request: Request,
    slug: str,
    since: int,
    work: Callable[[View, View], Answer],
    *,
    given: Mapping[str, str],
    form: str,
) -> Response:
    """Answer what changed since a version with what ``work`` makes of the caller's views of the
    version asked for and of that one, both through the same restriction.

    A use of the face ``download``. Raises :class:`Refused` when the agreement does not give that
    version, and as :func:`serve_use`.
    """
    face = "download"
    node = node_of(request)
    caller = await caller_of(request)
    grant = await decide(node, caller, slug, ask_of(request, given, face, ACTIONS[face]))
    if grant.versions is not None and since not in grant.versions:
        raise Refused(
            "the agreement does not give version {version}",
            field="since",
            mend="name one of the versions that it gives",
            rule="policy.deny",
            version=since,
        )
    view = await view_of(node, grant, given)
    older = await run_in_threadpool(node.store.view, grant.slug, grant.restriction, since)
    with doubting(node):
        answer = await run_in_threadpool(work, view, older)
    tag = _tag(request, view, grant, form)
    return await _answered(request, caller, grant, view, (face, tag, answer))


async def scene_slugs(request: Request) -> list[str]:
    """Published imagery that the caller may know of and this node holds, by its slugs."""
    node = node_of(request)
    caller = await caller_of(request)

    def read() -> list[str]:
        with node.control.read() as session:
            page = resources(
                session,
                visible_to=caller,
                kinds=frozenset({Kind.SCENE}),
                states=frozenset({State.PUBLISHED}),
                limit=_MOST_SCENES,
                after=None,
            )
        found = []
        for hit in page.hits:
            try:
                if node.store.version(hit.slug).imagery:
                    found.append(hit.slug)
            except NotFound:
                continue
        return found

    return await run_in_threadpool(read)


async def _answered(
    request: Request, caller: Caller, grant: Grant, view: View, made: tuple[str, str, Answer]
) -> Response:
    """Spend, write down and send."""
    node = node_of(request)
    face, tag, answer = made
    using = Using(
        request,
        node,
        grant,
        use_of(request, node, grant, view.version.number, face),
        caller.anonymous,
        view.version.created_at,
        dated=b"as-of=" in request.scope["query_string"],
    )
    headers = headers_of(using, answer, tag)
    if answer.chunks is not None:
        if request.method == "HEAD":
            return Response(b"", answer.status, headers, answer.media_type)
        return _streamed(using, answer, answer.chunks, headers)
    await spend(using, 1, answer.rows, len(answer.body))
    await write_down(using, answer.rows, len(answer.body))
    body, coding = compressed(request, answer.body, answer.media_type)
    if coding:
        headers["content-encoding"] = coding
    return Response(body, answer.status, headers, answer.media_type or None)


@dataclass(frozen=True, slots=True)
class Using:
    """A use on its way; ``use`` does not yet say how much was answered.

    ``dated`` where a state of the past was asked for: the answer says of when (RFC 7089).
    """

    request: Request
    node: Node
    grant: Grant
    use: Use
    anonymous: bool
    created_at: datetime
    dated: bool = False

    @property
    def by_count(self) -> bool:
        """Anonymous reads of open data are counted together; other uses have a leaf each."""
        return self.anonymous and self.grant.open_data


def _streamed(using: Using, answer: Answer, chunks: Chunks, headers: dict[str, str]) -> Response:
    requests = 1

    async def spend_part(rows: int, size: int) -> None:
        nonlocal requests
        await spend(using, requests, rows, size)
        requests = 0

    async def record(rows: int, size: int) -> None:
        await write_down(using, rows, size)

    def read(went_out: Callable[[int], None]) -> Iterator[bytes]:
        with doubting(using.node):
            yield from chunks(went_out)

    use = UNRECORDED if using.by_count else using.use.id
    named = partial(_named, read, use, answer.around)
    return Streamed(
        named if answer.named else read,
        media_type=answer.media_type,
        headers=headers,
        spend=spend_part,
        record=record,
        # A part of a file is a part of the file itself, and its length is said beforehand.
        gzip="content-length" not in headers and gzip_accepted(using.request, answer.media_type),
        status=answer.status,
    )


def _named(
    chunks: Chunks, use: str, around: tuple[bytes, bytes], went_out: Callable[[int], None]
) -> Iterator[bytes]:
    return naming(chunks(went_out), use, around)


async def look(
    request: Request,
    slug: str,
    describe: Callable[[View, Resource], Made],
    given: Mapping[str, str],
    *,
    face: str = "features",
) -> Made:
    """What ``describe`` says of the caller's view; refused as a use of that face would be."""
    node = node_of(request)
    caller = await caller_of(request)
    grant = await decide(node, caller, slug, ask_of(request, given, face, ACTIONS[face]))

    def read() -> Made:
        with node.control.read() as session:
            found = resource(session, slug, visible_to=caller)
        with doubting(node):
            with or_elsewhere(node.control, slug):
                view = node.store.view(slug, grant.restriction, number_of(node, grant, given))
            return describe(view, found)

    return await run_in_threadpool(read)


async def look_versions(
    request: Request, slug: str, given: Mapping[str, str], *, face: str = "features"
) -> list[Version]:
    """Versions of a dataset that the caller's agreement gives, oldest first; refused as a use of
    that face would be. How many rows each has is not for everybody: views tell it."""
    node = node_of(request)
    caller = await caller_of(request)
    grant = await decide(node, caller, slug, ask_of(request, given, face, ACTIONS[face]))
    found = await run_in_threadpool(node.store.versions, grant.slug)
    return [one for one in found if grant.versions is None or one.number in grant.versions]


async def look_each(
    request: Request,
    describe: Callable[[View, Resource], Made | None],
    given: Mapping[str, str],
    limit: int,
    after: str | None,
    *,
    face: str = "features",
) -> tuple[list[Made], str | None]:
    """:func:`look` at every dataset that the caller may read, a page of the catalogue at a time.

    Those that it may not read are left out, and those whose files are away: the catalogue and its
    health tell of them. The second part is the token of the next page.
    """
    node = node_of(request)
    caller = await caller_of(request)
    ask = ask_of(request, given, face, ACTIONS[face])

    def read() -> tuple[list[Made], str | None]:
        with node.control.read() as session:
            page = resources(
                session,
                visible_to=caller,
                kinds=HELD_KINDS,
                states=frozenset({State.PUBLISHED}),
                limit=limit,
                after=after,
            )
        found = []
        for hit in page.hits:
            try:
                grant = node.gate.decide(caller, hit.slug, ask)
                with doubting(node):
                    view = node.store.view(hit.slug, grant.restriction, number_of(node, grant, {}))
                    said = describe(view, hit)
            except (Refused, NotFound, Invalid, DataUnavailable):
                continue
            if said is not None:
                found.append(said)
        return found, page.next

    return await run_in_threadpool(read)


_DOUBTED_S = 30.0
_doubted: dict[tuple[int, str], float] = {}


@contextmanager
def doubting(node: Node) -> Iterator[None]:
    """Have health look at files that cannot be read."""
    try:
        yield
    except DataUnavailable as error:
        doubt(node, error)
        raise


def doubt(node: Node, error: DataUnavailable) -> None:
    """Have health look at the files that could not be read."""
    if error.dataset is None:
        return
    key, moment = (id(node), error.dataset), monotonic()
    if _doubted.get(key, 0.0) < moment:
        _doubted[key] = moment + _DOUBTED_S
        with node.control.begin() as session:
            doubt_files(session, error.dataset)


def ask_of(request: Request, given: Mapping[str, str], face: str, action: str) -> Ask:
    """What a request asks of the gate; raises :class:`Invalid` for what it may not say."""
    headers = request.headers
    purpose = given.get("purpose") or headers.get("quanyu-purpose")
    agreement = given.get("agreement") or headers.get("quanyu-agreement")
    for name, text in (("purpose", purpose), ("agreement", agreement)):
        if text is not None and len(text) > _LONGEST:
            raise Invalid(
                "this is longer than {most} characters",
                field=name,
                mend="shorten it",
                most=_LONGEST,
            )
    number = parameters.version(given)
    parameters.as_of(given)
    return Ask(face, action, purpose, agreement, number, whence_of(request))


async def decide(node: Node, caller: Caller, slug: str, ask: Ask) -> Grant:
    known = node.gate.peek(caller, slug, ask)
    if known is not None:
        return known
    key = (id(node.gate), caller, slug, ask)
    return await look_once(key, partial(node.gate.decide, caller, slug, ask))


def number_of(node: Node, grant: Grant, given: Mapping[str, str]) -> int | None:
    """The version to show: the one asked for, else that of the page before, else the one that was
    the newest at the time asked for (``as-of``), else the newest.

    An agreement that gives some versions only gives no other, whatever a token says.
    """
    asked = parameters.version(given)
    if asked is None and "after" in given:
        asked = version_of(given["after"])
        if asked is not None and grant.versions is not None and asked not in grant.versions:
            asked = None
    if asked is not None:
        return asked
    moment = parameters.as_of(given)
    if moment is not None:
        return node.store.version_as_of(grant.slug, moment, grant.versions)
    return None if grant.versions is None else max(grant.versions)


_VIEW_SECONDS = 0.5
_VIEWS_KEPT = 512
_views: dict[tuple[int, str, str, int | None, int], tuple[float, View]] = {}


async def view_of(node: Node, grant: Grant, given: Mapping[str, str]) -> View:
    """The view of a grant; for half a second without asking the store, which may read tables."""
    if "as-of" in given:
        number = await run_in_threadpool(number_of, node, grant, given)
    else:
        number = number_of(node, grant, given)
    edition = node.store.edition(grant.slug)
    key = (id(node.store), grant.slug, grant.restriction_key, number, edition)
    found = _views.get(key)
    if found is not None and monotonic() < found[0]:
        return found[1]

    def open_view() -> View:
        with or_elsewhere(node.control, grant.slug), doubting(node):
            return node.store.view(grant.slug, grant.restriction, number)

    view = await look_once(key, open_view)
    if len(_views) >= _VIEWS_KEPT:
        _views.clear()
    _views[key] = (monotonic() + _VIEW_SECONDS, view)
    return view


async def spend(using: Using, requests: int, rows: int, size: int) -> None:
    """Spend the quotas of a use; raises what the gate raises."""
    gate, grant = using.node.gate, using.grant
    if not gate.spend_local(grant, requests=requests, rows=rows, bytes=size):
        await run_in_threadpool(gate.spend, grant, requests=requests, rows=rows, bytes=size)


def use_of(
    request: Request, node: Node, grant: Grant, version: int, face: str, *, asked: str = ""
) -> Use:
    """A use that is about to be; ``asked`` is what it says of a question that is in the body."""
    identifier = UseId(new_id("use"))
    query = request.scope["query_string"].decode("latin-1")
    if asked:
        query = f"{query}#{asked}"
    return Use(
        id=identifier,
        at=now(),
        agreement=AgreementId(grant.agreement),
        party_commitment=grant.party_commitment,
        resource=grant.resource,
        version=version,
        face=face,
        purpose=grant.purpose or "",
        query_commitment=query_commitment(node, identifier, f"{request.scope['path']}?{query}"),
        restriction=grant.restriction_key,
        rows=0,
        bytes=0,
    )


async def write_down(using: Using, rows: int, size: int) -> None:
    """Put a use on disk, count it, or hand it to the node itself (:data:`HELD`); raises what the
    journal raises."""
    use = replace(using.use, rows=rows, bytes=size)
    held = using.request.scope.get(HELD)
    if held is not None:
        held(use)
    elif using.by_count:
        using.node.journal.tally(use)
    else:
        await using.node.journal.record(use)
    metrics.use_counter(use.face, "open" if using.grant.open_data else "agreement").inc()


def headers_of(using: Using, answer: Answer, tag: str | None = None) -> dict[str, str]:
    """Headers that every use answers with: what it was under, and where its receipt is."""
    found = {
        **({} if tag is None else {"etag": tag}),
        "cache-control": "private, no-cache",
        "vary": VARY,
        "quanyu-agreement": using.grant.agreement,
        **dict(answer.headers),
    }
    if using.dated:
        found["memento-datetime"] = http_date(using.created_at)
    links = answer.links
    if not using.by_count:
        found["quanyu-use"] = using.use.id
        receipt = f"{base_of(using.request)}/log/receipts/{using.use.id}"
        links = (*links, f'<{receipt}>; rel="receipt"')
    if links:
        found["link"] = ", ".join(links)
    return found


def _tag(request: Request, view: View, grant: Grant, form: str) -> str:
    """An entity tag: equal for equal answers to equal callers, known before any is made."""
    version = view.version
    scope = request.scope
    language = language_of(request) if form == "html" else ""
    parts = (
        f"{version.dataset} {version.number} {version.created_at} {grant.restriction_key} {form}",
        scope["path"],
        scope["query_string"].decode("latin-1"),
        language,
        base_of(request),
    )
    return f'W/"{hashlib.blake2b(chr(10).join(parts).encode(), digest_size=12).hexdigest()}"'


def _fresh(request: Request, tag: str) -> bool:
    asked = request.headers.get("if-none-match")
    return asked is not None and (asked.strip() == "*" or tag in map(str.strip, asked.split(",")))
