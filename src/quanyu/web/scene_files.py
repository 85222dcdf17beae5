"""Files of scenes: ``/data/{slug}/scenes/{scene}.tif``, a COG in which there is what the caller may
see, given whole or by ranges, so that GDAL and QGIS read of it what they need.

A use of the face ``download`` of one row.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.spacetime import View
from quanyu.web import parameters
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.ranges import http_date, part_of, wanted
from quanyu.web.serve_use import Answer, serve_use
from quanyu.web.stream import Chunks

_CHUNK = 1 << 16


async def scene_file(request: Request) -> Response:
    """The file of one scene."""
    given = parameters.read(request)
    parameters.check_known(given, parameters.COMMON - {"f"})
    slug, name = request.path_params["slug"], request.path_params["scene"]

    def work(view: View) -> Answer:
        imagery = view.imagery()
        scene = imagery.scene(name)
        path = imagery.native(scene)
        said = f"{scene.asset.key} {view.restriction.key} {path.stat().st_size}"
        return _file(request, view, path, hashlib.sha256(said.encode()).hexdigest()[:32], name)

    return await serve_use(request, slug, work, face="download", given=given, form="geotiff")


def _file(request: Request, view: View, path: Path, digest: str, name: str) -> Answer:
    tag, size, kind = f'"{digest}"', path.stat().st_size, MEDIA_TYPES["geotiff"]
    changed = view.version.created_at
    headers = [
        ("content-disposition", f'attachment; filename="{name}.tif"'),
        ("accept-ranges", "bytes"),
        ("etag", tag),
        ("last-modified", http_date(changed)),
    ]
    asked = wanted(request, tag, changed)
    span = (0, size) if asked is None else part_of(asked, size)
    if span is None:
        headers.append(("content-range", f"bytes */{size}"))
        return Answer(media_type="text/plain", status=416, headers=tuple(headers))
    start, end = span
    headers.append(("content-length", str(end - start)))
    if asked is not None:
        headers.append(("content-range", f"bytes {start}-{end - 1}/{size}"))
    status = 200 if asked is None else 206
    return Answer(
        media_type=kind, chunks=_part(path, start, end), status=status, headers=tuple(headers)
    )


def _part(path: Path, start: int, end: int) -> Chunks:
    def chunks(went_out: Callable[[int], None]) -> Iterator[bytes]:
        left = end - start
        with path.open("rb") as file:
            file.seek(start)
            went_out(1)
            while left > 0 and (piece := file.read(min(_CHUNK, left))):
                left -= len(piece)
                yield piece

    return chunks


def routes() -> list[Route]:
    """Routes of files of scenes."""
    return [Route("/data/{slug}/scenes/{scene}.tif", scene_file)]
