"""`search`, `query`, `export`, `changes`: using what the node holds, through its gate."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from quanyu.cli.local import ask, bearer
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import err, give_table, progress, say
from quanyu.kernel import Conflict, Invalid
from quanyu.spacetime import Format

TokenFile = Annotated[
    Path | None, typer.Option("--token-file", help="File with an API token; else as anybody.")
]
Agreement = Annotated[str | None, typer.Option(help="Agreement to use, when there are several.")]
Purpose = Annotated[str | None, typer.Option(help="What the data are used for.")]
Collection = Annotated[str, typer.Argument(help="Slug of the resource.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="Example: `quanyu search 建筑` · `quanyu search streets --json`")(search)
    app.command(
        epilog="Example: `quanyu query helsinki-buildings --bbox 24.94,60.16,24.95,60.17 "
        "--filter 'height > 20' --limit 5`"
    )(query)
    app.command(epilog="Example: `quanyu export helsinki-buildings buildings.parquet`")(export)
    app.command(epilog="Example: `quanyu changes helsinki-trees --since 3`")(changes)


def search(
    words: Annotated[str, typer.Argument(help="Words in Chinese or English.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most hits.")] = 20,
    token_file: TokenFile = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Search the catalogue."""
    body = bytearray()
    ask(
        folder,
        "/ogc/records/collections/catalogue/items",
        {"q": words, "limit": str(limit), "f": "json"},
        token=bearer(token_file),
        write=body.extend,
    )
    if json:
        sys.stdout.buffer.write(body + b"\n")
        return
    found = orjson.loads(body)
    give_table(
        ("id", "title", "type"),
        [
            (hit["id"], hit["properties"]["title"], hit["properties"]["type"])
            for hit in found["features"]
        ],
    )
    say(f"{found['numberMatched']} found")


def query(
    collection: Collection,
    bbox: Annotated[str | None, typer.Option(help="xmin,ymin,xmax,ymax in degrees.")] = None,
    datetime: Annotated[str | None, typer.Option(help="Instant or interval, RFC 3339.")] = None,
    where: Annotated[str | None, typer.Option("--filter", help="CQL2 text.")] = None,
    properties: Annotated[str | None, typer.Option(help="Names, with commas.")] = None,
    sortby: Annotated[str | None, typer.Option(help="Names with commas; - for descending.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="Most features.")] = 10,
    form: Annotated[Format, typer.Option("--format", help="Form of the answer.")] = Format.GEOJSON,
    agreement: Agreement = None,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Query a collection; the features go to standard output, the use's receipt id to error."""
    given = {
        "bbox": bbox,
        "datetime": datetime,
        "filter": where,
        "properties": properties,
        "sortby": sortby,
        "agreement": agreement,
        "purpose": purpose,
        "limit": str(limit),
        "f": form.value,
    }
    reply = ask(
        folder,
        f"/ogc/features/collections/{collection}/items",
        {name: value for name, value in given.items() if value is not None},
        token=bearer(token_file),
        write=sys.stdout.buffer.write,
    )
    sys.stdout.buffer.flush()
    if used := reply.headers.get("quanyu-use"):
        err.print(f"use {used}", highlight=False)


def changes(
    collection: Collection,
    since: Annotated[int, typer.Option(min=1, help="Version from which changes are told.")],
    version: Annotated[int | None, typer.Option(min=1, help="Version up to which.")] = None,
    form: Annotated[str, typer.Option("--format", help="ndjson or csv.")] = "ndjson",
    agreement: Agreement = None,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Rows inserted, updated and deleted since a version, to standard output."""
    given = {
        "since": str(since),
        "version": str(version) if version else None,
        "f": form,
        "agreement": agreement,
        "purpose": purpose,
    }
    reply = ask(
        folder,
        f"/data/{collection}/changes",
        {name: value for name, value in given.items() if value is not None},
        token=bearer(token_file),
        write=sys.stdout.buffer.write,
    )
    sys.stdout.buffer.flush()
    if used := reply.headers.get("quanyu-use"):
        err.print(f"use {used}", highlight=False)


def export(
    collection: Collection,
    target: Annotated[Path, typer.Argument(help="File to write; its ending names the form.")],
    overwrite: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
    agreement: Agreement = None,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Write a whole collection to a file: .geojson .csv .parquet .gpkg .xlsx .city.json …"""
    endings = {form.value for form in Format} | {"city.json", "city.jsonl"}
    ending = target.suffix.removeprefix(".")
    if target.name.endswith((".city.json", ".city.jsonl")):
        ending = f"city.{ending}"
    if ending not in endings:
        raise Invalid(
            "no form is called “{ending}”",
            field="target",
            mend="use one of {endings}",
            ending=ending,
            endings=", ".join(sorted(endings)),
        )
    if target.exists() and not overwrite:
        raise Conflict("{path} is there", field="target", mend="add --overwrite", path=target)
    given = {"agreement": agreement, "purpose": purpose}
    part = target.with_name(target.name + ".part")
    written = 0
    try:
        with part.open("wb") as file, progress(collection, quiet=not err.is_terminal) as move:

            def write(piece: bytes) -> None:
                nonlocal written
                written += file.write(piece)
                move(written, None, f"{written / 1e6:.1f} MB")

            ask(
                folder,
                f"/data/{collection}.{ending}",
                {name: value for name, value in given.items() if value is not None},
                token=bearer(token_file),
                write=write,
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    say(f"{target}: {written} bytes")
