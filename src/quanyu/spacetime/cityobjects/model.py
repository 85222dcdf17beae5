"""City models as they are read and kept: heads, families of objects, what an object carries.

The words are those of CityJSON 2.0 (OGC 20-072r5). A *family* is an object without parents with all
that is below it, as in a ``CityJSONFeature``; groups (``CityObjectGroup``) make no families.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

TYPE, PARENTS, ADDRESS, LODS, HEIGHT = "type", "parents", "address", "lods", "height"
OWN = ("fid", TYPE, PARENTS, ADDRESS, LODS, HEIGHT)
"""Columns of every city model beside its attributes; ``lods`` and ``height`` are derived."""

GROUP = "CityObjectGroup"
DEPTHS = {
    "MultiPoint": 0,
    "MultiLineString": 1,
    "MultiSurface": 2,
    "CompositeSurface": 2,
    "Solid": 3,
    "MultiSolid": 4,
    "CompositeSolid": 4,
    "GeometryInstance": 0,
}
"""How many arrays ``boundaries`` nest above one list of vertices (CityJSON 2.0, clause 3)."""

CHILDREN = frozenset(
    {"BridgeConstructiveElement", "BridgeFurniture", "BridgeInstallation", "BridgePart",
     "BridgeRoom", "BuildingConstructiveElement", "BuildingFurniture", "BuildingInstallation",
     "BuildingPart", "BuildingRoom", "BuildingStorey", "BuildingUnit",
     "TunnelConstructiveElement", "TunnelFurniture", "TunnelHollowSpace", "TunnelInstallation",
     "TunnelPart"}
)  # fmt: skip
"""Types that stand below another object always (CityJSON 2.0, clause 2)."""

PARENTLESS = {"BuildingPart": "Building", "BridgePart": "Bridge", "TunnelPart": "Tunnel"}
"""What an object of such a type is called where its parent may not be seen; else generic."""
GENERIC = "GenericCityObject"


@dataclass(frozen=True, slots=True)
class Family:
    """Objects that share vertices (whole numbers under the model's transform) and appearance.

    ``line`` is where it stands in its source.
    """

    line: int
    objects: dict[str, Json]
    vertices: list[list[int]]
    appearance: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lost:
    """A piece of a source that could not be read at all, or an object that is not to be kept."""

    line: int
    reason: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class CityModel:
    """An opened model. ``head`` has the members of a CityJSON file that belong to no object.

    ``families`` begins anew at each call. ``kinds`` are the types of the values of each attribute.
    """

    head: Json
    families: Callable[[], Iterator[Family | Lost]]
    kinds: Mapping[str, frozenset[type]]
    count: int
    crs: str | None
    warnings: tuple[str, ...] = ()
