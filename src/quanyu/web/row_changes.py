"""What changed in the rows of a dataset since a version: ``/data/{slug}/changes?since=``."""

from collections.abc import Callable, Iterator

import orjson
from starlette.requests import Request
from starlette.responses import Response

from quanyu.kernel import Invalid, iso
from quanyu.spacetime import Format, View
from quanyu.web import parameters
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.serve_use import Answer, look_versions, serve_changes

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
    """The versions of a dataset that the caller may read, the newest first."""
    given = parameters.read(request)
    parameters.check_known(given, {"agreement", "purpose", "f", "lang"})
    representation(request, offer("json"), given.get("f"))
    slug = request.path_params["slug"]
    found = await look_versions(request, slug, given)
    document = {
        "dataset": slug,
        "versions": [
            {
                "number": one.number,
                "created": iso(one.created_at),
                "source_sha256": one.source_sha256,
            }
            for one in reversed(found)
        ],
    }
    headers = {"cache-control": "private, no-cache", "vary": "Accept, Authorization, Cookie"}
    return Response(orjson.dumps(document), 200, headers, "application/json")
