"""Pages for people: rendered on the server, usable without scripts, each with a JSON twin."""

from fastapi import APIRouter

from quanyu.web.portal import (
    about,
    access,
    account_pages,
    applications,
    audit_pages,
    city_map,
    correction_pages,
    data_table,
    desk,
    dictionary_page,
    discussion_pages,
    edit,
    find,
    harvest_pages,
    home,
    impact,
    joining,
    kind_pages,
    log_pages,
    member_pages,
    notebooks,
    notice_pages,
    overview,
    people,
    product_pages,
    publicity,
    publish,
    quality_page,
    resources,
    reuse_pages,
    review,
    session,
    single_sign_on,
    tokens,
    verify_page,
    webhook_pages,
)

_PAGES = (
    reuse_pages,
    quality_page,
    notebooks,
    impact,
    discussion_pages,
    dictionary_page,
    data_table,
    correction_pages,
    home,
    desk,
    overview,
    find,
    harvest_pages,
    resources,
    review,
    kind_pages,
    product_pages,
    city_map,
    edit,
    access,
    applications,
    log_pages,
    verify_page,
    publish,
    people,
    publicity,
    tokens,
    account_pages,
    audit_pages,
    joining,
    member_pages,
    notice_pages,
    single_sign_on,
    webhook_pages,
    session,
    about,
)


def routes() -> APIRouter:
    """Every page of the portal."""
    router = APIRouter(include_in_schema=False)
    for page in _PAGES:
        router.include_router(page.router)
    return router
