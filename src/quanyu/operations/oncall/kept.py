"""Calendars of parties in the control store, and who is on duty by them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid, MemberId, NotFound, PartyId, Refused, iso, new_id, now, owe
from quanyu.operations.oncall.days_off import days_off_of
from quanyu.operations.oncall.model import OnCall, Override, members_of, on_duty
from quanyu.operations.oncall.reading import checked_name, parse_calendar
from quanyu.operations.oncall.tables import CalendarRow, OverrideRow
from quanyu.operations.work_orders import service_levels
from quanyu.parties import Caller, Role, Scope, members

LONGEST_OVERRIDE = timedelta(days=60)
_RECENT = timedelta(days=40)


@dataclass(frozen=True, slots=True)
class KeptCalendar:
    """A party's calendar; ``document`` is what was said."""

    id: str
    party: PartyId
    name: str
    calendar: OnCall
    document: Mapping[str, Any]
    leaf: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """A time in which another member is called, as it was handed over by hand."""

    id: str
    calendar: str
    member: MemberId
    starts_at: datetime
    ends_at: datetime
    note: str


def put_calendar(
    session: Session, caller: Caller, name: str, document: Mapping[str, Any]
) -> KeptCalendar:
    """Put down a calendar of the caller's party, in place of the one of that name.

    Raises :class:`Invalid` for faults, among them members of other parties, and :class:`Refused`
    (rule ``on-call.keep``) for who is no steward or operator.
    """
    party = _steward(caller)
    calendar = parse_calendar(document)
    known = {one.id for one in members(session, party)}
    for place, one in enumerate(calendar.rotations):
        for member in one.members:
            if member not in known:
                raise Invalid(
                    "this is no member of your party",
                    field=f"rotations[{place}].members",
                    mend="give ids of members of your party",
                )
    row = session.scalar(
        select(CalendarRow).where(
            CalendarRow.party == party, CalendarRow.name == checked_name(name)
        )
    )
    if row is None:
        row = CalendarRow(id=new_id("calendar"), party=party, name=name)
        session.add(row)
    row.document, row.at = dict(document), now()
    row.leaf = owe(session, "on-call.changed", row.id, {"party": party, "name": name})
    session.flush()
    return _kept(session, row)


def calendars(session: Session, party: PartyId) -> list[KeptCalendar]:
    """Calendars of a party, by name."""
    rows = session.scalars(
        select(CalendarRow).where(CalendarRow.party == party).order_by(CalendarRow.name)
    )
    return [_kept(session, row) for row in rows]


def calendar(session: Session, party: PartyId, name: str) -> KeptCalendar:
    """A party's calendar; raises :class:`NotFound`."""
    row = _row(session, party, name)
    if row is None:
        raise NotFound("there is no calendar {name}", name=name[:80])
    return _kept(session, row)


def member_on_duty(
    session: Session, party: PartyId, name: str, moment: datetime
) -> MemberId | None:
    """Who is called by a party's calendar; ``None`` where there is nobody or no such calendar."""
    row = _row(session, party, name)
    if row is None:
        return None
    member = on_duty(_kept(session, row).calendar, moment)
    active = {one.id for one in members(session, party) if one.active}
    return MemberId(member) if member in active else None


def hand_over(
    session: Session,
    caller: Caller,
    name: str,
    member: MemberId,
    *,
    starts_at: datetime,
    ends_at: datetime,
    note: str = "",
) -> KeptCalendar:
    """Let another member be called for a time.

    Who is on duty then may hand over, and whoever takes turns may take over; stewards and operators
    may do it for others. Raises :class:`Refused` (rule ``on-call.hand-over``) and :class:`Invalid`.
    """
    if caller.party is None or caller.member is None or Scope.WRITE not in caller.scopes:
        raise _refused()
    kept = calendar(session, caller.party, name)
    leads = any(caller.may(role, Scope.WRITE) for role in (Role.STEWARD, Role.OPERATOR))
    takes = caller.member == member and caller.member in members_of(kept.calendar.rotations)
    if not (leads or takes or on_duty(kept.calendar, starts_at) == caller.member):
        raise _refused()
    if member not in {one.id for one in members(session, caller.party) if one.active}:
        raise Invalid("this is no member of your party", field="member")
    if not starts_at < ends_at <= starts_at + LONGEST_OVERRIDE or ends_at <= now():
        raise Invalid(
            "it ends after it begins, within {days} days",
            field="ends_at",
            days=LONGEST_OVERRIDE.days,
        )
    row = OverrideRow(
        id=new_id("override"),
        calendar=kept.id,
        member=member,
        starts_at=starts_at,
        ends_at=ends_at,
        note=note.strip()[:300],
    )
    row.leaf = owe(
        session,
        "on-call.handed-over",
        kept.id,
        {
            "party": caller.party,
            "member": member,
            "starts_at": iso(starts_at),
            "ends_at": iso(ends_at),
        },
    )
    session.add(row)
    session.flush()
    return calendar(session, caller.party, name)


def hand_overs(session: Session, party: PartyId) -> list[HandOver]:
    """Hand-overs of a party's calendars that are not over, by their beginning."""
    rows = session.execute(
        select(OverrideRow, CalendarRow.name)
        .join(CalendarRow, CalendarRow.id == OverrideRow.calendar)
        .where(CalendarRow.party == party, OverrideRow.ends_at > now())
        .order_by(OverrideRow.starts_at, OverrideRow.id)
    )
    return [
        HandOver(row.id, name, MemberId(row.member), row.starts_at, row.ends_at, row.note)
        for row, name in rows
        if row.ends_at > row.starts_at
    ]


def end_hand_over(session: Session, caller: Caller, name: str) -> None:
    """End a hand-over now: it was never, where it has not begun.

    Stewards and operators may, and who has taken over. Raises :class:`NotFound` for those of other
    parties and those that are over, :class:`Refused` (rule ``on-call.hand-over``).
    """
    moment = now()
    row = session.get(OverrideRow, name) if name.isprintable() else None
    of = None if row is None else session.get_one(CalendarRow, row.calendar)
    over = row is None or row.ends_at <= max(moment, row.starts_at)
    if row is None or of is None or of.party != caller.party or over:
        raise NotFound("there is no hand-over {id}", id=name[:80])
    leads = any(caller.may(role, Scope.WRITE) for role in (Role.STEWARD, Role.OPERATOR))
    if Scope.WRITE not in caller.scopes or not (leads or caller.member == row.member):
        raise _refused()
    row.ends_at = max(moment, row.starts_at)
    row.leaf = owe(
        session,
        "on-call.hand-over-ended",
        row.calendar,
        {"party": of.party, "member": row.member, "ends_at": iso(row.ends_at)},
    )


def _row(session: Session, party: PartyId, name: str) -> CalendarRow | None:
    if not name.isprintable():
        return None
    return session.scalar(
        select(CalendarRow).where(CalendarRow.party == party, CalendarRow.name == name)
    )


def _kept(session: Session, row: CalendarRow) -> KeptCalendar:
    rows = session.scalars(
        select(OverrideRow)
        .where(OverrideRow.calendar == row.id, OverrideRow.ends_at > now() - _RECENT)
        .order_by(OverrideRow.id)
    )
    overrides = tuple(Override(one.member, one.starts_at, one.ends_at) for one in rows)
    found = replace(
        parse_calendar(row.document),
        overrides=overrides,
        days_off=days_off_of(session, row.id, now() - _RECENT),
        working=service_levels().calendar,
    )
    return KeptCalendar(row.id, PartyId(row.party), row.name, found, row.document, row.leaf)


def _steward(caller: Caller) -> PartyId:
    able = any(caller.may(role, Scope.WRITE) for role in (Role.STEWARD, Role.OPERATOR))
    if caller.party is None or not able:
        raise Refused(
            "only stewards and operators of a party keep its calendars",
            rule="on-call.keep",
            mend="ask a steward of your party; a token needs the scope “write”",
        )
    return caller.party


def _refused() -> Refused:
    return Refused(
        "only who is on duty, or a steward or operator, hands over",
        rule="on-call.hand-over",
        mend="ask whoever is on duty",
    )
