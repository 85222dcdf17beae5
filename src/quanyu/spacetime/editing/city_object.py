"""A city object with all that is below it, as its editor sent it, as rows of its dataset.

The document is CityJSON, whole (OGC 20-072r5) or as a sequence of a head and one
``CityJSONFeature`` (clause 9), as ``GET`` of the object gives it. It is read as a source
of data is read, and its vertices are brought onto the transform of the dataset's model.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from quanyu.kernel import Invalid
from quanyu.spacetime.cityobjects.cityjson import read_cityjson
from quanyu.spacetime.cityobjects.model import (
    ADDRESS,
    GROUP,
    HEIGHT,
    LODS,
    PARENTS,
    TYPE,
    CityModel,
    Family,
    Lost,
)
from quanyu.spacetime.cityobjects.rows import Rows, rows_of
from quanyu.spacetime.crs import source_crs
from quanyu.spacetime.editing.feature import typed
from quanyu.spacetime.edits.model import CityDocument
from quanyu.spacetime.edits.rows import Row
from quanyu.spacetime.intake.geometry import numbers, shape, widened
from quanyu.spacetime.intake.model import Sieve
from quanyu.spacetime.model import BOUNDS, GEOMETRY, HEIGHTS, LOD_GEOMETRY, Version

DERIVED = frozenset({LODS, HEIGHT})
"""Columns of a city model that follow from its geometries."""

_LARGEST = 1 << 40


@dataclass(frozen=True, slots=True)
class CityObject:
    """An object and what is below it, by ids, the object itself first.

    properties  values of the properties of each, by column, as JSON has them.
    shapes      the columns of its geometries.
    above       ids that its parents name outside of the document.
    findings    slight faults of its geometries.
    """

    top: str
    properties: Mapping[str, Mapping[str, Any]]
    shapes: Mapping[str, Row]
    above: frozenset[str]
    findings: tuple[str, ...]


def city_object(
    document: CityDocument, version: Version, city: Mapping[str, Any], where: str
) -> CityObject:
    """Read the document; ``city`` is the head of the dataset's model with its CRS and attributes.

    Raises ``Invalid`` naming what is wrong: damaged, more than one object, another reference
    system, broken geometry (with the object's id and the reason).
    """
    with tempfile.TemporaryDirectory(prefix="quanyu-city-object-") as folder:
        path = Path(folder) / "object.json"
        path.write_bytes(document.data)
        model = read_cityjson(path, document.form)
        _check_frame(model, city, where)
        family = _one(model, where)
    transform = city["head"]["transform"]
    moved = replace(family, vertices=_moved(family, model.head["transform"], transform, where))
    only = CityModel({"transform": transform}, lambda: iter([moved]), {}, 1, model.crs)
    [rows] = rows_of(only)
    for reason in rows.reasons.values():
        raise _bad(where, detail="the city object cannot be kept: {reason}", reason=reason)
    above = {
        parent
        for thing in family.objects.values()
        for parent in thing.get("parents") or ()
        if parent not in family.objects
    }
    columns = {attribute: column for column, attribute in city["attributes"].items()}
    properties = {
        key: {
            **{columns.get(k, k): v for k, v in (thing.get("attributes") or {}).items()},
            TYPE: thing["type"],
            PARENTS: thing.get("parents") or None,
            ADDRESS: thing.get("address") or None,
        }
        for key, thing in family.objects.items()
    }
    top = _top(family)
    ordered = {top: properties.pop(top), **properties}
    return CityObject(top, ordered, _shapes(rows, version, city, where), frozenset(above),
                      rows.findings)  # fmt: skip


def _check_frame(model: CityModel, city: Mapping[str, Any], where: str) -> None:
    if model.head.get("geometry-templates"):
        raise _bad(
            where,
            detail="geometries by template are not edited here",
            mend="write the geometry out, without GeometryInstance",
        )
    given, wanted = model.crs, city["crs"]
    if given is None or given == wanted:
        return
    if wanted is None or source_crs(given).name != source_crs(wanted).name:
        raise Invalid(
            "the city object is in {given}, and the model in {wanted}",
            field=f"{where}metadata.referenceSystem",
            mend="send it in the system in which it is read",
            given=given,
            wanted=wanted or "a system without a name",
        )


def _one(model: CityModel, where: str) -> Family:
    found = list(model.families())
    for lost in found:
        if isinstance(lost, Lost):
            raise _bad(where, detail="the city object cannot be kept: {reason}", reason=lost.reason)
    families = [family for family in found if isinstance(family, Family)]
    if len(families) != 1:
        raise _bad(
            where,
            detail="the document holds {count} city objects that stand by themselves",
            mend="send one, with all that is below it",
            count=len(families),
        )
    if any(thing.get("type") == GROUP for thing in families[0].objects.values()):
        raise _bad(
            where, detail="groups are not edited here", mend="bring the model in as a new version"
        )
    return families[0]


def _top(family: Family) -> str:
    """The object of which no parent is in the family."""
    return next(
        key
        for key, thing in family.objects.items()
        if not any(parent in family.objects for parent in thing.get("parents") or ())
    )


def _moved(
    family: Family, given: Mapping[str, Any], wanted: Mapping[str, Any], where: str
) -> list[list[int]]:
    """The vertices of the family as whole numbers of the model's own transform."""
    try:
        corners = np.asarray(family.vertices, dtype=np.float64).reshape(-1, 3)
    except (TypeError, ValueError) as error:
        raise _bad(where, detail="a vertex is not three whole numbers") from error
    metres = corners * np.asarray(given["scale"]) + np.asarray(given["translate"])
    whole = np.rint((metres - np.asarray(wanted["translate"])) / np.asarray(wanted["scale"]))
    if not (np.abs(whole) < _LARGEST).all():
        raise _bad(where, detail="a vertex lies far outside of the model")
    moved: list[list[int]] = whole.astype(np.int64).tolist()
    return moved


def _shapes(rows: Rows, version: Version, city: Mapping[str, Any], where: str) -> dict[str, Row]:
    """The columns of the geometries of each object."""
    sieve = Sieve(len(rows.lines))
    crs = source_crs(city["crs"]) if city["crs"] else None
    shaped = shape(rows.shapes.copy(), crs, sieve, swap=False, repair=False)
    keys = rows.batch.column("fid").to_pylist()
    for row, reason in sieve.reasons.items():
        why = f"object “{keys[row]}”: {reason}"
        raise _bad(where, detail="the city object cannot be kept: {reason}", reason=why)
    bounds, heights = widened(rows.extents, shaped.bounds, shaped.heights, crs)
    table = pa.table(
        {
            LODS: rows.batch.column(LODS),
            HEIGHT: rows.batch.column(HEIGHT),
            LOD_GEOMETRY: rows.batch.column(LOD_GEOMETRY),
            **numbers(BOUNDS, bounds),
            **(numbers(HEIGHTS, heights) if version.has_z else {}),
        }
    )
    found = dict(zip(keys, table.to_pylist(), strict=True))
    for key, wkb in zip(keys, shaped.wkb.to_pylist(), strict=True):
        made = None if wkb is None else typed(shapely.from_wkb(wkb), version.geometry, where)
        found[key][GEOMETRY] = None if made is None else shapely.to_wkb(made, flavor="iso")
    return found


def _bad(
    where: str, *, detail: str, mend: str = "mend it and send it again", **params: Any
) -> Invalid:
    return Invalid(detail, field=f"{where}CityObjects", mend=mend, **params)
