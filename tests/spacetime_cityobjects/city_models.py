"""Models to try things on, and what they mean when numbering is taken away."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quanyu.kernel import ControlStore
from quanyu.spacetime import (
    ALL,
    OPEN,
    Format,
    IngestOptions,
    IngestReport,
    Query,
    Restriction,
    Store,
    ingest,
)

RD = "https://www.opengis.net/def/crs/EPSG/0/7415"
TRANSFORM = {"scale": [0.001, 0.001, 0.001], "translate": [85000.0, 446000.0, 0.0]}


class CityStore:
    """A store and short ways in and out."""

    def __init__(self, control: ControlStore, folder: Path) -> None:
        self.folder = folder
        self.store = Store(control, str(folder / "tables"), folder / "cache")
        self._files = 0

    def close(self) -> None:
        self.store.close()

    def file(self, content: Any, name: str = "m.city.json") -> Path:
        self._files += 1
        path = self.folder / f"{self._files}-{name}"
        if isinstance(content, (dict, list)):
            lines = content if isinstance(content, list) else [content]
            content = "\n".join(json.dumps(line) for line in lines)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def take(self, source: Any, dataset: str = "city", **options: Any) -> IngestReport:
        path = source if isinstance(source, Path) else self.file(source)
        return ingest(self.store, path, dataset, IngestOptions(**options))

    def give(
        self, form: str, dataset: str = "city", restriction: Restriction = OPEN, **query: Any
    ) -> bytes:
        view = self.store.view(dataset, restriction)
        query.setdefault("limit", ALL)
        return b"".join(view.write(Query(**query), Format(form)))

    def model(self, dataset: str = "city", restriction: Restriction = OPEN, **query: Any) -> Any:
        return json.loads(self.give("cityjson", dataset, restriction, **query))

    def features(self, dataset: str = "city", restriction: Restriction = OPEN, **query: Any) -> Any:
        lines = self.give("cityjsonseq", dataset, restriction, **query).splitlines()
        return [json.loads(line) for line in lines]

    def rows(self, dataset: str = "city", restriction: Restriction = OPEN) -> dict[str, Any]:
        found = json.loads(self.give("geojson", dataset, restriction))
        return {one["id"]: one for one in found["features"]}

    def told(self, url: str | None) -> list[dict[str, Any]]:
        return [json.loads(line) for line in Path(url).read_text().splitlines()] if url else []


def cube(x: int = 0, y: int = 0, size: int = 10_000, height: int = 9_000) -> tuple[list, list]:
    """Vertices and shell of a cube, turned outwards."""
    floor = [[x, y, 0], [x + size, y, 0], [x + size, y + size, 0], [x, y + size, 0]]
    vertices = floor + [[a, b, height] for a, b, _ in floor]
    shell = [[[0, 3, 2, 1]], [[4, 5, 6, 7]], [[0, 1, 5, 4]], [[1, 2, 6, 5]], [[2, 3, 7, 6]],
             [[3, 0, 4, 7]]]  # fmt: skip
    return vertices, shell


def model(objects: dict[str, Any], vertices: list, **more: Any) -> dict[str, Any]:
    return {"type": "CityJSON", "version": "2.0", "transform": TRANSFORM, "CityObjects": objects,
            "metadata": {"referenceSystem": RD}, "vertices": vertices, **more}  # fmt: skip


def building(shell: list, **more: Any) -> dict[str, Any]:
    solid = {"type": "Solid", "lod": "2", "boundaries": [shell]}
    return {"type": "Building", "geometry": [solid], **more}


def meaning(found: dict[str, Any]) -> dict[str, Any]:
    """What a model says, with coordinates in place of numbers of vertices."""
    transform = found.get("transform") or {"scale": [1] * 3, "translate": [0] * 3}
    vertices = [
        tuple(
            round(v * s + t, 3)
            for v, s, t in zip(v3, transform["scale"], transform["translate"], strict=True)
        )
        for v3 in found["vertices"]
    ]
    looks = found.get("appearance") or {}
    templates = (found.get("geometry-templates") or {}).get("templates") or []
    corners = (found.get("geometry-templates") or {}).get("vertices-templates") or []
    objects = {}
    for key, thing in found["CityObjects"].items():
        kept = dict(thing)
        kept["attributes"] = {
            k: v for k, v in (thing.get("attributes") or {}).items() if v is not None
        }
        kept["geometry"] = [
            _said(g, vertices, looks, templates, corners) for g in thing.get("geometry") or []
        ]
        for name in ("parents", "children"):
            kept[name] = sorted(thing.get(name) or [])
        objects[key] = kept
    return objects


def _said(geometry: Any, vertices: Any, looks: Any, templates: Any, corners: Any) -> Any:
    found = dict(geometry)
    found["boundaries"] = _placed(geometry["boundaries"], vertices)
    if "template" in geometry:
        found["template"] = _said(
            templates[geometry["template"]], [tuple(c) for c in corners], looks, [], []
        )
    for name, kind in (("material", "materials"), ("texture", "textures")):
        for theme, said in (geometry.get(name) or {}).items():
            value = said.get("values", said.get("value"))
            place = looks.get("vertices-texture")
            found.setdefault(name + " said", {})[theme] = (
                _placed(value, looks[kind])
                if name == "material"
                else _worn(value, looks[kind], place)
            )
        found.pop(name, None)
    return found


def _placed(value: Any, numbered: Any) -> Any:
    if isinstance(value, list):
        return [_placed(inner, numbered) for inner in value]
    return None if value is None else numbered[value]


def _worn(value: Any, textures: Any, places: Any) -> Any:
    if value and not isinstance(value[0], list):
        return [None] if value[0] is None else [textures[value[0]], *(places[v] for v in value[1:])]
    return [_worn(inner, textures, places) for inner in value]


def each(found: Any, key: str) -> Iterator[Any]:
    """Every value of that name inside."""
    if isinstance(found, dict):
        if key in found:
            yield found[key]
        for value in found.values():
            yield from each(value, key)
    elif isinstance(found, list):
        for value in found:
            yield from each(value, key)
