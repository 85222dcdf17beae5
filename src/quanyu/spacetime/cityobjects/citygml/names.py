"""Names of CityGML and what CityJSON calls them; namespaces of versions differ, names hardly."""

import re
from typing import Any

GML_ID = re.compile(r"\{http://www\.opengis\.net/gml(?:/3\.2)?\}id$")
HREF = "{http://www.w3.org/1999/xlink}href"

OBJECTS = {
    "Building": "Building", "BuildingPart": "BuildingPart",
    "BuildingInstallation": "BuildingInstallation",
    "IntBuildingInstallation": "BuildingInstallation", "Room": "BuildingRoom",
    "BuildingRoom": "BuildingRoom", "BuildingFurniture": "BuildingFurniture",
    "BuildingUnit": "BuildingUnit", "Storey": "BuildingStorey",
    "BuildingConstructiveElement": "BuildingConstructiveElement",
    "Bridge": "Bridge", "BridgePart": "BridgePart", "BridgeInstallation": "BridgeInstallation",
    "IntBridgeInstallation": "BridgeInstallation", "BridgeRoom": "BridgeRoom",
    "BridgeFurniture": "BridgeFurniture", "BridgeConstructionElement": "BridgeConstructiveElement",
    "BridgeConstructiveElement": "BridgeConstructiveElement",
    "Tunnel": "Tunnel", "TunnelPart": "TunnelPart", "TunnelInstallation": "TunnelInstallation",
    "IntTunnelInstallation": "TunnelInstallation", "HollowSpace": "TunnelHollowSpace",
    "TunnelFurniture": "TunnelFurniture",
    "TunnelConstructiveElement": "TunnelConstructiveElement",
    "Road": "Road", "Railway": "Railway", "Square": "TransportSquare", "Track": "Road",
    "Waterway": "Waterway", "TransportationComplex": "Road", "WaterBody": "WaterBody",
    "PlantCover": "PlantCover", "SolitaryVegetationObject": "SolitaryVegetationObject",
    "LandUse": "LandUse", "CityFurniture": "CityFurniture", "TINRelief": "TINRelief",
    "GenericCityObject": "GenericCityObject", "GenericOccupiedSpace": "GenericCityObject",
    "GenericUnoccupiedSpace": "GenericCityObject", "GenericLogicalSpace": "GenericCityObject",
    "GenericThematicSurface": "GenericCityObject", "OtherConstruction": "OtherConstruction",
    "CityObjectGroup": "CityObjectGroup", "ReliefFeature": "GenericCityObject",
    "MassPointRelief": "GenericCityObject", "BreaklineRelief": "GenericCityObject",
}  # fmt: skip
"""Features of CityGML and the types of CityJSON 2.0 that they become."""

SURFACES = {
    name: name
    for name in (
        "RoofSurface", "GroundSurface", "WallSurface", "ClosureSurface", "OuterCeilingSurface",
        "OuterFloorSurface", "InteriorWallSurface", "CeilingSurface", "FloorSurface",
        "WaterSurface", "WaterGroundSurface", "WaterClosureSurface", "TrafficArea",
        "AuxiliaryTrafficArea", "TransportationMarking", "TransportationHole", "Window", "Door",
    )
} | {"WindowSurface": "Window", "DoorSurface": "Door"}  # fmt: skip
"""Features of CityGML that say what a surface means."""

SPACES = frozenset({"TrafficSpace", "AuxiliaryTrafficSpace", "Section", "Intersection",
                    "ClearanceSpace"})  # fmt: skip
"""Parts of roads of CityGML 3.0 whose surfaces are those of the road."""

NUMBERS = frozenset({"measuredHeight", "averageHeight", "height", "trunkDiameter", "crownDiameter",
                     "storeyHeightsAboveGround", "storeyHeightsBelowGround"})  # fmt: skip
"""Plain properties that are numbers by the schema."""
WHOLE = frozenset({"storeysAboveGround", "storeysBelowGround"})
"""Those that are whole numbers."""


def local(element: Any) -> str:
    """The name of an element without its namespace; nothing for comments."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def gml_id(element: Any) -> str | None:
    """The ``gml:id`` of an element."""
    for name, value in element.attrib.items():
        if GML_ID.match(name):
            return str(value)
    return None


def referred(element: Any) -> str | None:
    """The id that an ``xlink:href`` or ``uri`` of the same file leads to."""
    href = element.get(HREF) or element.get("uri")
    return href[1:] if href and href.startswith("#") else None
