"""Appearances: materials and textures, found by the ids of polygons and rings that wear them."""

from collections.abc import Iterator
from typing import Any

import orjson

from quanyu.spacetime.cityobjects.citygml.geometry import Surface
from quanyu.spacetime.cityobjects.citygml.names import local, referred
from quanyu.spacetime.cityobjects.model import Json

_COLOURS = frozenset({"diffuseColor", "emissiveColor", "specularColor"})
_NUMBERS = frozenset({"ambientIntensity", "shininess", "transparency"})
_TYPES = {"image/jpeg": "JPG", "image/jpg": "JPG", "image/png": "PNG"}


class Wardrobe:
    """What surfaces wear. Materials and textures have numbers of one file."""

    def __init__(self) -> None:
        self.materials: list[Json] = []
        self.textures: list[Json] = []
        self._keys: dict[bytes, int] = {}
        self._material_of: dict[str, dict[str, int]] = {}
        self._texture_of: dict[str, dict[str, tuple[int, list[list[float]]]]] = {}

    def take(self, appearance: Any) -> None:
        """The surface data of an ``Appearance``."""
        theme = next((c.text or "" for c in appearance if local(c) == "theme"), "") or "default"
        for data in appearance.iter():
            name = local(data)
            if name == "X3DMaterial":
                self._material(data, theme)
            elif name == "ParameterizedTexture":
                self._texture(data, theme)

    def _material(self, data: Any, theme: str) -> None:
        made: Json = {"name": _text(data, "name") or f"material {len(self.materials)}"}
        for child in data:
            name, text = local(child), (child.text or "").strip()
            if name in _COLOURS and text:
                made[name] = [float(word) for word in text.split()][:3]
            elif name in _NUMBERS and text:
                made[name] = float(text)
            elif name == "isSmooth" and text:
                made[name] = text in {"true", "1"}
        number = self._numbered(self.materials, made)
        for target in _targets(data):
            self._material_of.setdefault(target, {})[theme] = number

    def _texture(self, data: Any, theme: str) -> None:
        kind = _text(data, "mimeType") or ""
        image = _text(data, "imageURI") or ""
        made: Json = {
            "type": _TYPES.get(kind, "PNG" if image.lower().endswith("png") else "JPG"),
            "image": image,
        }
        for name in ("wrapMode", "textureType"):
            if text := _text(data, name):
                made[name] = text
        if border := _text(data, "borderColor"):
            made["borderColor"] = [float(word) for word in border.split()]
        number = self._numbered(self.textures, made)
        for child in data.iter():
            if local(child) == "textureCoordinates" and child.text:
                words = [float(word) for word in child.text.split()]
                places = [list(pair) for pair in zip(words[::2], words[1::2], strict=False)]
                if len(places) > 1 and places[0] == places[-1]:
                    places = places[:-1]
                ring = (child.get("ring") or "").removeprefix("#")
                self._texture_of.setdefault(ring, {})[theme] = (number, places)

    def _numbered(self, kept: list[Json], made: Json) -> int:
        key = orjson.dumps([kept is self.textures, made], option=orjson.OPT_SORT_KEYS)
        if key not in self._keys:
            self._keys[key] = len(kept)
            kept.append(made)
        return self._keys[key]

    def materials_of(self, surface: Surface, more: tuple[str, ...]) -> dict[str, int]:
        """Material numbers of a surface by theme: its own before those of what holds it."""
        found: dict[str, int] = {}
        for name in (*more, *surface.ids):
            found |= self._material_of.get(name, {})
        return found

    def textures_of(
        self, surface: Surface
    ) -> dict[str, list[tuple[int, list[list[float]]] | None]]:
        """Textures of a surface by theme: for each ring the number and places."""
        found: dict[str, list[tuple[int, list[list[float]]] | None]] = {}
        for at, (ring, name) in enumerate(zip(surface.rings, surface.ring_ids, strict=True)):
            for theme, (number, places) in self._texture_of.get(name or "", {}).items():
                if len(places) != len(ring):
                    continue
                turned = places[::-1] if surface.turned else places
                found.setdefault(theme, [None] * len(surface.rings))[at] = (number, turned)
        return found


def _targets(data: Any) -> Iterator[str]:
    for child in data:
        if local(child) == "target":
            name = referred(child) or (child.text or "").strip().removeprefix("#")
            if name:
                yield name


def _text(element: Any, name: str) -> str | None:
    for child in element:
        if local(child) == name and child.text:
            return str(child.text).strip()
    return None
