"""What was made with the data, shown once the provider or the node has looked at it."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.catalogue.entries import resource
from quanyu.catalogue.feedback.limits import (
    LONGEST_TITLE,
    address,
    check_rate,
    optional,
    signed_in,
    written,
)
from quanyu.catalogue.feedback.model import Reuse, ReuseKind, ReuseState
from quanyu.catalogue.feedback.tables import ReuseRow
from quanyu.catalogue.rights import check_writes, may_write
from quanyu.kernel import (
    Conflict,
    Invalid,
    MemberId,
    NotFound,
    PartyId,
    ResourceId,
    new_id,
    now,
    owe,
)
from quanyu.parties import Caller, Role, notify

PER_HOUR = 10


def propose_reuse(
    session: Session,
    resource_id: ResourceId,
    caller: Caller,
    *,
    title: str,
    url: str,
    kind: str,
    text: str = "",
) -> Reuse:
    """Put forward something that was made with the data; it is shown after a review.

    Raises :class:`Invalid` for an address that is not http(s) or an unknown kind.
    """
    of = resource(session, resource_id, visible_to=caller)
    party, member = signed_in(caller)
    check_rate(session, ReuseRow.member, ReuseRow.at, member, PER_HOUR)
    row = ReuseRow(
        id=new_id("reuse"),
        resource=of.id,
        provider=of.provider,
        kind=_kind(kind).value,
        title=written(title, "title", LONGEST_TITLE),
        url=address(url, "url"),
        text=optional(text, "text"),
        party=party,
        member=member,
        state=ReuseState.PROPOSED.value,
        at=now(),
        decided_at=None,
        reason="",
    )
    session.add(row)
    session.flush()
    owe(session, "reuse.proposed", row.id, {"resource": of.id, "reuse_kind": row.kind})
    notify(
        session,
        to=of.provider,
        topic="discussion",
        message="a reuse of “{title}” waits to be looked at",
        params={"title": of.title},
        link=f"/resources/{of.slug}/reuses",
        roles=frozenset({Role.SUPPLIER, Role.STEWARD}),
    )
    return _reuse(row, caller)


def decide_reuse(
    session: Session, reuse_id: str, caller: Caller, *, show: bool, reason: str = ""
) -> Reuse:
    """Show it, or not, saying why; for those who may write the entry. Raises :class:`Conflict` when
    nothing would change."""
    row = session.scalar(select(ReuseRow).where(ReuseRow.id == reuse_id))
    if row is None:
        raise NotFound("there is no reuse {id}", id=reuse_id[:80])
    of = resource(session, row.resource, visible_to=caller)
    check_writes(caller, of.provider)
    state = ReuseState.SHOWN if show else ReuseState.REFUSED
    if row.state == state.value:
        raise Conflict(
            "this has been decided so already", field="state", mend="open the page again"
        )
    row.reason = optional(reason, "reason", 500) if show else written(reason, "reason", 500)
    row.state, row.decided_at = state.value, now()
    owe(
        session,
        f"reuse.{state.value}",
        row.id,
        {"resource": of.id, "by": caller.party or ""},
    )
    link = f"/resources/{of.slug}/reuses"
    if show:
        notify(
            session,
            message="what you made with “{title}” is shown now",
            params={"title": of.title},
            members=[MemberId(row.member)],
            to=PartyId(row.party),
            topic="discussion",
            link=link,
        )
    else:
        notify(
            session,
            message="what you made with “{title}” is not shown: {reason}",
            params={"title": of.title, "reason": row.reason},
            members=[MemberId(row.member)],
            to=PartyId(row.party),
            topic="discussion",
            link=link,
        )
    return _reuse(row, caller)


def reuses(session: Session, resource_id: ResourceId, caller: Caller) -> list[Reuse]:
    """Reuses of an entry, the latest first: shown ones for all, others for who wrote them and who
    decides."""
    of = resource(session, resource_id, visible_to=caller)
    query = select(ReuseRow).where(ReuseRow.resource == of.id).order_by(ReuseRow.number.desc())
    judge = may_write(caller, of.provider)
    found = [_reuse(row, caller) for row in session.scalars(query.limit(500))]
    return [one for one in found if one.state is ReuseState.SHOWN or one.own or judge]


def reuse_counts(session: Session, ids: Sequence[ResourceId]) -> dict[ResourceId, int]:
    """How many reuses are shown of each of these entries."""
    query = (
        select(ReuseRow.resource, func.count())
        .where(ReuseRow.resource.in_(ids), ReuseRow.state == ReuseState.SHOWN.value)
        .group_by(ReuseRow.resource)
    )
    return {ResourceId(name): count for name, count in session.execute(query)}


def reuses_waiting(session: Session, caller: Caller) -> list[Reuse]:
    """Reuses of the caller's party's entries that wait to be looked at."""
    if caller.party is None:
        return []
    query = (
        select(ReuseRow)
        .where(ReuseRow.provider == caller.party, ReuseRow.state == ReuseState.PROPOSED.value)
        .order_by(ReuseRow.number)
    )
    return [_reuse(row, caller) for row in session.scalars(query)]


def _kind(text: str) -> ReuseKind:
    try:
        return ReuseKind(text)
    except ValueError as error:
        raise Invalid(
            "there is no such kind of reuse",
            field="kind",
            mend="choose one of: {choices}",
            choices=", ".join(ReuseKind),
        ) from error


def _reuse(row: ReuseRow, caller: Caller) -> Reuse:
    return Reuse(
        id=row.id,
        resource=ResourceId(row.resource),
        provider=PartyId(row.provider),
        kind=ReuseKind(row.kind),
        title=row.title,
        url=row.url,
        text=row.text,
        party=PartyId(row.party),
        state=ReuseState(row.state),
        at=row.at,
        decided_at=row.decided_at,
        reason=row.reason,
        own=caller.member is not None and caller.member == row.member,
    )
