"""What surfaces are, and the colour of each: a material of the glTF."""

import numpy as np

from quanyu.spacetime.tiles3d.polygons import Ints

MATERIALS: tuple[tuple[str, str], ...] = (
    ("roof", "#b5533c"),
    ("wall", "#d8d0c4"),
    ("ground", "#9a948c"),
    ("window", "#7fa6c4"),
    ("door", "#7a5a3c"),
    ("closure", "#c8c8c8"),
    ("road", "#8a8d91"),
    ("water", "#6fa8d6"),
    ("vegetation", "#6f9e58"),
    ("terrain", "#b9b08f"),
    ("structure", "#a9adb3"),
    ("other", "#c2b8a8"),
)
"""Names and colours (sRGB), in the order of their numbers."""

ROOF, WALL, GROUND = 0, 1, 2
OTHER = len(MATERIALS) - 1
BY_SLOPE = -1
"""Roof, wall or ground by where a surface looks to: what it means was not said."""

_NUMBERS = {name: number for number, (name, _) in enumerate(MATERIALS)}
_MEANINGS = {
    "RoofSurface": "roof", "OuterCeilingSurface": "roof", "WallSurface": "wall",
    "InteriorWallSurface": "wall", "CeilingSurface": "wall", "GroundSurface": "ground",
    "OuterFloorSurface": "ground", "FloorSurface": "ground", "Window": "window", "Door": "door",
    "ClosureSurface": "closure", "TrafficArea": "road", "AuxiliaryTrafficArea": "terrain",
    "TransportationMarking": "other", "TransportationHole": "other", "WaterSurface": "water",
    "WaterGroundSurface": "ground", "WaterClosureSurface": "water",
}  # fmt: skip
_TYPES = {
    "Road": "road", "Railway": "road", "Waterway": "water", "TransportSquare": "road",
    "WaterBody": "water", "PlantCover": "vegetation", "SolitaryVegetationObject": "vegetation",
    "LandUse": "terrain", "TINRelief": "terrain", "CityFurniture": "structure",
    "OtherConstruction": "structure",
}  # fmt: skip
_BUILT = ("Building", "Bridge", "Tunnel")


def meaning(surface: str) -> int:
    """Number of the kind of a semantic surface (CityJSON 2.0, clause 3.3)."""
    return _NUMBERS[_MEANINGS.get(surface, "other")]


def of_type(kind: str | None) -> int:
    """Number of the kind of surfaces of an object of that type of which nothing more is known."""
    if kind is None or kind.startswith(_BUILT):
        return BY_SLOPE
    return _NUMBERS[_TYPES.get(kind, "other")]


def by_slope(steepness: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Ints:
    """Kinds by the upward part of unit normals."""
    return np.where(steepness > 0.35, ROOF, np.where(steepness < -0.35, GROUND, WALL)).astype(
        np.int64
    )
