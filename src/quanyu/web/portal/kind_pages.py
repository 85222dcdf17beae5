"""The kinds: their schemas, and registering a resource of any of them by a form."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from quanyu.catalogue import (
    ACCESSES,
    KINDS,
    LICENCES,
    THEMES,
    UPDATE_CYCLES,
    Access,
    Bbox,
    Contact,
    Kind,
    Resource,
    ResourceDraft,
    UpdateCycle,
    check_attributes,
    kind_schema,
    kind_schemas,
    save_draft,
)
from quanyu.kernel import Invalid, LocalText, NotFound, QuanyuError
from quanyu.parties import Caller
from quanyu.web.choices import one_of
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.portal.attribute_form import attribute_form, read_attributes
from quanyu.web.portal.visit import Member, TheNode, Visitor, go, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)


@router.get("/schemas")
async def schema_list(request: Request, _caller: Visitor) -> Response:
    """Every schema, with what each kind is."""
    known = [
        {
            "kind": one.kind.value,
            "version": one.version,
            "profile": one.profile,
            "title": one.title,
            "description": LocalText(
                zh=one.document.get("x-zh", {}).get("description", "") or " ",
                en=one.document.get("description", "") or " ",
            ),
            "properties": len(one.properties),
            "href": _address(one.kind.value, one.version, one.profile),
        }
        for one in kind_schemas()
    ]
    return show(request, "schemas.html", {"schemas": known}, twin={"schemas": known})


@router.get("/schemas/{kind}/{version}.json")
async def schema_file(request: Request, kind: str, version: str, profile: str = "") -> Response:
    """One schema as JSON Schema (draft 2020-12)."""
    if kind not in set(Kind) or not version.isdecimal() or len(version) > 4:
        raise NotFound("there is no schema {id}", id=f"{kind} {version}"[:80])
    found = kind_schema(Kind(kind), int(version), profile)
    address = base_of(request) + _address(kind, found.version, found.profile)
    body = orjson.dumps({**found.document, "x-address": address}, option=orjson.OPT_INDENT_2)
    headers = {"cache-control": "public, max-age=300", "access-control-allow-origin": "*"}
    return Response(body, headers=headers, media_type="application/schema+json")


@router.get("/register/{kind}")
async def register_form(
    request: Request, _caller: Member, kind: str, profile: str = ""
) -> Response:
    """The form for a resource of that kind."""
    return _form(request, _kind(kind), {}, {}, profile=profile)


@router.post("/register/{kind}")
async def register_kind(request: Request, node: TheNode, caller: Member, kind: str) -> Response:
    """Keep it as a draft of the caller's party."""
    await check_csrf_of(request)
    form = await request.form()
    of = _kind(kind)
    attributes = read_attributes(of, form)

    def write(session: Session) -> Resource:
        draft = _draft(of, form, attributes, caller)
        check_attributes(of, attributes, whole=True)
        return save_draft(session, draft, caller, area=node.settings.area_code)

    try:
        made = await writing(node, write)
    except QuanyuError as error:
        return _form(request, of, _said(form), attributes, error=error)
    return go(f"/resources/{made.slug}")


def _kind(name: str) -> Kind:
    if name not in set(Kind):
        raise NotFound("there is no kind {name}", name=name[:40])
    return Kind(name)


def _address(kind: str, version: int, profile: str) -> str:
    return f"/schemas/{kind}/{version}.json" + (f"?profile={profile}" if profile else "")


_BLANK = dict.fromkeys(
    (
        "slug", "title_zh", "title_en", "abstract_zh", "abstract_en", "keywords", "attribution",
        "contact_name", "contact_email", "contact_phone", "west", "south", "east", "north",
    ),
    "",
) | {
    "themes": [],
    "licence": "by-agreement",
    "access": "restricted",
    "update_cycle": "irregular",
}  # fmt: skip


def _said(form: FormData) -> dict[str, Any]:
    said: dict[str, Any] = {name: str(form.get(name, "")) for name in _BLANK}
    return said | {"themes": [str(one) for one in form.getlist("themes")]}


def _form(
    request: Request,
    kind: Kind,
    said: Mapping[str, Any],
    attributes: Mapping[str, Any],
    *,
    profile: str = "",
    error: QuanyuError | None = None,
) -> Response:
    context = {
        "kind": kind,
        "kinds": [{"value": one.value, "name": code.name} for one, code in KINDS.items()],
        "said": _BLANK | dict(said),
        "licences": LICENCES,
        "accesses": ACCESSES,
        "themes": THEMES,
        "cycles": UPDATE_CYCLES,
        **attribute_form(
            kind, attributes, language_of(request), faults=error is not None, profile=profile
        ),
    }
    return show(request, "register_kind.html", context, error=error)


def _draft(
    kind: Kind, form: FormData, attributes: Mapping[str, Any], caller: Caller
) -> ResourceDraft:
    assert caller.party is not None  # noqa: S101 - a page for members
    said = {name: str(form.get(name, "")).strip() for name in _BLANK}
    return ResourceDraft(
        slug=said["slug"],
        kind=kind,
        title=_text(said, "title") or _needed("title"),
        abstract=_text(said, "abstract"),
        provider=caller.party,
        licence=said["licence"],
        access=one_of(Access, said["access"], "access"),
        update_cycle=one_of(UpdateCycle, said["update_cycle"], "update_cycle"),
        keywords=tuple(
            word for word in said["keywords"].replace("，", ",").split(",") if word.strip()
        ),
        themes=tuple(str(one) for one in form.getlist("themes")),
        attribution=said["attribution"],
        contact=_contact(said),
        bbox=_bbox(said),
        attributes=attributes,
    )


def _text(said: Mapping[str, str], name: str) -> LocalText | None:
    zh, en = said[f"{name}_zh"], said[f"{name}_en"]
    return LocalText(zh=zh, en=en) if zh or en else None


def _needed(field: str) -> LocalText:
    raise Invalid("a title is needed", field=field, mend="give one in Chinese or English")


def _contact(said: Mapping[str, str]) -> Contact | None:
    if not any(said[f"contact_{name}"] for name in ("name", "email", "phone")):
        return None
    return Contact(said["contact_name"], said["contact_email"], said["contact_phone"])


def _bbox(said: Mapping[str, str]) -> Bbox | None:
    sides = [said[name] for name in ("west", "south", "east", "north")]
    if not any(sides):
        return None
    try:
        west, south, east, north = map(float, sides)
    except ValueError as error:
        raise Invalid(
            "{bbox} is no extent",
            field="bbox",
            mend="give west, south, east, north in degrees, west ≤ east and south ≤ north",
            bbox=sides,
        ) from error
    return west, south, east, north
