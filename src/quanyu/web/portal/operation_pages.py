"""Authorised operation 授权运营: authorisations, their steps, the operator's workspace."""

import hashlib
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from quanyu.agreements import AgreementState, Side, agreements, offers, published_reports
from quanyu.catalogue import (
    MODES,
    OPERATION_MOVES,
    OPERATION_STATES,
    THEMES,
    Mode,
    Operation,
    OperationDraft,
    OperationState,
    begin_operation,
    draft_operation,
    end_operation,
    file_operation,
    may_operate,
    may_review,
    may_write,
    operation,
    operation_steps,
    operations,
    products,
    resource,
    resources,
    resume_operation,
    suspend_operation,
)
from quanyu.kernel import Invalid, LocalText, PartyId, QuanyuError, ResourceId, day_in_zone, now
from quanyu.parties import Caller, parties, party
from quanyu.web.days import start_of
from quanyu.web.node import Node
from quanyu.web.portal.application_forms import revision_of
from quanyu.web.portal.rights_views import last_day
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    local,
    reading,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_S = OperationState
TONES = {_S.IN_FORCE: "ok", _S.FILED: "shared", _S.SUSPENDED: "restricted", _S.ENDED: "bad"}
_TYPED = ("title_zh", "title_en", "mode", "operator", "field", "scenario_zh", "scenario_en",
          "from", "until", "plan_zh", "plan_en")  # fmt: skip
_CHOICE = 300


@router.get("/operations")
async def operation_list(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Every authorisation that has been filed; drafts for who may see them."""

    def read(session: Session) -> dict[str, Any]:
        found = operations(session, visible_to=caller)
        return {"items": [_row(session, request, node, one) for one in found]}

    found = await reading(node, read)
    drafts = caller.party is not None and may_write(caller, caller.party)
    return show(request, "operations.html", found | {"may_draft": drafts}, twin=found)


@router.get("/operations/new")
async def new_page(request: Request, node: TheNode, caller: Member) -> Response:
    """The form of an authorisation."""
    return await _form(request, node, caller, {})


@router.post("/operations/new")
async def draft(request: Request, node: TheNode, caller: Member) -> Response:
    """Draft an authorisation for the caller's party."""
    form = await request.form()
    await check_csrf_of(request)
    said: dict[str, Any] = {name: str(form.get(name, "")) for name in _TYPED}
    said["resources"] = [str(one) for one in form.getlist("resources")]
    try:
        wanted = _draft(said, caller, node.settings.time_zone, await _digest(form))
        made = await writing(node, lambda session: draft_operation(session, wanted, caller))
    except QuanyuError as error:
        return await _form(request, node, caller, said, error=error)
    return go(f"/operations/{made.id}")


@router.get("/operations/{name}")
async def operation_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """What is authorised, where it stands, and what its operator makes of it."""
    return await _page(request, node, caller, name)


@router.post("/operations/{name}")
async def take_step(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Take the step that the pressed button names."""
    form = await request.form()
    await check_csrf_of(request)
    reason, filing = str(form.get("reason", "")), str(form.get("filing", ""))

    def write(session: Session) -> Operation:
        at = revision_of(str(form.get("revision", "")))
        match str(form.get("step", "")):
            case "file":
                return file_operation(session, name, caller, filing=filing, revision=at)
            case "begin":
                return begin_operation(session, name, caller, revision=at)
            case "suspend":
                return suspend_operation(session, name, caller, reason=reason, revision=at)
            case "resume":
                return resume_operation(session, name, caller, revision=at)
            case "end":
                return end_operation(session, name, caller, reason=reason, revision=at)
        raise Invalid("there is no such step", field="step", mend="use the buttons of the page")

    try:
        await writing(node, write)
    except QuanyuError as error:
        said = {"reason": reason, "filing": filing}
        return await _page(request, node, caller, name, said=said, error=error)
    return go(f"/operations/{name}")


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    said: dict[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        one = operation(session, name, visible_to=caller)
        steps = operation_steps(session, one.id)
        row = _row(session, request, node, one)
        return {
            "one": one,
            "item": row,
            "resources": [_resource(session, request, caller, id_) for id_ in one.resources],
            "steps": [
                {
                    "what": local(request, OPERATION_MOVES[step.move].name),
                    "move": step.move.value,
                    "at": step.at,
                    "by": local(request, party(session, step.party).name),
                    "reason": step.reason if _inside(caller, one) else "",
                    "leaf": step.leaf,
                }
                for step in steps
            ],
            "actions": _actions(caller, one),
            "products": [
                {"id": item.id, "title": local(request, item.title), "code": item.code}
                for item in products(
                    session, visible_to=caller, provider=one.operator, limit=200
                ).items
                if set(item.sources) <= set(one.resources)
            ],
            "agreements": _given(session, caller, one) if caller.party == one.operator else [],
            "reports": [
                {"id": report.id, "year": report.year, "at": report.at, "leaf": report.leaf}
                for report in published_reports(session, one)
            ],
        }

    found = await reading(node, read)
    one: Operation = found["one"]
    today = day_in_zone(now(), node.settings.time_zone)
    context = found | {
        "said": said or {},
        "operates": may_operate(caller, one),
        "inside": _inside(caller, one),
        "year": today.year,
    }
    twin = {key: found[key] for key in ("item", "resources", "steps", "products", "reports")}
    shown = None if error else twin
    return show(request, "operation.html", context, twin=shown, error=error)


def _row(session: Session, request: Request, node: Node, one: Operation) -> dict[str, Any]:
    zone, state = node.settings.time_zone, one.state_at(now())
    since, until = one.term
    return {
        "id": one.id,
        "title": local(request, one.title),
        "mode": one.mode.value,
        "mode_name": local(request, MODES[one.mode].name),
        "for": local(request, THEMES[one.field].name if one.field else one.scenario),
        "state": state.value,
        "state_name": local(request, OPERATION_STATES[state].name),
        "tone": TONES.get(state, ""),
        "grantor": one.grantor,
        "grantor_name": local(request, party(session, one.grantor).name),
        "operator": one.operator,
        "operator_name": local(request, party(session, one.operator).name),
        "from": None if since is None else day_in_zone(since, zone),
        "until": last_day(until, zone),
        "filing": one.filing,
        "resources": len(one.resources),
        "plan": local(request, one.plan),
        "plan_sha256": one.plan_sha256,
        "revision": one.revision,
    }


def _resource(session: Session, request: Request, caller: Caller, of: ResourceId) -> dict[str, Any]:
    try:
        found = resource(session, of, visible_to=caller)
    except QuanyuError:  # withdrawn since: not for this caller to know of any more
        return {"id": of, "slug": "", "title": of, "code": None, "offers": 0}
    offered = [one for one in offers(session, found.id) if one.provider == caller.party]
    return {
        "id": found.id,
        "slug": found.slug,
        "title": local(request, found.title),
        "code": found.code,
        "offers": len(offered),
    }


def _given(session: Session, caller: Caller, one: Operation) -> list[dict[str, Any]]:
    """Agreements that the operator has given on the resources, or is asked for."""
    page = agreements(session, caller, side=Side.PROVIDER, limit=500)
    wanted = set(one.resources)
    return [
        {
            "id": item.id,
            "consumer": item.consumer,
            "state": item.state_at(now()).value,
            "waits": item.state is AgreementState.REQUESTED,
        }
        for item in page.items
        if item.resource in wanted
    ]


def _inside(caller: Caller, one: Operation) -> bool:
    return caller.runs_node or caller.party in (one.grantor, one.operator)


def _actions(caller: Caller, one: Operation) -> frozenset[str]:
    """What the page offers; the life cycle itself decides when it is sent."""
    state, found = one.state_at(now()), set()
    if state is _S.DRAFT and may_review(caller):
        found.add("file")
    if state is _S.FILED and may_operate(caller, one):
        found.add("begin")
    grants = may_review(caller) or may_write(caller, one.grantor)
    if state is _S.IN_FORCE and grants:
        found.add("suspend")
    if state is _S.SUSPENDED and grants:
        found.add("resume")
    if state is not _S.ENDED and (grants or may_operate(caller, one)):
        found.add("end")
    return frozenset(found)


async def _form(
    request: Request,
    node: Node,
    caller: Caller,
    said: dict[str, Any],
    *,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        own = frozenset({PartyId(str(caller.party))})
        page = resources(session, visible_to=caller, providers=own, limit=_CHOICE)
        return {
            "choice": [
                (one.id, local(request, one.title), one.code) for one in page.hits if one.code
            ],
            "parties": [
                (one.id, local(request, one.name))
                for one in parties(session)
                if one.id != caller.party
            ],
        }

    found = await reading(node, read)
    context = found | {
        "said": said,
        "modes": [(key.value, local(request, code.name)) for key, code in MODES.items()],
        "fields": [(key, local(request, code.name)) for key, code in THEMES.items()],
    }
    return show(request, "operation_new.html", context, error=error)


def _draft(said: dict[str, Any], caller: Caller, zone: str, digest: str) -> OperationDraft:
    if said["mode"] not in set(Mode):
        raise Invalid("choose one of the list", field="mode", mend="open the page again")
    until = start_of(said["until"], zone, "until")
    return OperationDraft(
        title=_words(said, "title", needed=True) or LocalText(en="—"),
        mode=Mode(said["mode"]),
        grantor=PartyId(str(caller.party)),
        operator=PartyId(said["operator"]),
        resources=tuple(ResourceId(one) for one in said["resources"]),
        term=(start_of(said["from"], zone, "from"), until and until + timedelta(days=1)),
        plan=_words(said, "plan", needed=True) or LocalText(en="—"),
        plan_sha256=digest,
        field=said["field"] if said["mode"] == Mode.FIELD.value else "",
        scenario=_words(said, "scenario") if said["mode"] == Mode.SCENARIO.value else None,
    )


def _words(said: dict[str, Any], name: str, *, needed: bool = False) -> LocalText | None:
    zh, en = said[f"{name}_zh"].strip(), said[f"{name}_en"].strip()
    if needed and not (zh or en):
        raise Invalid("a text is needed here", field=name, mend="give Chinese or English")
    return LocalText(zh=zh, en=en) if zh or en else None


async def _digest(form: FormData) -> str:
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return ""
    digest = hashlib.sha256()
    while chunk := await file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
