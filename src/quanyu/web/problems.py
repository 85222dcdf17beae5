"""Every error as an RFC 9457 problem, in the caller's language; a page for people's browsers."""

from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.kernel import (
    Conflict,
    Invalid,
    NotAcceptable,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    QuanyuError,
    Refused,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
    explain,
    translate,
)
from quanyu.spacetime import DataUnavailable
from quanyu.web.negotiate import MEDIA_TYPES, qualities
from quanyu.web.pages import language_of, render

_JSON = MEDIA_TYPES["json"]
_log = structlog.get_logger(__name__)


class MethodNotAllowed(QuanyuError):
    """The address is right and the method is not; ``Allow`` names those that it takes."""

    status, type, title = 405, "method-not-allowed", "Method not allowed"


KINDS: tuple[type[QuanyuError], ...] = (
    Invalid,
    Unauthenticated,
    Refused,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    Conflict,
    PreconditionFailed,
    TooLarge,
    UnsupportedMedia,
    PreconditionRequired,
    TooMany,
    Unavailable,
    QuanyuError,
)
"""Every kind of problem that an answer may have; ``/problems/{type}`` says what each means."""

_OF_FRAMEWORK: dict[int, tuple[str, str]] = {
    400: ("invalid", "the request cannot be read"),
    404: ("not-found", "there is nothing at this address"),
    405: ("method-not-allowed", "this address does not take this method"),
    413: ("too-large", "the body passes the limit of this node"),
    415: ("invalid", "a body of this media type is not read here"),
    422: ("invalid", "the request cannot be read"),
}
"""Type and detail of errors that the framework raises, by status."""


def document(request: Request, error: QuanyuError) -> dict[str, Any]:
    """The problem's members; those that say nothing are left out."""
    language = language_of(request)
    title, detail, mend = explain(error, language)
    members = {
        # A standard names some kinds of problem itself; the others are ours.
        "type": error.type if ":" in error.type else f"/problems/{error.type}",
        "title": title,
        "status": error.status,
        "detail": detail,
        "instance": request.scope["path"],
        "field": error.field,
        "mend": mend,
        "rule": error.rule,
        "dataset": error.dataset if isinstance(error, DataUnavailable) else None,
        "request_id": request.scope.get("request_id"),
    }
    if request.scope["path"].startswith("/sensorthings/"):
        # Where clients of SensorThings look for what went wrong.
        members |= {"code": error.status, "message": detail}
    return {name: value for name, value in members.items() if value is not None}


def answer(request: Request, error: QuanyuError) -> Response:
    """The response that says what is wrong, with its mend, in JSON or as a page."""
    headers = {"cache-control": "no-store", "vary": "Accept, Accept-Language"}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="quanyu"'
    if isinstance(error, TooMany) and error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    return _send(request, document(request, error), error.status, headers)


def _send(
    request: Request, members: dict[str, Any], status: int, headers: dict[str, str]
) -> Response:
    headers["content-language"] = language_of(request)
    if _wants_page(request):
        response = render(request, "problem.html", {"problem": members}, status)
        response.headers.update(headers)
        return response
    return Response(
        orjson.dumps(members), status, headers=headers, media_type=MEDIA_TYPES["problem"]
    )


def _wants_page(request: Request) -> bool:
    """Whether a person is looking: HTML is named in ``Accept`` and JSON is not liked better."""
    asked = request.query_params.get("f")
    if asked is not None:
        return asked == "html"
    weights = dict(qualities(request.headers.get("accept", "")))
    return weights.get("text/html", 0.0) > weights.get("application/json", 0.0)


async def _known(request: Request, error: QuanyuError) -> Response:
    if error.status >= 500:
        _log.error("request.failed", error=str(error), type=error.type)
    return answer(request, error)


async def _framework(request: Request, error: HTTPException) -> Response:
    kind, detail = _OF_FRAMEWORK.get(error.status_code, ("", "the request failed"))
    language = language_of(request)
    members = {
        "type": f"/problems/{kind}" if kind else "about:blank",
        "title": translate(language, HTTPStatus(error.status_code).phrase),
        "status": error.status_code,
        "detail": translate(language, detail),
        "instance": request.scope["path"],
        "request_id": request.scope.get("request_id"),
    }
    return _send(request, members, error.status_code, dict(error.headers or {}))


async def _body(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in {"body", "query", "path"}]
    # What the body held is not repeated: it may be a password.
    return answer(request, Invalid("{why}", field=".".join(place) or None, why=first["msg"]))


async def _busy(request: Request, error: OperationalError) -> Response:
    _log.error("control.failed", error=type(error).__name__, why=str(error.__cause__))
    return answer(request, Unavailable("the control store does not answer", mend="try again soon"))


def unexpected(request: Request, error: Exception) -> Response:
    """The answer to a fault of ours: it names the request id and nothing else of the fault."""
    _log.error("request.crashed", path=request.scope["path"], exc_info=error)
    return answer(
        request,
        QuanyuError(
            "something went wrong here; it has been noted", mend="tell the operator the request id"
        ),
    )


async def meaning(request: Request) -> Response:
    """``/problems/{type}``: what a problem's type means."""
    for kind in KINDS:
        if kind.type == request.path_params["type"]:
            said = {"type": f"/problems/{kind.type}", "status": kind.status, "title": kind.title}
            return Response(orjson.dumps(said | {"detail": kind.__doc__}), media_type=_JSON)
    raise NotFound("there is no problem of this type")


def routes() -> list[Route]:
    """Routes that explain problems."""
    return [Route("/problems/{type}", meaning)]


def speak_of(app: FastAPI) -> None:
    """Have every error of the application answered as a problem."""
    app.add_exception_handler(QuanyuError, _known)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _framework)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _body)  # type: ignore[arg-type]
    app.add_exception_handler(OperationalError, _busy)  # type: ignore[arg-type]
