"""`sql`: one SELECT over restricted views, through the node's gate."""

import sys
from typing import Annotated

import orjson
import typer

from quanyu.cli.local import Body, ask, bearer
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import err, give_table, say
from quanyu.cli.use import Purpose, TokenFile

Csv = Annotated[bool, typer.Option("--csv", help="CSV to standard output.")]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog='Example: `quanyu sql \'SELECT building, count(*) AS n FROM "osm-buildings" '
        "GROUP BY 1 ORDER BY n DESC LIMIT 5'`"
    )(sql)


def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT; - reads it from standard input.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most rows.")] = 1_000,
    csv: Csv = False,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Ask SQL of what you may read; each table is a use with its quota and receipt."""
    text = sys.stdin.read() if statement == "-" else statement
    asked = {"sql": text, "limit": limit} | ({"purpose": purpose} if purpose else {})
    body = bytearray()
    reply = ask(
        folder,
        "/sql",
        {"f": "csv" if csv else "json"},
        token=bearer(token_file),
        write=body.extend,
        body=Body("application/json", orjson.dumps(asked)),
    )
    if csv or json:
        sys.stdout.buffer.write(bytes(body) + (b"" if csv else b"\n"))
        sys.stdout.buffer.flush()
    else:
        found = orjson.loads(bytes(body))
        give_table(
            tuple(column["name"] for column in found["columns"]),
            [tuple("" if one is None else str(one) for one in row) for row in found["rows"]],
        )
        say(f"{found['numberReturned']} rows" + (", and there are more" if found["more"] else ""))
    if used := reply.headers.get("quanyu-use"):
        err.print(f"use {used}", highlight=False)
