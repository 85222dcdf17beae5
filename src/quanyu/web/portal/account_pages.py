"""My account: what is held on me, how I am told things, my sessions, my data, my leave."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.kernel import Invalid, MemberId, QuanyuError, day_in_zone, iso
from quanyu.parties import (
    TOPICS,
    Caller,
    Choice,
    Mail,
    Role,
    ask_erasure,
    cancel_erasure,
    change_account,
    change_password,
    choose_notices,
    delegate,
    delegations,
    end_delegation,
    end_session,
    export_personal_data,
    member,
    members,
    notice_choices,
    own_identities,
    party,
    sessions_of,
    unbind_oidc,
)
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.people import ROLES
from quanyu.web.portal.visit import Member, TheNode, go, reading, say, show, writing
from quanyu.web.who import address_of, check_csrf_of, drop_session, session_of

router = APIRouter(include_in_schema=False)
FIELDS: dict[Mail, str] = {
    Mail.NEVER: "No mail",
    Mail.NOW: "At once",
    Mail.DAILY: "Once a day",
}


@router.get("/account")
async def account_page(request: Request, node: TheNode, caller: Member) -> Response:
    """Everything that a member sees of its own account."""
    return await _page(request, node, caller)


@router.post("/account")
async def change(request: Request, node: TheNode, caller: Member) -> Response:
    """Another name, e-mail or language."""
    await check_csrf_of(request)
    form = await request.form()
    said = {name: str(form.get(name, "")) for name in ("name", "email", "language")}
    try:
        await writing(node, lambda s: change_account(s, caller, **said))
    except QuanyuError as error:
        return await _page(request, node, caller, error=error)
    return go("/account?done=account")


@router.post("/account/password")
async def password(request: Request, node: TheNode, caller: Member) -> Response:
    """Another password; every session ends, this one too."""
    await check_csrf_of(request)
    form = await request.form()
    try:
        if caller.member is None:
            raise Invalid("sign in to do this", field="member")
        await run_in_threadpool(
            change_password,
            node.control,
            caller.member,
            current=str(form.get("current", "")),
            new=str(form.get("new", "")),
            address=address_of(request),
        )
    except QuanyuError as error:
        return await _page(request, node, caller, error=error)
    answer = go("/sign-in?back=/account")
    drop_session(answer, request)
    return answer


@router.post("/account/notices")
async def choose(request: Request, node: TheNode, caller: Member) -> Response:
    """How the member wants to hear of each topic."""
    await check_csrf_of(request)
    form = await request.form()
    mails = {topic: str(form.get(f"mail.{topic}", "")) for topic in TOPICS}
    choices = {
        topic: Choice(f"page.{topic}" in form, Mail(mail) if mail in set(Mail) else Mail.NOW)
        for topic, mail in mails.items()
    }
    mine = _self(caller)
    await writing(node, lambda s: choose_notices(s, mine, choices))
    return go("/account?done=notices#notices")


@router.post("/account/sessions/{session_id}/end")
async def end_one(request: Request, node: TheNode, caller: Member, session_id: str) -> Response:
    """Sign out somewhere else."""
    await check_csrf_of(request)
    await writing(node, lambda s: end_session(s, caller, session_id))
    return go("/account#sessions")


@router.post("/account/identity/unbind")
async def unbind(request: Request, node: TheNode, caller: Member) -> Response:
    """The provider's sign-on leads to this account no more."""
    await check_csrf_of(request)
    issuer = str((await request.form()).get("issuer", ""))
    try:
        await writing(node, lambda s: unbind_oidc(s, caller, issuer))
    except QuanyuError as error:
        return await _page(request, node, caller, error=error)
    return go("/account?done=account")


@router.post("/account/delegations")
async def lend(request: Request, node: TheNode, caller: Member) -> Response:
    """Roles of one's own for a colleague, until the end of a day."""
    await check_csrf_of(request)
    form = await request.form()
    try:
        ends = _end_of(str(form.get("until", "")), node)
        roles = [_role(str(value)) for value in form.getlist("roles")]
        await writing(
            node,
            lambda s: delegate(
                s,
                caller,
                MemberId(str(form.get("taker", ""))),
                roles=roles,
                ends_at=ends,
                reason=str(form.get("reason", "")),
            ),
        )
    except QuanyuError as error:
        return await _page(request, node, caller, error=error)
    return go("/account?done=delegation#delegations")


@router.post("/delegations/{delegation_id}/end")
async def take_back(
    request: Request, node: TheNode, caller: Member, delegation_id: str
) -> Response:
    """The roles are the giver's alone again, within a second."""
    await check_csrf_of(request)
    await writing(node, lambda s: end_delegation(s, caller, delegation_id))
    return go("/account#delegations")


@router.post("/account/export")
async def export(request: Request, node: TheNode, caller: Member) -> Response:
    """Everything that is held on the member, as a ZIP of JSON (PIPL art. 45)."""
    await check_csrf_of(request)
    data = await writing(node, lambda s: export_personal_data(s, caller))
    headers = {
        "content-disposition": 'attachment; filename="quanyu-personal-data.zip"',
        "cache-control": "no-store",
    }
    return Response(data, media_type="application/zip", headers=headers)


@router.post("/account/erase")
async def erase(request: Request, node: TheNode, caller: Member) -> Response:
    """The account is erased after the days of grace (PIPL art. 47)."""
    await check_csrf_of(request)
    form = await request.form()
    try:
        if form.get("sure") != "1":
            raise Invalid(
                "tick that you are sure", field="sure", mend="tick the box and send again"
            )
        await writing(node, lambda s: ask_erasure(s, caller, node.settings.erasure_days))
    except QuanyuError as error:
        return await _page(request, node, caller, error=error)
    return go("/account#leave")


@router.post("/account/keep")
async def keep_account(request: Request, node: TheNode, caller: Member) -> Response:
    """The account stays."""
    await check_csrf_of(request)
    await writing(node, lambda s: cancel_erasure(s, caller))
    return go("/account#leave")


async def _page(
    request: Request, node: Node, caller: Caller, *, error: QuanyuError | None = None
) -> Response:
    mine, secret = _self(caller), session_of(request)

    def read(session: Session) -> dict[str, Any]:
        me = member(session, mine)
        people = members(session, me.party)
        return {
            "account": me,
            "party": party(session, me.party),
            "choices": notice_choices(session, mine),
            "sessions": sessions_of(session, caller, secret),
            "identities": own_identities(session, caller),
            "delegations": delegations(session, member=mine),
            "colleagues": [one for one in people if one.active and one.id != mine],
            "people": {one.id: one.name for one in people},
        }

    said = await reading(node, read)
    moment = datetime.now(UTC)
    context = said | {
        "done": request.query_params.get("done", ""),
        "topics": TOPICS,
        "mails": {mail: say(request, text) for mail, text in FIELDS.items()},
        "role_names": {role: say(request, text) for role, text in ROLES.items()},
        "own_roles": sorted(role for role in caller.roles if caller.own(role)),
        "holds": {one.id: one.holds(moment) for one in said["delegations"]},
        "first_day": day_in_zone(moment, node.settings.time_zone),
        "last_day": day_in_zone(moment + timedelta(days=90), node.settings.time_zone),
        "grace": node.settings.erasure_days,
        "mail_there": node.settings.smtp_url is not None,
        "oidc": node.settings.oidc_issuer,
        "oidc_name": oidc_name(request, node),
    }
    me = said["account"]
    twin = {
        "member": me.id,
        "party": me.party,
        "login": me.login,
        "name": me.name,
        "email": me.email,
        "language": me.language,
        "roles": sorted(caller.roles),
        "delegated": sorted({role for role, _ in caller.lent}),
        "erase_at": iso(me.erase_at) if me.erase_at else None,
        "notices": {
            topic: {"page": one.page, "mail": one.mail} for topic, one in said["choices"].items()
        },
        "sessions": len(said["sessions"]),
    }
    answer = show(request, "account.html", context, twin=twin, error=error)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def oidc_name(request: Request, node: Node) -> str:
    """What the OpenID provider is called in the page's language."""
    zh = language_of(request) == "zh"
    return node.settings.oidc_name_zh if zh else node.settings.oidc_name_en


def _self(caller: Caller) -> MemberId:
    if caller.member is None:
        raise Invalid("sign in to do this", field="member", mend="sign in with your account")
    return caller.member


def _role(text: str) -> Role:
    if text not in set(Role):
        raise Invalid("there is no such role", field="roles", mend="choose one that is listed")
    return Role(text)


def _end_of(day: str, node: Node) -> datetime:
    """The end of a day as the node's city counts it."""
    try:
        last = datetime.strptime(day, "%Y-%m-%d").date()  # noqa: DTZ007 - a day, no instant
    except ValueError as error:
        raise Invalid("this is no day", field="until", mend="write it like 2026-10-01") from error
    zone = ZoneInfo(node.settings.time_zone)
    return datetime.combine(last + timedelta(days=1), time.min, zone)
