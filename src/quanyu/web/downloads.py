"""Whole collections as files: ``/data/{slug}.{format}``, streamed as the engine writes them."""

from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.kernel import NotFound
from quanyu.spacetime import Format, View
from quanyu.web import parameters
from quanyu.web.filters import everything
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.serve_use import Answer, serve_use

_FORMATS = {form.value: form for form in Format}


async def download(request: Request) -> Response:
    """``/data/{slug}.{format}``, with the filters of ``items`` where they are given."""
    given = parameters.read(request)
    slug, form = request.path_params["slug"], request.path_params["form"]
    if form not in _FORMATS:
        raise NotFound(
            "there is no form {form}",
            field="form",
            mend="use one of: {forms}",
            form=form[:20],
            forms=", ".join(_FORMATS),
        )

    def work(view: View) -> Answer:
        query = everything(given, view)

        def chunks(went_out: Callable[[int], None]) -> Iterator[bytes]:
            return view.write(query, _FORMATS[form], went_out)

        name = f"{slug}.v{view.version.number}.{form}"
        return Answer(
            media_type=MEDIA_TYPES[form],
            chunks=chunks,
            headers=(("content-disposition", f'attachment; filename="{name}"'),),
        )

    return await serve_use(request, slug, work, face="download", given=given, form=form)


def routes() -> list[Route]:
    """Routes of downloads."""
    return [Route("/data/{slug}.{form}", download)]
