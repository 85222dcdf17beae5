"""Geometry templates: shapes kept once and placed many times (CityJSON 2.0, clause 3.4)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from quanyu.kernel import Invalid
from quanyu.spacetime.cityobjects.model import DEPTHS, Json
from quanyu.spacetime.cityobjects.pieces import Broken, nested
from quanyu.spacetime.cityobjects.surfaces import Floats

INSTANCE = "GeometryInstance"


class Templates:
    """The templates of a model, and how far an instance of one reaches."""

    def __init__(self, member: Json | None) -> None:
        try:
            found = member or {}
            vertices = np.asarray(found.get("vertices-templates") or [], dtype=np.float64)
            self._vertices = vertices.reshape(-1, 3)
            self._count = len(found.get("templates") or [])
            for one in found.get("templates") or ():
                nested(one["boundaries"], DEPTHS[one["type"]], self._known)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise Invalid(
                "the geometry templates of the city model cannot be understood",
                field="source",
                mend="check it against the schemas of CityJSON",
            ) from error

    def _known(self, corner: Any) -> int:
        if type(corner) is not int or not 0 <= corner < len(self._vertices):
            raise IndexError(corner)
        return corner

    def check(self, geometries: Sequence[Json]) -> None:
        """Raises :class:`Broken` for an instance of a template that is not there."""
        for one in geometries:
            if one["type"] != INSTANCE:
                continue
            number, matrix = one.get("template"), one.get("transformationMatrix")
            if type(number) is not int or not 0 <= number < self._count:
                raise Broken("its geometry template is not there")
            if not isinstance(matrix, list) or len(matrix) != 16:
                raise Broken("the matrix of its geometry template has not sixteen numbers")
            if len(one["boundaries"]) != 1:
                raise Broken("its geometry template is not placed at one point")

    def reach(self, geometry: Json, xyz: Floats, extent: Floats) -> None:
        """Widen an object's extent to all of the template that it places."""
        if geometry["type"] != INSTANCE or not len(self._vertices):
            return
        matrix = np.asarray(geometry["transformationMatrix"], dtype=np.float64).reshape(4, 4)
        moved = self._vertices @ matrix[:3, :3].T + matrix[:3, 3] + xyz[geometry["boundaries"][0]]
        extent[:3] = np.minimum(extent[:3], moved.min(axis=0))
        extent[3:] = np.maximum(extent[3:], moved.max(axis=0))
