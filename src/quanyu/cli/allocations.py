"""`allocations`: capacity of resources 配置 offered, asked for, decided, given back."""

from typing import Annotated

import typer

from quanyu.catalogue import resource
from quanyu.cli.acting import As, acting
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import (
    Calendar,
    Invalid,
    LocalText,
    Settings,
    in_zone,
    load_settings,
    now,
    open_control,
    read_calendar,
)
from quanyu.operations import (
    AllocationMove,
    CapacityDraft,
    allocations,
    capacities,
    capacity,
    move_allocation,
    offer_capacity,
    request_allocation,
    slots,
    zoned_instant,
)

commands = typer.Typer(help="Capacity of resources and who has it when.", no_args_is_help=True)
Capacity = Annotated[str, typer.Argument(help="Id of a capacity.")]
Time = Annotated[str, typer.Argument(help="Time such as 2026-12-01T09:00, in the node's zone.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="allocations")


@commands.command("list", epilog="Example: `quanyu allocations list --as li.hua`")
def list_allocations(
    mine: Annotated[bool, typer.Option(help="Only what the party of who acts has.")] = False,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """List allocations that who acts has or keeps, the latest first."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    caller = acting(control, login)
    with control.read() as session:
        page = allocations(session, caller, mine=mine, limit=1000)
    if json:
        give_json(page.items)
        return
    give_table(
        ("id", "capacity", "state", "from", "until", "amount"),
        [
            (
                one.id,
                one.capacity,
                one.state.value,
                in_zone(one.since, settings.time_zone),
                in_zone(one.until, settings.time_zone),
                one.amount,
            )
            for one in page.items
        ],
    )


@commands.command("capacities", epilog="Example: `quanyu allocations capacities`")
def list_capacities(login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """List what can be asked for."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    with control.read() as session:
        found = capacities(session, caller)
        slugs = {one.resource: resource(session, one.resource).slug for one in found}
    if json:
        give_json(found)
        return
    give_table(
        ("id", "resource", "name", "amount", "slot", "granted"),
        [
            (
                one.id,
                slugs[one.resource],
                one.name.to("en"),
                one.amount,
                f"{one.slot_minutes} min",
                "at once" if one.automatic else "by its keeper",
            )
            for one in found
        ],
    )


@commands.command(
    epilog="Example: `quanyu allocations offer hall --name 'Great hall' --unit halls "
    "--hours 1-5=09:00-12:00,14:00-18:00 --as wang.lei`"
)
def offer(
    slug: Annotated[str, typer.Argument(help="Slug of the resource.")],
    name: Annotated[str, typer.Option(help="What it is called.")],
    unit: Annotated[str, typer.Option(help="What is counted, such as seats.")],
    hours: Annotated[
        list[str], typer.Option(help="Days and hours, such as 1-5=09:00-18:00; several times.")
    ],
    amount: Annotated[int, typer.Option(help="How much there is at once.")] = 1,
    slot: Annotated[int, typer.Option(help="Minutes of a slot.")] = 60,
    automatic: Annotated[bool, typer.Option(help="Grant what is free at once.")] = False,
    quota: Annotated[int | None, typer.Option(help="Slots of one party in a month.")] = None,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Offer capacity of a resource; prints its id."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    draft = CapacityDraft(
        name=LocalText(zh=name),
        unit=LocalText(zh=unit),
        hours=_hours(hours),
        amount=amount,
        slot_minutes=slot,
        automatic=automatic,
        quota=quota,
    )
    with control.begin() as session:
        of = resource(session, slug, visible_to=caller).id
        made = offer_capacity(session, of, caller, draft)
    say(made.id)


@commands.command(
    epilog="Example: `quanyu allocations free cap_01… 2026-12-01T00:00 2026-12-02T00:00`"
)
def free(name: Capacity, since: Time, until: Time, login: As = None, folder: Dir = HOME) -> None:
    """Slots within a time, and how much of each is free."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    caller, zone = acting(control, login), settings.time_zone
    with control.read() as session:
        found = slots(
            session,
            capacity(session, name, caller),
            _calendar(settings),
            zoned_instant(since, "since", zone),
            zoned_instant(until, "until", zone),
        )
    give_table(
        ("from", "until", "free", "of"),
        [(in_zone(o.start, zone), in_zone(o.end, zone), o.free, o.amount) for o in found],
    )


@commands.command(
    epilog="Example: `quanyu allocations request cap_01… 2026-12-01T09:00 2026-12-01T11:00 --wait "
    "--as li.hua`"
)
def request(
    name: Capacity,
    since: Time,
    until: Time,
    amount: Annotated[int, typer.Option(help="How much.")] = 1,
    purpose: Annotated[str, typer.Option(help="What for.")] = "",
    wait: Annotated[bool, typer.Option(help="Wait for it, if it is not free.")] = False,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Ask for slots; prints the allocation and its state."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    caller, zone = acting(control, login), settings.time_zone
    with control.begin() as session:
        made = request_allocation(
            session,
            name,
            caller,
            since=zoned_instant(since, "since", zone),
            until=zoned_instant(until, "until", zone),
            amount=amount,
            purpose=purpose,
            wait=wait,
            calendar=_calendar(settings),
            at=now(),
        )
    say(f"{made.id}: {made.state.value}")


@commands.command(epilog="Example: `quanyu allocations move alc_01… approve --as wang.lei`")
def move(
    name: Annotated[str, typer.Argument(help="Id of the allocation.")],
    step: Annotated[AllocationMove, typer.Argument(help="What is done to it.")],
    note: Annotated[str, typer.Option(help="The reason, where one is needed.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Approve, refuse, begin, return or cancel."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    caller = acting(control, login)
    with control.begin() as session:
        made = move_allocation(session, name, caller, step, calendar=_calendar(settings), note=note)
    say(f"{made.id}: {made.state.value}")


def _calendar(settings: Settings) -> Calendar:
    return read_calendar(settings.holidays_file, settings.time_zone)


def _hours(said: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in said:
        days, _, spans = one.partition("=")
        first, _, last = days.partition("-")
        if not (first.isdecimal() and (not last or last.isdecimal()) and spans):
            raise Invalid(
                "“{text}” is not days and hours",
                field="hours",
                mend="write it like 1-5=09:00-12:00,14:00-18:00",
                text=one[:60],
            )
        for day in range(int(first), int(last or first) + 1):
            found[str(day)] = spans
    return found
