"""What rules judge by: signs in names and values of fields, rows, exactness of places, extent.

Values are looked at here and forgotten: what is kept says shares and patterns, never a value.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.catalogue.codes import Sensitivity
from quanyu.catalogue.grading import Facts, Sensed
from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import Bbox, Resource, ResourceDraft
from quanyu.catalogue.probe.sensitivity import judge_fields
from quanyu.kernel import LocalText
from quanyu.spacetime import GEOMETRY, Query, View

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

SAMPLE = 200
"""Rows whose values are looked at."""

_METRES = 111_320.0
"""Of a degree of latitude."""

_RADIUS_KM = 6_371.0088
_FINEST = 6
_MOST = 0.9
"""The share of coordinates that must lie on a grid of decimals."""


def facts_of_description(of: ResourceDraft) -> Facts:
    """What the description alone tells."""
    fields = [(one.name, _words(one.meaning), ()) for one in of.fields]
    return _facts(of, fields, rows=None, metres=None, located=False)


def facts_of_data(of: Resource, view: View) -> Facts:
    """What the description and a sample of the rows tell: the first :data:`SAMPLE` of the view."""
    table = view.rows_within(Query(limit=SAMPLE))
    meanings = {one.name: _words(one.meaning) for one in of.fields}
    fields = [
        (field.name, meanings.get(field.name, ""), table.column(field.name).to_pylist())
        for field in view.fields
        if field.name in table.column_names
    ]
    metres = exactness(_coordinates(table))
    return _facts(of, fields, rows=view.version.rows, metres=metres, located=metres is not None)


def exactness(degrees: "NDArray[np.float64]") -> float | None:
    """How exact coordinates in degrees are, in metres: by the decimals that nine of ten have.

    ``None`` without coordinates.
    """
    if degrees.size == 0:
        return None
    for decimals in range(_FINEST):
        near = np.abs(np.round(degrees, decimals) - degrees) < 10.0 ** -(_FINEST + 2)
        if near.mean() >= _MOST:
            return float(_METRES / 10**decimals)
    return float(_METRES / 10**_FINEST)


def area_km2(bbox: Bbox | None) -> float | None:
    """The area of an extent on the sphere (R = 6,371.0088 km), in km²; ``None`` without one."""
    if bbox is None:
        return None
    west, south, east, north = map(math.radians, bbox)
    return abs(east - west) * abs(math.sin(north) - math.sin(south)) * _RADIUS_KM**2


def _facts(
    of: ResourceDraft,
    fields: Sequence[tuple[str, str, Sequence[object]]],
    *,
    rows: int | None,
    metres: float | None,
    located: bool,
) -> Facts:
    said = {one.name: one.sensitivity for one in of.fields}
    judged = judge_fields(fields, located=located)
    sensed = []
    for (name, _, _), one in zip(fields, judged, strict=True):
        why: list[tuple[str, Mapping[str, Any]]] = [
            (str(reason.get("rule", "whereabouts")), reason)
            for reason in one.why
            # That rows have places is said of each field; the signs themselves are what counts.
            if "rule" in reason or "metres" in dict(reason.get("params", {}))  # type: ignore[call-overload]
        ]
        declared = said.get(name, Sensitivity.PUBLIC)
        if declared is not Sensitivity.PUBLIC:
            reason = because("its provider calls it {sensitivity}", sensitivity=declared.value)
            why.append((declared.value, reason))
        if why:
            sensed.append(Sensed(name, tuple(s for s, _ in why), tuple(r for _, r in why)))
    words = [_words(of.title), _words(of.abstract), *of.keywords, *(name for name, _, _ in fields)]
    return Facts(
        fields=tuple(sensed),
        text="\n".join(words),
        themes=of.themes,
        rows=rows,
        metres=metres,
        km2=area_km2(of.bbox),
    )


def _coordinates(table: "pa.Table") -> "NDArray[np.float64]":
    if GEOMETRY not in table.column_names:
        return np.empty(0)
    import shapely

    shapes = shapely.from_wkb(table.column(GEOMETRY).to_numpy(zero_copy_only=False))
    return np.asarray(shapely.get_coordinates(shapes)).ravel()


def _words(text: LocalText | None) -> str:
    return "" if text is None else f"{text.zh} {text.en}".strip()
