"""`trace`: whose copy a leaked file is: by the name of a use in its metadata, and by the marks that
agreements leave in values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from quanyu.agreements import CHANCE, agreements_named
from quanyu.agreements import trace as find
from quanyu.app import open_log
from quanyu.catalogue import resource
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import (
    ControlStore,
    Invalid,
    NotFound,
    Settings,
    load_settings,
    open_control,
)
from quanyu.parties import party
from quanyu.spacetime import uses_named


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: `quanyu trace found.csv --dir city`")(trace)


def trace(
    file: Annotated[Path, typer.Argument(help="CSV, GeoJSON, GeoPackage, Parquet, as found.")],
    chance: Annotated[
        float, typer.Option(min=0, max=1, help="Most probability of a coincidence.")
    ] = CHANCE,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Say by which use and under which agreement a file was given out; for who runs the node."""
    columns = read_columns(file)
    settings = load_settings(dir=folder)
    control = open_control(settings)
    try:
        uses = _uses(control, settings, file)
        with control.read() as session:
            found = find(session, columns, chance)
            named = [
                {
                    **asdict(one),
                    "slug": resource(session, one.resource).slug,
                    "party": party(session, one.consumer).name.en,
                }
                for one in found
            ]
    finally:
        control.close()
    if json:
        give_json({"uses": uses, "marks": named})
        return
    if uses:
        columns_ = ("use", "at", "agreement", "resource", "party", "rows")
        give_table(columns_, [[one[name] for name in columns_] for one in uses])
    give_table(
        ("agreement", "resource", "party", "column", "values", "chance"),
        [
            (
                one["agreement"],
                one["slug"],
                one["party"],
                one["column"],
                f"{one['matching']} of {one['rows']}",
                f"{one['chance']:.1e}",
            )
            for one in named
        ],
    )
    if not (named or uses):
        say("no use and no mark of this node's agreements was found")
    elif named:
        say(f"{len(named)} found by its marks")


def _uses(control: ControlStore, settings: Settings, file: Path) -> list[dict[str, Any]]:
    """Uses that the file names and the log knows. What is named can be written in by anybody, and
    be left out: it is told with what the log says, and the marks in values tell by themselves."""
    names = uses_named(file)
    if not names:
        return []
    log = open_log(settings)
    try:
        found = []
        with control.read() as session:
            for name, position in log.index.positions(names).items():
                leaf = orjson.loads(log.leaf(position))
                known = agreements_named(session, [leaf.get("agreement", "")])
                found.append(
                    {
                        "use": name,
                        "at": leaf["at"],
                        "agreement": leaf.get("agreement", ""),
                        "resource": resource(session, leaf["subject"]).slug,
                        "party": party(session, known[0].consumer).name.en if known else "",
                        "rows": leaf["rows"],
                    }
                )
        return sorted(found, key=lambda one: str(one["at"]))
    finally:
        log.close()


def read_columns(file: Path) -> Mapping[str, Sequence[object]]:
    """The columns of a file but its geometry; raises :class:`NotFound`, :class:`Invalid`."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    if not file.is_file():
        raise NotFound("there is no file {path}", path=file)
    try:
        if file.suffix == ".csv":
            table = csv.read_csv(file)
        elif file.suffix == ".parquet":
            table = parquet.read_table(file)
        else:
            import pyogrio

            _, table = pyogrio.raw.read_arrow(file, read_geometry=False)
    except (pa.ArrowException, OSError, ValueError, RuntimeError) as error:
        raise Invalid(
            "the file cannot be read: {why}",
            field="file",
            mend="give CSV, GeoJSON, GeoPackage or Parquet",
            why=str(error).splitlines()[0][:200],
        ) from error
    return {
        name: table.column(name).to_pylist()
        for name in table.column_names
        if not pa.types.is_binary(table.schema.field(name).type)
    }
