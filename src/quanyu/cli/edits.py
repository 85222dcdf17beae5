"""`edit`, `undo`, `diff`: small changes to a dataset, taken back and compared, through the gate."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer

from quanyu.cli.files import read_file
from quanyu.cli.local import Body, ask, bearer
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid

Collection = Annotated[str, typer.Argument(help="Slug of the resource.")]
TokenFile = Annotated[
    Path, typer.Option("--token-file", help="File with an API token that may write.")
]
ReadFile = Annotated[
    Path | None, typer.Option("--token-file", help="File with an API token; else as anybody.")
]
_CELL = 60


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        epilog="Example: `quanyu edit trees t0001 --set height=12.5 --token-file token` · "
        "`quanyu edit trees --file new.geojson --token-file token`"
    )(edit)
    app.command(
        epilog="Example: `quanyu undo trees 4 --token-file token` · "
        "`quanyu undo trees 2 --restore --token-file token`"
    )(undo)
    app.command(epilog="Example: `quanyu diff trees 3 5`")(diff)


def edit(
    collection: Collection,
    token_file: TokenFile,
    feature: Annotated[str | None, typer.Argument(help="Id; none adds a feature.")] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="name=value; JSON, else text. Repeatable.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A GeoJSON feature to put in.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the feature.")] = False,
    if_match: Annotated[str, typer.Option(help="ETag that it was read with; * is any.")] = "*",
    crs: Annotated[str | None, typer.Option(help="URI of the CRS of its coordinates.")] = None,
    note: Annotated[str | None, typer.Option(help="Why, for the history.")] = None,
    folder: Dir = HOME,
) -> None:
    """Change, add or delete one feature: one new version of the dataset."""
    asked = [bool(values), file is not None, delete]
    if sum(asked) != 1 or (feature is None and file is None):
        raise Invalid(
            "what to do is not said",
            field="edit",
            mend="give an id with --set, --file or --delete, or --file alone to add a feature",
        )
    items = f"/ogc/features/collections/{collection}/items"
    path = items if feature is None else f"{items}/{quote(feature, safe='')}"
    headers = {"if-match": if_match} if feature is not None else {}
    headers |= {"content-crs": f"<{crs}>"} if crs else {}
    headers |= {"quanyu-note": note} if note else {}
    if delete:
        sent = Body("application/geo+json", b"", "DELETE", headers)
    elif file is not None:
        method = "POST" if feature is None else "PUT"
        sent = Body("application/geo+json", read_file(file), method, headers)
    else:
        patch = {"properties": dict(map(_pair, values or ()))}
        sent = Body("application/merge-patch+json", orjson.dumps(patch), "PATCH", headers)
    answer = bytearray()
    reply = ask(folder, path, {}, token=bearer(token_file), write=answer.extend, body=sent)
    made = reply.headers.get("location", "").rpartition("/")[2] or feature
    say(f"{made}: version {reply.headers['quanyu-version']}")
    for one in orjson.loads(answer).get("collisions", ()) if answer else ():
        say(f"collides: {one['id']} + {one['other']}, {one['area']} m², {one['volume']} m³")


def undo(
    collection: Collection,
    version: Annotated[int, typer.Argument(min=1, help="Version that the edit made.")],
    token_file: TokenFile,
    restore: Annotated[
        bool, typer.Option("--restore", help="Go back to that version instead.")
    ] = False,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Undo one edit, or go back to a version; either makes a new version."""
    step = "restore" if restore else "undo"
    answer = bytearray()
    ask(
        folder,
        f"/data/{collection}/versions/{version}/{step}",
        {},
        token=bearer(token_file),
        write=answer.extend,
        body=Body("application/json", b""),
    )
    found = orjson.loads(answer)
    if json:
        give_json(found)
    else:
        say(f"version {found['version']}: {len(found['changed'])} features changed")


def diff(
    collection: Collection,
    since: Annotated[int, typer.Argument(min=1, help="The earlier version.")],
    version: Annotated[int | None, typer.Argument(min=1, help="The later; else newest.")] = None,
    token_file: ReadFile = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """What differs between two versions, value by value (at most 500 features)."""
    given = {"since": str(since), "limit": "500", "f": "json"}
    given |= {"version": str(version)} if version else {}
    answer = bytearray()
    path = f"/data/{collection}/differences"
    ask(folder, path, given, token=bearer(token_file), write=answer.extend)
    if json:
        sys.stdout.buffer.write(answer + b"\n")
        return
    found = orjson.loads(answer)
    rows = []
    for one in found["differences"]:
        said = [(v["name"], _cell(v["before"]), _cell(v["after"])) for v in one["properties"]]
        if one["geometry"]["changed"]:
            kinds = ((one["geometry"][side] or {}).get("type", "") for side in ("before", "after"))
            said.append(("geometry", *kinds))
        for name, before, after in said or [("", "", "")]:
            rows.append((one["id"], one["change"], name, before, after))
    give_table(("id", "change", "field", "before", "after"), rows)
    say(f"{len(found['differences'])} features differ, {found['since']} → {found['version']}")


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Invalid("“{text}” names no value", field="set", mend="write name=value", text=text)
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


def _cell(value: Any) -> str:
    return "" if value is None else str(value)[:_CELL]
