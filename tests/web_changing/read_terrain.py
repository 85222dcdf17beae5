"""Reads quantized-mesh-1.0 and pictures of heights as their descriptions say, number by number."""

import struct
from dataclasses import dataclass

import numpy as np
from rasterio.io import MemoryFile


@dataclass
class Mesh:
    """A decoded tile: places are longitude, latitude and height."""

    places: np.ndarray
    triangles: np.ndarray
    edges: dict[str, list[int]]
    low: float
    high: float
    sphere: tuple[np.ndarray, float]
    normals: np.ndarray | None


def read_mesh(body: bytes, z: int, x: int, y: int) -> Mesh:
    """Decode a tile of the scheme tms in EPSG:4326."""
    head = struct.unpack_from("<3d2f4d3d", body)
    low, high = head[3:5]
    at = struct.calcsize("<3d2f4d3d")
    (count,) = struct.unpack_from("<I", body, at)
    at += 4
    columns = []
    for _ in range(3):
        value, values = 0, []
        for coded in struct.unpack_from(f"<{count}H", body, at):
            value += (coded >> 1) ^ -(coded & 1)
            values.append(value)
        columns.append(values)
        at += 2 * count
    assert count <= 65_536
    at += at % 2
    (triangles,) = struct.unpack_from("<I", body, at)
    at += 4
    highest, indexes = 0, []
    for coded in struct.unpack_from(f"<{3 * triangles}H", body, at):
        indexes.append(highest - coded)
        highest += coded == 0
    at += 6 * triangles
    edges = {}
    for name in ("west", "south", "east", "north"):
        (size,) = struct.unpack_from("<I", body, at)
        edges[name] = list(struct.unpack_from(f"<{size}H", body, at + 4))
        at += 4 + 2 * size
    normals = None
    while at < len(body):
        kind, size = struct.unpack_from("<BI", body, at)
        if kind == 1:
            normals = _vectors(np.frombuffer(body, np.uint8, size, at + 5).reshape(-1, 2))
        at += 5 + size
    assert at == len(body)
    step = 180.0 / 2**z
    u, v, h = (np.array(one, dtype=float) / 32_767 for one in columns)
    places = np.column_stack([x * step - 180 + u * step, y * step - 90 + v * step,
                              low + h * (high - low)])  # fmt: skip
    sphere = (np.array(head[5:8]), head[8])
    return Mesh(places, np.array(indexes).reshape(-1, 3), edges, low, high, sphere, normals)


def _vectors(pairs: np.ndarray) -> np.ndarray:
    found = []
    for a, b in pairs.tolist():
        x, y = a / 255 * 2 - 1, b / 255 * 2 - 1
        z = 1 - abs(x) - abs(y)
        if z < 0:
            x, y = (1 - abs(y)) * (1 if x >= 0 else -1), (1 - abs(x)) * (1 if y >= 0 else -1)
        found.append(np.array([x, y, z]) / np.linalg.norm([x, y, z]))
    return np.array(found)


def read_picture(body: bytes, encoding: str) -> np.ndarray:
    """Heights of a picture, as MapLibre reads them."""
    with MemoryFile(body) as file, file.open() as source:
        red, green, blue = source.read()[:3].astype(float)
    if encoding == "terrarium":
        return red * 256 + green + blue / 256 - 32_768
    return -10_000 + (red * 65_536 + green * 256 + blue) * 0.1
