"""Shapes of building elements: tessellated, in the map's system, with their colours."""

from typing import Any

import numpy as np

from quanyu.spacetime.cityobjects.ifc.place import Georeference
from quanyu.spacetime.cityobjects.model import Json
from quanyu.spacetime.cityobjects.pieces import Numbering

_LOD = "3"
_STEP = 0.001


class Shapes:
    """The shapes of a model by the ids of its elements; vertices are of one family at a time."""

    def __init__(self, model: Any, where: Georeference) -> None:
        self._found: dict[str, Any] = {}
        self._corner = np.zeros(3)
        self._tessellate(model, where)
        self._numbers = Numbering()
        self._materials = Numbering()

    def _tessellate(self, model: Any, where: Georeference) -> None:
        import ifcopenshell.geom as geometry

        make: Any = geometry  # its faces are not typed
        settings = make.settings()
        settings.set("use-world-coords", True)
        shapes = make.iterator(settings, model, 1)
        more = shapes.initialize()
        while more:
            shape = shapes.get()
            xyz = where.move(np.asarray(shape.geometry.verts, dtype=np.float64).reshape(-1, 3))
            if len(xyz) and np.isfinite(xyz).all():
                if not self._found:
                    self._corner = np.floor(xyz[0])
                faces = np.asarray(shape.geometry.faces, dtype=np.int64).reshape(-1, 3)
                worn = np.asarray(shape.geometry.material_ids, dtype=np.int64)
                colours = [_colour(material) for material in shape.geometry.materials]
                whole = np.rint((xyz - self._corner) / _STEP).astype(np.int64)
                self._found[shape.guid] = (whole, faces, worn, colours)
            more = shapes.next()

    @property
    def transform(self) -> Json:
        """The member of that name."""
        return {"scale": [_STEP] * 3, "translate": self._corner.tolist()}

    def begin(self) -> None:
        """Begin a family."""
        self._numbers = Numbering()
        self._materials = Numbering()

    def corners(self) -> list[list[int]]:
        """The vertices of the family."""
        return [list(corner) for corner in self._numbers]

    def appearance(self) -> Json:
        """The materials of the family."""
        listed = [dict(_named(*key)) for key in self._materials]
        return {"materials": listed} if listed else {}

    def shape(self, key: str) -> Json | None:
        """The shape of an element: a solid where its triangles close, else surfaces."""
        found = self._found.get(key)
        if found is None:
            return None
        whole, faces, worn, colours = found
        places, where = np.unique(whole, axis=0, return_inverse=True)
        triangles = where.reshape(-1)[faces]
        kept = (
            (triangles[:, 0] != triangles[:, 1])
            & (triangles[:, 1] != triangles[:, 2])
            & (triangles[:, 2] != triangles[:, 0])
        )
        triangles, worn = triangles[kept], worn[kept] if len(worn) == len(faces) else worn
        numbers = [self._numbers[tuple(place)] for place in places.tolist()]
        surfaces = [[[numbers[corner] for corner in triangle]] for triangle in triangles.tolist()]
        if not surfaces:
            return None
        solid = _closed(triangles, places)
        made: Json = {
            "type": "Solid" if solid else "MultiSurface",
            "lod": _LOD,
            "boundaries": [surfaces] if solid else surfaces,
        }
        if colours and len(worn) == len(triangles):
            listed = [None if n < 0 else self._materials[colours[n]] for n in worn.tolist()]
            made["material"] = {"ifc": {"values": [listed] if solid else listed}}
        return made


def _closed(triangles: Any, places: Any) -> bool:
    """Whether each edge is run through once in each sense, around a positive volume."""
    edges = np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    forth = edges[:, 0] * len(places) + edges[:, 1]
    back = edges[:, 1] * len(places) + edges[:, 0]
    forth.sort()
    back.sort()
    if (forth != back).any() or (forth[1:] == forth[:-1]).any():
        return False
    a, b, c = (places[triangles[:, n]] - places[0] for n in range(3))
    return bool(np.einsum("ij,ij->", a.astype(float), np.cross(b, c).astype(float)) > 0)


def _colour(material: Any) -> tuple[Any, ...]:
    diffuse = material.diffuse
    colour = tuple(round(float(value), 4) for value in (diffuse.r(), diffuse.g(), diffuse.b()))
    clear = material.transparency if material.has_transparency() else 0.0
    return str(material.name), colour, round(float(clear), 4)


def _named(name: str, colour: tuple[float, ...], clear: float) -> Json:
    return {"name": name, "diffuseColor": list(colour), "transparency": clear}
