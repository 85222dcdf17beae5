"""Binary glTF 2.0: a mesh or points with ids and values of features, around a place on the earth.

The node's translation is the place (in metres, EPSG:4978) and vertices are relative to it, so that
32-bit floats hold millimetres. glTF has y upwards where 3D Tiles has z: (x, y, z) is written as
(x, z, -y), and clients turn it back.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from quanyu.spacetime.tiles3d.attributes import PropertyTable
from quanyu.spacetime.tiles3d.kinds import MATERIALS
from quanyu.spacetime.tiles3d.polygons import Floats
from quanyu.spacetime.tiles3d.triangles import Mesh

MEDIA_TYPE = "model/gltf-binary"

_FLOAT, _USHORT, _UINT, _UBYTE = 5126, 5123, 5125, 5121
_VERTICES, _INDICES = 34962, 34963
_POINTS = 0


@dataclass(slots=True)
class _Glb:
    """A glTF document and its one buffer."""

    data: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)

    def view(self, values: bytes | memoryview, target: int | None = None) -> int:
        self.data += b"\0" * (-len(self.data) % 8)
        made: dict[str, Any] = {
            "buffer": 0,
            "byteOffset": len(self.data),
            "byteLength": len(values),
        }
        if target is not None:
            made["target"] = target
        self.data += values
        self.views.append(made)
        return len(self.views) - 1

    def accessor(
        self, values: NDArray[Any], kind: int, target: int, *, ends: bool = False, **more: Any
    ) -> int:
        made: dict[str, Any] = {
            "bufferView": self.view(np.ascontiguousarray(values).data.cast("B"), target),
            "componentType": kind,
            "count": len(values),
            "type": "SCALAR" if values.ndim == 1 else f"VEC{values.shape[1]}",
            **more,
        }
        if ends:
            made["min"], made["max"] = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        self.accessors.append(made)
        return len(self.accessors) - 1

    def encoded(self, document: dict[str, Any]) -> bytes:
        document = {"asset": {"version": "2.0", "generator": "quanyu"}, **document}
        self.data += b"\0" * (-len(self.data) % 4)
        if self.data:
            document["buffers"] = [{"byteLength": len(self.data)}]
            document["bufferViews"] = self.views
            document["accessors"] = self.accessors
        text = orjson.dumps(document)
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
        if self.data:
            chunks += struct.pack("<II", len(self.data), 0x004E4942) + self.data
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def mesh_glb(mesh: Mesh, table: PropertyTable) -> bytes:
    """A mesh, with one primitive and material for each kind of surface."""
    made = _Glb()
    if not len(mesh.triangles):
        return made.encoded({"scene": 0, "scenes": [{}]})
    centre = _centre(mesh.corners)
    attributes = {
        "POSITION": made.accessor(_turned(mesh.corners - centre), _FLOAT, _VERTICES, ends=True),
        "NORMAL": made.accessor(_turned(mesh.normals), _FLOAT, _VERTICES),
        "_FEATURE_ID_0": made.accessor(mesh.owners.astype(np.float32), _FLOAT, _VERTICES),
    }
    small = len(mesh.corners) < 65_535
    materials: list[dict[str, Any]] = []
    primitives: list[dict[str, Any]] = []
    for kind in np.unique(mesh.kinds).tolist():
        indices = mesh.triangles[mesh.kinds == kind].ravel()
        indices = indices.astype(np.uint16 if small else np.uint32)
        primitives.append(
            {
                "attributes": attributes,
                "indices": made.accessor(indices, _USHORT if small else _UINT, _INDICES),
                "material": len(materials),
                "extensions": _features(table),
            }
        )
        materials.append(_material(*MATERIALS[kind]))
    return made.encoded(_document(made, centre, primitives, table) | {"materials": materials})


def points_glb(places: Floats, colours: NDArray[np.uint8] | None, table: PropertyTable) -> bytes:
    """Points (geocentric metres) in their colours (n × 4, sRGB), each a feature."""
    made = _Glb()
    if not len(places):
        return made.encoded({"scene": 0, "scenes": [{}]})
    centre = _centre(places)
    attributes = {
        "POSITION": made.accessor(_turned(places - centre), _FLOAT, _VERTICES, ends=True),
        "_FEATURE_ID_0": made.accessor(np.arange(len(places), dtype=np.float32), _FLOAT, _VERTICES),
    }
    if colours is not None:
        linear = (_linear(colours / 255.0) * 255).round().astype(np.uint8)
        linear[:, 3] = colours[:, 3]
        attributes["COLOR_0"] = made.accessor(linear, _UBYTE, _VERTICES, normalized=True)
    primitive = {
        "mode": _POINTS,
        "attributes": attributes,
        "material": 0,
        "extensions": _features(table),
    }
    plain = "#ffffff" if colours is not None else "#8a8d91"
    materials = [_material("points", plain) | {"extensions": {"KHR_materials_unlit": {}}}]
    document = _document(made, centre, [primitive], table) | {"materials": materials}
    document["extensionsUsed"].append("KHR_materials_unlit")
    return made.encoded(document)


def _document(
    made: _Glb, centre: Floats, primitives: list[dict[str, Any]], table: PropertyTable
) -> dict[str, Any]:
    properties = {
        name: {part: made.view(values) for part, values in parts.items()}
        | ({"stringOffsetType": "UINT32"} if "stringOffsets" in parts else {})
        for name, parts in table.values.items()
    }
    described = {"class": table.name, "count": table.count, "properties": properties}
    metadata = {"schema": table.schema, "propertyTables": [described]}
    x, y, z = centre.tolist()
    return {
        "extensionsUsed": ["EXT_mesh_features", "EXT_structural_metadata"],
        "extensions": {"EXT_structural_metadata": metadata},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "translation": [x, z, -y]}],
        "meshes": [{"primitives": primitives}],
    }


def _features(table: PropertyTable) -> dict[str, Any]:
    ids = {"featureCount": table.count, "attribute": 0, "propertyTable": 0}
    return {"EXT_mesh_features": {"featureIds": [ids]}}


def _centre(places: Floats) -> Floats:
    found: Floats = np.round((places.min(axis=0) + places.max(axis=0)) / 2, 3)
    return found


def _turned(xyz: Floats) -> NDArray[np.float32]:
    return np.column_stack([xyz[:, 0], xyz[:, 2], -xyz[:, 1]]).astype(np.float32)


def _material(name: str, colour: str) -> dict[str, Any]:
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return {
        "name": name,
        "doubleSided": True,
        "pbrMetallicRoughness": {
            "baseColorFactor": [*_linear(parts).round(4).tolist(), 1],
            "metallicFactor": 0,
            "roughnessFactor": 0.9,
        },
    }


def _linear(colour: Floats) -> Floats:
    """Parts of sRGB colours as light (IEC 61966-2-1)."""
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
