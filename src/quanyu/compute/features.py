"""Features in and out of processes: GeoJSON in a request, rows of a view, and between processes.

Between processes they travel as an Arrow table with the geometry as WKB, which costs no object for
each row.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import shapely

from quanyu.compute.model import Features, Input, Shape
from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime import FID, GEOMETRY, HEIGHTS, Query, View

if TYPE_CHECKING:
    import pyarrow as pa

_SHAPES = {0: Shape.POINT, 1: Shape.LINE, 2: Shape.AREA}
_WORLD = (-180.0, -90.0, 180.0, 90.0)


def inline_features(name: str, document: dict[str, Any]) -> Features:
    """The features in a GeoJSON document (RFC 7946: CRS84); raises :class:`Invalid` on ``name``."""
    import pyarrow as pa

    members = document.get("features") if document["type"] == "FeatureCollection" else [document]
    if not isinstance(members, list) or not members:
        raise Invalid("there are no features", field=name, mend="give at least one")
    geometries, fids, rows = [], [], []
    for number, one in enumerate(members):
        inner = one.get("geometry") if isinstance(one, dict) and "geometry" in one else one
        try:
            geometries.append(shapely.from_geojson(orjson.dumps(inner)))
        except (shapely.errors.GEOSException, TypeError) as error:
            raise Invalid(
                "feature {number} has no geometry that can be read",
                field=name,
                mend="give GeoJSON (RFC 7946)",
                number=number + 1,
            ) from error
        said = one.get("properties") if isinstance(one, dict) else None
        rows.append(said if isinstance(said, dict) else {})
        fids.append(str(one.get("id", number + 1)) if isinstance(one, dict) else str(number + 1))
    shapes = np.array(geometries, dtype=object)
    west, south, east, north = shapely.total_bounds(shapes)
    if not (west >= _WORLD[0] and south >= _WORLD[1] and east <= _WORLD[2] and north <= _WORLD[3]):
        raise Invalid(
            "these are no longitudes and latitudes", field=name, mend="give coordinates in CRS84"
        )
    names = dict.fromkeys(key for row in rows for key in row if key != FID)
    columns = {key: _column([row.get(key) for row in rows]) for key in names}
    return Features(shapes, pa.table({FID: pa.array(fids, pa.string()), **columns}))


def _column(values: list[Any]) -> "pa.Array":
    """Values of one type as they are; others as JSON text."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or kinds in ({str}, {bool}):
        return pa.array(values, pa.float64() if float in kinds else None)
    return pa.array([None if v is None else orjson.dumps(v).decode() for v in values], pa.string())


def read_features(name: str, view: View, query: Query, most: int) -> "pa.Table":
    """Rows of a view as they travel; raises :class:`TooLarge` on ``name`` for more than ``most``,
    :class:`Invalid` where there is no geometry."""
    table = view.rows_within(replace(query, limit=most + 1))
    if table.num_rows > most:
        raise TooLarge(
            "{collection} gives more than {most} features",
            field=name,
            mend="narrow it by a bbox or a filter",
            collection=view.version.dataset,
            most=most,
        )
    if GEOMETRY not in table.column_names:
        raise Invalid(
            "{collection} has no geometry",
            field=name,
            mend="name a collection with geometries",
            collection=view.version.dataset,
        )
    names = [FID, *(f.name for f in view.fields), *HEIGHTS, GEOMETRY]
    return table.select([name for name in names if name in table.column_names])


def packed(features: Features) -> "pa.Table":
    """Features as they travel."""
    import pyarrow as pa

    wkb = pa.array(shapely.to_wkb(features.geometries, include_srid=False), pa.binary())
    return features.table.append_column(GEOMETRY, wkb)


def unpacked(name: str, one: Input, table: "pa.Table") -> Features:
    """Features that travelled, those without geometry left out; raises :class:`Invalid` on ``name``
    for shapes that the input does not take."""
    shapes = shapely.from_wkb(table.column(GEOMETRY).to_numpy())
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    features = Features(shapes[there], table.drop_columns([GEOMETRY]).filter(there))
    if not len(features) and not one.empty:
        raise Invalid(
            "no feature that may be seen is there",
            field=name,
            mend="narrow it less, or name another collection",
        )
    dimensions = np.unique(shapely.get_dimensions(features.geometries))
    if any(_SHAPES[int(each)] not in one.shapes for each in dimensions):
        raise _not_taken(name, one)
    if one.most is not None and len(features) > one.most:
        raise Invalid(
            "this input takes {most} features at most",
            field=name,
            mend="narrow it by a bbox or a filter",
            most=one.most,
        )
    return features


def _not_taken(name: str, one: Input) -> Invalid:
    if one.shapes == {Shape.POINT}:
        return Invalid("this input takes points only", field=name, mend="give points")
    if one.shapes == {Shape.LINE}:
        return Invalid("this input takes lines only", field=name, mend="give lines")
    if one.shapes == {Shape.AREA}:
        return Invalid("this input takes areas only", field=name, mend="give areas")
    return Invalid(
        "this input does not take such geometries", field=name, mend="see which in its description"
    )


def geojson(features: Features, lineage: Mapping[str, Any], decimals: int = 7) -> bytes:
    """A FeatureCollection in CRS84, to about a centimetre, with its ``lineage`` as a member."""
    deep = bool(shapely.has_z(features.geometries).any())
    shapes = shapely.transform(features.geometries, lambda at: at.round(decimals), include_z=deep)
    texts = shapely.to_geojson(shapes).tolist()
    table = features.table
    fids = table.column(FID).to_pylist() if FID in table.column_names else [None] * len(features)
    rest = table.drop_columns([name for name in (FID, *HEIGHTS) if name in table.column_names])
    rows = rest.to_pylist() if rest.num_columns else [{}] * len(features)
    found = [
        {
            "type": "Feature",
            **({} if fid is None else {"id": fid}),
            "geometry": None if text is None else orjson.Fragment(text),
            "properties": row,
        }
        for fid, text, row in zip(fids, texts, rows, strict=True)
    ]
    document = {"type": "FeatureCollection", "lineage": lineage, "features": found}
    return orjson.dumps(document, default=_odd, option=orjson.OPT_UTC_Z)


def _odd(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError
