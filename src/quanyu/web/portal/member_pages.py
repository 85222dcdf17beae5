"""The members of a party, as its stewards see them: roles, invitations, delegations, closing."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import Response

from quanyu.kernel import Invalid, MemberId, PartyId, QuanyuError, now
from quanyu.parties import (
    Caller,
    Role,
    check_administers,
    deactivate,
    delegations,
    invitations,
    invite,
    mail_invitation,
    members,
    party,
    reactivate,
    revoke_invitation,
    set_roles,
)
from quanyu.parties import member as member_of
from quanyu.web.node import Node, base_of
from quanyu.web.portal.people import ROLES
from quanyu.web.portal.visit import Member, TheNode, go, reading, say, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)


@router.get("/parties/{party_id}/members")
async def members_page(request: Request, node: TheNode, caller: Member, party_id: str) -> Response:
    """Who belongs to a party and what they may do; for who administers it."""
    return await _page(request, node, caller, PartyId(party_id))


@router.post("/parties/{party_id}/invitations")
async def invite_one(request: Request, node: TheNode, caller: Member, party_id: str) -> Response:
    """An invitation; this answer alone shows its link."""
    await check_csrf_of(request)
    form = await request.form()
    of, again = PartyId(party_id), str(form.get("member", ""))
    try:
        roles, days = _roles(form), _days(str(form.get("days", "7")))
        made, secret = await writing(
            node,
            lambda s: invite(
                s,
                caller,
                of,
                email=str(form.get("email", "")),
                roles=roles,
                member=MemberId(again) if again else None,
                days=days,
            ),
        )
    except QuanyuError as error:
        return await _page(request, node, caller, of, error=error)
    link = f"{base_of(request)}/join?code={secret}"
    name = await reading(node, lambda s: party(s, of).name)
    mailed = await run_in_threadpool(mail_invitation, node.settings, made.email, link, name)
    invited = {"invitation": made, "link": link, "mailed": mailed}
    answer = await _page(request, node, caller, of, invited=invited)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/parties/{party_id}/invitations/{invitation_id}/revoke")
async def revoke(
    request: Request, node: TheNode, caller: Member, party_id: str, invitation_id: str
) -> Response:
    """The link works no more."""
    await check_csrf_of(request)
    await writing(node, lambda s: revoke_invitation(s, caller, invitation_id))
    return go(f"/parties/{party_id}/members#invitations")


@router.post("/parties/{party_id}/members/{member_id}/{change}")
async def change_member(
    request: Request, node: TheNode, caller: Member, *, party_id: str, member_id: str, change: str
) -> Response:
    """Other roles, or the account closed or opened again."""
    await check_csrf_of(request)
    form, of, who = await request.form(), PartyId(party_id), MemberId(member_id)

    def write(session: Session) -> None:
        if member_of(session, who).party != of:
            raise Invalid("there is no such member in this party", field="member")
        if change == "roles":
            set_roles(session, who, _roles(form), by=caller)
        elif change == "close":
            deactivate(session, who, by=caller)
        elif change == "open":
            reactivate(session, who, by=caller)
        else:
            raise Invalid("there is no such change", field="change")

    try:
        await writing(node, write)
    except QuanyuError as error:
        return await _page(request, node, caller, of, error=error)
    return go(f"/parties/{party_id}/members?done={change}")


async def _page(
    request: Request,
    node: Node,
    caller: Caller,
    of: PartyId,
    *,
    invited: dict[str, object] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        found = party(session, of)
        check_administers(caller, of)
        return {
            "party": found,
            "members": members(session, of),
            "invitations": invitations(session, caller, of),
            "delegations": delegations(session, party=of),
        }

    said = await reading(node, read)
    moment = now()
    context = said | {
        "done": request.query_params.get("done", ""),
        "invited": invited,
        "mail_there": node.settings.smtp_url is not None,
        "role_names": {role: say(request, text) for role, text in ROLES.items()},
        "people": {one.id: one.name for one in said["members"]},
        "open_invitations": {one.id for one in said["invitations"] if one.open(moment)},
        "holds": {one.id for one in said["delegations"] if one.holds(moment)},
    }
    twin = {
        "party": of,
        "members": [
            {"id": m.id, "login": m.login, "roles": sorted(m.roles), "active": m.active}
            for m in said["members"]
        ],
        "invitations": len(context["open_invitations"]),
    }
    return show(request, "members.html", context, twin=twin, error=error)


def _roles(form: FormData) -> list[Role]:
    said = {str(value) for value in form.getlist("roles")}
    if not said <= set(Role):
        raise Invalid("there is no such role", field="roles", mend="choose one that is listed")
    return [Role(text) for text in sorted(said)]


def _days(text: str) -> int:
    if not text.isdecimal() or len(text) > 3:
        raise Invalid("this is no number of days", field="days", mend="write a number such as 7")
    return int(text)
