"""`grid`: cells of grids from places and back, and the zone of CGCS2000 at a longitude."""

from typing import Annotated, Any

import orjson
import shapely
import typer

from quanyu.cli.options import Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid
from quanyu.spacetime import (
    GRIDS,
    ZoneWidth,
    bounds_3d,
    cells_3d,
    grid_named,
    grid_of,
    zone_crs,
    zone_number,
)

grid_commands = typer.Typer(help="Cells of grids, and zones of CGCS2000.")
GridName = Annotated[str, typer.Option("--grid", help=f"Grid: {', '.join(GRIDS)}.")]
Level = Annotated[int, typer.Option("--level", help="Level of the cells.")]
_AXES = ("west", "south", "east", "north")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(grid_commands, name="grid", no_args_is_help=True)


@grid_commands.command(
    epilog="Example: `quanyu grid encode 116.3126,39.9932 --level 8` · "
    "`quanyu grid encode 116.3126,39.9932 --level 6 --height 50`"
)
def encode(
    place: Annotated[str, typer.Argument(help="Longitude,latitude in degrees.")],
    grid: GridName = "beidou",
    level: Level = 7,
    height: Annotated[
        float | None, typer.Option(help="Metres above the ellipsoid: a BeiDou code in space.")
    ] = None,
    json: Json = False,
) -> None:
    """The cell that holds a place."""
    lon, lat = _place(place)
    if height is None:
        cell = str(grid_named(grid).cells(lon, lat, level)[0])
    elif grid == "beidou":
        cell = str(cells_3d(lon, lat, height, level)[0])
    else:
        raise Invalid(
            "only BeiDou's grid has heights", field="height", mend="leave --height or --grid out"
        )
    if json:
        give_json({"grid": grid, "level": level, "cell": cell})
    else:
        say(cell)


@grid_commands.command(epilog="Example: `quanyu grid decode N50J47539B82`")
def decode(
    cell: Annotated[str, typer.Argument(help="Name of a cell.")],
    grid: Annotated[str | None, typer.Option("--grid", help="Grid; else told by the name.")] = None,
    json: Json = False,
) -> None:
    """Where a cell is, with its parent and neighbours."""
    said = _decoded(cell, grid)
    if json:
        give_json(said)
        return
    give_table(("", ""), [(name, _text(value)) for name, value in said.items()])


@grid_commands.command(
    epilog="Example: `quanyu grid cover 116.30,39.98,116.33,40.00 --level 5` · "
    "`quanyu grid cover 'POLYGON ((24.9 60.1, 25 60.1, 25 60.2, 24.9 60.1))' --grid h3 --level 8`"
)
def cover(
    area: Annotated[str, typer.Argument(help="west,south,east,north, or WKT, in degrees.")],
    grid: GridName = "beidou",
    level: Level = 5,
    json: Json = False,
) -> None:
    """The cells that an area meets, one a line."""
    cells = grid_named(grid).cover(_area(area), level).tolist()
    if json:
        give_json({"grid": grid, "level": level, "cells": cells})
        return
    for cell in cells:
        say(cell)


@grid_commands.command(epilog="Example: `quanyu grid zone 116.3` · `quanyu grid zone 116.3 --six`")
def zone(
    longitude: Annotated[float, typer.Argument(help="Degrees east.")],
    six: Annotated[bool, typer.Option("--six", help="The zone of 6°, else that of 3°.")] = False,
    json: Json = False,
) -> None:
    """The Gauss–Krüger zone of CGCS2000 at a longitude, and its EPSG codes."""
    width: ZoneWidth = 6 if six else 3
    said = {
        "zone": zone_number(longitude, width),
        "width": width,
        "crs": zone_crs(longitude, width),
        "crsWithZoneNumber": zone_crs(longitude, width, numbered=True),
    }
    if json:
        give_json(said)
    else:
        give_table(("", ""), list(said.items()))


def _decoded(cell: str, name: str | None) -> dict[str, Any]:
    if name is None and len(cell) > 1 and cell[0] in "NSns" and cell[1] in "01":
        space = _in_space(cell)
        if space is not None:
            return space
    grid = grid_of(cell) if name is None else grid_named(name)
    level = grid.level([cell])
    shape = grid.boundary([cell])[0]
    around, _ = grid.neighbours([cell])
    said: dict[str, Any] = {"grid": grid.name, "level": level}
    said |= dict(zip(_AXES, shape.bounds, strict=True))
    if level > grid.levels[0]:
        said["parent"] = str(grid.parents([cell], level - 1)[0])
    said["neighbours"] = around.tolist()
    said["geometry"] = orjson.loads(shapely.to_geojson(shape))
    return said


def _in_space(cell: str) -> dict[str, Any] | None:
    try:
        edges = bounds_3d([cell])
    except Invalid:  # then it may be a code of the plane: both begin alike
        return None
    names = ("west", "south", "bottom", "east", "north", "top")
    values = (float(edge[0]) for edge in edges)
    return {"grid": "beidou3d", **dict(zip(names, values, strict=True))}


def _place(text: str) -> tuple[float, float]:
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise Invalid(
            "a point is two numbers with a comma between",
            field="place",
            mend="give longitude,latitude such as 116.3126,39.9932",
        ) from error
    return lon, lat


def _area(text: str) -> Any:
    try:
        if text[:1].isalpha():
            return shapely.from_wkt(text)
        return shapely.box(*(float(part) for part in text.split(",")))
    except (shapely.GEOSException, TypeError, ValueError) as error:
        raise Invalid(
            "this area cannot be read",
            field="area",
            mend="give west,south,east,north or WKT in degrees, longitude first",
        ) from error


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
