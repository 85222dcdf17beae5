"""Surfaces of city objects in the level of detail that is asked for, as they are stored."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from quanyu.spacetime.cityobjects.model import DEPTHS, Json
from quanyu.spacetime.cityobjects.pieces import flattened
from quanyu.spacetime.cityobjects.surfaces import collect
from quanyu.spacetime.cityobjects.templates import INSTANCE
from quanyu.spacetime.crs import SourceCrs, source_crs
from quanyu.spacetime.tiles3d.earth import geocentric
from quanyu.spacetime.tiles3d.kinds import meaning, of_type
from quanyu.spacetime.tiles3d.polygons import Floats, Ints, Polygons


@dataclass(frozen=True, slots=True)
class Frame:
    """How a model's whole numbers become places, and the templates that its objects place."""

    scale: Floats
    translate: Floats
    crs: SourceCrs
    templates: Sequence[Json]
    template_vertices: Floats

    def geocentric(self, xyz: Floats) -> Floats:
        """Metres in EPSG:4978 of coordinates in the model's system."""
        lon, lat = xyz[:, 0], xyz[:, 1]
        if self.crs.to_crs84 is not None and len(xyz):
            lon, lat = self.crs.to_crs84(lon.copy(), lat.copy())
        return geocentric(lon, lat, xyz[:, 2])


def frame_of(city: Mapping[str, Any]) -> Frame:
    """The frame of a city model."""
    head = city["head"]
    placed = head.get("geometry-templates") or {}
    return Frame(
        np.asarray(head["transform"]["scale"], dtype=np.float64),
        np.asarray(head["transform"]["translate"], dtype=np.float64),
        source_crs(city["crs"] or "OGC:CRS84"),
        placed.get("templates") or [],
        np.asarray(placed.get("vertices-templates") or [], dtype=np.float64).reshape(-1, 3),
    )


def solids(
    documents: Sequence[bytes], types: Sequence[str | None], owners: Ints, frame: Frame, lod: int
) -> tuple[Polygons, Ints]:
    """The surfaces of objects, and which of them have any in that level or a coarser one.

    Of each object the finest level up to ``lod`` is taken; from 1 on never LoD 0, which is a
    footprint and is drawn as one. Points and lines are not drawn.
    """
    gathered = _Gathered(frame, lod)
    drawn = np.zeros(len(documents), bool)
    for row, (document, kind) in enumerate(zip(documents, types, strict=True)):
        drawn[row] = gathered.take(orjson.loads(document), of_type(kind), int(owners[row]))
    return gathered.polygons(), np.flatnonzero(drawn)


class _Gathered:
    """Geometries of the objects of a tile."""

    def __init__(self, frame: Frame, lod: int) -> None:
        self._frame = frame
        self._lod = lod
        self._vertices: list[Floats] = []
        self._count = 0
        self._geometries: list[Json] = []
        self._offsets: list[int] = []
        self._kinds: list[Ints] = []
        self._owners: list[int] = []

    def take(self, document: Json, kind: int, owner: int) -> bool:
        """Whether an object has surfaces to be drawn."""
        chosen = _chosen(document["geometry"], self._lod)
        if not chosen:
            return False
        whole = np.asarray(document["vertices"], dtype=np.float64).reshape(-1, 3)
        vertices = whole * self._frame.scale + self._frame.translate
        plain = [one for one in chosen if one["type"] != INSTANCE]
        if plain:
            offset = self._add(vertices)
            for one in plain:
                self._note(one, offset, kind, owner)
        for one in chosen:
            if one["type"] == INSTANCE:
                self._place(one, vertices, kind, owner)
        return True

    def polygons(self) -> Polygons:
        """All of it as flat arrays."""
        found = collect(self._geometries, self._offsets)
        places = self._frame.geocentric(np.concatenate([np.zeros((0, 3)), *self._vertices]))
        owners = np.asarray(self._owners, dtype=np.int64)
        return Polygons(
            places[found.corners],
            found.lengths,
            found.ring_surface,
            np.concatenate([np.zeros(0, np.int64), *self._kinds]),
            owners[found.surface_geometry] if len(owners) else np.zeros(0, np.int64),
        )

    def _add(self, vertices: Floats) -> int:
        self._vertices.append(vertices)
        self._count += len(vertices)
        return self._count - len(vertices)

    def _note(self, geometry: Json, offset: int, kind: int, owner: int) -> None:
        depth = DEPTHS[geometry["type"]]
        if depth < 2:
            return
        self._geometries.append(geometry)
        self._offsets.append(offset)
        self._owners.append(owner)
        self._kinds.append(_meanings(geometry, depth, kind))

    def _place(self, instance: Json, vertices: Floats, kind: int, owner: int) -> None:
        """A template where its instance puts it (CityJSON 2.0, clause 3.4)."""
        matrix = np.asarray(instance["transformationMatrix"], dtype=np.float64).reshape(4, 4)
        moved = self._frame.template_vertices @ matrix[:3, :3].T + matrix[:3, 3]
        offset = self._add(moved + vertices[instance["boundaries"][0]])
        self._note(self._frame.templates[instance["template"]], offset, kind, owner)


def _chosen(geometries: Sequence[Json], lod: int) -> list[Json]:
    """The geometries of the finest level up to ``lod``."""
    found: dict[float, list[Json]] = {}
    for one in geometries:
        # Instances have the level of their template, which is what there is.
        level = _level(one.get("lod")) if one["type"] != INSTANCE else 1.0
        if math.floor(level) <= lod and (level >= 1 or lod == 0):
            found.setdefault(level, []).append(one)
    return found[max(found)] if found else []


def _level(lod: object) -> float:
    try:
        return float(str(lod))
    except ValueError:
        return 1.0


def _meanings(geometry: Json, depth: int, kind: int) -> Ints:
    """The kind of each surface: what it means, else that of the object."""
    surfaces = len(flattened(geometry["boundaries"], depth - 2))
    found = np.full(surfaces, kind, np.int64)
    semantics = geometry.get("semantics")
    if not semantics or semantics.get("values") is None:
        return found
    numbers = [meaning(one["type"]) for one in semantics["surfaces"]]
    said = flattened(semantics["values"], depth - 2)
    if len(said) == surfaces:
        found[:] = [kind if value is None else numbers[value] for value in said]
    return found
