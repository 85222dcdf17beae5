"""`on-call`: who is called when by a party's calendars, handed over, off."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from quanyu.cli.acting import As, acting, writing_as
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.cli.parties import member_caller
from quanyu.kernel import Invalid, MemberId, PartyId, in_zone, load_settings, now, open_control
from quanyu.operations import (
    KeptCalendar,
    Shift,
    calendar,
    calendars,
    days_off,
    end_hand_over,
    gaps,
    hand_over,
    hand_overs,
    shifts,
    take_back_days_off,
    take_days_off,
    zoned_instant,
)
from quanyu.parties import members
from quanyu.web import PLAN, calendar_document, day_off_document, hand_over_document

commands = typer.Typer(help="Who is called when.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a calendar of the party of who acts.")]
Who = Annotated[str, typer.Argument(help="Login of a member of that party.")]
Time = Annotated[str, typer.Argument(help="Time such as 2026-12-01T09:00, in the calendar's zone.")]
Day = Annotated[str, typer.Argument(help="Day such as 2026-12-01.")]
Note = Annotated[str, typer.Option(help="Why.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="on-call")


@commands.command("list", epilog="Example: `quanyu on-call list --as li.hua`")
def list_calendars(login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """The calendars of the party of who acts, who is called now, and when nobody will be."""
    control = open_control(load_settings(dir=folder))
    party = acting(control, login).party or PartyId("")
    moment = now()
    with control.read() as session:
        kept = calendars(session, party)
        plans = [(one, shifts(one.calendar, moment, moment + PLAN)) for one in kept]
        names = _names(session, party)
    if json:
        give_json([calendar_document(one, plan) for one, plan in plans])
        return
    rows = []
    for one, plan in plans:
        holes = gaps(plan)
        nobody = in_zone(holes[0].start, one.calendar.zone) if holes else "—"
        rows.append((one.name, _called(names, plan), len(plan), nobody))
    give_table(("calendar", "called now", "turns in two weeks", "nobody from"), rows)


@commands.command("show", epilog="Example: `quanyu on-call show duty --as li.hua`")
def show(name: Name, login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """The turns of the next two weeks, and what was changed by hand."""
    control = open_control(load_settings(dir=folder))
    party = acting(control, login).party or PartyId("")
    moment = now()
    with control.read() as session:
        kept = calendar(session, party, name)
        over = [one for one in hand_overs(session, party) if one.calendar == name]
        off = [one for one in days_off(session, party) if one.calendar == name]
        names = _names(session, party)
    plan = shifts(kept.calendar, moment, moment + PLAN)
    if json:
        document = calendar_document(kept, plan)
        document["overrides"] = [hand_over_document(one) for one in over]
        document["daysOff"] = [day_off_document(one) for one in off]
        give_json(document)
        return
    zone = kept.calendar.zone
    give_table(
        ("from", "until", "called"),
        [(in_zone(one.start, zone), in_zone(one.end, zone), _name(names, one.member))
         for one in plan],
    )  # fmt: skip
    for taken in over:
        begin, end = in_zone(taken.starts_at, zone), in_zone(taken.ends_at, zone)
        say(f"{taken.id}: {_name(names, taken.member)} from {begin} until {end}")
    for one in off:
        stands = f", {_name(names, one.substitute)} stands in" if one.substitute else ""
        say(f"{one.id}: {_name(names, one.member)} off {one.first} to {one.last}{stands}")


@commands.command(
    "hand-over",
    epilog="Example: `quanyu on-call hand-over duty wang.lei 2026-12-01T09:00 2026-12-02T09:00 "
    "--as li.hua`",
)
def hand(
    name: Name,
    who: Who,
    since: Time,
    until: Time,
    note: Note = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Let another member be called for a time."""
    with writing_as(folder, login) as (session, caller):
        zone = calendar(session, caller.party or PartyId(""), name).calendar.zone
        kept = hand_over(
            session,
            caller,
            name,
            _member(session, who),
            starts_at=zoned_instant(since, "since", zone),
            ends_at=zoned_instant(until, "until", zone),
            note=note,
        )
        told = _told(session, kept)
    say(told)


@commands.command(
    epilog="Example: `quanyu on-call off duty wang.lei 2026-12-01 2026-12-03 --substitute li.hua`"
)
def off(
    name: Name,
    who: Who,
    first: Day,
    last: Day,
    substitute: Annotated[str | None, typer.Option(help="Login of who stands in.")] = None,
    in_exchange: Annotated[
        str | None, typer.Option(help="Day on which the member stands in for them.")
    ] = None,
    note: Note = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Let a member be off on some days, the last among them."""
    with writing_as(folder, login) as (session, caller):
        kept = take_days_off(
            session,
            caller,
            name,
            _member(session, who),
            first=_day(first, "first"),
            last=_day(last, "last"),
            substitute=_member(session, substitute) if substitute else None,
            in_exchange=_day(in_exchange, "in-exchange") if in_exchange else None,
            note=note,
        )
        told = _told(session, kept)
    say(told)


@commands.command(epilog="Example: `quanyu on-call end ovr_01… --as li.hua`")
def end(
    change: Annotated[str, typer.Argument(help="Id of a hand-over, or of days off.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """End a hand-over, or take days off back."""
    with writing_as(folder, login) as (session, caller):
        undo = end_hand_over if change.startswith("ovr_") else take_back_days_off
        undo(session, caller, change)
    say(f"{change}: ended")


def _told(session: Session, kept: KeptCalendar) -> str:
    """Who is called now."""
    moment = now()
    plan = shifts(kept.calendar, moment, moment + PLAN)
    return f"{kept.name}: {_called(_names(session, kept.party), plan)} is called now"


def _called(names: dict[str, str], plan: Sequence[Shift]) -> str:
    first = next(iter(plan), None)
    return _name(names, first.member if first else None)


def _names(session: Session, party: PartyId) -> dict[str, str]:
    return {one.id: one.login for one in members(session, party)}


def _name(names: dict[str, str], member: str | None) -> str:
    return "nobody" if member is None else names.get(member, member)


def _member(session: Session, login: str) -> MemberId:
    found = member_caller(session, login).member
    if found is None:
        raise Invalid("{login} is no member", field="who", login=login)
    return found


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("this is no day", field=field, mend="write it like 2026-12-01") from error
