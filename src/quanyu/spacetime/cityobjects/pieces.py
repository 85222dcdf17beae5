"""Objects cut out of their family, each with its own vertices and appearance, and put together.

What is cut out is the object as a ``CityJSONFeature`` would hold it alone, without type, parents
and attributes: those are columns. As bytes it is the value of the column ``lod_geometry``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from quanyu.spacetime.cityobjects.model import DEPTHS, Json

_COLUMNS = frozenset({"type", "attributes", "parents", "children", "address", "geometry"})
_THEMED = ("material", "texture")


class Broken(Exception):
    """An object that cannot be kept, and why."""


class Numbering(dict[Any, int]):
    """New numbers for old ones in the order in which they are first asked for."""

    def __missing__(self, key: Any) -> int:
        number = self[key] = len(self)
        return number


@dataclass(frozen=True, slots=True)
class Piece:
    """One object alone. ``surfaces`` are the rings of each geometry's surfaces, shell by shell."""

    geometry: list[Json]
    vertices: list[list[int]]
    document: Json

    def encoded(self) -> bytes:
        """As it is stored."""
        return orjson.dumps(self.document)


def cut_out(thing: Json, vertices: Sequence[list[int]], appearance: Json) -> Piece:
    """``thing`` with copies of what it uses of its family; raises :class:`Broken`."""
    used = Numbering()
    looks = Looks(appearance)
    geometries = thing.get("geometry") or []
    if not isinstance(geometries, list):
        raise Broken("its geometry is no array")
    made = [_geometry(one, used, looks) for one in geometries]
    document: Json = {name: value for name, value in thing.items() if name not in _COLUMNS}
    roles = document.pop("children_roles", None)
    if roles:
        document["children_roles"] = dict(zip(thing.get("children") or (), roles, strict=False))
    document["geometry"] = made
    document["vertices"] = corners = _corners(used, vertices)
    if looks.used:
        document["appearance"] = looks.document()
    return Piece(made, corners, document)


def _geometry(one: Any, used: Numbering, looks: "Looks") -> Json:
    kind = one.get("type") if isinstance(one, dict) else None
    depth = DEPTHS.get(str(kind))
    if depth is None:
        raise Broken(f"“{kind}” is no type of geometry")
    try:
        found = one | {"boundaries": nested(one.get("boundaries") or [], depth, used.__getitem__)}
    except TypeError as error:
        raise Broken(f"the boundaries of a {kind} are not nested as they have to be") from error
    if depth > 1 and min(map(len, flattened(found["boundaries"], depth - 1)), default=3) < 3:
        raise Broken("a ring has fewer than three vertices")
    if depth > 1 and not all(flattened(found["boundaries"], depth - 2)):
        raise Broken("a surface has no rings")
    _check_meaning(found, depth)
    try:
        return looks.taken(found, depth)
    except (TypeError, IndexError, KeyError, AttributeError) as error:
        raise Broken(f"a material or texture of a {kind} is not there") from error


def nested(boundaries: Any, depth: int, number: Callable[[Any], Any]) -> list[Any]:
    """``boundaries`` with every vertex put through ``number``."""
    if depth == 0:
        return list(map(number, boundaries))
    if depth == 1:
        return [list(map(number, ring)) for ring in boundaries]
    if depth == 2:
        return [[list(map(number, ring)) for ring in surface] for surface in boundaries]
    return [nested(inner, depth - 1, number) for inner in boundaries]


def flattened(values: Any, depth: int) -> list[Any]:
    """Nested lists with ``depth`` levels taken away; what is null there becomes nothing."""
    for _ in range(depth):
        values = [inner for outer in values for inner in (outer if outer is not None else ())]
    return list(values)


def _check_meaning(geometry: Json, depth: int) -> None:
    semantics = geometry.get("semantics")
    if not semantics:
        return
    try:
        surfaces = semantics["surfaces"]
        values = semantics["values"]
        said = flattened(values, max(depth - 2, 0)) if values is not None else []
        sound = all(isinstance(s, dict) and isinstance(s["type"], str) for s in surfaces)
        least = min((v for v in said if v is not None), default=0)
        most = max((v for v in said if v is not None), default=-1)
    except (KeyError, TypeError) as error:
        raise Broken("the semantics of a geometry are not as they have to be") from error
    if not sound:
        raise Broken("a surface means something that has no type")
    if least < 0 or most >= len(surfaces):
        raise Broken("a surface refers to a meaning that is not there")


def _corners(used: Numbering, vertices: Sequence[list[int]]) -> list[list[int]]:
    if not used:
        return []
    if set(map(type, used)) != {int}:
        raise Broken("a vertex is referred to by something other than a whole number")
    if min(used) < 0 or max(used) >= len(vertices):
        raise Broken("a surface refers to a vertex that is not there")
    return [vertices[index] for index in used]


class Looks:
    """The part of a family's appearance that one object uses, numbered anew."""

    def __init__(self, appearance: Json) -> None:
        self._all = appearance
        self._materials = Numbering()
        self._textures = Numbering()
        self._places = Numbering()

    @property
    def used(self) -> bool:
        """Whether there is anything of it."""
        return bool(self._materials or self._textures)

    def taken(self, geometry: Json, depth: int) -> Json:
        """``geometry`` with its materials and textures under their new numbers."""
        if not any(name in geometry for name in _THEMED):
            return geometry
        found = dict(geometry)
        for name, one in (("material", self._material), ("texture", self._texture)):
            themes = geometry.get(name)
            if themes:
                found[name] = {theme: one(said, depth) for theme, said in themes.items()}
        return found

    def _material(self, said: Json, depth: int) -> Json:
        if "value" in said:
            return said | {"value": self._materials[said["value"]]}
        return said | {"values": _numbered(said["values"], depth - 2, self._materials)}

    def _texture(self, said: Json, depth: int) -> Json:
        def ring(values: list[int | None] | None) -> list[int | None]:
            if not values or values[0] is None:
                return [None]
            return [self._textures[values[0]], *(self._places[v] for v in values[1:])]

        return said | {"values": _deep(said["values"], depth - 1, ring)}

    def document(self) -> Json:
        """As a member ``appearance``; raises :class:`Broken` where something is missing."""
        made: Json = {}
        parts = (
            ("materials", self._materials),
            ("textures", self._textures),
            ("vertices-texture", self._places),
        )
        try:
            for name, numbers in parts:
                if numbers:
                    made[name] = [self._all[name][_index(number)] for number in numbers]
        except (KeyError, IndexError, TypeError) as error:
            raise Broken("a material or texture of it is not there") from error
        return made


def _index(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise IndexError(number)
    return number


def _numbered(values: Any, depth: int, numbers: Mapping[Any, int]) -> Any:
    if values is None:
        return None
    if depth <= 0:
        return [None if v is None else numbers[v] for v in values]
    return [_numbered(inner, depth - 1, numbers) for inner in values]


def _deep(values: Any, depth: int, change: Callable[[Any], Any]) -> Any:
    if values is None:
        return None
    if depth <= 0:
        return [change(inner) for inner in values]
    return [_deep(inner, depth - 1, change) for inner in values]


def shifted(document: Json, corner: Callable[[int], int], looks: "Joined | None") -> list[Json]:
    """The geometries of a stored piece with vertices (and looks) under the numbers of a whole."""
    found = []
    for one in document["geometry"]:
        depth = DEPTHS[one["type"]]
        moved = one | {"boundaries": nested(one["boundaries"], depth, corner)}
        if looks is not None and any(name in one for name in _THEMED):
            moved = looks.moved(moved, depth, document.get("appearance") or {})
        found.append(moved)
    return found


class Joined:
    """The appearance of a whole file, put together out of that of its objects."""

    def __init__(self) -> None:
        self._known: dict[str, dict[bytes, int]] = {"materials": {}, "textures": {}}
        self._lists: dict[str, list[Any]] = {"materials": [], "textures": []}
        self._places: list[Any] = []

    def moved(self, geometry: Json, depth: int, appearance: Json) -> Json:
        """``geometry`` with its looks under the numbers of the whole."""
        materials = self._added("materials", appearance)
        textures = self._added("textures", appearance)
        start = len(self._places)
        self._places += appearance.get("vertices-texture") or []
        found = dict(geometry)
        if "material" in geometry:
            found["material"] = {
                theme: _revalued(said, depth, materials)
                for theme, said in geometry["material"].items()
            }
        if "texture" in geometry:

            def ring(values: list[int | None]) -> list[int | None]:
                if values[0] is None:
                    return values
                return [textures[values[0]], *(start + (v or 0) for v in values[1:])]

            found["texture"] = {
                theme: said | {"values": _deep(said["values"], depth - 1, ring)}
                for theme, said in geometry["texture"].items()
            }
        return found

    def document(self, said: Json) -> Json:
        """The member ``appearance``, with what else the model says of it."""
        made = {name: found for name, found in self._lists.items() if found}
        if self._places:
            made["vertices-texture"] = self._places
        return (
            {**{k: v for k, v in said.items() if k.startswith("default")}, **made} if made else {}
        )

    def _added(self, name: str, appearance: Json) -> list[int]:
        known, numbers = self._known[name], []
        for one in appearance.get(name) or []:
            key = orjson.dumps(one, option=orjson.OPT_SORT_KEYS)
            if key not in known:
                known[key] = len(self._lists[name])
                self._lists[name].append(one)
            numbers.append(known[key])
        return numbers


def _revalued(said: Json, depth: int, numbers: Sequence[int]) -> Json:
    if "value" in said:
        return said | {"value": numbers[said["value"]]}
    return said | {"values": _numbered(said["values"], depth - 2, dict(enumerate(numbers)))}
