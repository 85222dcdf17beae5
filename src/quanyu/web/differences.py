"""What differs between two versions (``/data/{slug}/differences``) and the history of one feature
(``/data/{slug}/history/{id}``): pages, each with its JSON twin, within the caller's restriction."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import resource
from quanyu.kernel import Invalid, NotFound, iso, translate
from quanyu.spacetime import Change, Difference, Step, Value, View
from quanyu.web import parameters
from quanyu.web.difference_map import Drawing, drawing
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of, render
from quanyu.web.row_changes import name_of
from quanyu.web.serve_edit import may_edit
from quanyu.web.serve_use import Answer, serve_changes, serve_use
from quanyu.web.who import caller_of

_FORMS = offer("json", "html")
_MOST = 500
_STEPS = 20
_WORDS = {
    Change.INSERTED: "new",
    Change.DELETED: "gone",
    Change.UPDATED: "changed",
}
"""What happened, as people read it."""


async def differences(request: Request) -> Response:
    """Features that differ between version ``since`` and the newest (or ``version``), a page at a
    time in order of their ids."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON | {"since", "limit", "after"})
    if "since" not in given:
        raise Invalid(
            "from which version on is not said",
            field="since",
            mend="give since=, a number of the list at /data/{slug}/versions",
            slug=request.path_params["slug"],
        )
    since = parameters.whole(given, "since", 1, least=1, most=2**31 - 1)
    limit = parameters.whole(given, "limit", 100, least=1, most=_MOST)
    form = representation(request, _FORMS, given.get("f"))
    after = given.get("after")
    # The token of a page is an id here: it names no version, as tokens of features do.
    plain = {name: value for name, value in given.items() if name != "after"}
    slug = request.path_params["slug"]

    def work(view: View, older: View) -> Answer:
        found = view.differences(older, after=after, limit=limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        document = _document(request, given, (older, view), found[:limit], more)
        if form == "html":
            return _page(request, "differences.html", slug, document, drawing(found[:limit]))
        return Answer(
            media_type=MEDIA_TYPES["json"], body=orjson.dumps(document), rows=len(found[:limit])
        )

    return await serve_changes(request, slug, since, work, given=plain, form=form)


async def history(request: Request) -> Response:
    """What edits made of one feature, the newest first; who made them only for who may edit."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON | {"before"})
    form = representation(request, _FORMS, given.get("f"))
    slug = request.path_params["slug"]
    before = parameters.whole(given, "before", 0, least=1, most=2**31 - 1) or None
    editors = await may_edit(request, await caller_of(request), slug)
    work = partial(_history, request, given, form, before, editors)
    return await serve_use(
        request, slug, work, face="features", given=given, form=form, every_version=True
    )


def _history(  # noqa: PLR0917 - what a page is asked for
    request: Request,
    given: Mapping[str, str],
    form: str,
    before: int | None,
    editors: bool,
    view: View,
) -> Answer:
    slug, fid = request.path_params["slug"], request.path_params["fid"]
    steps = view.history(fid, before=before, limit=_STEPS)
    with node_of(request).control.read() as session:
        names = {one.edit.editor: name_of(session, one.edit.editor) for one in steps}
    if not steps and view.feature(fid) is None:
        raise NotFound("there is no feature {id}", id=fid[:80])
    document = {
        "dataset": slug,
        "id": fid,
        "since": view.version.whole,
        "steps": [_step(step, names if editors else None) for step in steps],
        "links": _links(request, given, "before", steps[-1].edit.number)
        if len(steps) == _STEPS
        else [],
    }
    if form == "html":
        return _page(request, "history.html", slug, document, None)
    return Answer(media_type=MEDIA_TYPES["json"], body=orjson.dumps(document), rows=len(steps))


def _document(
    request: Request,
    given: Mapping[str, str],
    views: tuple[View, View],
    found: Sequence[Difference],
    more: str | None,
) -> dict[str, Any]:
    older, newer = views
    return {
        "dataset": newer.version.dataset,
        "since": older.version.number,
        "version": newer.version.number,
        "from": iso(older.version.created_at),
        "to": iso(newer.version.created_at),
        "differences": [
            {
                "id": one.id,
                "change": one.change.value,
                "properties": [_value(value) for value in one.values],
                "geometry": {"changed": one.reshaped, "before": one.before, "after": one.after},
                "time": _time(one.valid),
            }
            for one in found
        ],
        "links": _links(request, given, "after", more) if more is not None else [],
    }


def _step(step: Step, names: Mapping[str, str] | None) -> dict[str, Any]:
    edit = step.edit
    said: dict[str, Any] = {
        "version": edit.number,
        "at": iso(edit.at),
        "change": step.change.value,
        "properties": [_value(value) for value in step.values],
        "geometry": {"changed": step.reshaped},
        "time": _time(step.valid),
        "undoes": edit.undoes,
        "restores": edit.restores,
    }
    if names is None:
        return said
    return said | {"editor": names[edit.editor], "note": edit.note}


def _value(value: Value) -> dict[str, Any]:
    return {"name": value.field, "before": _plain(value.before), "after": _plain(value.after)}


def _plain(found: Any) -> Any:
    if isinstance(found, datetime):
        return iso(found)
    if isinstance(found, date):
        return found.isoformat()
    return found.hex() if isinstance(found, bytes) else found


def _time(valid: Any) -> dict[str, Any] | None:
    if valid is None:
        return None
    said = [[None if t is None else iso(t) for t in interval] for interval in valid]
    return {"before": said[0], "after": said[1]}


def _links(
    request: Request, given: Mapping[str, str], name: str, value: Any
) -> list[dict[str, str]]:
    query = urlencode({**given, name: value})
    href = f"{base_of(request)}{request.url.path}?{query}"
    return [{"href": href, "rel": "next", "type": MEDIA_TYPES["json"]}]


def _page(
    request: Request, template: str, slug: str, document: dict[str, Any], drawn: Drawing | None
) -> Answer:
    language = language_of(request)
    with node_of(request).control.read() as session:
        title = resource(session, slug).title.to(language)
    words = {change.value: translate(language, word) for change, word in _WORDS.items()}
    context = {"slug": slug, "title": title, "document": document, "drawn": drawn, "words": words}
    shown = render(request, template, context)
    rows = len(document.get("differences", document.get("steps", ())))
    return Answer(media_type="text/html; charset=utf-8", body=bytes(shown.body), rows=rows)


def routes() -> list[Route]:
    """Routes of differences and histories."""
    return [
        Route("/data/{slug}/differences", differences),
        Route("/data/{slug}/history/{fid:path}", history),
    ]
