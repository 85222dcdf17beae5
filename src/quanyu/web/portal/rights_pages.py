"""The register of rights 产权登记簿, the rights on one resource, and applying for them."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from quanyu.catalogue import (
    APPLICATION_KINDS,
    EDITABLE,
    ORIGINS,
    RIGHT_KINDS,
    SUITS,
    Application,
    ApplicationKind,
    Resource,
    Right,
    RightKind,
    Search,
    apply,
    certificates,
    may_write,
    open_application,
    registered_rights,
    registration_rules,
    resource,
    revise_application,
    rights_beneath,
    rights_on,
    rights_register,
    search,
    submit_application,
)
from quanyu.kernel import Invalid, PartyId, QuanyuError, now
from quanyu.parties import Caller, Role, Scope, parties
from quanyu.web.node import Node
from quanyu.web.portal.rights_form import blank_rows, rights_of_form, typed_rows
from quanyu.web.portal.rights_views import beneath_rows, right_row, right_rows
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    filter_of,
    go,
    link_to,
    local,
    reading,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_PAGE, _FOUND = 50, 200
_KINDS = (ApplicationKind.FIRST, ApplicationKind.CHANGE, ApplicationKind.CORRECTION)


@router.get("/rights")
async def register_page(
    request: Request, node: TheNode, caller: Visitor, after: str | None = None
) -> Response:
    """Who has which right on what, now or ever."""
    kind = filter_of(request, "kind", set(RightKind))
    known = await reading(node, lambda session: tuple(parties(session)))
    holder = filter_of(request, "holder", {one.id for one in known})
    ended = filter_of(request, "ended", {"1"})
    words = request.query_params.get("q", "").strip()

    def read(session: Session) -> dict[str, Any]:
        of = None
        if words:
            asked = Search(q=words, limit=_FOUND, facets=False)
            found = search(session, asked, visible_to=caller)
            of = frozenset(hit.id for hit in found.hits)
        page = rights_register(
            session,
            visible_to=caller,
            kinds=frozenset({RightKind(kind)}) if kind else frozenset(),
            holder=PartyId(holder) if holder else None,
            of=of,
            ended=bool(ended),
            limit=_PAGE,
            after=after,
        )
        return {
            "items": [
                right_row(session, request, node, one.right)
                | {"slug": one.slug, "code": one.code, "title": local(request, one.title)}
                for one in page.items
            ],
            "total": page.total,
            "next": page.next,
        }

    found = await reading(node, read)
    context = found | {
        "said": {"kind": kind, "holder": holder, "ended": ended, "q": words},
        "kinds": _named(request, RIGHT_KINDS),
        "holders": [(one.id, local(request, one.name)) for one in known],
        "next_href": link_to(request, after=found["next"]) if found["next"] else None,
    }
    return show(request, "rights.html", context, twin=found)


@router.get("/rights/{name}")
async def rights_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """Everybody's rights on a resource, what lies beneath, certificates and what was before."""

    def read(session: Session) -> dict[str, Any]:
        of = resource(session, name, visible_to=caller)
        moment = now()
        rights = rights_on(session, of.id, moment)
        seen = rights_beneath(session, of.id, moment)
        shown = [one for one in seen if _may_name(session, one.slug, caller)]
        under_way = open_application(session, of.id)
        return {
            "of": of,
            "at": moment,
            "rights": right_rows(session, request, node, rights),
            "beneath": beneath_rows(session, request, node, shown),
            "unnamed": len(seen) - len(shown),
            "earlier": right_rows(
                session, request, node,
                [r for r in registered_rights(session, of.id) if r.ended_at is not None],
            ),
            "certificates": [
                {"id": one.id, "serial": one.serial, "at": one.issued_at, "kind": one.kind.value,
                 "kind_name": local(request, APPLICATION_KINDS[one.kind].name),
                 "latest": one.latest}
                for one in certificates(session, of.id)
            ],
            "application": under_way if _reads(caller, under_way) else None,
            "may_apply": _may_apply(session, caller, of),
        }  # fmt: skip

    found = await reading(node, read)
    of: Resource = found["of"]
    twin = {key: found[key] for key in ("at", "rights", "beneath", "earlier", "certificates")} | {
        "resource": {"id": of.id, "slug": of.slug, "code": of.code, "title": of.title}
    }
    return show(request, "rights_of.html", found, twin=twin)


@router.get("/rights/{name}/apply")
async def apply_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The form: the rights that stand, to be changed, and empty rows for others."""
    return await _form(request, node, caller, name)


@router.post("/rights/{name}/apply")
async def send(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Apply for rights, or mend what was returned, and submit it."""
    form = await request.form(max_fields=1_000, max_files=100)
    await check_csrf_of(request)
    rules = registration_rules(node.settings)
    try:
        rights = await rights_of_form(form, node.settings.time_zone)
        kind = str(form.get("kind", ""))
        if kind not in {one.value for one in _KINDS}:
            raise Invalid("there is no such kind of application", field="kind")
        reason = str(form.get("reason", ""))

        def write(session: Session) -> Application:
            of = resource(session, name, visible_to=caller)
            made = _written(session, caller, of, (ApplicationKind(kind), rights, reason))
            return submit_application(session, made.id, caller, rules)

        made = await writing(node, write)
    except QuanyuError as error:
        return await _form(request, node, caller, name, form=form, error=error)
    return go(f"/applications/{made.id}")


def _written(
    session: Session,
    caller: Caller,
    of: Resource,
    asked: tuple[ApplicationKind, tuple[Right, ...], str],
) -> Application:
    kind, rights, reason = asked
    under_way = open_application(session, of.id)
    if under_way is not None and under_way.state in EDITABLE and _reads(caller, under_way):
        return revise_application(
            session, under_way.id, under_way.proposed, caller,
            revision=under_way.revision, rights=rights, reason=reason or None,
        )  # fmt: skip
    return apply(session, of.id, kind, caller, rights=rights, reason=reason)


async def _form(
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    *,
    form: FormData | None = None,
    error: QuanyuError | None = None,
) -> Response:
    zone = node.settings.time_zone

    def read(session: Session) -> dict[str, Any]:
        of = resource(session, name, visible_to=caller)
        under_way = open_application(session, of.id)
        mine = under_way if _reads(caller, under_way) else None
        editable = mine is not None and mine.state in EDITABLE
        standing = [one for one in rights_on(session, of.id, now()) if one.registered]
        asked = mine.rights if mine is not None and mine.rights is not None else standing
        return {
            "of": of,
            "application": None if editable else mine,
            "rows": blank_rows(asked if editable else standing, zone),
            "reason": mine.reason if mine is not None and editable else "",
            "application_kinds": [
                (kind.value, local(request, APPLICATION_KINDS[kind].name))
                for kind in ([mine.kind] if mine is not None and editable else _KINDS)
                if of.state in SUITS[kind]
            ],
            "parties": [(one.id, local(request, one.name)) for one in parties(session)],
        }

    found = await reading(node, read)
    context = found | {
        "kinds": _named(request, RIGHT_KINDS),
        "origins": _named(request, ORIGINS),
    }
    if form is not None:
        context |= {"rows": typed_rows(form), "reason": str(form.get("reason", ""))}
    return show(request, "rights_apply.html", context, error=error)


def _named(request: Request, codes: Any) -> list[tuple[str, str]]:
    return [(key.value, local(request, code.name)) for key, code in codes.items()]


def _reads(caller: Caller, one: Application | None) -> bool:
    return one is not None and (caller.runs_node or caller.party in (one.provider, one.party))


def _may_name(session: Session, slug: str, caller: Caller) -> bool:
    """Whether the caller may know of a source: others are counted, and not named."""
    try:
        resource(session, slug, visible_to=caller)
    except QuanyuError:
        return False
    return True


def _may_apply(session: Session, caller: Caller, of: Resource) -> bool:
    if may_write(caller, of.provider):
        return True
    writes = any(caller.may(role, Scope.WRITE) for role in (Role.SUPPLIER, Role.STEWARD))
    return writes and any(
        one.registered and one.holder == caller.party for one in rights_on(session, of.id, now())
    )
