"""A tile taken apart: its features with their values, its triangles on the earth."""

import json
import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from pyproj import Transformer

_TYPES = {5126: np.float32, 5123: np.uint16, 5125: np.uint32, 5121: np.uint8}
_WIDTH = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
_TO_DEGREES = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)


@dataclass(frozen=True)
class Tile:
    """``places`` are longitude, latitude, height of corners, ``owners`` the feature of each."""

    document: dict[str, Any]
    features: list[dict[str, Any]]
    places: np.ndarray
    owners: np.ndarray
    triangles: dict[str, np.ndarray]

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.features]

    def of(self, fid: str) -> np.ndarray:
        """Corners of a feature."""
        return self.places[self.owners == self.ids.index(fid)]


def read_glb(data: bytes) -> Tile:
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, _ = struct.unpack_from("<II", data, 12)
    document = json.loads(data[20 : 20 + size])
    if not document.get("meshes"):
        return Tile(document, [], np.zeros((0, 3)), np.zeros(0), {})
    binary = data[28 + size :]

    def view(number: int) -> bytes:
        said = document["bufferViews"][number]
        return binary[said["byteOffset"] : said["byteOffset"] + said["byteLength"]]

    def accessor(number: int) -> np.ndarray:
        said = document["accessors"][number]
        found = np.frombuffer(view(said["bufferView"]), _TYPES[said["componentType"]])
        return found.reshape(said["count"], _WIDTH[said["type"]])

    metadata = document["extensions"]["EXT_structural_metadata"]
    table = metadata["propertyTables"][0]
    fields = metadata["schema"]["classes"][table["class"]]["properties"]
    columns = {}
    for key, parts in table["properties"].items():
        said, raw = fields[key], view(parts["values"])
        if said["type"] == "STRING":
            ends = np.frombuffer(view(parts["stringOffsets"]), np.uint32).tolist()
            values = [raw[a:b].decode() for a, b in pairwise(ends)]
        else:
            values = np.frombuffer(raw, np.float64).tolist()
        columns[said["name"]] = [None if v == said.get("noData") else v for v in values]
    features = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    primitives = document["meshes"][0]["primitives"]
    attributes = primitives[0]["attributes"]
    x, y, z = (accessor(attributes["POSITION"]) + np.array(document["nodes"][0]["translation"])).T
    places = np.column_stack(_TO_DEGREES.transform(x, -z, y))
    triangles = {
        document["materials"][one["material"]]["name"]: accessor(one["indices"]).reshape(-1, 3)
        for one in primitives
        if "indices" in one
    }
    return Tile(
        document, features, places, accessor(attributes["_FEATURE_ID_0"])[:, 0].astype(int),
        triangles,
    )  # fmt: skip
