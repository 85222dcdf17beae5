"""What differs between two versions as both are seen through one restriction, value by value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import shapely

from quanyu.spacetime.changes import Change, differs
from quanyu.spacetime.encode import geojson, json_columns
from quanyu.spacetime.engine import Engine, identifier, own
from quanyu.spacetime.model import FID, GEOMETRY, VALID, Interval
from quanyu.spacetime.questions import Source


@dataclass(frozen=True, slots=True)
class Value:
    """A property that differs; ``None`` is no value, or no row."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """A feature that came, went or changed.

    ``before`` and ``after`` are its geometries as GeoJSON, ``reshaped`` whether they differ (or
    another geometry of a city object does); ``valid`` are its times before and after where these
    differ.
    """

    id: str
    change: Change
    values: tuple[Value, ...]
    reshaped: bool
    before: Any
    after: Any
    valid: tuple[Interval, Interval] | None


def differences(
    engine: Engine,
    new: Source,
    old: Source,
    *,
    fids: Sequence[str] | None,
    after: str | None,
    limit: int,
) -> list[Difference]:
    """The first ``limit`` features in order of their ids, behind the id ``after``, that differ.

    ``fids``, where it is known, are the only ones that can.
    """
    params: dict[str, Any] = {"d_limit": limit}
    chosen = ["TRUE"]
    if fids is not None:
        params["d_fids"] = list(fids)
        chosen.append(f"{FID} IN (SELECT unnest($d_fids::VARCHAR[]))")
    if after is not None:
        params["d_after"] = after
        chosen.append(f"{FID} > $d_after")
    sides = ", ".join(
        f"{side} AS (SELECT * FROM (SELECT *, {json_columns(source.relation.fields)}"
        f" FROM {source.sql} WHERE {' AND '.join(chosen)}))"
        for side, source in (("n", new), ("o", old))
    )
    shape = f"{GEOMETRY}" if new.relation.has_geometry and old.relation.has_geometry else None
    columns = [
        f"coalesce(n.{FID}, o.{FID}) AS id",
        (
            f"CASE WHEN o.{FID} IS NULL THEN 'inserted' WHEN n.{FID} IS NULL THEN 'deleted'"
            " ELSE 'updated' END AS change"
        ),
    ]
    for side in ("n", "o"):
        columns.append(f"{side}.{own('properties')} AS {side}_properties")
        columns += [f"{side}.{name} AS {side}_{name}" for name in VALID]
        columns.append(f"{side}.{shape} AS {side}_shape" if shape else f"NULL AS {side}_shape")
    other = "FALSE"
    if new.relation.lods and old.relation.lods:
        other = f"n.{identifier('lod_geometry')} IS DISTINCT FROM o.{identifier('lod_geometry')}"
    columns.append(f"{other} AS deeper")
    sql = (
        f"WITH {sides} SELECT {', '.join(columns)} FROM n FULL OUTER JOIN o ON n.{FID} = o.{FID}"
        f" WHERE n.{FID} IS NULL OR o.{FID} IS NULL OR {differs(new.relation, old.relation)}"
        " ORDER BY id LIMIT $d_limit"
    )
    rows = engine.table(sql, {**new.params, **old.params, **params}).to_pylist()
    return [_difference(row) for row in rows]


def _difference(row: dict[str, Any]) -> Difference:
    before = orjson.loads(row["o_properties"]) if row["o_properties"] else {}
    after = orjson.loads(row["n_properties"]) if row["n_properties"] else {}
    names = [*after, *(name for name in before if name not in after)]
    values = tuple(
        Value(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )
    valid = _interval(row, "o"), _interval(row, "n")
    return Difference(
        id=row["id"],
        change=Change(row["change"]),
        values=values,
        reshaped=row["o_shape"] != row["n_shape"] or bool(row["deeper"]),
        before=_geojson(row["o_shape"]),
        after=_geojson(row["n_shape"]),
        valid=valid if valid[0] != valid[1] else None,
    )


def _interval(row: dict[str, Any], side: str) -> tuple[datetime | None, datetime | None]:
    return row[f"{side}_valid_from"], row[f"{side}_valid_to"]


def _geojson(wkb: bytes | None) -> Any:
    if wkb is None:
        return None
    return orjson.loads(geojson(np.array([shapely.from_wkb(wkb)], dtype=object))[0].as_py())
