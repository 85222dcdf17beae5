"""Whole collections as files: ``/data/{slug}.{format}``, streamed as the engine writes them.

A download can be resumed: texts are the same bytes each time, and a part (``Range``) is cut from a
file that is kept for a while. Other forms are written to such a file before their first byte goes.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.catalogue import Resource, resource
from quanyu.kernel import NotFound, QuanyuError
from quanyu.parties import Caller, party
from quanyu.spacetime import AROUND, MOST_XLSX_ROWS, NAMED, NAMING, Format, View
from quanyu.web import parameters
from quanyu.web.bundle import Bundle, write_bundle
from quanyu.web.catalogue_index import index
from quanyu.web.filters import everything
from quanyu.web.kept_files import kept_file
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of, node_of
from quanyu.web.pages import language_of
from quanyu.web.ranges import http_date, part_of, wanted
from quanyu.web.row_changes import row_changes, versions
from quanyu.web.serve_use import Answer, serve_use
from quanyu.web.stream import Chunks
from quanyu.web.who import caller_of

_FORMATS = {form.value: form for form in Format}
_BUNDLE = "zip"
CITY_ENDINGS = {"cityjson": "city.json", "cityjsonseq": "city.jsonl"}
"""Endings of city models; ``/data/{slug}.city.json`` is what their tools expect."""
_CITY = {ending.removeprefix("city."): form for form, ending in CITY_ENDINGS.items()}
FORMS = (*_FORMATS, _BUNDLE)
_NOT_ALIKE = frozenset({"arrow", "fgb", "gpkg", "laz", "parquet", "xlsx", _BUNDLE})
"""Forms whose bytes may differ from time to time, so that they are kept from the first one on."""
_UNFIT = re.compile(r"[\\/:*?\"<>|\x00-\x1f\x7f]+")


async def download(request: Request) -> Response:
    """``/data/{slug}.{format}``, with the filters of ``items`` where they are given."""
    given = parameters.read(request)
    slug, form = request.path_params["slug"], request.path_params["form"]
    if slug.endswith(".city") and form in _CITY:
        slug, form = slug.removesuffix(".city"), _CITY[form]
    if form not in FORMS:
        raise NotFound(
            "there is no form {form}",
            field="form",
            mend="use one of: {forms}",
            form=form[:20],
            forms=", ".join(FORMS),
        )
    bundle = await run_in_threadpool(_bundle, request, slug, await caller_of(request))

    def work(view: View) -> Answer:
        query = everything(given, view)

        def chunks(went_out: Callable[[int], None]) -> Iterator[bytes]:
            if form == _BUNDLE and bundle is not None:
                return write_bundle(view, query, bundle, went_out)
            return view.write(query, _FORMATS[form], went_out, named=_named(form))

        return _file(request, view, form, bundle, chunks)

    return await serve_use(request, slug, work, face="download", given=given, form=form)


def _bundle(request: Request, slug: str, caller: Caller) -> Bundle | None:
    """What a bundle says beside the data; ``None`` for what the caller may not know of, which the
    gate then says in its own words."""
    try:
        with node_of(request).control.read() as session:
            of = resource(session, slug, visible_to=caller)
            provider = party(session, of.provider).name
    except QuanyuError:
        return None
    return Bundle(of, provider, base_of(request), language_of(request))


def _file(request: Request, view: View, form: str, bundle: Bundle | None, chunks: Chunks) -> Answer:
    tag = _tag(request, view, form, bundle)
    changed = view.version.created_at
    headers = [
        ("content-disposition", disposition(request, view, form, bundle.of if bundle else None)),
        ("accept-ranges", "bytes"),
        ("etag", tag),
        ("last-modified", http_date(changed)),
    ]
    if form == "xlsx" and view.version.rows > MOST_XLSX_ROWS:
        headers.append(("quanyu-most-rows", str(MOST_XLSX_ROWS)))
    if tag in request.headers.get("if-none-match", ""):
        return Answer(media_type="", status=304, headers=tuple(headers))
    asked = wanted(request, tag, changed)
    if asked is None and form not in _NOT_ALIKE:
        return Answer(
            media_type=MEDIA_TYPES[form], chunks=chunks, headers=tuple(headers), named=_named(form)
        )
    settings = node_of(request).settings
    folder = settings.dir / "cache" / "downloads"
    kept = kept_file(folder, tag.strip('"'), chunks, settings.download_cache_bytes)
    if asked is None:
        headers.append(("content-length", str(kept.size)))
        return Answer(
            media_type=MEDIA_TYPES[form],
            chunks=kept.part(0, kept.size),
            headers=tuple(headers),
            named=_named(form),
        )
    part = part_of(asked, kept.size)
    if part is None:
        headers.append(("content-range", f"bytes */{kept.size}"))
        return Answer(media_type="text/plain", status=416, headers=tuple(headers))
    start, end = part
    headers.append(("content-range", f"bytes {start}-{end - 1}/{kept.size}"))
    headers.append(("content-length", str(end - start)))
    return Answer(
        media_type=MEDIA_TYPES[form],
        chunks=kept.part(start, end),
        status=206,
        headers=tuple(headers),
        named=_named(form),
        around=kept.around(start, end, AROUND),
    )


def _named(form: str) -> bool:
    """Whether a file of that form names its use."""
    return form in _FORMATS and _FORMATS[form] in NAMING


def _tag(request: Request, view: View, form: str, bundle: Bundle | None) -> str:
    """A strong entity tag: what the bytes of an answer follow from, and nothing else, but for the
    name of the use, which has always as many bytes: parts of two uses make a whole file."""
    parts = [
        view.version.dataset,
        view.version.number,
        view.version.created_at.isoformat(),
        view.restriction.key,
        form,
        NAMED if _named(form) else "",
        request.scope["query_string"].decode("latin-1"),
    ]
    if form == _BUNDLE and bundle is not None:
        parts += [bundle.of.revision, bundle.base, bundle.language]
    return f'"{hashlib.blake2b(orjson.dumps(parts), digest_size=16).hexdigest()}"'


def disposition(request: Request, view: View, form: str, of: Resource | None) -> str:
    """``Content-Disposition`` (RFC 6266): a plain name for all, the title for those who can."""
    form = CITY_ENDINGS.get(form, form)
    plain = f"{view.version.dataset}.v{view.version.number}.{form}"
    if of is None:
        return f'attachment; filename="{plain}"'
    title = _UNFIT.sub(" ", of.title.to(language_of(request))).strip(" .")[:80]
    full = f"{title}.v{view.version.number}.{form}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(full, safe='')}"


def routes() -> list[Route]:
    """Routes of downloads."""
    return [
        Route("/data/index.{form}", index),
        Route("/data/{slug}/changes", row_changes),
        Route("/data/{slug}/versions", versions),
        Route("/data/{slug}.{form}", download),
    ]
