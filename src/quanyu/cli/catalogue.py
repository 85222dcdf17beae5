"""`kind`, `sheet` and `product`: entries of any kind from files, the catalogue as a sheet."""

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import TypeAdapter, ValidationError

from quanyu.catalogue import (
    Defaults,
    Kind,
    ProductDraft,
    Resource,
    ResourceDraft,
    check_attributes,
    check_draft,
    delist_product,
    draft_product,
    kind_schema,
    kind_schemas,
    list_product,
    plan_sheet,
    products,
    read_sheet,
    resource,
    resources,
    save_draft,
    take_sheet,
    use_classes,
    use_extensions,
    write_sheet,
)
from quanyu.cli.node import administrator
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import ControlStore, Invalid, Settings, fill, load_settings, open_control
from quanyu.parties import Caller, node_party, parties

kind_commands = typer.Typer(help="Kinds of resources, and entries of any kind.")
sheet_commands = typer.Typer(help="The government data catalogue as a spreadsheet.")
product_commands = typer.Typer(help="Products made of resources.")
_FileArgument = Annotated[Path, typer.Argument(help="JSON file.", exists=True, dir_okay=False)]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(kind_commands, name="kind", no_args_is_help=True)
    app.add_typer(sheet_commands, name="sheet", no_args_is_help=True)
    app.add_typer(product_commands, name="product", no_args_is_help=True)


@kind_commands.command("list", epilog="Example: `quanyu kind list`")
def show_kinds(directory: Dir = HOME, as_json: Json = False) -> None:
    """List the schemas of the kinds, with the node's own."""
    use_extensions(load_settings(dir=directory).schemas_dir)
    rows = [(one.kind.value, one.version, one.profile, one.id) for one in kind_schemas()]
    keys = ("kind", "version", "profile", "schema")
    if as_json:
        give_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        give_table(keys, rows)


@kind_commands.command("example", epilog="Example: `quanyu kind example stream > stream.json`")
def example(kind: Annotated[Kind, typer.Argument(help="Kind of resource.")]) -> None:
    """Print the beginning of a file for an entry of that kind."""
    give_json(_example(kind))


@kind_commands.command("register", epilog="Example: `quanyu kind register stream.json`")
def register(
    file: _FileArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate only.")] = False,
    directory: Dir = HOME,
    as_json: Json = False,
) -> None:
    """Validate an entry of any kind and keep it as a draft."""
    settings, control, caller = _open(directory)
    try:
        with control.begin() as session:
            document = _document(file)
            own = node_party(session)
            assert own is not None  # noqa: S101 - an administrator is a member of it
            document.setdefault("provider", own.id)
            draft = _read(ResourceDraft, document)
            check_attributes(draft.kind, draft.attributes, whole=True)
            if dry_run:
                check_draft(draft)
                say(f"{file.name}: as the schema of {draft.kind} says")
                return
            made = save_draft(session, draft, caller, area=settings.area_code)
    finally:
        control.close()
    if as_json:
        give_json({"id": made.id, "slug": made.slug, "state": made.state})
    else:
        say(f"{made.slug}: kept as a draft ({made.id})")


@sheet_commands.command("export", epilog="Example: `quanyu sheet export catalogue.xlsx`")
def export_sheet(
    file: Annotated[Path, typer.Argument(help="XLSX or CSV to write.")], directory: Dir = HOME
) -> None:
    """Write the catalogue as a sheet of the published form."""
    form = file.suffix.lstrip(".").lower()
    if form not in {"xlsx", "csv"}:
        raise Invalid("a sheet is .xlsx or .csv", field="file", mend="name it so")
    _, control, caller = _open(directory)
    try:
        with control.read() as session:
            found: list[Resource] = []
            after: str | None = None
            while True:
                page = resources(session, visible_to=caller, limit=1_000, after=after)
                found += page.hits
                after = page.next
                if after is None:
                    break
            names = {one.id: one for one in parties(session)}
        file.write_bytes(write_sheet(found, names, form=form))
    finally:
        control.close()
    say(f"{file}: {len(found)} entries")


@sheet_commands.command("import", epilog="Example: `quanyu sheet import catalogue.xlsx --take`")
def import_sheet(
    file: Annotated[Path, typer.Argument(help="XLSX or CSV.", exists=True, dir_okay=False)],
    take: Annotated[bool, typer.Option("--take", help="Take it; else only look.")] = False,
    good_ones: Annotated[
        bool, typer.Option("--good-ones", help="Leave out what is refused.")
    ] = False,
    licence: Annotated[
        str, typer.Option(help="Licence of open data that name none.")
    ] = "CC-BY-4.0",
    directory: Dir = HOME,
    as_json: Json = False,
) -> None:
    """Show what a sheet would change; with --take, change it."""
    settings, control, caller = _open(directory)
    rows = read_sheet(file.read_bytes())
    defaults = Defaults(licence, caller.party)
    try:
        if take:
            with control.begin() as session:
                area = settings.area_code
                plan = take_sheet(session, rows, caller, defaults, good_ones=good_ones, area=area)
        else:
            with control.read() as session:
                plan = plan_sheet(session, rows, caller, defaults)
    finally:
        control.close()
    counts = {what: plan.count(what) for what in ("new", "changed", "same")}
    rejects = [
        {
            "row": one.row,
            "column": one.column,
            "detail": fill(one.detail, dict(one.params)),
            "mend": fill(one.mend, dict(one.params)),
        }
        for one in plan.rejects
    ]
    if as_json:
        give_json({**counts, "taken": take, "rejects": rejects})
        return
    say(
        ", ".join(f"{count} {what}" for what, count in counts.items())
        + ("" if take else " (preview)")
    )
    if rejects:
        give_table(("row", "column", "fault", "mend"), [tuple(one.values()) for one in rejects])


@product_commands.command("add", epilog="Example: `quanyu product add index.json --list`")
def add_product(
    file: _FileArgument,
    listed: Annotated[bool, typer.Option("--list", help="List it at once.")] = False,
    directory: Dir = HOME,
) -> None:
    """Make a product of the node's party from a JSON file; sources by id, slug or code."""
    settings, control, caller = _open(directory)
    try:
        with control.begin() as session:
            document = _document(file)
            document["provider"] = caller.party
            names = document.get("sources") or []
            document["sources"] = [
                resource(session, str(name), visible_to=caller).id for name in names
            ]
            draft = _read(ProductDraft, document)
            made = draft_product(session, draft, caller, area=settings.area_code)
            if listed:
                made = list_product(session, made.id, caller, operates=lambda _of: False)
    finally:
        control.close()
    say(f"{made.code or made.id}: {made.state}")


@product_commands.command("list", epilog="Example: `quanyu product list --json`")
def show_products(directory: Dir = HOME, as_json: Json = False) -> None:
    """List products."""
    _, control, caller = _open(directory)
    try:
        with control.read() as session:
            found = products(session, visible_to=caller, limit=1_000).items
    finally:
        control.close()
    rows = [(one.id, one.code or "—", one.state, one.delivery, one.title.to("en")) for one in found]
    if as_json:
        keys = ("id", "code", "state", "delivery", "title")
        give_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        give_table(("id", "code", "state", "delivery", "title"), rows)


@product_commands.command("delist", epilog="Example: `quanyu product delist prd_…`")
def delist(
    product_id: Annotated[str, typer.Argument(help="Its id.")], directory: Dir = HOME
) -> None:
    """Take a product back from sight."""
    _, control, caller = _open(directory)
    try:
        with control.begin() as session:
            gone = delist_product(session, product_id, caller)
    finally:
        control.close()
    say(f"{gone.code}: {gone.state}")


def _open(directory: Path) -> tuple[Settings, ControlStore, Caller]:
    settings = load_settings(dir=directory)
    use_extensions(settings.schemas_dir)
    use_classes(settings.classes_file)
    control = open_control(settings)
    return settings, control, administrator(control)


def _document(file: Path) -> dict[str, Any]:
    try:
        document = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Invalid("{file} is no JSON: {why}", file=file.name, why=str(error)) from error
    if not isinstance(document, dict):
        raise Invalid("{file} is no JSON: {why}", file=file.name, why="an object is wanted")
    return document


def _read(form: type[Any], document: dict[str, Any]) -> Any:
    try:
        return TypeAdapter(form).validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(
            "{why}",
            field="/".join(map(str, first["loc"])),
            mend="see docs/reference/kinds.md",
            why=first["msg"],
        ) from error


def _example(kind: Kind) -> dict[str, Any]:
    schema = kind_schema(kind)
    needed = {name: schema.properties[name] for name in schema.document["required"]}
    sys.stderr.write(f"The attributes of {kind} are in docs/reference/kinds.md\n")
    return {
        "slug": f"my-{kind}",
        "kind": kind,
        "title": {"zh": "标题", "en": "Title"},
        "abstract": {"zh": "", "en": "What it is"},
        "licence": "by-agreement",
        "access": "restricted",
        "themes": [],
        "attributes": {"$schema": schema.id, **dict.fromkeys(needed)},
    }
