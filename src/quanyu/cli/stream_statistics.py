"""`streams statistics`: figures of observations by time, through the node's gate."""

import sys
from typing import Annotated

import orjson
import typer

from quanyu.cli.local import ask, bearer
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import err, give_table, say
from quanyu.cli.sql import Csv
from quanyu.cli.use import Agreement, Purpose, TokenFile

EXAMPLE = (
    "Example: `quanyu streams statistics --stream weather-replay --by month --measure "
    "count,mean:result --filter \"Datastream/ObservedProperty/name eq 'wind speed'\"`"
)


def statistics(
    stream: Annotated[str, typer.Option("--stream", help="Slug of the stream.")],
    by: Annotated[
        str,
        typer.Option(help="minute, hour, day, week, month, quarter or year; or Datastream,day."),
    ] = "day",
    measure: Annotated[
        str, typer.Option(help="count, and mean, min, max, sum or stddev :result, with commas.")
    ] = "count,mean:result,min:result,max:result",
    where: Annotated[
        str | None, typer.Option("--filter", help="OData condition of observations.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="UCUM code that figures are in.")] = None,
    csv: Csv = False,
    agreement: Agreement = None,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Figures of what you may see, of all datastreams together or of each; a use with a receipt."""
    given = {
        "by": by,
        "measure": measure,
        "$filter": where,
        "unit": unit,
        "agreement": agreement,
        "purpose": purpose,
        "f": "csv" if csv else "json",
    }
    body = bytearray()
    reply = ask(
        folder,
        f"/sensorthings/{stream}/statistics",
        {name: value for name, value in given.items() if value is not None},
        token=bearer(token_file),
        write=body.extend,
    )
    if csv or json:
        sys.stdout.buffer.write(bytes(body) + (b"" if csv else b"\n"))
        sys.stdout.buffer.flush()
    else:
        found = orjson.loads(bytes(body))
        groups = found["groups"]
        columns = tuple(groups[0]) if groups else ()
        give_table(columns, [[_cell(row[name]) for name in columns] for row in groups])
        said = f", in {found['unit']}" if "unit" in found else ""
        said += f", times of {found['timeZone']}" if "timeZone" in found else ""
        say(f"{found['numberReturned']} rows{said}")
    if used := reply.headers.get("quanyu-use"):
        err.print(f"use {used}", highlight=False)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
