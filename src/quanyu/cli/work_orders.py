"""`work-orders`: work orders 工单 opened, listed, moved, counted."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from quanyu.catalogue import resource
from quanyu.cli.acting import As, acting
from quanyu.cli.files import read_file
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import (
    Invalid,
    LocalText,
    MemberId,
    PartyId,
    load_settings,
    now,
    open_control,
)
from quanyu.operations import (
    FiguresBy,
    OrderFilter,
    OrderMove,
    OrderPlace,
    Priority,
    Source,
    SourceKind,
    WorkOrderDraft,
    WorkOrderState,
    all_work_orders,
    list_work_orders,
    move_work_order,
    open_work_order,
    order_document,
    orders_csv,
    redraw,
    use_service_levels,
    whole_order_document,
    work_order,
    work_order_figures,
)
from quanyu.parties import find_member

commands = typer.Typer(help="Work orders and how they go.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="Id of the work order.")]
State = Annotated[list[WorkOrderState] | None, typer.Option(help="In these states only.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="work-orders")


@commands.command("list", epilog="Example: `quanyu work-orders list --overdue`")
def list_orders(
    state: State = None,
    category: Annotated[str, typer.Option(help="Of this category only.")] = "",
    overdue: Annotated[bool, typer.Option(help="Only those that are late.")] = False,
    mine: Annotated[bool, typer.Option(help="Only those of who acts.")] = False,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 100,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """List work orders, the latest first."""
    control = open_control(load_settings(dir=folder))
    caller, moment = acting(control, login), now()
    wanted = OrderFilter(
        states=frozenset(state or ()),
        category=category,
        mine=mine,
        overdue_at=moment if overdue else None,
    )
    with control.read() as session:
        page = list_work_orders(session, caller, wanted, limit=limit)
    if json:
        give_json([order_document(one, moment) for one in page.items])
        return
    give_table(
        ("id", "category", "state", "priority", "due", "title"),
        [
            (
                one.id,
                one.category,
                one.state.value + (" (late)" if one.late_at(moment) else ""),
                one.priority.value,
                f"{one.due_at:%Y-%m-%d %H:%M}",
                one.title.to("en"),
            )
            for one in page.items
        ],
    )


@commands.command(
    "open",
    epilog="Example: `quanyu work-orders open lighting 'The lamp is out' --thing L-17 --as li.hua`",
)
def open_order(
    category: Annotated[str, typer.Argument(help="Category, such as lighting.")],
    title: Annotated[str, typer.Argument(help="What is to be done.")],
    text: Annotated[str, typer.Option(help="More about it.")] = "",
    priority: Annotated[Priority, typer.Option(help="How soon it is wanted.")] = Priority.NORMAL,
    slug: Annotated[str | None, typer.Option("--resource", help="Slug of a resource.")] = None,
    thing: Annotated[str | None, typer.Option(help="Id of a thing or an asset.")] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude in degrees.")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude in degrees.")] = None,
    address: Annotated[str, typer.Option(help="Address.")] = "",
    division: Annotated[str, typer.Option(help="Code of a division.")] = "",
    party: Annotated[str | None, typer.Option(help="Id of the party that does it.")] = None,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Open a work order; prints its id."""
    settings = load_settings(dir=folder)
    use_service_levels(settings)
    control = open_control(settings)
    caller = acting(control, login)
    with control.begin() as session:
        of = resource(session, slug, visible_to=caller).id if slug else None
        made = open_work_order(
            session,
            WorkOrderDraft(
                category=category,
                title=LocalText(zh=title) if title.strip() else LocalText(zh=" "),
                source=Source(SourceKind.COLLEAGUE),
                text=text,
                priority=priority,
                resource=of,
                thing=thing,
                place=OrderPlace(lon, lat, address, division),
                party=PartyId(party) if party else None,
            ),
            caller,
        )
    say(made.id)


@commands.command(epilog="Example: `quanyu work-orders show wko_01…`")
def show(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """An order with its course, as JSON."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    with control.read() as session:
        give_json(whole_order_document(session, work_order(session, name, caller), caller, now()))


@commands.command(
    epilog="Example: `quanyu work-orders move wko_01… accept --as li.hua` · "
    "`quanyu work-orders move wko_01… finish --note 'Lamp changed' --photo after.jpg`"
)
def move(
    name: Id,
    step: Annotated[OrderMove, typer.Argument(help="What is done to it.")],
    note: Annotated[str, typer.Option(help="A note; the reason where one is needed.")] = "",
    party: Annotated[str | None, typer.Option(help="Party that it goes to.")] = None,
    member: Annotated[str | None, typer.Option(help="Login of who gets it there.")] = None,
    photo: Annotated[list[Path] | None, typer.Option(help="Picture file, several times.")] = None,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Take a step: accept, start, finish, check, close, return, transfer, reopen, cancel …"""
    settings = load_settings(dir=folder)
    use_service_levels(settings)
    control = open_control(settings)
    caller = acting(control, login)
    pictures = tuple(redraw(read_file(path, "photo")) for path in photo or ())
    with control.begin() as session:
        who = find_member(session, member) if member else None
        if member and who is None:
            raise Invalid("nobody has this login", field="member", mend="quanyu party list")
        made = move_work_order(
            session,
            name,
            caller,
            step,
            note=note,
            to_party=PartyId(party) if party else None,
            to_member=MemberId(who.id) if who else None,
            photos=pictures,
        )
    say(f"{made.id}: {made.state.value}")


@commands.command(epilog="Example: `quanyu work-orders figures --by party`")
def figures(
    by: Annotated[FiguresBy, typer.Option(help="Told apart by what.")] = FiguresBy.ALL,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """How orders went: in time, repeated, hours until done."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    with control.read() as session:
        found = work_order_figures(session, caller, now(), by=by)
    if json:
        give_json(found)
        return
    give_table(
        (by.value, "opened", "done", "in time", "repeated", "hours, mean", "overdue"),
        [
            (
                one.key or "all",
                one.opened,
                one.done,
                _percent(one.on_time),
                _percent(one.repeated),
                "" if one.mean_hours is None else f"{one.mean_hours:.1f}",
                one.overdue,
            )
            for one in found
        ],
    )


@commands.command(epilog="Example: `quanyu work-orders export > orders.csv`")
def export(
    state: State = None,
    category: Annotated[str, typer.Option(help="Of this category only.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Every order as CSV on standard output."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    wanted = OrderFilter(states=frozenset(state or ()), category=category)
    with control.read() as session:
        found = all_work_orders(session, caller, wanted)
        for line in orders_csv(session, found, now(), "en"):
            sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
