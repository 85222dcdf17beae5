"""What changed in the rows of a dataset since a version: ``/data/{slug}/changes?since=``."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import orjson
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from quanyu.kernel import Invalid, MemberId, NotFound, iso
from quanyu.parties import member
from quanyu.spacetime import Format, Version, View, change_sets
from quanyu.web import parameters
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import render
from quanyu.web.serve_edit import may_edit
from quanyu.web.serve_use import Answer, look_versions, serve_changes
from quanyu.web.who import caller_of

_FORMS = offer("ndjson", "csv")


async def row_changes(request: Request) -> Response:
    """Inserted, updated and deleted rows from version ``since`` to the newest (or ``version``)."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON | {"since"})
    if "since" not in given:
        raise Invalid(
            "from which version on is not said",
            field="since",
            mend="give since=, a number of the list at /data/{slug}/versions",
            slug=request.path_params["slug"],
        )
    since = parameters.whole(given, "since", 1, least=1, most=2**31 - 1)
    form = representation(request, _FORMS, given.get("f"))

    def work(view: View, older: View) -> Answer:
        def chunks(went_out: Callable[[int], None]) -> Iterator[bytes]:
            return view.changes(older, Format(form), went_out)

        name = f"{view.version.dataset}.v{since}-v{view.version.number}.{form}"
        return Answer(
            media_type=MEDIA_TYPES[form],
            chunks=chunks,
            headers=(
                ("content-disposition", f'attachment; filename="{name}"'),
                ("quanyu-version", str(view.version.number)),
            ),
        )

    slug = request.path_params["slug"]
    return await serve_changes(request, slug, since, work, given=given, form=form)


async def versions(request: Request) -> Response:
    """The versions of a dataset that the caller may read, the newest first; what edits did, and who
    made them, for those who may edit."""
    given = parameters.read(request)
    parameters.check_known(given, {"agreement", "purpose", "f", "lang", "limit", "before"})
    form = representation(request, offer("json", "html"), given.get("f"))
    slug = request.path_params["slug"]
    limit = parameters.whole(given, "limit", 100, least=1, most=1000)
    before = parameters.whole(given, "before", 2**31 - 1, least=1, most=2**31 - 1)
    found = [one for one in await look_versions(request, slug, given) if one.number < before]
    page = list(reversed(found))[:limit]
    editor = await may_edit(request, await caller_of(request), slug)
    done = await run_in_threadpool(_edits_of, request, slug, page) if editor else {}
    links = []
    if len(found) > limit:
        query = urlencode({**given, "before": page[-1].number})
        href = f"{base_of(request)}{request.url.path}?{query}"
        links.append({"href": href, "rel": "next", "type": MEDIA_TYPES[form]})
    document = {
        "dataset": slug,
        "versions": [
            {
                "number": one.number,
                "created": iso(one.created_at),
                "source_sha256": one.source_sha256,
                "edited": one.number != one.whole,
                **done.get(one.number, {}),
            }
            for one in page
        ],
        "links": links,
    }
    if form == "html":
        context = {"slug": slug, "document": document, "editor": editor}
        return render(request, "versions.html", context)
    headers = {"cache-control": "private, no-cache", "vary": "Accept, Authorization, Cookie"}
    return Response(orjson.dumps(document), 200, headers, "application/json")


def _edits_of(request: Request, slug: str, page: list[Version]) -> dict[int, dict[str, Any]]:
    """What the edits of a page of versions did, by their numbers."""
    if not page:
        return {}
    with node_of(request).control.read() as session:
        found = change_sets(session, slug, before=page[0].number + 1, limit=len(page))
        names = {one.editor: name_of(session, one.editor) for one in found}
    return {
        one.number: {
            "editor": names[one.editor],
            "note": one.note,
            "inserted": one.inserted,
            "updated": one.updated,
            "deleted": one.deleted,
            "undoes": one.undoes,
            "restores": one.restores,
        }
        for one in found
    }


def name_of(session: Session, editor: str) -> str:
    """The name of a member, or its id where it is no more."""
    try:
        return member(session, MemberId(editor)).name
    except NotFound:
        return editor
