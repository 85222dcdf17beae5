"""The one way from a request to an edit: gate, role, precondition, key, version, answer.

A route gives :func:`serve_edit` what is to be done; nothing else in ``web`` can edit
(``tests/web/test_structure.py`` holds that). Who may is said by the gate: the action ``modify``.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from quanyu.agreements import Ask, Grant
from quanyu.catalogue import note_edit
from quanyu.kernel import Conflict, Invalid, PreconditionRequired, QuanyuError, Refused
from quanyu.parties import Caller
from quanyu.spacetime import (
    Action,
    Again,
    ChangeSet,
    Collision,
    Edited,
    Editor,
    EditRequest,
    Keyed,
    View,
    colliding,
    edit,
    last_touched,
)
from quanyu.web.compress import gzip_accepted
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.serve_use import ACTIONS, ask_of
from quanyu.web.whence import whence_of
from quanyu.web.who import check_csrf_of, signed_in

CITY_FORMS = frozenset({"cityjson", "cityjsonseq"})
KEY_HEADER = "idempotency-key"
NOTE_HEADER = "quanyu-note"
COLLISIONS = ("warn", "refuse")
"""What is done about solids that would stand in one another: said, or not let in."""

_MOST_NAMED = 10
_LONGEST_KEY = 200
_LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class EditAnswer:
    """What is answered to an edit, and remembered with its key."""

    status: int
    headers: Mapping[str, str]
    document: Any = None


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Instead of actions: undo the edit that made a version, or go back to a version."""

    undoes: int | None = None
    restores: int | None = None


async def serve_edit(
    request: Request,
    given: Mapping[str, str],
    work: Callable[[Callable[[str], Grant]], Sequence[tuple[Grant, tuple[Action, ...] | TakeBack]]],
    answer: Callable[[Sequence[Edited]], EditAnswer],
) -> Response:
    """Do what ``work`` says and answer with what ``answer`` makes of it.

    ``work`` is given a function from the name of a dataset to the grant to edit it, which raises
    what the gate raises; it returns what to do to each dataset. All of it is done or nothing.
    """
    node = node_of(request)
    caller = await signed_in(request)
    body = await request.body()
    await check_csrf_of(request)
    editor = Editor(str(caller.member), note=_header(request, NOTE_HEADER, _LONGEST_NOTE) or "")
    keyed = _keyed(request, body, answer)
    policy = given.get("collisions", "warn")
    if policy not in COLLISIONS:
        raise Invalid(
            "what to do about collisions is warn or refuse",
            field="collisions",
            mend="leave it out, or give one of them",
        )

    def grant_of(slug: str) -> Grant:
        grant = node.gate.decide(caller, slug, ask_of(request, given, "edit", ACTIONS["edit"]))
        if grant.versions is not None:
            raise Refused(
                "the agreement gives versions that have been, and an edit makes a new one",
                field="version",
                mend="ask the holder to edit",
                rule="policy.deny",
            )
        return grant

    def do() -> EditAnswer:
        granted = list(work(grant_of))
        requests = [_request(grant, what) for grant, what in granted]
        restrictions = {grant.slug: grant.restriction for grant, _ in granted}
        met: dict[str, list[Collision]] = {}

        def check(changed: ChangeSet) -> None:
            slug = changed.parent.dataset
            met[slug] = colliding(node.store, changed, restrictions[slug])
            if met[slug] and policy == "refuse":
                raise _collide(met[slug])

        def also(session: Any, found: Sequence[Edited]) -> None:
            for (grant, _), edited in zip(granted, found, strict=True):
                note_edit(session, grant.resource, edited.version.created_at)

        try:
            made = edit(node.store, requests, editor, keyed=keyed, check=check, also=also)
        except Again as before:
            return EditAnswer(**before.answer)
        found = [one for each in met.values() for one in each]
        return _warned(answer(made), found) if found else answer(made)

    return _send(await run_in_threadpool(do))


async def may_edit(request: Request, caller: Caller, slug: str) -> bool:
    """Whether the caller could edit that dataset now."""
    node = node_of(request)
    if caller.anonymous:
        return False
    try:
        await run_in_threadpool(
            node.gate.decide, caller, slug, Ask("edit", "modify", whence=whence_of(request))
        )
    except QuanyuError:
        return False
    return True


def seen_of(request: Request) -> frozenset[int] | None:
    """Versions of the feature that ``If-Match`` names; ``None`` for ``*``, which is any.

    A weak tag matches nothing (RFC 9110, 13.1.1). Raises :class:`PreconditionRequired` without it:
    an edit must not undo what its editor has not seen.
    """
    text = request.headers.get("if-match")
    if text is None:
        raise PreconditionRequired(
            "which state of the feature is meant is not said",
            field="If-Match",
            mend="send the ETag of the feature as you read it, or * for any",
        )
    return seen_from(text)


def seen_from(text: str) -> frozenset[int] | None:
    """Versions that the value of ``If-Match`` names; ``None`` for ``*``."""
    if text.strip() == "*":
        return None
    found = set()
    for part in text.split(","):
        tag = part.strip()
        number = tag.strip('"').partition("-")[0]
        if tag.startswith('"') and number.isascii() and number.isdecimal() and len(number) < 10:
            found.add(int(number))
    return frozenset(found)


def item_tag(request: Request, view: View, form: str) -> str:
    """The entity tag of a feature as one representation: which version was the last to touch it,
    and what else the bytes follow from."""
    fid = request.path_params["fid"]
    # A city object is written with all that is below it: whichever was touched last counts.
    below = view.below(fid) if form in CITY_FORMS else ()
    with node_of(request).control.read() as session:
        number = max(last_touched(session, view.version, [fid, *below]).values())
    parts = (
        form,
        request.scope["path"],
        request.scope["query_string"].decode("latin-1"),
        language_of(request) if form == "html" else "",
        base_of(request),
        view.restriction.key,
        str(gzip_accepted(request, MEDIA_TYPES[form])),
    )
    digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
    return f'"{number}-{digest}"'


def tag_of(number: int) -> str:
    """The entity tag of a feature that version ``number`` was the last to touch."""
    return f'"{number}"'


def _request(grant: Grant, what: tuple[Action, ...] | TakeBack) -> EditRequest:
    if isinstance(what, TakeBack):
        return EditRequest(
            grant.slug, (), grant.restriction, restores=what.restores, undoes=what.undoes
        )
    return EditRequest(grant.slug, what, grant.restriction)


def _collide(found: Sequence[Collision]) -> Conflict:
    return Conflict(
        "solids would stand in one another: {pairs}",
        field="geometry",
        mend="move or cut them, or send collisions=warn",
        rule="edit.collision",
        pairs=", ".join(f"{one.id} + {one.other} ({one.volume} m³)" for one in found[:_MOST_NAMED]),
    )


def _warned(made: EditAnswer, found: Sequence[Collision]) -> EditAnswer:
    """The answer with its collisions: how many in a header, which ones in the document."""
    listed = [asdict(one) for one in found]
    document = {**(made.document or {}), "collisions": listed}
    status = 200 if made.status == 204 else made.status
    headers = {**made.headers, "quanyu-collisions": str(len(found))}
    return EditAnswer(status=status, headers=headers, document=document)


def _keyed(
    request: Request, body: bytes, answer: Callable[[Sequence[Edited]], EditAnswer]
) -> Keyed | None:
    key = _header(request, KEY_HEADER, _LONGEST_KEY)
    if key is None:
        return None
    said = [request.headers.get(name, "") for name in ("content-type", "content-crs", "if-match")]
    parts = [request.method, request.url.path, str(request.url.query), *said]
    payload = hashlib.sha256("\n".join(parts).encode() + b"\n" + body).hexdigest()

    def remembered(found: Sequence[Edited]) -> dict[str, Any]:
        made = answer(found)
        return {"status": made.status, "headers": dict(made.headers), "document": made.document}

    return Keyed(key, payload, remembered)


def _header(request: Request, name: str, longest: int) -> str | None:
    text = request.headers.get(name)
    if text is None:
        return None
    if not 0 < len(text) <= longest or not text.isprintable():
        raise Invalid(
            "this header has 1 to {longest} printable characters",
            field=name,
            mend="shorten it",
            longest=longest,
        )
    return text


def _send(made: EditAnswer) -> Response:
    import orjson

    headers = {"cache-control": "no-store", **made.headers}
    if made.document is None:
        return Response(b"", made.status, headers)
    return Response(orjson.dumps(made.document), made.status, headers, "application/json")
