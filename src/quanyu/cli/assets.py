"""`assets`: inventories of what is kept, brought in, listed, maintained, accounted."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from quanyu.catalogue import resource
from quanyu.cli.acting import As, acting
from quanyu.cli.files import read_file
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid, load_settings, open_control, read_calendar
from quanyu.operations import (
    AssetFilter,
    AssetState,
    EntryKind,
    asset,
    asset_document,
    enter,
    entries_of,
    entry_document,
    import_assets,
    list_assets,
    plan_document,
    plan_maintenance,
    plans_of,
    read_assets,
    sums_below,
    sums_document,
    use_service_levels,
)

commands = typer.Typer(help="Inventories of assets.", no_args_is_help=True)
Slug = Annotated[str, typer.Argument(help="Slug of the resource whose inventory it is.")]
Id = Annotated[str, typer.Argument(help="Id of the asset.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="assets")


@commands.command(
    "import", epilog="Example: `quanyu assets import lamps lamps.csv --template lamp`"
)
def import_file(
    slug: Slug,
    file: Annotated[Path, typer.Argument(help="CSV with a heading, or GeoJSON.")],
    template: Annotated[str, typer.Option(help="Kind of those that name none.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Bring a file in: known ids are changed, others added, all of them or none."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    drafts = read_assets(read_file(file), template)
    with control.begin() as session:
        of = resource(session, slug, visible_to=caller).id
        made = import_assets(session, of, caller, drafts)
    say(f"{made.added} added, {made.changed} changed, {made.same} as before")


@commands.command("list", epilog="Example: `quanyu assets list lamps --below street-1`")
def list_them(
    slug: Slug,
    below: Annotated[str, typer.Option(help="That asset and all below it.")] = "",
    template: Annotated[str, typer.Option(help="Of this kind only.")] = "",
    state: Annotated[AssetState | None, typer.Option(help="In this state only.")] = None,
    text: Annotated[str, typer.Option("--text", help="Whose id or name holds this.")] = "",
    limit: Annotated[int, typer.Option(help="How many at most.")] = 1000,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """List assets in the order of their tree."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    wanted = AssetFilter(below=below, template=template, state=state, text=text)
    with control.read() as session:
        of = resource(session, slug, visible_to=caller).id
        page = list_assets(session, of, caller, wanted, limit=limit)
    if json:
        give_json([asset_document(one) for one in page.items])
        return
    give_table(
        ("id", "kind", "state", "name", "parts"),
        [
            ("  " * one.depth + one.id, one.template, one.state.value, one.name, one.parts)
            for one in page.items
        ],
    )


@commands.command(epilog="Example: `quanyu assets show lamps street-1`")
def show(slug: Slug, name: Id, login: As = None, folder: Dir = HOME) -> None:
    """An asset with its plans, entries and the sums of all below it, as JSON."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    with control.read() as session:
        of = resource(session, slug, visible_to=caller).id
        give_json(
            asset_document(asset(session, of, name, caller))
            | {
                "plans": [plan_document(one) for one in plans_of(session, of, name, caller)],
                "entries": [entry_document(one) for one in entries_of(session, of, name, caller)],
                "sums": sums_document(sums_below(session, of, name, caller)),
            }
        )


@commands.command(epilog="Example: `quanyu assets plan lamps pole-1 'Look at the pole' --days 90`")
def plan(
    slug: Slug,
    name: Id,
    title: Annotated[str, typer.Argument(help="What is to be done.")],
    days: Annotated[int | None, typer.Option(help="Every so many days.")] = None,
    hours: Annotated[int | None, typer.Option(help="Every so many running hours.")] = None,
    category: Annotated[str, typer.Option(help="Category of its orders.")] = "maintenance",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Plan maintenance, which becomes a work order whenever it is due; prints its id."""
    settings = load_settings(dir=folder)
    use_service_levels(settings)
    control = open_control(settings)
    caller = acting(control, login)
    with control.begin() as session:
        of = resource(session, slug, visible_to=caller).id
        made = plan_maintenance(
            session,
            of,
            name,
            caller,
            title=title,
            category=category,
            every_days=days,
            every_hours=hours,
            calendar=read_calendar(settings.holidays_file, settings.time_zone),
        )
    say(made.id)


@commands.command(
    "enter",
    epilog="Example: `quanyu assets enter lamps lamp-1 energy 2026-01-01 2026-01-31 25000`",
)
def enter_amount(
    slug: Slug,
    name: Id,
    kind: Annotated[EntryKind, typer.Argument(help="What it is.")],
    since: Annotated[str, typer.Argument(help="First day.")],
    until: Annotated[str, typer.Argument(help="Last day.")],
    amount: Annotated[int, typer.Argument(help="In Wh, L or 分.")],
    note: Annotated[str, typer.Option(help="A line on it.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Enter what an asset used or cost; prints the id of the entry."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    try:
        first, last = date.fromisoformat(since), date.fromisoformat(until)
    except ValueError as error:
        raise Invalid("this is no day", field="since", mend="write it like 2026-05-01") from error
    with control.begin() as session:
        of = resource(session, slug, visible_to=caller).id
        made = enter(
            session,
            of,
            name,
            caller,
            kind=kind,
            since=first,
            until=last,
            amount=amount,
            note=note,
        )
    say(made.id)
