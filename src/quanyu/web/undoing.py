"""Taking edits back: ``POST /data/{slug}/versions/{number}/undo`` undoes the edit that made that
version, ``…/restore`` goes back to it. Each makes a new version; what has been stays on record."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.agreements import Grant
from quanyu.kernel import Invalid
from quanyu.spacetime import Edited
from quanyu.web import parameters
from quanyu.web.edits import Granting
from quanyu.web.serve_edit import EditAnswer, TakeBack, serve_edit

_MOST = 2**31 - 1
_FORM = "application/x-www-form-urlencoded"


async def undo(request: Request) -> Response:
    """Undo one edit, where nobody has touched its features since."""
    return await _take_back(request, TakeBack(undoes=_number(request)))


async def restore(request: Request) -> Response:
    """Go back to a version: a new one with the same features."""
    return await _take_back(request, TakeBack(restores=_number(request)))


async def _take_back(request: Request, what: TakeBack) -> Response:
    given, slug = parameters.read(request), request.path_params["slug"]
    parameters.check_known(given, {"agreement", "purpose", "lang"})

    def work(grant_of: Granting) -> Sequence[tuple[Grant, TakeBack]]:
        return [(grant_of(slug), what)]

    by_page = request.headers.get("content-type", "").startswith(_FORM)
    return await serve_edit(request, given, work, _shown if by_page else _answer)


def _shown(found: Sequence[Edited]) -> EditAnswer:
    """For people: the list of versions, with the new one."""
    where = f"/data/{found[0].version.dataset}/versions?f=html"
    return EditAnswer(status=303, headers={"location": where})


def _answer(found: Sequence[Edited]) -> EditAnswer:
    [edited] = found
    document = {
        "collection": edited.version.dataset,
        "version": edited.version.number,
        "changed": [{"id": one.fid, "change": one.change.value} for one in edited.done],
    }
    return EditAnswer(status=200, headers={}, document=document)


def _number(request: Request) -> int:
    number = int(request.path_params["number"])
    if not 0 < number <= _MOST:
        raise Invalid("there is no such version", field="version", mend="give its number")
    return number


def routes() -> list[Route]:
    """Routes of undoing."""
    one = "/data/{slug}/versions/{number:int}"
    return [
        Route(f"{one}/undo", undo, methods=["POST"]),
        Route(f"{one}/restore", restore, methods=["POST"]),
    ]
