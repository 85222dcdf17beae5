"""Days off declared and taken back: by whoever is off, or by who keeps the calendar for them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid, MemberId, NotFound, PartyId, Refused, new_id, now, owe
from quanyu.operations.oncall.kept import KeptCalendar, calendar
from quanyu.operations.oncall.model import members_of
from quanyu.operations.oncall.tables import CalendarRow, DayOffRow
from quanyu.parties import Caller, Role, Scope, members, notify

LONGEST_DAYS = 60
_NOTE = 300


@dataclass(frozen=True, slots=True)
class KeptDayOff:
    """Days on which a member of a calendar is off, the last among them, and who stands in."""

    id: str
    calendar: str
    member: MemberId
    first: date
    last: date
    substitute: MemberId | None
    note: str


def take_days_off(
    session: Session,
    caller: Caller,
    name: str,
    member: MemberId,
    *,
    first: date,
    last: date,
    substitute: MemberId | None = None,
    in_exchange: date | None = None,
    note: str = "",
) -> KeptCalendar:
    """Let a member be off on some days, in days of the calendar's zone.

    Turns that begin on them go to ``substitute``, who is told; ``in_exchange`` is a day on which
    the member then stands in for the substitute. Members who take turns may do it for themselves,
    stewards and operators for everybody. Raises :class:`Refused` (rule ``on-call.days-off``),
    :class:`NotFound` for a calendar that the party has not, and :class:`Invalid`.
    """
    if caller.party is None or caller.member is None or Scope.WRITE not in caller.scopes:
        raise _refused()
    kept = calendar(session, caller.party, name)
    turns = members_of(kept.calendar.rotations)
    own = caller.member == member and member in turns
    if not (own or _leads(caller)):
        raise _refused()
    if member not in turns:
        raise Invalid("this member takes no turn in the calendar", field="member")
    today = now().astimezone(ZoneInfo(kept.calendar.zone)).date()
    _check_days(first, last, today)
    known = {one.id: one for one in members(session, caller.party) if one.active}
    if substitute is not None and (substitute not in known or substitute == member):
        raise Invalid(
            "another active member of your party stands in",
            field="substitute",
            mend="choose somebody else",
        )
    if in_exchange is not None and (substitute is None or in_exchange < today):
        raise Invalid(
            "days are exchanged with who stands in, for a day that is not over",
            field="in_exchange",
            mend="choose who stands in, and a day to come",
        )
    said = note.strip()[:_NOTE]

    def off(who: MemberId, begin: date, end: date, instead: MemberId | None) -> None:
        row = DayOffRow(
            id=new_id("day-off"),
            calendar=kept.id,
            member=who,
            first=begin,
            last=end,
            substitute=instead,
            note=said,
        )
        _add(session, kept, row)

    off(member, first, last, substitute)
    if substitute is not None:
        if in_exchange is not None:
            off(substitute, in_exchange, in_exchange, member)
        notify(
            session,
            to=caller.party,
            topic="alert",
            message="You stand in for {name} from {first} until {last} (on call: {calendar})",
            params={
                "name": known[member].name if member in known else member,
                "first": first.isoformat(),
                "last": last.isoformat(),
                "calendar": name,
            },
            link="/on-call",
            members=[substitute],
        )
    session.flush()
    return calendar(session, caller.party, name)


def days_off(session: Session, party: PartyId) -> list[KeptDayOff]:
    """Days off of a party's calendars that are not over, by their beginning."""
    rows = session.execute(
        select(DayOffRow, CalendarRow.name)
        .join(CalendarRow, CalendarRow.id == DayOffRow.calendar)
        .where(CalendarRow.party == party, DayOffRow.last >= _yesterday(now()))
        .order_by(DayOffRow.first, DayOffRow.id)
    )
    return [
        KeptDayOff(
            row.id,
            name,
            MemberId(row.member),
            row.first,
            row.last,
            MemberId(row.substitute) if row.substitute else None,
            row.note,
        )
        for row, name in rows
    ]


def take_back_days_off(session: Session, caller: Caller, name: str) -> None:
    """The member is called on those days after all.

    Raises :class:`NotFound` for those of other parties, :class:`Refused` (rule
    ``on-call.days-off``) for who is neither off then nor keeps the calendar.
    """
    row = session.get(DayOffRow, name) if name.isprintable() else None
    of = None if row is None else session.get(CalendarRow, row.calendar)
    if row is None or of is None or of.party != caller.party:
        raise NotFound("there are no days off {id}", id=name[:80])
    if Scope.WRITE not in caller.scopes or not (_leads(caller) or caller.member == row.member):
        raise _refused()
    owe(
        session,
        "on-call.day-off-ended",
        row.calendar,
        {"party": of.party, "member": row.member, "first": row.first.isoformat()},
    )
    session.delete(row)
    session.flush()


def _add(session: Session, kept: KeptCalendar, row: DayOffRow) -> None:
    row.leaf = owe(
        session,
        "on-call.day-off",
        kept.id,
        {
            "party": kept.party,
            "member": row.member,
            "first": row.first.isoformat(),
            "last": row.last.isoformat(),
            **({"substitute": row.substitute} if row.substitute else {}),
        },
    )
    session.add(row)


def _check_days(first: date, last: date, today: date) -> None:
    if not first <= last < first + timedelta(days=LONGEST_DAYS) or last < today:
        raise Invalid(
            "the last day is not before the first, not over, and within {days} days",
            field="last",
            mend="choose a later day",
            days=LONGEST_DAYS,
        )


def _yesterday(moment: datetime) -> date:
    """The first day that is not over in every zone."""
    return moment.date() - timedelta(days=1)


def _leads(caller: Caller) -> bool:
    return any(caller.may(role, Scope.WRITE) for role in (Role.STEWARD, Role.OPERATOR))


def _refused() -> Refused:
    return Refused(
        "only who takes turns for themselves, or a steward or operator, declares days off",
        rule="on-call.days-off",
        mend="ask a steward of your party; a token needs the scope “write”",
    )
