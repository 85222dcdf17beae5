"""Pages: Jinja templates with the language, the visitor's preferences and hashed static files.

:func:`render` is the one way to answer HTML. It decides nothing: what a page shows is in its
context; who is asking is read from ``request.state.caller`` where the caller was resolved.
"""

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import structlog
from babel.messages.pofile import read_po
from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import HTTPConnection
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from quanyu.catalogue import (
    ACCESSES,
    GRADES,
    KINDS,
    SENSITIVITIES,
    STATES,
    THEMES,
    UPDATE_CYCLES,
    shown_attributes,
)
from quanyu.kernel import LANGUAGES, LOCALE, Language, Settings, message_pair, translate
from quanyu.web import formats
from quanyu.web.menu import desk_menu, public_menu
from quanyu.web.negotiate import qualities
from quanyu.web.who import csrf_token_of

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
HTML_LANG: dict[Language, str] = {"zh": "zh-CN", "en": "en"}
LANGUAGE_COOKIE = "quanyu_lang"
YEAR = 365 * 24 * 3600
COLOURS = ("auto", "light", "dark")
TEXTS = ("normal", "large", "simple")

_log = structlog.get_logger(__name__)


def language_of(request: HTTPConnection) -> Language:
    """The language of an answer: ``?lang=``, the cookie, ``Accept-Language``, else Chinese."""
    asked = request.query_params.get("lang", "").lower()[:2]
    kept = request.cookies.get(LANGUAGE_COOKIE) if "cookie" in request.headers else None
    for language in LANGUAGES:
        if asked == language:
            return language
    for language in LANGUAGES:
        if kept == language:
            return language
    return _liked(request.headers.get("accept-language", ""))


@lru_cache(maxsize=1024)
def _liked(header: str) -> Language:
    for tag, weight in sorted(qualities(header), key=lambda item: -item[1]):
        for language in LANGUAGES:
            if weight > 0 and tag.partition("-")[0] == language:
                return language
    return LANGUAGES[0]


def render(
    request: Request,
    template: str,
    context: Mapping[str, Any] | None = None,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """An HTML answer: ``template`` filled with ``context`` in the request's language.

    Pages depend on who asks, so they are private to the browser unless ``headers`` say otherwise.
    """
    language = language_of(request)
    page = (
        environment()
        .get_template(template)
        .render(_common(request, language) | dict(context or {}))
    )
    answer = HTMLResponse(page, status_code=status, headers=dict(headers or {}))
    answer.headers["Content-Language"] = HTML_LANG[language]
    answer.headers["Vary"] = "Accept, Accept-Language, Cookie"
    answer.headers.setdefault("Cache-Control", "private, no-cache")
    if request.query_params.get("lang") == language:
        keep(answer, LANGUAGE_COOKIE, language)
    return answer


def keep(answer: Response, name: str, value: str) -> None:
    """Remember a visitor's preference for a year."""
    answer.set_cookie(name, value, max_age=YEAR, samesite="lax", path="/")


@cache
def environment() -> Environment:
    """Jinja with autoescape; an unknown name in a template is an error."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    env.filters.update(formats.FILTERS)
    env.globals.update(asset=asset, styles=styles, island_words=island_words, to_json=to_json)
    env.globals.update(ngettext=formats.ngettext)
    env.globals.update(
        accesses_table=ACCESSES,
        cycles_table=UPDATE_CYCLES,
        grades_table=GRADES,
        kinds_table=KINDS,
        sensitivities_table=SENSITIVITIES,
        states_table=STATES,
        themes_table=THEMES,
        shown_attributes=shown_attributes,
    )
    return env


def asset(entry: str) -> str:
    """URL of a built file: ``asset("src/map.ts")`` is ``/static/assets/map-….js``."""
    return f"/static/{_chunk(entry)['file']}"


def styles(entry: str) -> list[str]:
    """URLs of the style sheets that an entry's modules import, in order, each once."""
    found: dict[str, None] = {}
    _collect(entry, found)
    return [f"/static/{name}" for name in found]


def _collect(entry: str, found: dict[str, None]) -> None:
    chunk = _chunk(entry)
    for imported in chunk.get("imports", []):
        _collect(imported, found)
    found.update(dict.fromkeys(chunk.get("css", [])))


def to_json(value: Any) -> Markup:
    """JSON for a ``<script type="application/json">``; no text in it can close the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    for char, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(char, escape)
    return Markup(text)  # noqa: S704 - every character that HTML gives a meaning is escaped above


@cache
def island_words(language: Language) -> dict[str, str]:
    """The messages that the TypeScript islands speak, translated: id → text; none for English."""
    if language == "en":
        return {}
    with (LOCALE / language / "quanyu.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    return dict(
        message_pair(entry)
        for entry in catalogue
        if entry.string and any(place.startswith("web-ui/") for place, _ in entry.locations)
    )


def static_files() -> StaticFiles:
    """The built front end, to be mounted at ``/static``; hashed names never change."""
    STATIC.mkdir(exist_ok=True)
    return _Hashed(directory=STATIC)


class _Hashed(StaticFiles):
    """Files under ``assets/`` carry a hash of their content in their name."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        lasting = path.startswith("assets/") and answer.status_code in {200, 304}
        answer.headers["Cache-Control"] = (
            f"public, max-age={YEAR}, immutable" if lasting else "no-cache"
        )
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer


def preference(request: Request, name: str, allowed: tuple[str, ...]) -> str:
    """A visitor's preference from its cookie; the first of ``allowed`` when there is none."""
    said = request.cookies.get(f"quanyu_{name}")
    return said if said in allowed else allowed[0]


def _common(request: Request, language: Language) -> dict[str, Any]:
    def say(message: str, **params: object) -> str:
        return translate(language, message, **params)

    other: Language = "en" if language == "zh" else "zh"
    node = getattr(request.app.state, "node", None)
    settings = node.settings if node else Settings()
    return {
        "_": say,
        "request": request,
        "language": language,
        "html_lang": HTML_LANG[language],
        "other_language": other,
        "other_language_url": _relative(request, lang=other),
        "here": _relative(request),
        "theme": preference(request, "theme", COLOURS),
        "text_size": preference(request, "text", TEXTS),
        "me": getattr(request.state, "caller", None),
        "csrf": csrf_token_of(request) if node else "",
        "public_menu": public_menu(request),
        "desk_menu": desk_menu(request, getattr(request.state, "caller", None)),
        "unread": getattr(request.state, "unread", 0),
        "site": settings.title_zh if language == "zh" else settings.title_en,
        "settings": settings,
    }


def _relative(request: Request, **query: str) -> str:
    """Path and query of this page, with some parameters put in place of what they were."""
    url = request.url.include_query_params(**query) if query else request.url
    return f"{url.path}?{url.query}" if url.query else url.path


def front_end_built() -> bool:
    """Whether the islands and styles are there."""
    return (STATIC / ".vite" / "manifest.json").exists()


def _chunk(entry: str) -> dict[str, Any]:
    path = STATIC / ".vite" / "manifest.json"
    built = _manifest(path.stat().st_mtime) if path.exists() else {}
    if entry not in built:
        # Pages work without scripts and styles, if plainly: no reason to answer nothing.
        _log.warning("front_end.not_built", entry=entry, mend="make .stamps/front")
    return built.get(entry, {"file": f"missing/{entry}"})


@lru_cache(maxsize=1)
def _manifest(_changed: float) -> dict[str, dict[str, Any]]:
    manifest: dict[str, dict[str, Any]] = json.loads(
        (STATIC / ".vite" / "manifest.json").read_bytes()
    )
    return manifest
