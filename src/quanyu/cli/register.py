"""`register`: look at a file, a database or an interface, and register what is proposed."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from quanyu.catalogue import (
    Access,
    Proposal,
    copy_table,
    draft_of_proposal,
    keep_sketches,
    likely_duplicates,
    list_tables,
    probe_file,
    probe_service,
    probe_table,
    publish,
    reach_of,
    reachable,
    refresh_dataset,
    register_draft,
    save_draft,
)
from quanyu.cli.data import Desk, bring_in, open_desk
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid, LocalText, fill
from quanyu.spacetime import IngestOptions, Version

commands = typer.Typer(help="Register without typing.", no_args_is_help=True)

What = Annotated[str, typer.Argument(help="File, URL, interface, or database (SQLAlchemy URL).")]
Table = Annotated[str, typer.Option(help="Table of a database, as schema.table.")]
Item = Annotated[str, typer.Option(help="Collection of an interface.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="register")


@commands.command(
    "probe",
    epilog="Example: `quanyu register probe postgresql://reader@db/city --table lamps`",
)
def probe(
    source: What, table: Table = "", item: Item = "", folder: Dir = HOME, json: Json = False
) -> None:
    """Show what is there, or what is proposed for one of it; nothing is stored."""
    with open_desk(folder) as desk:
        if not (table or item):
            listed = _listed(desk, source)
            if listed is not None:
                give_json([dict(zip(listed[0], row, strict=True)) for row in listed[1]]) if json \
                    else give_table(*listed)  # fmt: skip
                return
        proposal = _proposal(desk, source, table, item)
        with desk.control.read() as session:
            likely = likely_duplicates(session, proposal, desk.caller)
    if json:
        give_json(_plain(proposal))
        return
    _show(proposal)
    for one in likely:
        why = "; ".join(fill(str(w["detail"]), dict(w["params"])) for w in one.why)
        say(f"! may be {one.slug} already ({one.score:.0%}): {why}")


@commands.command(
    "from", epilog="Example: `quanyu register from sqlite:///shops.db --table shops --slug shops`"
)
def register_from(
    source: What,
    table: Table = "",
    item: Item = "",
    slug: Annotated[str, typer.Option(help="Name in addresses; default as proposed.")] = "",
    title_zh: Annotated[str, typer.Option(help="Title in Chinese.")] = "",
    title_en: Annotated[str, typer.Option(help="Title in English.")] = "",
    licence: Annotated[str, typer.Option(help="Key of a licence, or its URL.")] = "",
    access: Annotated[Access | None, typer.Option(help="Who may use it.")] = None,
    copy: Annotated[bool, typer.Option(help="Copy the data of a table in.")] = False,
    show: Annotated[bool, typer.Option("--publish", help="Publish it at once.")] = False,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Put down a draft of what is proposed; the data stay where they are unless copied."""
    with open_desk(folder) as desk:
        found = _proposal(desk, source, table, item)
        said = replace(
            found,
            slug=slug or found.slug,
            title=LocalText(zh=title_zh or found.title.zh, en=title_en or found.title.en),
            licence=licence or found.licence,
            access=access or found.access,
        )
        version = _copied(desk, source, table, said.slug, quiet=json) if copy else None
        draft = draft_of_proposal(said, desk.party)
        with desk.control.begin() as session:
            made = save_draft(
                session,
                replace(draft, distributions=()) if version else draft,
                desk.caller,
                area=desk.settings.area_code,
            )
            keep_sketches(session, made.id, said.sketches)
            if version:
                refresh_dataset(session, version, desk.caller)
            if show:
                register_draft(session, made.id, desk.caller)
                publish(session, made.id, desk.caller)
        if version:
            desk.store.view(version.dataset).prepare()
    done = "published" if show else "a draft"
    give_json({"slug": said.slug}) if json else say(f"{said.slug} is {done}")


def _copied(desk: Desk, source: str, table: str, slug: str, *, quiet: bool) -> Version:
    """The table's rows in the space-time store."""
    schema, name = _named(table)
    target = desk.store.cache_dir / "copies" / f"{slug}.parquet"
    database = reachable(source, allow_private=True, local=True)
    copy_table(database, name, schema, target, most_bytes=desk.settings.max_upload_bytes)
    try:
        return bring_in(desk, str(target), slug, IngestOptions(), title=slug, quiet=quiet).version
    finally:
        target.unlink(missing_ok=True)


def _listed(desk: Desk, source: str) -> tuple[tuple[str, ...], list[tuple[object, ...]]] | None:
    """The tables of a database or collections of an interface; ``None`` for a file."""
    if _is_database(source):
        database = reachable(source, allow_private=True, local=True)
        rows: list[tuple[object, ...]] = [
            (f"{one.schema}.{one.name}".lstrip("."), one.rows, one.geometry, one.comment)
            for one in list_tables(database)
        ]
        return ("table", "rows", "geometry", "comment"), rows
    if _is_file(source):
        return None
    found = probe_service(source, reach_of(desk.settings))
    offered: list[tuple[object, ...]] = [
        (one.slug, one.title.to("en"), ", ".join(one.formats)) for one in found.offered
    ]
    return ("item", "title", "formats"), offered


def _proposal(desk: Desk, source: str, table: str, item: str) -> Proposal:
    if _is_database(source):
        if not table:
            raise Invalid("which table?", field="table", mend="see: quanyu register probe …")
        schema, name = _named(table)
        return probe_table(reachable(source, allow_private=True, local=True), name, schema)
    if item:
        found = probe_service(source, reach_of(desk.settings))
        for one in found.offered:
            if one.slug == item:
                return one
        raise Invalid("the interface offers no {item}", field="item", item=item)
    options = IngestOptions(allow_private=desk.settings.allow_private_urls)
    return probe_file(source, options, Path(desk.store.cache_dir) / "ingest" / "sources")


def _is_database(source: str) -> bool:
    return "://" in source and not re.match(r"(?i)https?://", source)


def _is_file(source: str) -> bool:
    ending = source.partition("?")[0].rpartition("/")[2].rpartition(".")[2].lower()
    return "://" not in source or ending in {
        "csv", "xlsx", "geojson", "gpkg", "zip", "fgb", "parquet", "pbf",
    }  # fmt: skip


def _named(table: str) -> tuple[str, str]:
    schema, _, name = table.rpartition(".")
    return schema, name


def _show(proposal: Proposal) -> None:
    say(f"\n{proposal.slug}: {proposal.title.to('en')} · {proposal.source}")
    rows = "unknown" if proposal.rows is None else f"about {proposal.rows:,}"
    say(
        f"{rows} rows · {proposal.geometry or 'no geometry'} {proposal.crs} · {proposal.bbox or ''}"
    )
    say(f"themes {', '.join(proposal.themes) or '–'} · updated {proposal.update_cycle.value}")
    give_table(
        ("field", "type", "unit", "sensitivity", "why"),
        [
            (
                one.name,
                one.type,
                one.unit,
                one.sensitivity.value,
                "; ".join(fill(str(w["detail"]), dict(w["params"])) for w in one.why),
            )
            for one in proposal.fields
        ],
    )
    for note in proposal.notes:
        say(f"! {fill(str(note['detail']), dict(note['params']))}")


def _plain(one: object) -> object:
    from pydantic import TypeAdapter

    return TypeAdapter(type(one)).dump_python(one, mode="json")
