"""A serving copy laid out for three dimensions, once: its rows in the order of tiles.

In the folder ``3d`` of the copy, and deleted with it:

    rows.parquet    what may be seen, tile after tile: place, id, properties, shape, heights
    tree.npz        where each tile begins, what is above it, its box, the size of what is below

Which tile a row is in does not depend on the level of detail, so there is one layout for all.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanyu.kernel import Unavailable, one_parser
from quanyu.spacetime.cityobjects.heights import heights_sql
from quanyu.spacetime.cityobjects.model import PARENTS
from quanyu.spacetime.copies import locked
from quanyu.spacetime.engine import Engine, identifier, own
from quanyu.spacetime.model import FID, GEOMETRY, LOD_GEOMETRY, GeometryType
from quanyu.spacetime.serving import Served
from quanyu.spacetime.tiles3d.cloud_laying import METRES, SLACK, lay_points
from quanyu.spacetime.tiles3d.earth import Floats
from quanyu.spacetime.tiles3d.polygons import Ints
from quanyu.spacetime.tiles3d.tree import divide, gathered

LAYOUT = 2
"""Raised when the files, or what is drawn from them, change their meaning."""

PLACE, LOW, HIGH, PARENT = own("place"), own("low"), own("high"), own("parent")

_SOLIDS = (32_000.0, 8_000.0)  # triangles, about: of a tile, and of one that others are below
_PAGE = 1 << 20
_ROW_GROUP = 2_048


@dataclass(frozen=True, slots=True)
class Layout:
    """Tiles of a copy. ``boxes`` are west, south, least height, east, north, greatest height of a
    tile and all below it (degrees, metres); ``errors`` the size in metres of the largest thing
    that is only below it; rows of tile ``n`` have the places ``starts[n]`` to ``starts[n + 1]``."""

    starts: Ints
    parents: Ints
    boxes: Floats
    errors: Floats
    rows: Path

    @property
    def tiles(self) -> int:
        """How many tiles there are."""
        return len(self.parents)


def lay_out(copy: Served, engine: Engine) -> Layout:
    """The layout of a copy, made unless it has been."""
    folder = copy.folder / "3d"
    found = _opened(folder)
    if found is not None:
        return found
    with locked(copy.folder.with_name(f"{copy.folder.name}.3d.lock")):
        found = _opened(folder)
        if found is not None:
            return found
        try:
            _make(copy, engine, folder)
        except FileNotFoundError as error:
            raise Unavailable(
                "the files of these data are being replaced", mend="try again in a moment"
            ) from error
        found = _opened(folder)
    assert found is not None  # noqa: S101 - it was written above
    return found


def _opened(folder: Path) -> Layout | None:
    try:
        with one_parser, np.load(folder / "tree.npz") as kept:
            if int(kept["layout"]) != LAYOUT:
                return None
            return Layout(
                kept["starts"],
                kept["parents"],
                kept["boxes"],
                kept["errors"],
                folder / "rows.parquet",
            )
    except FileNotFoundError:
        return None


def _make(copy: Served, engine: Engine, folder: Path) -> None:
    relation = copy.relation
    work = folder.with_name(f"3d.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    low, high = heights_sql(relation.fields, boxed=relation.has_z)
    places = work / "places.parquet"
    if relation.geometry is GeometryType.POINT:
        arrays = lay_points(copy, engine, places)
    else:
        arrays = _objects(copy, engine, places)
    parent = "FALSE"
    if relation.lods and any(f.name == PARENTS for f in relation.fields):
        parent = (
            f"{FID} IN (SELECT unnest(from_json({PARENTS}, '[\"VARCHAR\"]'))"
            f" FROM {copy.rows_sql} WHERE {PARENTS} IS NOT NULL)"
        )
    names = [FID, *(f.name for f in relation.fields), GEOMETRY]
    names += [LOD_GEOMETRY] if relation.lods else []
    target = _quoted(work / "rows.parquet")
    engine.run(
        f"COPY (SELECT t.place AS {PLACE}, {', '.join(map(identifier, names))},"
        f" {low} AS {LOW}, {high} AS {HIGH}, {parent} AS {PARENT}"
        f" FROM {copy.rows_sql} JOIN read_parquet('{_quoted(places)}') t"
        f" ON t.ordinal = {own('ordinal')}"
        f" ORDER BY 1) TO '{target}' (FORMAT parquet, COMPRESSION zstd,"
        f" ROW_GROUP_SIZE {_ROW_GROUP})",
        {},
    )
    places.unlink()
    np.savez(work / "tree.npz", allow_pickle=False, layout=np.int64(LAYOUT), **arrays)
    shutil.rmtree(folder, ignore_errors=True)
    work.rename(folder)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _objects(copy: Served, engine: Engine, places: Path) -> dict[str, NDArray[np.generic]]:
    """Write to ``places`` the place of each object; what is kept of the tiles."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    relation = copy.relation
    low, high = heights_sql(relation.fields, boxed=relation.has_z)
    lods = f"octet_length({LOD_GEOMETRY})" if relation.lods else "NULL"
    sql = (
        f"SELECT {low} AS low, {high} AS high,"
        f" CAST(coalesce(octet_length({GEOMETRY}), 0) AS BIGINT) AS flat,"
        f" CAST(coalesce({lods}, 0) AS BIGINT) AS lods"
        f" FROM {copy.rows_sql} ORDER BY {own('ordinal')}"
    )
    found = pa.Table.from_batches(list(engine.batches(sql, {})), _measures())
    columns = [found.column(name).to_numpy() for name in ("low", "high", "flat", "lods")]
    rows, arrays = _divided(copy, *columns)
    pq.write_table(pa.table({"ordinal": rows, "place": np.arange(len(rows))}), places)
    return arrays


def _measures() -> Any:
    import pyarrow as pa

    return pa.schema(
        [("low", pa.float64()), ("high", pa.float64()), ("flat", pa.int64()), ("lods", pa.int64())]
    )


def _divided(
    copy: Served, low: Floats, high: Floats, flat: Ints, lods: Ints
) -> tuple[Ints, dict[str, NDArray[np.generic]]]:
    """Rows in the order of their tiles, and what is kept of the tiles."""
    # Where edits are laid over a copy, numbers are left out: rows are counted here as they come.
    numbers = np.concatenate([np.empty(0, np.int64), *copy.pages(0, _PAGE)])
    boxes = copy.boxes(numbers)
    rows = np.flatnonzero(~np.isnan(boxes[:, 0]))
    boxes, low, high = boxes[rows], low[rows], np.fmax(high[rows], low[rows])
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    stretch = float(np.cos(np.radians(middle[:, 1].mean()))) if len(rows) else 1.0
    spans = (boxes[:, 2:] - boxes[:, :2]) * (METRES * stretch, METRES)
    size = np.linalg.norm(np.column_stack([spans, high - low]), axis=1)
    weight = np.maximum(np.maximum(flat[rows] / 4, lods[rows] / 80), 12)
    tree = divide(middle * (stretch, 1), size, weight, *_SOLIDS)
    order = np.argsort(tree.tile, kind="stable")
    starts = np.searchsorted(tree.tile[order], np.arange(len(tree.parents) + 1))
    slack = SLACK / METRES
    lows = np.column_stack([boxes[:, 0] - slack / stretch, boxes[:, 1] - slack, low - SLACK])
    highs = np.column_stack([boxes[:, 2] + slack / stretch, boxes[:, 3] + slack, high + SLACK])
    least, most = gathered(tree, lows, highs)
    below = np.zeros(len(tree.parents))
    biggest = gathered(tree, size[:, None], size[:, None])[1][:, 0]
    np.maximum.at(below, tree.parents[1:], biggest[1:])
    kept: dict[str, NDArray[np.generic]] = {
        "starts": starts,
        "parents": tree.parents,
        "boxes": np.hstack([least, most]),
        "errors": below,
    }
    return numbers[rows][order], kept
