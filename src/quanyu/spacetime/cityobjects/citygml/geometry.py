"""Geometries of GML 3.1 and 3.2: surfaces, solids, curves, points; links are followed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quanyu.spacetime.cityobjects.citygml.names import gml_id, local, referred
from quanyu.spacetime.cityobjects.pieces import Broken

Place = tuple[float, float, float]
_PATCHES = frozenset({"Polygon", "PolygonPatch", "Triangle", "Rectangle"})
_SOLIDS = frozenset({"MultiSolid", "CompositeSolid"})
_DEEPEST = 60


@dataclass(slots=True)
class Surface:
    """A polygon: rings of places, with the ids of its rings and of all that holds it."""

    rings: list[list[Place]]
    ring_ids: list[str | None]
    ids: tuple[str, ...]
    own: str | None = None
    turned: bool = False


@dataclass(slots=True)
class Shape:
    """A geometry. ``surfaces`` nest as the boundaries of ``kind`` do, down to surfaces."""

    kind: str
    surfaces: list[Any] = field(default_factory=list)
    lines: list[list[Place]] = field(default_factory=list)
    points: list[Place] = field(default_factory=list)


class Links:
    """Where links lead: ids of one member, then those of others."""

    def __init__(self, elsewhere: Mapping[str, Any]) -> None:
        self._elsewhere = elsewhere
        self._here: dict[str, Any] = {}

    def enter(self, member: Any) -> None:
        """Take the ids of a member instead of those of the one before."""
        self._here = {}
        for element in member.iter():
            name = gml_id(element) if isinstance(element.tag, str) else None
            if name is not None:
                self._here.setdefault(name, element)

    def leave(self) -> None:
        """Forget the member while it is whole: elements of one that was cut out of its document
        are let go of in time that grows with the square of their number."""
        self._here = {}

    def follow(self, name: str) -> Any:
        """The element of that id; raises :class:`Broken`."""
        found = self._here.get(name)
        if found is None:
            found = self._elsewhere.get(name)
        if found is None:
            raise Broken(f"a geometry refers to “{name}”, which is not there")
        return found


def shape_of(element: Any, links: Links) -> Shape | None:
    """The geometry that an element is, or holds; raises :class:`Broken` when it cannot be one."""
    name = local(element)
    if name == "Solid":
        return Shape("Solid", list(_shells(element, links)))
    if name in _SOLIDS:
        solids = [list(_shells(one, links)) for one in _solid_members(element, links, 0)]
        return Shape(name, solids)
    if "Curve" in name or name in {"LineString", "GeometricComplex"}:
        return Shape("MultiLineString", lines=list(_lines(element)))
    if "Point" in name:
        return Shape("MultiPoint", points=[p for one in _positions(element) for p in one])
    if "Surface" in name or name in _PATCHES or name in {"Tin", "Shell", "MultiGeometry"}:
        kind = "CompositeSurface" if name == "CompositeSurface" else "MultiSurface"
        return Shape(kind, list(surfaces(element, links)))
    return None


def surfaces(
    element: Any, links: Links, held: tuple[str, ...] = (), depth: int = 0
) -> Iterator[Surface]:
    """The polygons in an element, in order; those of a negative orientation turned over."""
    if depth > _DEEPEST:
        raise Broken("its geometries are nested too deeply, or link to themselves")
    name, own = local(element), gml_id(element)
    ids = (*held, own) if own else held
    if name in _PATCHES:
        yield _patch(element, ids)
        return
    linked = referred(element)
    if linked is not None:
        yield from surfaces(links.follow(linked), links, ids, depth + 1)
        return
    turned = name == "OrientableSurface" and element.get("orientation") == "-"
    for child in element:
        if not isinstance(child.tag, str):
            continue
        for one in surfaces(child, links, ids, depth + 1):
            if turned:
                one.rings = [ring[::-1] for ring in one.rings]
                one.turned = not one.turned
            yield one


def _shells(solid: Any, links: Links) -> Iterator[list[Surface]]:
    own = gml_id(solid)
    for child in solid:
        if local(child) in {"exterior", "interior"}:
            yield list(surfaces(child, links, (own,) if own else ()))


def _solid_members(element: Any, links: Links, depth: int) -> Iterator[Any]:
    if depth > _DEEPEST:
        raise Broken("its geometries are nested too deeply, or link to themselves")
    for child in element:
        if not isinstance(child.tag, str):
            continue
        linked = referred(child)
        inside = [links.follow(linked)] if linked is not None else list(child)
        for one in inside:
            if local(one) == "Solid":
                yield one
            elif local(one) in _SOLIDS:
                yield from _solid_members(one, links, depth + 1)


def _patch(element: Any, ids: tuple[str, ...]) -> Surface:
    rings, ring_ids = [], []
    for bound in element:
        if local(bound) in {"exterior", "interior", "outerBoundaryIs", "innerBoundaryIs"}:
            for ring in bound:
                places = [place for part in _positions(ring) for place in part]
                if len(places) > 1 and places[0] == places[-1]:
                    places = places[:-1]
                rings.append(places)
                ring_ids.append(gml_id(ring))
    if not rings:
        raise Broken("a polygon has no rings")
    return Surface(rings, ring_ids, ids, gml_id(element))


def _lines(element: Any) -> Iterator[list[Place]]:
    for one in element.iter():
        if local(one) in {"LineString", "LineStringSegment"}:
            places = [place for part in _positions(one) for place in part]
            if len(places) > 1:
                yield places


def _positions(element: Any) -> Iterator[list[Place]]:
    for one in element.iter():
        if local(one) in {"posList", "pos", "coordinates"} and one.text:
            text = one.text.replace(",", " ") if local(one) == "coordinates" else one.text
            yield _places(text.split(), _dimension(one))


def _dimension(element: Any) -> int:
    while element is not None:
        given = element.get("srsDimension")
        if given:
            return 2 if given.strip() == "2" else 3
        element = element.getparent()
    return 3


def _places(words: Sequence[str], dimension: int) -> list[Place]:
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise Broken("a coordinate is no number") from error
    if len(numbers) % dimension or not all(-1e12 < n < 1e12 for n in numbers):
        raise Broken("a list of coordinates is not complete")
    if dimension == 2:
        return [(x, y, 0.0) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    return list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))
