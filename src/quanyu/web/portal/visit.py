"""What every page of the portal does: know its visitor, answer as a page or as its JSON twin."""

from collections.abc import Collection, Mapping
from time import monotonic
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from quanyu.kernel import (
    Invalid,
    LocalText,
    MemberId,
    QuanyuError,
    Unauthenticated,
    explain,
    translate,
    translate_count,
)
from quanyu.parties import Caller, unread_count
from quanyu.web import in_control
from quanyu.web.negotiate import offer, representation
from quanyu.web.node import Node, node_of
from quanyu.web.pages import language_of, render
from quanyu.web.who import caller_of

reading, trying, writing = in_control.reading, in_control.trying, in_control.writing
_FORMS = offer("html", "json")
SEE_OTHER = 303
_MOST_COUNTED = 10_000
_counted: dict[MemberId, tuple[float, int]] = {}


async def visitor(request: Request) -> Caller:
    """The caller, remembered for the page's header."""
    caller = await caller_of(request)
    request.state.caller = caller
    if caller.member is not None and request.method == "GET":
        request.state.unread = await unread_of(node_of(request), caller.member)
    return caller


async def unread_of(node: Node, member_id: MemberId) -> int:
    """How many notices wait for a member; believed for two seconds, so that it costs little."""
    counted = _counted.get(member_id)
    if counted is None or monotonic() > counted[0]:
        if len(_counted) > _MOST_COUNTED:
            _counted.clear()
        count = await reading(node, lambda session: unread_count(session, member_id))
        counted = _counted[member_id] = (monotonic() + 2.0, count)
    return counted[1]


def forget_unread(member_id: MemberId | None) -> None:
    """Count a member's notices anew."""
    if member_id is not None:
        _counted.pop(member_id, None)


async def member(request: Request) -> Caller:
    """The caller, who must be signed in."""
    caller = await visitor(request)
    if caller.anonymous:
        raise Unauthenticated("sign in to see this page", mend="sign in with your account")
    return caller


Visitor = Annotated[Caller, Depends(visitor)]
Member = Annotated[Caller, Depends(member)]
TheNode = Annotated[Node, Depends(node_of)]


def show(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    *,
    twin: Mapping[str, Any] | None = None,
    status: int = 200,
    error: QuanyuError | None = None,
) -> Response:
    """The page, or ``twin`` as JSON when that is asked for.

    ``error`` is why the form of the page was refused: it is said as ``problem``, and the answer has
    its status.
    """
    if error is not None:
        status = error.status
    context = {"problem": problem_of(request, error) if error else None, **context}
    if twin is None:
        return render(request, template, context, status)
    if representation(request, _FORMS, request.query_params.get("f")) == "json":
        headers = {"cache-control": "private, no-cache", "vary": "Accept, Cookie"}
        body = orjson.dumps(dict(twin), default=_plain, option=orjson.OPT_NON_STR_KEYS)
        return Response(body, status, headers, "application/json")
    return render(request, template, {"json_href": link_to(request, f="json"), **context}, status)


def problem_of(request: Request, error: QuanyuError) -> dict[str, Any]:
    """What a form says above itself when its sending was refused."""
    _, detail, mend = explain(error, language_of(request))
    return {"detail": detail, "mend": mend, "rule": error.rule, "field": error.field}


def say(request: Request, message: str, **params: object) -> str:
    """``message`` in the page's language."""
    return translate(language_of(request), message, **params)


def say_count(request: Request, one: str, many: str, count: int, /, **params: object) -> str:
    """``one`` or ``many``, as the page's language counts."""
    return translate_count(language_of(request), one, many, count, **params)


def local(request: Request, text: LocalText | None) -> str:
    """A bilingual text in the page's language."""
    return "" if text is None else text.to(language_of(request))


def link_to(request: Request, **changes: str | None) -> str:
    """This page with some parameters changed; ``None`` leaves one out."""
    given = dict(request.query_params) | changes
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{request.url.path}?{query}" if query else request.url.path


def filter_of(request: Request, name: str, allowed: Collection[str], default: str = "") -> str:
    """A filter of the address, ``default`` when it is not given.

    Raises ``Invalid``, naming it, for a value that it does not have: a filter that is not
    understood must not show more than was asked for.
    """
    value = request.query_params.get(name, "")
    if value and value not in allowed:
        raise no_such_value(name)
    return value or default


def no_such_value(name: str) -> Invalid:
    """The error for a filter with a value that it does not have."""
    return Invalid(
        "this filter has no such value", field=name, mend="choose among the filters shown"
    )


def go(path: str) -> Response:
    """Off to another page of this site after a form was taken."""
    return RedirectResponse(path, SEE_OTHER)


def safe_path(path: str) -> str:
    """``path`` when it leads to a page of this site, else the home page."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if inside and path.isprintable() and "\\" not in path else "/"


def _plain(value: object) -> object:
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
