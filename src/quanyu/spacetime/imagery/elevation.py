"""Which band is the height of the ground, and above what: a band called ``elevation``, in metres.

What heights are counted from is said in the words of CF (standard names), as the STAC extension cf
writes them (``cf:parameter``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyproj import CRS
from rasterio.enums import ColorInterp

from quanyu.kernel import Invalid
from quanyu.spacetime.imagery.model import ELEVATION, METRES, Band

FROM: Mapping[str, str] = {
    "geoid": "surface_altitude",
    "ellipsoid": "height_above_reference_ellipsoid",
}
"""CF standard names by what heights are counted from: the geoid (sea level) or the ellipsoid."""

NONE = "none"
_HEIGHTS = frozenset({"int16", "int32", "uint16", "float32", "float64"})
_HINT = re.compile(
    r"(?<![a-z])(dem|dtm|dsm|dgm|elev(ation)?|height|altitude|terrain|srtm)(?![a-z])|高程|地形"
)


def check(heights: str | None) -> None:
    """Raise ``Invalid`` (field ``heights``) for what heights cannot be counted from."""
    if heights is not None and heights not in {*FROM, NONE}:
        raise Invalid(
            "“{text}” is nothing that heights are counted from",
            field="heights",
            mend="say geoid (above sea level), ellipsoid, or none where pixels are no heights",
            text=heights[:60],
        )


def proposed(dataset: Any, name: str, system: str) -> str | None:
    """What a raster's pixels seem to be counted from, if they seem to be heights.

    One band of numbers without a palette, whose unit is a length, whose CRS has heights, or whose
    own name or that of its file says so.
    """
    colours = dataset.colorinterp
    if dataset.count != 1 or str(dataset.dtypes[0]) not in _HEIGHTS:
        return None
    if colours[0] is ColorInterp.palette:
        return None
    unit = (dataset.units[0] or "").strip().lower()
    said = f"{dataset.descriptions[0] or ''} {name}".lower()
    vertical = _vertical(system)
    hinted = bool(_HINT.search(said)) or (unit != "" and unit in METRES) or vertical is not None
    return (vertical or "geoid") if hinted else None


def _vertical(system: str) -> str | None:
    """What heights of a CRS are counted from; ``None`` when it has none."""
    crs = CRS.from_user_input(system)
    if any(part.is_vertical for part in crs.sub_crs_list):
        return "geoid"
    return "ellipsoid" if len(crs.axis_info) == 3 else None


def with_elevation(bands: Sequence[Band], heights: str | None, *, sure: bool) -> tuple[Band, ...]:
    """The bands, that of heights as such; ``heights`` is what they are counted from.

    ``sure`` says that a caller named ``heights``: then a raster that cannot be heights is refused.
    Raises ``Invalid`` (field ``heights``).
    """
    if heights == NONE:
        return tuple(
            replace(band, name=f"b{band.index}") if band.name == ELEVATION else band
            for band in bands
        )
    at = [band for band in bands if band.name == ELEVATION] or list(bands)
    if heights is None and at[0].name != ELEVATION:
        return tuple(bands)
    wrong = len(at) != 1 or at[0].dtype == "uint8" or at[0].unit.strip().lower() not in METRES
    if wrong and sure:
        raise Invalid(
            "one band in a unit of length is the height of the ground",
            field="heights",
            mend="name the band elevation with bands, or say heights none",
        )
    if wrong:
        return tuple(bands)
    one = at[0]
    meant = FROM[heights or "geoid"]
    named = replace(one, name=ELEVATION, unit=one.unit or "m", standard_name=meant)
    return tuple(named if band is one else band for band in bands)
