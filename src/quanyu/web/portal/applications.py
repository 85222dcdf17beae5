"""Applications for registration: mine, one of them with its course, and every step with it."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    APPLICATION_KINDS,
    APPLICATION_STATES,
    EDITABLE,
    ENDED,
    OBJECTION_STATES,
    SUITS,
    Application,
    ApplicationKind,
    ApplicationState,
    Move,
    application,
    application_steps,
    applications,
    apply,
    check_writes,
    items_for,
    may_review,
    merge,
    objections,
    open_application,
    registration_rules,
    resource,
    reviewers,
    submit_application,
)
from quanyu.kernel import Invalid, QuanyuError, now
from quanyu.parties import Caller, Role, Scope
from quanyu.web.node import Node
from quanyu.web.portal.application_forms import ONE, Sent, revision_of, step_of
from quanyu.web.portal.application_views import (
    TONES,
    by_whom,
    changes,
    course,
    description,
    due_day,
    field_name,
    history_of,
    in_lines,
    member_name,
    overdue,
    row,
    whole,
)
from quanyu.web.portal.rights_views import rights_change
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    filter_of,
    go,
    link_to,
    local,
    reading,
    say,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_PLAIN = (ApplicationKind.FIRST, ApplicationKind.CANCELLATION)
_S = ApplicationState
_IN_REVIEW = frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.PUBLICISED})


@router.get("/applications")
async def mine(
    request: Request,
    node: TheNode,
    caller: Member,
    after: str | None = None,
) -> Response:
    """The applications of the caller's party, latest first."""
    state = filter_of(request, "state", set(_S))
    states = frozenset({_S(state)}) if state else frozenset()

    def read(session: Session) -> dict[str, Any]:
        page = applications(session, caller, own=True, states=states, limit=30, after=after)
        returned = applications(
            session, caller, own=True, states=frozenset({_S.RETURNED}), limit=30
        )
        return {
            "items": [row(session, request, node, one) for one in page.items],
            "returned": [row(session, request, node, one) for one in returned.items],
            "total": page.total,
            "next": page.next,
        }

    found = await reading(node, read)
    context = found | {
        "state": state,
        "states": [(s.value, local(request, code.name)) for s, code in APPLICATION_STATES.items()],
        "next_href": link_to(request, after=found["next"]) if found["next"] else None,
        "reviewer": may_review(caller),
    }
    return show(request, "applications.html", context, twin=found)


@router.get("/applications/new/{slug}")
async def new_page(request: Request, node: TheNode, caller: Member, slug: str) -> Response:
    """The form to apply for the registration of a draft, or for cancellation of what is public."""

    def read(session: Session) -> dict[str, Any]:
        entry = resource(session, slug, visible_to=caller)
        check_writes(caller, entry.provider)
        kinds = [kind for kind in _PLAIN if entry.state in SUITS[kind]]
        return {"entry": entry, "kinds": kinds, "open": open_application(session, entry.id)}

    found = await reading(node, read)
    names = [(kind.value, local(request, APPLICATION_KINDS[kind].name)) for kind in found["kinds"]]
    return show(request, "application_new.html", found | {"kinds": names, "problem": None})


@router.post("/applications")
async def begin(request: Request, node: TheNode, caller: Member) -> Response:
    """Begin an application for an entry as it is: a first registration or a cancellation."""
    await check_csrf_of(request)
    form = await request.form()
    kind, of = str(form.get("kind", "")), str(form.get("resource", ""))
    if kind not in set(ApplicationKind):
        raise Invalid("there is no such kind of application", field="kind")
    reason = str(form.get("reason", ""))
    rules = registration_rules(node.settings)

    def write(session: Session) -> Application:
        entry = resource(session, of, visible_to=caller)
        made = apply(session, entry.id, ApplicationKind(kind), caller, reason=reason)
        return submit_application(session, made.id, caller, rules)

    made = await writing(node, write)
    return go(f"/applications/{made.id}")


@router.get("/applications/{name}")
async def application_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """One application: where it stands, what it would change, what may be done now."""
    return await _page(request, node, caller, name)


@router.post("/applications/{name}")
async def take_step(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Take the step that the pressed button names."""
    form = await request.form(max_fields=5_000)
    await check_csrf_of(request)
    rules = registration_rules(node.settings)
    try:
        step = step_of(form, ONE)
        sent = Sent(name, caller, rules, form, revision_of(str(form.get("revision", ""))))
        await writing(node, lambda s: step(s, sent))
    except QuanyuError as error:
        return await _page(request, node, caller, name, form=form, error=error)
    return go(f"/applications/{name}")


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    form: Mapping[str, Any] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    found = await reading(node, lambda s: _read(s, request, node, caller, name))
    said = {key: str(text) for key, text in (form or {}).items()}
    context = found | {"said": said}
    twin = None if error else {key: found[key] for key in _TWIN}
    return show(request, "application.html", context, twin=twin, error=error)


_TWIN = ("item", "course", "changes", "description", "rights", "history", "objections", "comments")


def _read(
    session: Session, request: Request, node: Node, caller: Caller, name: str
) -> dict[str, Any]:
    one = application(session, name, visible_to=caller)
    entry = resource(session, one.resource)
    steps = application_steps(session, name, visible_to=caller)
    found = merge(one.base, entry, one.proposed)
    rules = registration_rules(node.settings)
    full = whole(one)
    said = description(session, request, caller, one) if full else []
    return {
        "one": one,
        "item": row(session, request, node, one)
        | {
            "reason": one.reason,
            "publicity_from": one.publicity_from,
            "publicity_until": one.publicity_until,
            "paused_at": one.paused_at,
        },
        "entry": entry,
        "tone": TONES[one.state],
        "course": course(request, one, steps),
        "due": due_day(node, one),
        "overdue": overdue(one),
        "changes": [] if full else changes(request, one),
        "description": said,
        "lines": in_lines(said),
        "rights": rights_change(session, request, node, one.rights_base, one.rights)
        if one.rights is not None
        else [],
        "history": history_of(session, request, caller, steps),
        "applicant": by_whom(session, request, caller, one.party, one.member),
        "assigned_name": member_name(session, one.assigned) if one.assigned else "",
        "returned_because": next(
            (step.reason for step in reversed(steps) if step.move is Move.RETURNED), ""
        )
        if one.state is _S.RETURNED
        else "",
        "comments": {field_name(request, key): text for key, text in one.comments.items()},
        "comment_fields": {key: field_name(request, key) for key in _commentable(one)},
        "checklist": items_for(one.kind, rules.checklist),
        "objections": _objections(session, request, caller, one),
        "meanwhile": [] if one.state in ENDED else _named(request, found.theirs, one, entry),
        "clashes": [field_name(request, key) for key in found.clashes],
        "actions": _actions(caller, one),
        "reviewers": reviewers(session) if may_review(caller) else [],
        "own_review": caller.member is not None and caller.member in (one.member, one.submitter),
        "after_publicity": one.publicity_until is not None and one.publicity_until <= now(),
    }


def _named(request: Request, fields: tuple[str, ...], one: Application, entry: Any) -> list[str]:
    if one.base_revision == entry.revision:
        return []
    return [field_name(request, name) for name in fields]


def _commentable(one: Application) -> list[str]:
    return [
        name
        for name in ("title", "abstract", "keywords", "themes", "access", "licence", "grade",
                     "update_cycle", "fields", "lineage", "provenance", "contact", "attributes")
        if getattr(one.proposed, name) or name in {"abstract", "contact", "provenance"}
    ]  # fmt: skip


def _objections(
    session: Session, request: Request, caller: Caller, one: Application
) -> list[dict[str, Any]]:
    if one.publicity_from is None:
        return []
    return [
        {
            "id": item.id,
            "at": item.at,
            "text": item.text,
            "contact": item.contact,
            "by": by_whom(session, request, caller, item.party, item.member)
            if item.party
            else say(request, "not signed in"),
            "state": item.state.value,
            "state_name": local(request, OBJECTION_STATES[item.state].name),
            "answer": item.answer,
            "answered_at": item.answered_at,
        }
        for item in objections(session, one.id, visible_to=caller)
    ]


def _actions(caller: Caller, one: Application) -> frozenset[str]:
    """What the page offers; the life cycle itself decides when it is sent."""
    offered: set[str] = set()
    writes = caller.party in (one.provider, one.party) and any(
        caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD, Role.OPERATOR)
    )
    if writes and one.state in EDITABLE:
        offered |= {"edit", "submit", "rebase"}
    if writes and one.state not in ENDED:
        offered.add("recall")
    if may_review(caller):
        if one.state in _IN_REVIEW:
            offered |= {"return", "refuse", "hand-over"}
        if one.state is _S.SUBMITTED:
            offered.add("accept")
        if one.state is _S.ACCEPTED:
            offered.add("approve")
        if one.state is _S.PUBLICISED:
            offered |= {"register", "answer"}
    return frozenset(offered)


def kind_names(request: Request) -> list[tuple[str, str]]:
    """Kinds of applications, for choices."""
    return [(kind.value, local(request, code.name)) for kind, code in APPLICATION_KINDS.items()]
