"""Building models as city objects: buildings, storeys, spaces and elements with what they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from quanyu.kernel import Invalid
from quanyu.spacetime.cityobjects.cityjson import opened
from quanyu.spacetime.cityobjects.ifc.place import Georeference, georeference
from quanyu.spacetime.cityobjects.ifc.shapes import Shapes
from quanyu.spacetime.cityobjects.model import CityModel, Family, Json, Lost
from quanyu.spacetime.cityobjects.spool import Spool

_KINDS = (
    ("IfcBuildingStorey", "BuildingStorey"), ("IfcBuilding", "Building"),
    ("IfcSpace", "BuildingRoom"),
    ("IfcBridgePart", "BridgePart"), ("IfcBridge", "Bridge"), ("IfcSite", "GenericCityObject"),
    ("IfcFacility", "OtherConstruction"), ("IfcFurnishingElement", "BuildingFurniture"),
    ("IfcDistributionElement", "BuildingInstallation"),
    ("IfcElement", "BuildingConstructiveElement"),
)  # fmt: skip
_OF_BRIDGES = {"BuildingFurniture": "BridgeFurniture", "BuildingInstallation": "BridgeInstallation",
               "BuildingConstructiveElement": "BridgeConstructiveElement"}  # fmt: skip
_TOPS = frozenset({"Building", "Bridge", "OtherConstruction", "GenericCityObject"})
_SAID = {"Name": "name", "Description": "description", "ObjectType": "objectType", "Tag": "tag",
         "LongName": "longName", "PredefinedType": "predefinedType",
         "Elevation": "elevation"}  # fmt: skip


def read_ifc(path: Path) -> CityModel:
    """Open a model; raises ``Invalid`` when it is damaged, or when ifcopenshell is missing."""
    try:
        import ifcopenshell
        import ifcopenshell.util.unit as units
    except ImportError as error:
        raise Invalid(
            "building models are read by a part that is not installed",
            field="source",
            mend="pip install quanyu[ifc]",
        ) from error
    if b"END-ISO-10303-21" not in _tail(path):  # ifcopenshell takes what comes before a cut
        raise Invalid(
            "the building model is damaged or cut off", field="source", mend="export it again"
        )
    try:
        model = ifcopenshell.open(str(path))
        unit = float(units.calculate_unit_scale(model))
    except (RuntimeError, OSError, ifcopenshell.Error) as error:
        raise Invalid(
            "the building model is damaged or cut off", field="source", mend="export it again"
        ) from error
    where = georeference(model, unit)
    reader = _Reader(model, where)
    spool = Spool()
    spool.fill(reader.families())
    metadata = {"referenceSystem": where.crs} if where.crs else {}
    head: Json = {"type": "CityJSON", "version": "2.0", "transform": reader.shapes.transform,
                  "metadata": metadata}  # fmt: skip
    told = (f"the building model is {where.told}",) if where.told else ()
    return opened(head, spool.read, told)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 256))
        return file.read()


class _Reader:
    def __init__(self, model: Any, where: Georeference) -> None:
        self._model = model
        self.shapes = Shapes(model, where)
        self._things = {thing.GlobalId: thing for thing in self._products()}
        self._above = {key: self._parent(thing) for key, thing in self._things.items()}

    def _products(self) -> Iterator[Any]:
        spatial = (
            "IfcSpatialStructureElement" if self._model.schema == "IFC2X3" else "IfcSpatialElement"
        )
        for thing in self._model.by_type(spatial):
            if any(thing.is_a(name) for name, _ in _KINDS) and self._kept(thing):
                yield thing
        for thing in self._model.by_type("IfcElement"):
            if not (thing.is_a("IfcFeatureElement") or thing.is_a("IfcVirtualElement")):
                yield thing

    def _kept(self, thing: Any) -> bool:
        """A site without a shape only holds buildings, which stand for themselves."""
        return not thing.is_a("IfcSite") or thing.Representation is not None

    def _parent(self, thing: Any) -> str | None:
        import ifcopenshell.util.element as elements

        above = elements.get_aggregate(thing)
        if above is None and thing.is_a("IfcElement"):
            above = elements.get_container(thing) or elements.get_nest(thing)
        name = getattr(above, "GlobalId", None)
        return name if name in self._things else None

    def families(self) -> Iterator[Family | Lost]:
        """All objects below a building, bridge or other top as one family."""
        members: dict[str, list[str]] = {}
        tops: dict[str, str] = {}
        for key in self._things:
            top, seen = key, {key}
            while self._kind(top) not in _TOPS and (above := self._above[top]) is not None:
                if above in seen:
                    yield Lost(1, f"object “{key}”: its parents go round in a ring")
                    break
                seen.add(above)
                top = above
            else:
                tops[key] = top
                members.setdefault(top, []).append(key)
        for number, (top, keys) in enumerate(members.items(), start=1):
            self.shapes.begin()
            bridge = self._kind(top) == "Bridge"
            objects = {key: self._object(key, tops, bridge=bridge) for key in keys}
            yield Family(number, objects, self.shapes.corners(), self.shapes.appearance())

    def _kind(self, key: str) -> str:
        thing = self._things[key]
        return next(kind for name, kind in _KINDS if thing.is_a(name))

    def _object(self, key: str, tops: dict[str, str], *, bridge: bool) -> Json:
        kind, thing = self._kind(key), self._things[key]
        made: Json = {"type": _OF_BRIDGES.get(kind, kind) if bridge else kind}
        made["attributes"] = _attributes(thing)
        above = self._above[key]
        if above is not None and tops[key] != key:
            made["parents"] = [above]
        if kind == "Building" and (address := _address(thing)):
            made["address"] = [address]
        shape = self.shapes.shape(key)
        made["geometry"] = [shape] if shape else []
        return made


def _attributes(thing: Any) -> Json:
    import ifcopenshell.util.element as elements

    found: Json = {"ifcClass": thing.is_a()}
    for name, said in _SAID.items():
        value = getattr(thing, name, None)
        if value not in {None, ""}:
            found[said] = value
    for name, group in elements.get_psets(thing).items():
        for one, value in group.items():
            if one != "id" and (plain := _plain(value)) is not None:
                found[f"{name}.{one}"] = plain
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        inside = {str(k): _plain(v) for k, v in value.items() if k not in {"id", "type"}}
        return {k: v for k, v in inside.items() if v is not None} or None
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _address(building: Any) -> Json | None:
    said = getattr(building, "BuildingAddress", None)
    if said is None:
        return None
    names = {"Country": "CountryName", "Region": "AdministrativeAreaName", "Town": "LocalityName",
             "PostalCode": "PostalCodeNumber"}  # fmt: skip
    found = {name: getattr(said, one) for one, name in names.items() if getattr(said, one)}
    if said.AddressLines:
        found["ThoroughfareName"] = ", ".join(said.AddressLines)
    return found or None
