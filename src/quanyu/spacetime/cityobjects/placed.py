"""Geometry templates on their way out: those that something uses, numbered anew."""

from typing import Any

from quanyu.spacetime.cityobjects.model import DEPTHS, Json
from quanyu.spacetime.cityobjects.pieces import Joined, Numbering, nested
from quanyu.spacetime.cityobjects.templates import INSTANCE


class Placed:
    """Templates of a model, of which ``document`` gives those asked for."""

    def __init__(self, member: Json | None) -> None:
        self._all = member or {}
        self._used = Numbering()

    @property
    def any(self) -> bool:
        """Whether the model has templates."""
        return bool(self._all.get("templates"))

    def note(self, document: Json | None) -> None:
        """Remember the templates that an object places."""
        for one in (document or {}).get("geometry", ()):
            self.renumbered(one)

    def renumbered(self, geometry: Json) -> Json:
        """An instance under the new number of its template; other geometries as they are."""
        if geometry["type"] != INSTANCE:
            return geometry
        return geometry | {"template": self._used[geometry["template"]]}

    def document(self, looks: Joined) -> Json | None:
        """The member ``geometry-templates`` of those that were used."""
        if not self._used:
            return None
        corners, made = Numbering(), []
        appearance: Any = self._all.get("appearance") or {}
        for number in self._used:
            one = self._all["templates"][number]
            depth = DEPTHS[one["type"]]
            one = one | {"boundaries": nested(one["boundaries"], depth, corners.__getitem__)}
            if "material" in one or "texture" in one:
                one = looks.moved(one, depth, appearance)
            made.append(one)
        vertices = self._all["vertices-templates"]
        return {"templates": made, "vertices-templates": [vertices[at] for at in corners]}
