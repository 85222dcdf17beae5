"""The geometries of a feature by level of detail, put together with what surfaces mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from quanyu.spacetime.cityobjects.citygml.geometry import Place, Shape, Surface
from quanyu.spacetime.cityobjects.citygml.looks import Wardrobe
from quanyu.spacetime.cityobjects.model import Json
from quanyu.spacetime.cityobjects.pieces import Numbering

_DEPTHS = {"MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2,
           "CompositeSolid": 2}  # fmt: skip


@dataclass(slots=True)
class Meaning:
    """A thematic surface in one level of detail. ``above`` is the wall that an opening is in."""

    said: Json
    surfaces: list[Surface]
    ids: tuple[str, ...]
    above: "Meaning | None" = None


@dataclass(slots=True)
class Level:
    """What a feature has in one level of detail."""

    shapes: list[Shape] = field(default_factory=list)
    meanings: list[Meaning] = field(default_factory=list)
    instances: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Looks:
    """The materials and textures that one family wears, numbered for it alone."""

    wardrobe: Wardrobe
    materials: Numbering = field(default_factory=Numbering)
    textures: Numbering = field(default_factory=Numbering)
    places: list[list[float]] = field(default_factory=list)

    def appearance(self) -> Json:
        """The member of that name."""
        made: Json = {}
        if self.materials:
            made["materials"] = [self.wardrobe.materials[n] for n in self.materials]
        if self.textures:
            made["textures"] = [self.wardrobe.textures[n] for n in self.textures]
            made["vertices-texture"] = self.places
        return made


@dataclass(slots=True)
class Assembler:
    """Makes geometries of CityJSON; ``number`` gives the number of a place."""

    number: Callable[[Place], int]
    looks: Looks

    def geometries(self, lod: str, level: Level) -> list[Json]:
        """Those of one level: what a solid has no part of stands beside it as surfaces."""
        used: set[str] = set()
        for shape in level.shapes:
            if shape.kind in _DEPTHS:
                used.update(s.own for s in _all(shape) if s.own)
        shapes = [s for s in level.shapes if not _thematic_again(s, level)]
        made = [self._shape(lod, shape, level.meanings) for shape in shapes]
        rest = [
            (number, surface)
            for number, meaning in enumerate(level.meanings)
            for surface in meaning.surfaces
            if surface.own is None or surface.own not in used
        ]
        if rest:
            made.append(self._rest(lod, rest, level.meanings))
        placed = [
            one | {"boundaries": list(map(self.number, one["boundaries"]))}
            for one in level.instances
        ]
        return [one for one in made if one["boundaries"]] + placed

    def _shape(self, lod: str, shape: Shape, meanings: list[Meaning]) -> Json:
        if shape.kind == "MultiPoint":
            return {
                "type": shape.kind,
                "lod": lod,
                "boundaries": list(map(self.number, shape.points)),
            }
        if shape.kind == "MultiLineString":
            lines = [list(map(self.number, line)) for line in shape.lines]
            return {"type": shape.kind, "lod": lod, "boundaries": lines}
        by_id = {s.own: n for n, m in enumerate(meanings) for s in m.surfaces if s.own}
        depth = _DEPTHS[shape.kind]
        found: Json = {
            "type": shape.kind,
            "lod": lod,
            "boundaries": _each(shape.surfaces, depth, self._rings),
        }
        values = _each(shape.surfaces, depth, lambda s: by_id.get(s.own) if s.own else None)
        if any(s.own in by_id for s in _all(shape)):
            found["semantics"] = _numbered(meanings, values, depth)
        return self._dressed(found, shape.surfaces, depth, meanings, by_id)

    def _rest(self, lod: str, rest: list[tuple[int, Surface]], meanings: list[Meaning]) -> Json:
        surfaces = [surface for _, surface in rest]
        found: Json = {
            "type": "MultiSurface",
            "lod": lod,
            "boundaries": list(map(self._rings, surfaces)),
            "semantics": _numbered(meanings, [number for number, _ in rest], 0),
        }
        by_id = {s.own: n for n, s in rest if s.own}
        return self._dressed(found, surfaces, 0, meanings, by_id)

    def _rings(self, surface: Surface) -> list[list[int]]:
        return [list(map(self.number, ring)) for ring in surface.rings]

    def _dressed(
        self,
        found: Json,
        surfaces: list[Any],
        depth: int,
        meanings: list[Meaning],
        by_id: Mapping[str, int],
    ) -> Json:
        wardrobe = self.looks.wardrobe
        flat = _flat(surfaces, depth)

        def worn(surface: Surface) -> dict[str, int]:
            number = by_id.get(surface.own or "")
            return wardrobe.materials_of(
                surface, meanings[number].ids if number is not None else ()
            )

        for theme in sorted({theme for s in flat for theme in worn(s)}):
            values = _each(surfaces, depth, lambda s: self._material(worn(s).get(theme)))  # noqa: B023 - used at once
            found.setdefault("material", {})[theme] = {"values": values}
        for theme in sorted({theme for s in flat for theme in wardrobe.textures_of(s)}):
            values = _each(surfaces, depth, lambda s: self._texture(s, theme))  # noqa: B023 - used at once
            found.setdefault("texture", {})[theme] = {"values": values}
        return found

    def _material(self, number: int | None) -> int | None:
        return None if number is None else self.looks.materials[number]

    def _texture(self, surface: Surface, theme: str) -> list[list[int | None]]:
        worn = self.looks.wardrobe.textures_of(surface).get(theme)
        made: list[list[int | None]] = []
        for one in worn or [None] * len(surface.rings):
            if one is None:
                made.append([None])
                continue
            number, places = one
            start = len(self.looks.places)
            self.looks.places += places
            made.append([self.looks.textures[number], *range(start, start + len(places))])
        return made


def _thematic_again(shape: Shape, level: Level) -> bool:
    """Whether a multi-surface only lists thematic surfaces once more, as in CityGML it may."""
    if shape.kind not in {"MultiSurface", "CompositeSurface"} or not level.meanings:
        return False
    solids = any(s.kind.endswith("Solid") for s in level.shapes)
    own = {s.own for m in level.meanings for s in m.surfaces if s.own}
    return solids and all(s.own in own for s in _all(shape))


def _all(shape: Shape) -> list[Surface]:
    return _flat(shape.surfaces, _DEPTHS.get(shape.kind, 0))


def _flat(nested: list[Any], depth: int) -> list[Any]:
    for _ in range(depth):
        nested = [inner for outer in nested for inner in outer]
    return nested


def _each(nested: list[Any], depth: int, change: Callable[[Any], Any]) -> list[Any]:
    if depth == 0:
        return [change(surface) for surface in nested]
    return [_each(inner, depth - 1, change) for inner in nested]


def _numbered(meanings: list[Meaning], values: list[Any], depth: int) -> Json:
    """Semantics with the meanings that ``values`` use, and openings told to their walls."""
    used = sorted({v for v in _flat(values, depth) if v is not None})
    number = {id(m): n for n, m in enumerate(meanings)}
    kept = dict.fromkeys(used)
    for value in used:
        above = meanings[value].above
        if above is not None:
            kept.setdefault(number[id(above)])
    new = {old: at for at, old in enumerate(sorted(kept))}
    surfaces: list[Json] = [dict(meanings[old].said) for old in new]
    for old, at in new.items():
        above = meanings[old].above
        if above is not None and number[id(above)] in new:
            parent = new[number[id(above)]]
            surfaces[at]["parent"] = parent
            surfaces[parent].setdefault("children", []).append(at)
    renumbered = _each(values, depth, lambda v: None if v is None else new[v])
    return {"surfaces": surfaces, "values": renumbered}
