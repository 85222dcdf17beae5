"""`trace`: whose copy a leaked file is, by the marks that agreements leave in values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from quanyu.agreements import CHANCE
from quanyu.agreements import trace as find
from quanyu.catalogue import resource
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid, NotFound, load_settings, open_control
from quanyu.parties import party


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
    """Say under which agreement a file was given out; for who runs the node."""
    columns = read_columns(file)
    control = open_control(load_settings(dir=folder))
    try:
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
        give_json(named)
        return
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
    say(f"{len(named)} found" if named else "no mark of this node's agreements was found")


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
