"""Pages for people: rendered on the server, usable without scripts, each with a JSON twin."""

from fastapi import APIRouter

from quanyu.web.portal import (
    about,
    access,
    city_map,
    find,
    home,
    log_pages,
    overview,
    people,
    publish,
    resources,
    session,
    tokens,
    verify_page,
)

_PAGES = (
    home,
    overview,
    find,
    resources,
    city_map,
    access,
    log_pages,
    verify_page,
    publish,
    people,
    tokens,
    session,
    about,
)


def routes() -> APIRouter:
    """Every page of the portal."""
    router = APIRouter(include_in_schema=False)
    for page in _PAGES:
        router.include_router(page.router)
    return router
