"""`add` and `generate`: bringing data in, from a look at the plan to a published resource."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from quanyu import app as composition
from quanyu.catalogue import (
    Access,
    Description,
    Resource,
    State,
    publish,
    refresh_dataset,
    register_dataset,
    resource,
)
from quanyu.cli.node import administrator
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import err, give_json, give_table, progress, say
from quanyu.kernel import (
    ControlStore,
    LocalText,
    NotFound,
    PartyId,
    Settings,
    configure_logs,
    load_settings,
    open_control,
)
from quanyu.land import DeclarationDraft, Role, check_declaration, declare
from quanyu.parties import Caller, node_party
from quanyu.spacetime import (
    IngestOptions,
    IngestPlan,
    IngestReport,
    Progress,
    Store,
    Version,
    generate_city,
    generate_land,
    ingest,
    inspect,
)

generate_commands = typer.Typer(help="Make data of any size, labelled generated.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        epilog="Example: `quanyu add buildings.gpkg --title-zh 建筑 --licence CC-BY-4.0 --yes` · "
        "`quanyu add city.osm.pbf` · `quanyu add scene.tif --dataset imagery --datetime 2026-03-01`"
    )(add)
    app.add_typer(generate_commands, name="generate", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Desk:
    """What bringing data in works on: an opened node and who does it."""

    settings: Settings
    control: ControlStore
    store: Store
    caller: Caller
    party: PartyId


@contextmanager
def open_desk(folder: Path) -> Iterator[Desk]:
    """The node in ``folder``, for its administrator."""
    settings = load_settings(dir=folder)
    configure_logs(settings.log_format, "warning")
    control = open_control(settings)
    store = composition.open_store(settings, control)
    try:
        caller = administrator(control)
        with control.read() as session:
            party = node_party(session)
        assert party is not None  # noqa: S101 - an administrator is a member of it
        yield Desk(settings, control, store, caller, party.id)
    finally:
        store.close()
        control.close()


def bring_in(
    desk: Desk, source: str, dataset: str, options: IngestOptions, *, title: str, quiet: bool
) -> IngestReport:
    """Ingest with a progress bar."""
    with progress(title, quiet=quiet) as move:

        def moved(now: Progress) -> None:
            move(now.done, now.total, now.stage)

        return ingest(desk.store, source, dataset, options, moved)


def put_on_show(desk: Desk, version: Version, description: Description) -> Resource:
    """Register a dataset's entry (or bring it up to date) and publish it."""
    with desk.control.begin() as session:
        entry = register_dataset(
            session, version, description, desk.caller, area=desk.settings.area_code
        )
        if entry.state is not State.PUBLISHED:
            entry = publish(session, entry.id, desk.caller)
    desk.store.view(version.dataset).prepare()
    return entry


def add(
    source: Annotated[str, typer.Argument(help="File or URL.")],
    dataset: Annotated[
        str | None, typer.Option(help="Name in URLs; default from the file.")
    ] = None,
    title_zh: Annotated[str, typer.Option(help="Title in Chinese.")] = "",
    title_en: Annotated[str, typer.Option(help="Title in English.")] = "",
    licence: Annotated[str, typer.Option(help="Key of a licence, or its URL.")] = "by-agreement",
    access: Annotated[Access, typer.Option(help="Who may use it.")] = Access.CLOSED,
    layer: Annotated[str | None, typer.Option(help="Layer, sheet or OSM theme.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS: EPSG:4547, GCJ-02, BD-09 …")] = None,
    encoding: Annotated[str | None, typer.Option(help="Character set, such as GB18030.")] = None,
    lon: Annotated[str | None, typer.Option(help="Column of longitudes or eastings.")] = None,
    lat: Annotated[str | None, typer.Option(help="Column of latitudes or northings.")] = None,
    id_column: Annotated[str | None, typer.Option(help="Column of the features' ids.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the time of each row.")] = None,
    datetime: Annotated[str | None, typer.Option(help="When a scene was taken.")] = None,
    bands: Annotated[str, typer.Option(help="Names of a scene's bands, with commas.")] = "",
    nodata: Annotated[float | None, typer.Option(help="A scene's value for no data.")] = None,
    heights: Annotated[
        str | None, typer.Option(help="A scene's pixels are heights above: geoid, ellipsoid; none.")
    ] = None,
    replace_scenes: Annotated[
        bool, typer.Option("--replace", help="Drop the scenes that the dataset had.")
    ] = False,
    repair: Annotated[bool, typer.Option(help="Mend invalid polygons; else reject them.")] = False,
    plan_only: Annotated[bool, typer.Option("--plan", help="Show the plan and stop.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Bring data in: look at it, show the plan, ask, ingest, register, publish.

    Bringing in a dataset that is there makes a new version of it; old ones stay queryable.
    """
    with open_desk(folder) as desk:
        options = IngestOptions(
            layer=layer,
            crs=crs,
            encoding=encoding,
            lon=lon,
            lat=lat,
            id_column=id_column,
            time=time,
            datetime=datetime,
            bands=tuple(band.strip() for band in bands.split(",") if band.strip()),
            nodata=nodata,
            heights=heights,
            replace=replace_scenes,
            repair=repair,
            allow_private=desk.settings.allow_private_urls,
        )
        plans = _plans(source, options, dataset, desk.store.cache_dir / "ingest" / "sources")
        if plan_only:
            give_json([plan.as_json() for plan in plans]) if json else _show(plans)
            return
        if not (yes or json):
            _show(plans)
            if not sys.stdin.isatty() or not typer.confirm("Bring it in?"):
                err.print("nothing was changed (add --yes to go on without asking)")
                raise typer.Exit(1)
        done = []
        for plan in plans:
            report = bring_in(
                desk,
                source,
                plan.dataset,
                _with_layer(options, plan.layer),
                title=plan.dataset,
                quiet=json,
            )
            entry = _entry(
                desk, report.version, LocalText(zh=title_zh, en=title_en or plan.dataset),
                licence, access,
            )  # fmt: skip
            done.append((entry, report))
    if json:
        give_json([_report(entry, report) for entry, report in done])
        return
    for entry, report in done:
        say(
            f"{entry.slug} version {report.version.number}: {report.rows:,} rows in "
            f"{report.seconds:.1f} s"
        )
        if report.findings:
            say(f"  {report.findings:,} findings on rows that were kept in {report.findings_file}")
        if report.rejects:
            say(f"  {report.rejects:,} rejected, each with its reason in {report.rejects_file}")


@generate_commands.command(
    "city", epilog="Example: `quanyu generate city --buildings 200000 --points 1000000 --seed 7`"
)
def generate(
    buildings: Annotated[int, typer.Option(min=0, help="How many buildings.")] = 10_000,
    points: Annotated[int, typer.Option(min=0, help="How many observation points.")] = 50_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same city.")] = 1,
    land: Annotated[
        bool, typer.Option("--land", help="Parcels, control lines and plans too, to try checks on.")
    ] = False,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Make a city of any size; everything in it is labelled generated."""
    with open_desk(folder) as desk:
        with progress("generating", quiet=json) as move:
            made = generate_city(
                desk.store,
                buildings=buildings,
                points=points,
                seed=seed,
                progress=lambda dataset, now: move(now.done, now.total, f"{dataset} {now.stage}"),
            )
        if land:
            made |= generate_land(desk.store, buildings=buildings, points=points, seed=seed)
        reports = list(made.values())
        entries = [
            put_on_show(desk, report.version, _generated(desk, report.version))
            for report in reports
        ]
        if land:
            declare_generated(desk)
    if json:
        give_json([_report(entry, report) for entry, report in zip(entries, reports, strict=True)])
        return
    for report in reports:
        say(f"{report.version.dataset}: {report.rows:,} rows in {report.seconds:.1f} s (generated)")


def declare_generated(desk: Desk) -> None:
    """Say which role each generated dataset of the land space plays."""
    limits = {"height": "height_limit", "far": "far", "density": "density", "green": "green"}
    roles: dict[str, tuple[Role, dict[str, str]]] = {
        "generated-parcels": (Role.PARCELS, {"number": "parcel"}),
        "generated-planned-use": (Role.PLANNED_USE, {"class": "dlbm"}),
        "generated-farmland": (Role.FARMLAND, {"name": "name"}),
        "generated-red-line": (Role.ECOLOGY, {"name": "name"}),
        "generated-urban-boundary": (Role.URBAN, {"name": "name"}),
        "generated-plans": (Role.PLAN, {"class": "dlbm", **limits}),
    }
    note = LocalText(zh="由程序生成，不是法定规划", en="made by a program, no statutory plan")
    for dataset, (role, columns) in roles.items():
        draft = DeclarationDraft(role=role, dataset=dataset, columns=columns, note=note)
        view = desk.store.view(dataset)
        check_declaration(role, view, columns, draft.scheme, draft.values)
        with desk.control.begin() as session:
            declare(session, draft, desk.caller)


def _generated(desk: Desk, version: Version) -> Description:
    kinds = {
        "generated-buildings": LocalText(zh="生成的建筑", en="Generated buildings"),
        "generated-points": LocalText(zh="生成的观测点", en="Generated observation points"),
        "generated-parcels": LocalText(zh="生成的宗地", en="Generated parcels"),
        "generated-planned-use": LocalText(zh="生成的规划用途", en="Generated planned use"),
        "generated-farmland": LocalText(zh="生成的永久基本农田", en="Generated basic farmland"),
        "generated-red-line": LocalText(zh="生成的生态保护红线", en="Generated red line"),
        "generated-urban-boundary": LocalText(
            zh="生成的城镇开发边界", en="Generated urban boundary"
        ),
        "generated-plans": LocalText(zh="生成的详细规划", en="Generated detailed plans"),
    }
    return Description(
        title=kinds[version.dataset],
        abstract=LocalText(
            zh="由程序按种子生成，用于测试规模，不反映任何真实地点。",
            en="Made by a program from a seed, to try out size; it says nothing of a real place.",
        ),
        provider=desk.party,
        licence="CC0-1.0",
        access=Access.OPEN,
        themes=("geography",),
        generated=True,
    )


def _entry(
    desk: Desk, version: Version, title: LocalText, licence: str, access: Access
) -> Resource:
    try:
        with desk.control.read() as session:
            resource(session, version.dataset)
    except NotFound:
        said = Description(title=title, provider=desk.party, licence=licence, access=access)
        return put_on_show(desk, version, said)
    with desk.control.begin() as session:
        entry = refresh_dataset(session, version, desk.caller)
    desk.store.view(version.dataset).prepare()
    return entry


def _report(entry: Resource, report: IngestReport) -> dict[str, object]:
    return {
        "id": entry.id,
        "slug": entry.slug,
        "code": entry.code,
        "version": report.version.number,
        "rows": report.rows,
        "rejects": report.rejects,
        "rejects_file": report.rejects_file,
        "findings": report.findings,
        "findings_file": report.findings_file,
        "seconds": round(report.seconds, 3),
        "notes": list(report.notes),
    }


def _plans(
    source: str, options: IngestOptions, dataset: str | None, sources: Path
) -> list[IngestPlan]:
    """One plan, or one for each theme of an OSM extract."""
    plan = inspect(source, options, sources)
    if plan.format != "osm" or options.layer is not None:
        return [plan if dataset is None else replace(plan, dataset=dataset)]
    plans = [inspect(source, _with_layer(options, theme), sources) for theme in plan.layers]
    if dataset is None:
        return plans
    return [replace(plan, dataset=f"{dataset}-{plan.layer}") for plan in plans]


def _with_layer(options: IngestOptions, layer: str | None) -> IngestOptions:
    return replace(options, layer=layer)


def _show(plans: list[IngestPlan]) -> None:
    for plan in plans:
        rows = "unknown" if plan.rows is None else f"about {plan.rows:,}"
        crs = f"CRS {plan.crs}" if plan.crs else "CRS not stated"
        say(f"\n{plan.dataset}: {plan.format}, {rows} rows, {plan.geometry.value}, {crs}")
        give_table(
            ("field", "type", "first values"),
            [
                (field.name, field.type, " · ".join(str(v) for v in field.samples[:3])[:60])
                for field in plan.fields
            ],
        )
        for warning in plan.warnings:
            say(f"! {warning}")
