"""What is in a tile: its rows drawn as glTF, whole columns at a time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from quanyu.spacetime.cityobjects.model import GROUP, TYPE
from quanyu.spacetime.engine import Engine, identifier
from quanyu.spacetime.model import GEOMETRY, LOD_GEOMETRY, GeometryType
from quanyu.spacetime.restricted import Relation
from quanyu.spacetime.tiles3d.attributes import columns_sql, property_table
from quanyu.spacetime.tiles3d.blocks import blocks
from quanyu.spacetime.tiles3d.glb import mesh_glb, points_glb
from quanyu.spacetime.tiles3d.kinds import BY_SLOPE, GROUND, of_type
from quanyu.spacetime.tiles3d.laying import HIGH, LOW, PARENT, PLACE, Layout
from quanyu.spacetime.tiles3d.points import colour_sql, colours, places
from quanyu.spacetime.tiles3d.polygons import joined
from quanyu.spacetime.tiles3d.solids import frame_of, solids
from quanyu.spacetime.tiles3d.triangles import triangulate

if TYPE_CHECKING:
    import pyarrow as pa


def draw(
    engine: Engine,
    relation: Relation,
    layout: Layout,
    tile: int,
    *,
    lod: int,
    city: Mapping[str, Any] | None,
) -> bytes:
    """Tile ``tile`` as GLB, objects in the finest level of detail up to ``lod``.

    ``city`` is what the city model says of itself, ``None`` where rows are plain features.
    """
    points = relation.geometry is GeometryType.POINT
    typed = any(f.name == TYPE for f in relation.fields)
    columns = [columns_sql(relation.fields), f"{GEOMETRY} AS shape", f"{LOW} AS low"]
    columns += [f"{HIGH} AS high", f"{PARENT} AS parent"]
    columns.append(f"{LOD_GEOMETRY if relation.lods else 'CAST(NULL AS BLOB)'} AS document")
    columns.append(f"{identifier(TYPE) if typed and city else 'CAST(NULL AS VARCHAR)'} AS kind")
    path = str(layout.rows).replace("'", "''")
    sql = (
        f"SELECT {', '.join(columns)}{colour_sql(relation.fields) if points else ''}"
        f" FROM read_parquet('{path}') WHERE {PLACE} >= $first AND {PLACE} < $last"
        f" ORDER BY {PLACE}"
    )
    first, last = layout.starts[tile : tile + 2].tolist()
    rows = engine.table(sql, {"first": first, "last": last})
    table = property_table(rows, relation.fields)
    if points:
        return points_glb(places(rows.column("shape").to_numpy()), colours(rows), table)
    return mesh_glb(triangulate(_polygons(rows, lod, city)), table)


def _polygons(rows: "pa.Table", lod: int, city: Mapping[str, Any] | None) -> Any:
    """Objects as they are stored; blocks or footprints of all others.

    An object of which nothing is drawn though its geometries may be seen, and that stands above
    others, is made of those: a block over it would hide them.
    """
    documents = rows.column("document")
    kinds = rows.column("kind").to_pylist()
    given = documents.is_valid().to_numpy()
    chosen = np.flatnonzero(given)
    parts = []
    left = ~rows.column("parent").to_numpy()
    left[[at for at, kind in enumerate(kinds) if kind == GROUP]] = False
    if city is not None and len(chosen):
        found, drawn = solids(
            documents.drop_null().to_pylist(),
            [kinds[at] for at in chosen.tolist()],
            chosen,
            frame_of(city),
            lod,
        )
        parts.append(found)
        left[chosen[drawn]] = False
    rest = np.flatnonzero(left)
    shapes = shapely.from_wkb(rows.column("shape").to_numpy()[rest])
    low = rows.column("low").to_numpy()[rest].astype(np.float64)
    high = rows.column("high").to_numpy()[rest].astype(np.float64)
    if lod == 0:
        high = np.full_like(high, np.nan)
    flat = np.array([of_type(kinds[at]) for at in rest.tolist()], dtype=np.int64)
    flat[flat == BY_SLOPE] = GROUND
    parts.append(blocks(shapes, low, high, flat, rest))
    return joined(parts)
