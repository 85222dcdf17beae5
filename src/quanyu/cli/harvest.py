"""`harvest`: catalogues that entries are taken from, their runs, what waits for a choice."""

from pathlib import Path
from typing import Annotated

import typer

from quanyu.catalogue import (
    HarvestRun,
    SourceKind,
    Trust,
    add_source,
    confirm_missing,
    harvest_conflicts,
    harvest_once,
    harvest_run,
    harvest_runs,
    harvest_source,
    resolve_conflict,
    run_items,
    source_settings,
    sources_of_harvest,
)
from quanyu.cli.node import administrator
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, progress, say
from quanyu.kernel import (
    ControlStore,
    Invalid,
    LocalText,
    PartyId,
    Settings,
    configure_logs,
    fill,
    load_settings,
    open_control,
)
from quanyu.parties import node_party

commands = typer.Typer(help="Take entries from other catalogues.", no_args_is_help=True)

Source = Annotated[str, typer.Argument(help="Id of the source.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="harvest")


def _open(folder: Path) -> tuple[Settings, ControlStore]:
    settings = load_settings(dir=folder)
    configure_logs(settings.log_format, "warning")
    return settings, open_control(settings)


@commands.command(
    "add", epilog="Example: `quanyu harvest add ckan https://data.example.org --en 'Road office'`"
)
def add(
    kind: Annotated[SourceKind, typer.Argument(help="Interface that the source speaks.")],
    url: Annotated[str, typer.Argument(help="Its address.")],
    zh: Annotated[str, typer.Option(help="Name in Chinese.")] = "",
    en: Annotated[str, typer.Option(help="Name in English.")] = "",
    provider: Annotated[
        str | None, typer.Option(help="Party that the entries are of; default the node's own.")
    ] = None,
    every: Annotated[int, typer.Option(min=0, help="Minutes between runs; 0 by hand.")] = 1440,
    publish: Annotated[bool, typer.Option(help="Publish what comes without a look.")] = False,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="JSON file: mapping, licence, filter …")
    ] = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Put a source down; a server that runs begins with it at once."""
    _, control = _open(folder)
    said = _settings(settings_file)
    if publish:
        said["trust"] = Trust.PUBLISH.value
    with control.begin() as session:
        node = node_party(session)
        made = add_source(
            session,
            administrator(control),
            name=LocalText(zh=zh, en=en or ("" if zh else url[:200])),
            kind=kind,
            url=url,
            provider=PartyId(provider or (node.id if node else "")),
            settings=source_settings(said),
            every_minutes=every,
        )
    give_json({"id": made.id}) if json else say(made.id)


@commands.command("list", epilog="Example: `quanyu harvest list`")
def list_sources(folder: Dir = HOME, json: Json = False) -> None:
    """Sources, with how their last runs went."""
    _, control = _open(folder)
    with control.read() as session:
        found = sources_of_harvest(session)
    rows = [
        (
            one.id,
            one.kind.value,
            one.name.to("en"),
            one.url,
            one.last_run.state.value if one.last_run else "",
            one.next_at or "",
        )
        for one in found
    ]
    columns = ("id", "kind", "name", "url", "last run", "next")
    if json:
        give_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        give_table(columns, rows)


@commands.command("run", epilog="Example: `quanyu harvest run hsr_01…`")
def run(source: Source, folder: Dir = HOME, json: Json = False) -> None:
    """Run a source to its end, going on with a run that was cut short."""
    settings, control = _open(folder)
    with progress("harvesting", quiet=json) as move:

        def told(now: HarvestRun) -> None:
            move(now.seen, now.total, now.state.value)

        done = harvest_once(control, settings, source, told)
    _give(done, json=json)
    if done.state.value in {"failed", "held"}:
        raise typer.Exit(1)


@commands.command("show", epilog="Example: `quanyu harvest show hsr_01…`")
def show(
    name: Annotated[str, typer.Argument(help="Id of a source or of a run.")],
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """The runs of a source with its conflicts, or what a run did record by record."""
    _, control = _open(folder)
    with control.read() as session:
        if name.startswith("hrn_"):
            items = run_items(session, name, limit=1000)
            _give(harvest_run(session, name), json=json)
            if not json:
                give_table(
                    ("outcome", "title", "why"),
                    [(one.outcome.value, one.title[:50], _why(one.reason)) for one in items],
                )
            return
        source = harvest_source(session, name)
        runs, conflicts = harvest_runs(session, name), harvest_conflicts(session, name)
    if json:
        give_json({"source": _plain(source), "runs": [_plain(one) for one in runs]})
        return
    say(f"{source.name.to('en')} · {source.kind.value} · {source.url}")
    give_table(
        ("run", "state", "begun", "records", "outcomes"),
        [(one.id, one.state.value, one.begun_at, one.seen, _counts(one)) for one in runs],
    )
    for one in conflicts:
        say(f"! conflict {one.record} {one.slug} {one.field}: {one.ours} ≠ {one.theirs}")


@commands.command(
    "resolve", epilog="Example: `quanyu harvest resolve 12 title --theirs` · `… resolve hrn_01…`"
)
def resolve(
    name: Annotated[str, typer.Argument(help="Number of a conflict's record, or a held run.")],
    field: Annotated[str, typer.Argument(help="Field of the conflict.")] = "",
    theirs: Annotated[
        bool, typer.Option(help="Take the source's side; for a held run, count as missing.")
    ] = False,
    folder: Dir = HOME,
) -> None:
    """Choose a side of a conflict, or say what becomes of what a held run found gone."""
    _, control = _open(folder)
    caller = administrator(control)
    with control.begin() as session:
        if name.startswith("hrn_"):
            confirm_missing(session, name, caller, take_away=theirs)
        elif name.isdecimal():
            resolve_conflict(session, int(name), field, caller, theirs=theirs)
        else:
            raise Invalid("this names no conflict and no run", field="name")
    say("chosen")


def _settings(path: Path | None) -> dict[str, object]:
    import orjson

    if path is None:
        return {}
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise Invalid(
            "{path} cannot be read: {why}", field="settings", path=path, why=str(error)
        ) from error
    return dict(found)


def _give(done: HarvestRun, *, json: bool) -> None:
    if json:
        give_json(_plain(done))
        return
    say(f"{done.id}: {done.state.value}, {done.seen:,} records in {done.pages} pages")
    say(f"  {_counts(done) or 'nothing'}")
    for warning in done.warnings:
        say(f"  ! {_why(warning)}")
    if done.problem:
        say(f"  ! {_why(done.problem)}")


def _counts(done: HarvestRun) -> str:
    return ", ".join(f"{count} {outcome.value}" for outcome, count in done.counts.items())


def _why(reason: object) -> str:
    if not isinstance(reason, dict):
        return ""
    return fill(str(reason["detail"]), dict(reason.get("params") or {}))


def _plain(one: object) -> object:
    """As JSON takes it: keys of plain text."""
    from pydantic import TypeAdapter

    return TypeAdapter(type(one)).dump_python(one, mode="json")
