"""Editing an entry: saved as a draft, sent to review, or put in force where that is allowed.

Two people may edit at once: the form carries what it began with, so that the second is shown what
the first has changed, keeps what was typed, and loses nothing.
"""

from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any

import orjson
from fastapi import APIRouter, Request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from quanyu.catalogue import (
    ACCESSES,
    EDITABLE,
    GRADES,
    LICENCES,
    SENSITIVITIES,
    SOURCES,
    THEMES,
    UPDATE_CYCLES,
    Application,
    ApplicationKind,
    Resource,
    ResourceDraft,
    State,
    amend,
    apply,
    check_writes,
    differences,
    merge,
    open_application,
    publish,
    register_draft,
    registration_rules,
    resource,
    revise_application,
    submit_application,
)
from quanyu.kernel import Conflict, Invalid, NotFound, QuanyuError, ResourceId
from quanyu.parties import Caller
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.application_views import field_name, named, row, value
from quanyu.web.portal.attribute_form import attribute_form, read_attributes
from quanyu.web.portal.entry_form import MOST_INPUTS, SPARE, form_of, read_entry
from quanyu.web.portal.visit import Member, TheNode, go, reading, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_DRAFT = TypeAdapter(ResourceDraft)
_NAMES = tuple(field.name for field in fields(ResourceDraft))
_LONGEST_WAS = 4_000_000


@dataclass(frozen=True, slots=True)
class Desk:
    """What is edited: the entry, or the application under way for it."""

    entry: Resource
    application: Application | None
    direct: bool
    slugs: dict[str, str]

    @property
    def draft(self) -> ResourceDraft:
        """The description that the form begins with."""
        return self.application.proposed if self.application else self.entry

    @property
    def revision(self) -> str:
        """What it stood at: of the application or of the entry."""
        if self.application:
            return f"a{self.application.revision}"
        return f"e{self.entry.revision}"

    @property
    def locked(self) -> bool:
        """Whether an application is on its way, so that nothing can be edited now."""
        return self.application is not None and self.application.state not in EDITABLE


@router.get("/resources/{name}/edit")
async def edit_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The form, as the entry stands or as it has been proposed."""
    desk = await reading(node, lambda s: _desk(s, node, caller, name))
    return await _form(request, node, desk)


@router.post("/resources/{name}/edit")
async def keep(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Save the draft, and submit it or put it in force when that button was pressed."""
    form = await request.form(max_fields=MOST_INPUTS)
    await check_csrf_of(request)
    typed: ResourceDraft | None = None
    desk: Desk

    def read(session: Session) -> tuple[Desk, ResourceDraft]:
        desk = _desk(session, node, caller, name)
        return desk, read_entry(session, form, desk.draft, caller)

    try:
        desk, draft = await reading(node, read)
        typed = draft
        if str(form.get("revision", "")) != desk.revision:
            raise Conflict("the form is not of this revision", field="revision")
        sent = Typed(draft, *(str(form.get(name, "")) for name in ("step", "reason", "kind")))
        path = await writing(node, lambda s: _write(s, node, caller, desk, sent))
    except QuanyuError as error:
        desk = await reading(node, lambda s: _desk(s, node, caller, name))
        if isinstance(error, Conflict) and error.field == "revision" and typed is not None:
            return await _changed(request, node, desk, typed, form)
        return await _form(request, node, desk, typed=typed, form=form, error=error)
    return go(path)


def _desk(session: Session, node: Node, caller: Caller, name: str) -> Desk:
    entry = resource(session, name, visible_to=caller)
    check_writes(caller, entry.provider)
    under_way = open_application(session, entry.id)
    sources = {*entry.lineage, *(under_way.proposed.lineage if under_way else ())}
    direct = caller.runs_node or node.settings.registration == "direct"
    return Desk(entry, under_way, direct, _slugs(session, caller, sources))


def _slugs(session: Session, caller: Caller, ids: set[ResourceId]) -> dict[str, str]:
    """Names of resources, as far as the caller may know of them."""
    found = {}
    for one in ids:
        with suppress(NotFound):
            found[str(one)] = resource(session, one, visible_to=caller).slug
    return found


@dataclass(frozen=True, slots=True)
class Typed:
    """What was sent: the description, the button, and what goes with an application."""

    draft: ResourceDraft
    step: str
    reason: str
    kind: str


def _write(session: Session, node: Node, caller: Caller, desk: Desk, typed: Typed) -> str:
    step = typed.step or "save"
    if step not in {"save", "submit", "publish"}:
        raise Invalid("there is no such step", field="step", mend="use the buttons of the page")
    entry = desk.entry
    if desk.application is None and (entry.state is not State.PUBLISHED or step == "publish"):
        entry = amend(
            session,
            entry.id,
            typed.draft,
            caller,
            revision=entry.revision,
            reviewed=not desk.direct,
        )
        if step == "save":
            return f"/resources/{entry.slug}/edit?saved=1"
        if step == "publish":
            return _put_in_force(session, caller, entry, reviewed=not desk.direct)
    one = _proposed(session, caller, replace(desk, entry=entry), typed)
    if step == "submit":
        rules = registration_rules(node.settings)
        one = submit_application(session, one.id, caller, rules)
        return f"/applications/{one.id}"
    return f"/resources/{entry.slug}/edit?saved=1"


def _proposed(session: Session, caller: Caller, desk: Desk, typed: Typed) -> Application:
    """The application with what was typed: the one under way, or one that begins now."""
    entry, one = desk.entry, desk.application
    if one is not None:
        return revise_application(
            session, one.id, typed.draft, caller, revision=one.revision, reason=typed.reason
        )
    if entry.state is not State.PUBLISHED:
        return apply(session, entry.id, ApplicationKind.FIRST, caller, reason=typed.reason)
    correction = typed.kind == ApplicationKind.CORRECTION
    return apply(
        session,
        entry.id,
        ApplicationKind.CORRECTION if correction else ApplicationKind.CHANGE,
        caller,
        proposed=typed.draft,
        reason=typed.reason,
        revision=entry.revision,
    )


def _put_in_force(session: Session, caller: Caller, entry: Resource, *, reviewed: bool) -> str:
    if entry.state is State.DRAFT:
        entry = register_draft(session, entry.id, caller)
    if entry.state is not State.PUBLISHED:
        publish(session, entry.id, caller, reviewed=reviewed)
    return f"/resources/{entry.slug}"


async def _changed(
    request: Request, node: Node, desk: Desk, typed: ResourceDraft, form: FormData
) -> Response:
    """Somebody else was quicker: what they changed, and what was typed with it taken in."""
    was = _was(form)
    found = merge(was or desk.draft, desk.draft, typed)
    theirs = [
        {
            "name": named(request, one.field, one.path),
            "old": value(request, one.field, one.path, one.old),
            "new": value(request, one.field, one.path, one.new),
            "clash": one.field in found.clashes,
        }
        for one in differences(was or typed, desk.draft)
    ]
    error = Conflict(
        "somebody else has changed this while you were writing",
        field="revision",
        mend="see below what they changed; what you wrote is kept: look it over and save again",
    )
    return await _form(
        request, node, desk, typed=found.draft, form=form, error=error, theirs=theirs
    )


def _was(form: FormData) -> ResourceDraft | None:
    """What the form began with; nothing when it does not say so in a way that can be read."""
    text = str(form.get("was", ""))
    if not text or len(text) > _LONGEST_WAS:
        return None
    try:
        return _DRAFT.validate_python(orjson.loads(text))
    except (ValidationError, ValueError, TypeError, RecursionError):
        return None


async def _form(
    request: Request,
    node: Node,
    desk: Desk,
    *,
    typed: ResourceDraft | None = None,
    form: FormData | None = None,
    error: QuanyuError | None = None,
    theirs: list[dict[str, Any]] | None = None,
) -> Response:
    draft = typed or desk.draft
    plain = {name: getattr(desk.draft, name) for name in _NAMES}
    was = _DRAFT.dump_json(ResourceDraft(**plain)).decode()
    attributes = draft.attributes
    said = form_of(draft, desk.slugs)
    if form is not None and typed is None:
        # What could not be read stands as it was typed.
        said |= {name: form[name] for name in said if isinstance(form.get(name), str)}
        said["themes"] = [str(one) for one in form.getlist("themes")]
        said["fields"] = _rows(form) or said["fields"]
        attributes = read_attributes(desk.entry.kind, form)
    one = desk.application
    item = await reading(node, lambda s: row(s, request, node, one)) if one else None
    context = {
        "entry": desk.entry,
        "item": item,
        "locked": desk.locked,
        "direct": desk.direct,
        "published": desk.entry.state is State.PUBLISHED,
        "said": said,
        "spare": 0 if desk.entry.formats else SPARE,
        "revision": desk.revision,
        "was": was,
        "reason": str(form.get("reason", "")) if form else one.reason if one else "",
        "kind": str(form.get("kind", "change")) if form else one.kind.value if one else "change",
        "comments": {
            field_name(request, key): text for key, text in (one.comments if one else {}).items()
        },
        "theirs": theirs or [],
        "saved": request.query_params.get("saved") == "1",
        "tables": {
            "licence": LICENCES,
            "access": ACCESSES,
            "grade": GRADES,
            "source": SOURCES,
            "update_cycle": UPDATE_CYCLES,
        },
        "themes": THEMES,
        "particulars": bool(attributes),
        "sensitivities": SENSITIVITIES,
        **attribute_form(
            desk.entry.kind, attributes, language_of(request), faults=error is not None
        ),
    }
    twin = {
        "slug": desk.entry.slug,
        "state": desk.entry.state.value,
        "revision": desk.revision,
        "application": item,
        "description": orjson.loads(was),
    }
    return show(request, "entry_edit.html", context, twin=None if error else twin, error=error)


def _rows(form: FormData) -> list[dict[str, str]]:
    names = ("name", "type", "unit", "zh", "en", "sensitivity", "person")
    columns = [[str(one) for one in form.getlist(f"field_{name}")] for name in names]
    return [dict(zip(names, said, strict=True)) for said in zip(*columns, strict=False)]
