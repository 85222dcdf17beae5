"""Implicit geometries: shapes kept once, and where they are placed."""

from typing import Any

from quanyu.spacetime.cityobjects.citygml.geometry import Links, Place, shape_of
from quanyu.spacetime.cityobjects.citygml.levels import Assembler, Level, Looks
from quanyu.spacetime.cityobjects.citygml.looks import Wardrobe
from quanyu.spacetime.cityobjects.citygml.names import gml_id, local, referred
from quanyu.spacetime.cityobjects.model import Json
from quanyu.spacetime.cityobjects.pieces import Broken, Numbering

_IDENTITY = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]


class Templates:
    """The shapes of a file that are placed, each kept once."""

    def __init__(self, wardrobe: Wardrobe) -> None:
        self._numbers = Numbering()
        self._made: list[Json] = []
        self._corners = Numbering()
        self._looks = Looks(wardrobe)

    def placed(self, implicit: Any, lod: str, links: Links) -> Json:
        """An instance, whose boundary is the reference point itself; raises :class:`Broken`."""
        matrix, point, shape, key = _IDENTITY, None, None, None
        for child in implicit:
            name = local(child)
            if name == "transformationMatrix" and child.text:
                matrix = [float(word) for word in child.text.split()]
            elif name == "referencePoint":
                found = [shape_of(one, links) for one in child if isinstance(one.tag, str)]
                point = next((s.points[0] for s in found if s and s.points), None)
            elif name in {"relativeGMLGeometry", "relativeGeometry"}:
                linked = referred(child)
                shape = links.follow(linked) if linked else next(iter(child), None)
                key = linked or (gml_id(shape) if shape is not None else None)
        if shape is None:
            raise Broken("its shape is kept in another file")
        if point is None or len(matrix) != 16:
            raise Broken("its shape is not placed: a point or a matrix is missing")
        number = self._number(key or f"\0{len(self._made)}", shape, lod, links)
        return {
            "type": "GeometryInstance",
            "lod": lod,
            "template": number,
            "boundaries": [point],
            "transformationMatrix": matrix,
        }

    def _number(self, key: str, element: Any, lod: str, links: Links) -> int:
        known = len(self._numbers)
        number = self._numbers[key]
        if number == known:
            shape = shape_of(element, links)
            if shape is None:
                del self._numbers[key]
                raise Broken("its shape is of a kind that is not read")
            assembler = Assembler(self._corner, self._looks)
            self._made += assembler.geometries(lod, Level(shapes=[shape]))[:1]
        return number

    def _corner(self, place: Place) -> int:
        return self._corners[tuple(round(value, 6) for value in place)]

    def document(self) -> Json | None:
        """The member ``geometry-templates``, with the appearance that its shapes wear."""
        if not self._made:
            return None
        return {
            "templates": self._made,
            "vertices-templates": [list(corner) for corner in self._corners],
            "appearance": self._looks.appearance(),
        }
