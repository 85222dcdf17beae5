"""Features of CityGML as city objects, with everything that is below them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from quanyu.spacetime.cityobjects.citygml import values
from quanyu.spacetime.cityobjects.citygml.frame import Frame
from quanyu.spacetime.cityobjects.citygml.geometry import Links, Shape, shape_of
from quanyu.spacetime.cityobjects.citygml.levels import Assembler, Level, Looks, Meaning
from quanyu.spacetime.cityobjects.citygml.looks import Wardrobe
from quanyu.spacetime.cityobjects.citygml.names import (
    OBJECTS,
    SPACES,
    SURFACES,
    gml_id,
    local,
    referred,
)
from quanyu.spacetime.cityobjects.citygml.placing import Templates
from quanyu.spacetime.cityobjects.model import GROUP, Family, Json, Lost
from quanyu.spacetime.cityobjects.pieces import Broken, Numbering

_LOD = re.compile(r"lod(\d)(.*)")
_NAME = re.compile(r"[^\W\d][\w.\-·]*")  # an XML name without colons (xs:ID)
_MOST_RAW = 64 << 10
_NOT_ATTRIBUTES = frozenset(
    {"boundedBy", "boundary", "appearance", "relatedTo", "groupMember", "generalizesTo", "parent",
     "terrainIntersection", "pointCloud"}
)  # fmt: skip
_NOT_MEANT = _NOT_ATTRIBUTES | {"type", "children"}


@dataclass(slots=True)
class _Found:
    """What is gathered of a feature before it is put together."""

    attributes: Json = field(default_factory=dict)
    addresses: list[Json] = field(default_factory=list)
    levels: dict[str, Level] = field(default_factory=dict)
    below: list[Any] = field(default_factory=list)

    def level(self, lod: str) -> Level:
        return self.levels.setdefault(lod, Level())


@dataclass(slots=True)
class Reader:
    """Reads members. ``groups`` say which groups an id is in; ``lost`` takes what is not kept."""

    frame: Frame
    wardrobe: Wardrobe
    links: Links
    templates: Templates
    groups: Mapping[str, list[str]]
    warnings: set[str] = field(default_factory=set)
    lost: list[Lost] = field(default_factory=list)

    def family(self, feature: Any, line: int) -> Family | None:
        """The objects of a member; ``None`` when none of them can be kept."""
        self.links.enter(feature)
        for appearance in feature.iter("{*}Appearance"):
            self.wardrobe.take(appearance)
        corners = Numbering()
        looks = Looks(self.wardrobe)
        assembler = Assembler(lambda place: corners[self.frame.whole(place)], looks)
        objects: dict[str, Json] = {}
        self._object(feature, (), line, objects, assembler)
        if not objects:
            return None
        return Family(line, objects, [list(corner) for corner in corners], looks.appearance())

    def _object(
        self,
        feature: Any,
        parents: tuple[str, ...],
        line: int,
        objects: dict[str, Json],
        assembler: Assembler,
    ) -> None:
        name, given = local(feature), gml_id(feature)
        kind = OBJECTS.get(name, f"+{name}")
        key = given or f"{name}-{line}" + (f"-{len(objects)}" if objects else "")
        found = _Found()
        try:
            _check_id(key, given, objects)
            self._gather(feature, found, ())
            if local(feature) != "ReliefFeature" or not found.below:
                above = [*parents, *self.groups.get(key, ())]
                objects[key] = self._made(key, kind, found, above, assembler)
        except Broken as error:
            raw = etree.tostring(feature, encoding="unicode", with_tail=False)[:_MOST_RAW]
            self.lost.append(Lost(line, f"object “{key}”: {error}", raw))
        below = () if name == "ReliefFeature" else (key,)
        for child in found.below:
            self._object(child, below, line, objects, assembler)

    def _made(
        self, key: str, kind: str, found: _Found, above: list[str], assembler: Assembler
    ) -> Json:
        thing: Json = {"type": kind}
        if found.attributes:
            thing["attributes"] = found.attributes
        if found.addresses:
            thing["address"] = found.addresses
        if above:
            thing["parents"] = above
        if kind == GROUP:
            thing["children"] = [m for m, groups in self.groups.items() if key in groups]
        thing["geometry"] = [
            one
            for lod in sorted(found.levels)
            for one in assembler.geometries(lod, found.levels[lod])
        ]
        return thing

    def _gather(self, feature: Any, found: _Found, held: tuple[str, ...]) -> None:
        for child in feature:
            if not isinstance(child.tag, str):
                continue
            name = local(child)
            lod = _LOD.fullmatch(name)
            inside = [one for one in child if isinstance(one.tag, str)]
            if lod is not None:
                self._level(found, lod[1], child, inside)
            elif name == "tin":
                self._level(found, _relief_lod(feature), child, inside)
            elif name == "address":
                said = values.address(child)
                if said:
                    found.addresses.append(said)
            elif self._parts(inside, found, held) or name in _NOT_ATTRIBUTES:
                continue
            elif not values.generic(child, found.attributes) and not _spatial(child):
                values.put(found.attributes, name, values.plain(child))

    def _parts(self, inside: list[Any], found: _Found, held: tuple[str, ...]) -> bool:
        """Take surfaces with a meaning, spaces of roads and objects below; says if it was any."""
        taken = False
        for one in inside:
            name = local(one)
            if name in SURFACES:
                self._meaning(one, found, {})
            elif name in SPACES:
                space = _Found()
                self._gather(one, space, held)
                for lod, level in space.levels.items():
                    found.level(lod).meanings += level.meanings
                    found.level(lod).shapes += level.shapes
            elif name in OBJECTS:
                found.below.append(one)
            else:
                continue
            taken = True
        return taken

    def _meaning(self, surface: Any, found: _Found, walls: dict[str, Meaning]) -> None:
        """A thematic surface in each of its levels of detail, and the openings in it."""
        own = gml_id(surface)
        said: Json = {"type": SURFACES[local(surface)]}
        here: dict[str, Meaning] = {}
        openings = []
        for child in surface:
            if not isinstance(child.tag, str):
                continue
            name = local(child)
            lod = _LOD.fullmatch(name)
            inside = [one for one in child if isinstance(one.tag, str)]
            if lod is not None:
                shapes = self._shapes(child, inside)
                polygons = [s for shape in shapes for s in shape.surfaces if shape.kind in _FLAT]
                ids = (own,) if own else ()
                made = Meaning(said, polygons, ids, walls.get(lod[1]))
                here[lod[1]] = made
                found.level(lod[1]).meanings.append(made)
            elif any(local(one) in SURFACES for one in inside):
                openings += [one for one in inside if local(one) in SURFACES]
            elif name in _NOT_MEANT or _spatial(child) or values.generic(child, said):
                continue
            else:
                values.put(said, name, values.plain(child))
        for opening in openings:
            self._meaning(opening, found, here)

    def _level(self, found: _Found, lod: str, child: Any, inside: list[Any]) -> None:
        level = found.level(lod)
        for one in inside:
            if local(one) == "ImplicitGeometry":
                level.instances.append(self.templates.placed(one, lod, self.links))
        level.shapes += self._shapes(child, inside)

    def _shapes(self, child: Any, inside: list[Any]) -> list[Shape]:
        linked = referred(child)
        if linked is not None:
            inside = [self.links.follow(linked)]
        found = []
        for one in inside:
            if local(one) == "ImplicitGeometry":
                continue
            shape = shape_of(one, self.links)
            if shape is not None:
                found.append(shape)
            elif local(one) not in OBJECTS:
                self.warnings.add(f"geometries of the kind {local(one)} are left out")
        return found


def _check_id(key: str, given: str | None, objects: Json) -> None:
    if given is not None and not _NAME.fullmatch(given):
        raise Broken("its gml:id is no XML name (xs:ID)")
    if key in objects:
        raise Broken("its gml:id came before")


_FLAT = frozenset({"MultiSurface", "CompositeSurface"})


def _spatial(element: Any) -> bool:
    return any(local(one) in {"posList", "pos"} for one in element.iter())


def _relief_lod(feature: Any) -> str:
    said = next((c.text for c in feature if local(c) == "lod" and c.text), "1")
    return str(said).strip()
