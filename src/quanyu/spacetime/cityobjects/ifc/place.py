"""Where a building model stands: its map conversion, or the latitude and longitude of its site."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from quanyu.spacetime.cityobjects.scene import metric

Places: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Georeference:
    """A reference system and how metres of the model come into it; ``crs`` is ``None`` when the
    model says nothing."""

    crs: str | None
    move: Callable[[Places], Places]
    told: str = ""


def georeference(model: Any, unit: float) -> Georeference:
    """That of a model whose unit of length is ``unit`` metres.

    IfcMapConversion with IfcProjectedCRS (IFC 4), their property sets of IFC 2x3, and last the
    RefLatitude and RefLongitude of the site with the true north, which is good to some metres.
    """
    said = _conversion(model)
    if said is not None:
        return _mapped(*said, unit)
    for site in model.by_type("IfcSite"):
        if site.RefLatitude and site.RefLongitude:
            return _sited(model, site, unit)
    return Georeference(None, lambda xyz: xyz)


def _conversion(model: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    if model.schema != "IFC2X3":
        found = model.by_type("IfcMapConversion")
        if found:
            conversion = found[0].get_info()
            return conversion, conversion["TargetCRS"].get_info() if conversion["TargetCRS"] else {}
        return None
    import ifcopenshell.util.element as elements

    for thing in (*model.by_type("IfcSite"), *model.by_type("IfcProject")):
        sets = {name.casefold(): found for name, found in elements.get_psets(thing).items()}
        if "epset_mapconversion" in sets:
            return sets["epset_mapconversion"], sets.get("epset_projectedcrs", {})
    return None


def _mapped(said: dict[str, Any], system: dict[str, Any], unit: float) -> Georeference:
    map_unit = _unit(system.get("MapUnit"), unit)
    cos, sin = said.get("XAxisAbscissa"), said.get("XAxisOrdinate")
    length = math.hypot(cos or 1.0, sin or 0.0) or 1.0
    cos, sin = (1.0 if cos is None else cos) / length, (sin or 0.0) / length
    scale = (said.get("Scale") or 1.0) * map_unit / unit
    origin = np.array([said.get(k) or 0.0 for k in ("Eastings", "Northings", "OrthogonalHeight")])

    def move(xyz: Places) -> Places:
        x, y, z = xyz.T * scale
        turned = np.column_stack([x * cos - y * sin, x * sin + y * cos, z])
        return turned + origin * map_unit

    name = system.get("Name")
    return Georeference(str(name) if name else None, move)


def _unit(said: Any, unit: float) -> float:
    """Metres of a map's unit: the project's own where none is given (IfcProjectedCRS.MapUnit)."""
    if said is None or isinstance(said, str):
        return unit if said is None else {"METRE": 1.0, "MILLIMETRE": 0.001}.get(said.upper(), unit)
    prefixes = {"MILLI": 0.001, "CENTI": 0.01, "DECI": 0.1, "KILO": 1000.0}
    if said.is_a("IfcSIUnit"):
        return prefixes.get(said.Prefix or "", 1.0)
    factor = said.ConversionFactor
    return float(factor.ValueComponent.wrappedValue) * _unit(factor.UnitComponent, 1.0)


def _sited(model: Any, site: Any, unit: float) -> Georeference:
    lat, lon = _degrees(site.RefLatitude), _degrees(site.RefLongitude)
    crs = metric(lon, lat)
    transformer = Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    east, north = transformer.transform(lon, lat)
    up = (site.RefElevation or 0.0) * unit
    angle = _north(model)
    cos, sin = math.cos(angle), math.sin(angle)

    def move(xyz: Places) -> Places:
        x, y, z = xyz.T
        turned = [x * cos - y * sin + east, x * sin + y * cos + north, z + up]
        return np.column_stack(turned)

    return Georeference(crs, move, "placed by the latitude and longitude of its site only")


def _degrees(parts: Any) -> float:
    """Degrees, minutes, seconds and millionths of them, all of one sign."""
    factors = (1.0, 60.0, 3600.0, 3.6e9)
    return float(sum(part / factor for part, factor in zip(parts, factors, strict=False)))


def _north(model: Any) -> float:
    """By how much the model has to be turned for its y axis to point to true north."""
    for context in model.by_type("IfcGeometricRepresentationContext", include_subtypes=False):
        if context.TrueNorth is not None:
            x, y = context.TrueNorth.DirectionRatios[:2]
            return math.atan2(x, y)
    return 0.0
