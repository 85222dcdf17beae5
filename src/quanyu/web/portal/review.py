"""The reviewers' inbox: what waits, sorted by deadline, and the same step for many at once."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    APPLICATION_STATES,
    ApplicationKind,
    ApplicationState,
    Outcome,
    application_counts,
    applications,
    each_application,
    may_review,
    overdue_applications,
    registration_rules,
)
from quanyu.kernel import MemberId, PartyId, QuanyuError, Refused, explain, now
from quanyu.parties import Caller, Party, Role, parties
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.application_forms import MANY, Sent, step_of
from quanyu.web.portal.application_views import row
from quanyu.web.portal.applications import kind_names
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    filter_of,
    link_to,
    local,
    reading,
    show,
    writing,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_S = ApplicationState
_WAITING = frozenset({_S.SUBMITTED, _S.ACCEPTED})
_ANY = "any"
_PAGE = 30


@router.get("/review")
async def inbox(request: Request, node: TheNode, caller: Member) -> Response:
    """What waits for the node's reviewers."""
    _check(caller)
    return await _inbox(request, node, caller, await _asked(request, node))


@router.post("/review")
async def batch(request: Request, node: TheNode, caller: Member) -> Response:
    """The same step for every application that is ticked; an answer for each."""
    form = await request.form(max_fields=2_000)
    await check_csrf_of(request)
    _check(caller)
    rules = registration_rules(node.settings)
    asked = await _asked(request, node)  # before anything is done
    try:
        revisions = dict(_chosen(str(one)) for one in form.getlist("id"))
        step = step_of(form, MANY)

        def write(session: Session) -> list[Outcome]:
            return each_application(
                session,
                list(revisions),
                lambda one: step(session, Sent(one, caller, rules, form, revisions[one])),
            )

        outcomes = await writing(node, write)
    except QuanyuError as error:
        return await _inbox(request, node, caller, asked, error=error)
    return await _inbox(request, node, caller, asked, outcomes=outcomes)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address filters by; ``state`` is empty for what waits for a step."""

    state: str
    kind: str
    provider: str
    assigned: str
    overdue: str
    sort: str
    providers: tuple[Party, ...]

    @property
    def states(self) -> frozenset[ApplicationState]:
        """The states that are wanted; none for any."""
        if not self.state:
            return _WAITING
        return frozenset() if self.state == _ANY else frozenset({_S(self.state)})


async def _asked(request: Request, node: Node) -> _Asked:
    """The filters; ``Invalid`` for a value that one does not have."""
    known = await reading(node, lambda session: tuple(parties(session)))
    return _Asked(
        state=filter_of(request, "state", {_ANY, *_S}),
        kind=filter_of(request, "kind", set(ApplicationKind)),
        provider=filter_of(request, "provider", {one.id for one in known}),
        assigned=filter_of(request, "assigned", {"me"}),
        overdue=filter_of(request, "overdue", {"1"}),
        sort=filter_of(request, "sort", {"deadline", "newest"}, "deadline"),
        providers=known,
    )


def _chosen(text: str) -> tuple[str, int | None]:
    name, _, revision = text.partition(":")
    return name, int(revision) if revision.isdecimal() and len(revision) < 10 else None


def _check(caller: Caller) -> None:
    if not (may_review(caller) or (caller.runs_node and caller.may(Role.STEWARD))):
        raise Refused(
            "this page is for the node's reviewers",
            mend="ask the node's steward for the role “reviewer”",
            rule="applications.review",
        )


async def _inbox(
    request: Request,
    node: Node,
    caller: Caller,
    asked: _Asked,
    *,
    outcomes: list[Outcome] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        page = applications(
            session,
            caller,
            states=asked.states,
            kinds=frozenset({ApplicationKind(asked.kind)}) if asked.kind else frozenset(),
            providers=frozenset({PartyId(asked.provider)}) if asked.provider else frozenset(),
            assigned=MemberId(str(caller.member)) if asked.assigned else None,
            overdue=bool(asked.overdue),
            sort=asked.sort,
            limit=_PAGE,
            after=request.query_params.get("after"),
        )
        counts = application_counts(session, caller)
        return {
            "items": [row(session, request, node, one) for one in page.items],
            "total": page.total,
            "next": page.next,
            "counts": {s.value: n for s, n in counts.items()},
            "overdue": overdue_applications(session, caller),
            "counted_at": now(),
            "providers": [(one.id, local(request, one.name)) for one in asked.providers],
        }

    found = await reading(node, read)
    context = found | {
        "said": asked,
        "states": [(s.value, local(request, code.name)) for s, code in APPLICATION_STATES.items()],
        "kinds": kind_names(request),
        "next_href": link_to(request, after=found["next"]) if found["next"] else None,
        "outcomes": [_told(request, one) for one in outcomes or []],
        "at": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
    }
    twin = {k: found[k] for k in ("items", "total", "next", "counts", "overdue", "counted_at")} | {
        "outcomes": context["outcomes"]
    }
    return show(request, "review.html", context, twin=None if error else twin, error=error)


def _told(request: Request, outcome: Outcome) -> dict[str, Any]:
    if outcome.error is None and outcome.done is not None:
        state = APPLICATION_STATES[outcome.done.state].name
        title = local(request, outcome.done.title)
        return {"id": outcome.id, "done": True, "title": title, "text": local(request, state)}
    assert outcome.error is not None  # noqa: S101 - an outcome is one or the other
    _, detail, mend = explain(outcome.error, language_of(request))
    text = f"{detail} {mend}" if mend else detail
    return {"id": outcome.id, "done": False, "title": outcome.id, "text": text}
