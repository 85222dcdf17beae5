"""Delegation: a member lends some of its own roles to another of its party, for a time.

What was lent cannot be lent on, and counts only while the giver has the role itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from quanyu.kernel import Invalid, MemberId, NotFound, PartyId, Refused, iso, new_id, now
from quanyu.parties.administrative_acts import record_act
from quanyu.parties.model import Caller, Role, Scope
from quanyu.parties.notices import notify
from quanyu.parties.rights import check_name
from quanyu.parties.tables import DelegationRow, MemberRow

LONGEST = timedelta(days=92)
Lent = frozenset[tuple[Role, MemberId]]


@dataclass(frozen=True, slots=True)
class Delegation:
    """Roles lent by ``giver`` to ``taker`` from ``starts_at`` until before ``ends_at``."""

    id: str
    party: PartyId
    giver: MemberId
    taker: MemberId
    roles: frozenset[Role]
    reason: str
    starts_at: datetime
    ends_at: datetime
    revoked_at: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether it counts at that moment."""
        return self.revoked_at is None and self.starts_at <= moment < self.ends_at


def delegate(
    session: Session,
    caller: Caller,
    taker: MemberId,
    *,
    roles: Iterable[Role],
    ends_at: datetime,
    reason: str,
    starts_at: datetime | None = None,
) -> Delegation:
    """Lend roles of the caller's own to another member; owes ``delegation.made``, tells the taker.

    Raises :class:`Refused` (rule ``people.delegate``) for a token or a role that the caller does
    not have itself, :class:`Invalid` for a wrong taker, time or reason.
    """
    moment = now()
    if caller.member is None or caller.party is None or caller.token is not None:
        raise Refused(
            "only a person who is signed in may delegate",
            mend="sign in on the page",
            rule="people.delegate",
        )
    lent = sorted(set(roles))
    if not lent:
        raise Invalid("choose a role to delegate", field="roles", mend="choose one of your own")
    if not all(caller.own(role) and caller.may(role, Scope.ADMIN) for role in lent):
        raise Refused(
            "only a role of your own can be delegated",
            field="roles",
            mend="choose among your own roles; what was lent to you cannot be lent on",
            rule="people.delegate",
        )
    start = starts_at or moment
    _check_time(start, ends_at, moment)
    other = session.get(MemberRow, taker) if taker.isprintable() else None
    if other is None or other.party != caller.party or not other.active or taker == caller.member:
        raise Invalid(
            "roles are delegated to another member of your party",
            field="taker",
            mend="choose a member from the list",
        )
    row = DelegationRow(
        id=new_id("delegation"),
        party=caller.party,
        giver=caller.member,
        taker=taker,
        roles=lent,
        reason=check_name(reason, "reason"),
        starts_at=start,
        ends_at=ends_at,
        created_at=moment,
        revoked_at=None,
    )
    session.add(row)
    record_act(
        session,
        caller,
        "delegation.made",
        row.id,
        party=caller.party,
        details={
            "to": taker,
            "roles": [str(role) for role in lent],
            "from": iso(start),
            "until": iso(ends_at),
        },
    )
    notify(
        session,
        to=caller.party,
        topic="people",
        message="{name} has delegated roles to you until {until}",
        params={"name": caller.name, "until": ends_at - timedelta(seconds=1)},
        link="/account",
        members=[taker],
        key=f"{row.id}.made",
    )
    return _delegation(row)


def end_delegation(session: Session, caller: Caller, delegation_id: str) -> None:
    """End a delegation now: its giver may, its taker, and a steward of the party.

    To others it does not exist (:class:`NotFound`). Ending twice changes nothing.
    """
    row = session.get(DelegationRow, delegation_id) if delegation_id.isprintable() else None
    if row is None or not _may_end(caller, row):
        raise NotFound("there is no delegation {id}", id=delegation_id)
    if row.revoked_at is None and row.ends_at > now():
        row.revoked_at = now()
        record_act(session, caller, "delegation.ended", row.id, party=PartyId(row.party))


def delegations(
    session: Session, *, party: PartyId | None = None, member: MemberId | None = None
) -> list[Delegation]:
    """Delegations of a party, or those that a member gave or took, newest first."""
    statement = select(DelegationRow).order_by(DelegationRow.id.desc())
    if party is not None:
        statement = statement.where(DelegationRow.party == party)
    if member is not None:
        statement = statement.where(
            or_(DelegationRow.giver == member, DelegationRow.taker == member)
        )
    return [_delegation(row) for row in session.scalars(statement)]


def lent_to(session: Session, taker: str, own: frozenset[Role], moment: datetime) -> Lent:
    """The roles that a member has at ``moment`` only by delegation, each with its giver."""
    giver = aliased(MemberRow)
    rows = session.execute(
        select(DelegationRow.roles, giver.id, giver.roles)
        .join(giver, giver.id == DelegationRow.giver)
        .where(
            DelegationRow.taker == taker,
            DelegationRow.revoked_at.is_(None),
            DelegationRow.starts_at <= moment,
            DelegationRow.ends_at > moment,
            giver.active.is_(True),
            giver.party == DelegationRow.party,
        )
    )
    return frozenset(
        (Role(role), MemberId(who))
        for lent, who, theirs in rows
        for role in set(lent) & set(theirs)
        if Role(role) not in own
    )


def _check_time(start: datetime, end: datetime, moment: datetime) -> None:
    if start.tzinfo is None or end.tzinfo is None:
        raise Invalid(
            "a time without an offset names no instant", field="ends_at", mend="add Z or +08:00"
        )
    if not (moment <= end and start < end <= start + LONGEST and start <= moment + LONGEST):
        raise Invalid(
            "a delegation lasts at most {days} days and ends after it begins",
            field="ends_at",
            mend="choose an earlier day to come",
            days=LONGEST.days,
        )


def _may_end(caller: Caller, row: DelegationRow) -> bool:
    if caller.token is not None and Scope.ADMIN not in caller.scopes:
        return False
    steward = caller.may(Role.STEWARD) and (caller.party == row.party or caller.runs_node)
    return caller.member in {row.giver, row.taker} or steward


def _delegation(row: DelegationRow) -> Delegation:
    return Delegation(
        id=row.id,
        party=PartyId(row.party),
        giver=MemberId(row.giver),
        taker=MemberId(row.taker),
        roles=frozenset(Role(role) for role in row.roles),
        reason=row.reason,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        revoked_at=row.revoked_at,
    )
