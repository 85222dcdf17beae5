"""A tile of terrain as quantized-mesh-1.0, with normals where they are asked for.

Source: the format as published at https://github.com/CesiumGS/quantized-mesh (header, zig-zag and
high-water-mark coding, extension octvertexnormals). Clients hang skirts on the edges it names.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanyu.spacetime.terrain.grids import SIDE, Floats, MeshTile
from quanyu.spacetime.terrain.triangles import triangles
from quanyu.spacetime.tiles3d.earth import geocentric

_MOST = 32767
_RADII = np.array([6_378_137.0, 6_378_137.0, 6_356_752.314245179])
_OCT_NORMALS = 1
_LEVEL_0_ERROR = 77_067.0  # metres: what Cesium takes a mesh of level 0 to be off by, at 65 points
_SHARE = 8  # of which a mesh of ours is off by a part
_FARTHEST = 100.0  # radii: points from which half of the world is behind the horizon have none

Ints = NDArray[np.int64]


def encoded(tile: MeshTile, heights: Floats, *, normals: bool) -> bytes:
    """The tile as bytes; ``heights`` are metres above the ellipsoid at its points and one beyond
    each edge (67 × 67, rows from the south)."""
    lon, lat = (part[1:-1] for part in tile.degrees(1))
    inner = heights[1:-1, 1:-1]
    grid_lon, grid_lat = np.meshgrid(lon, lat)
    places = geocentric(grid_lon.ravel(), grid_lat.ravel(), inner.ravel())
    allowed = _LEVEL_0_ERROR / (1 << tile.z) / _SHARE
    made = triangles(places.reshape(*inner.shape, 3), allowed)
    # Numbered in the order of their first use, as the coding wants it.
    corners, first, numbers = np.unique(made, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    used, indexes = corners[order], rank[numbers].ravel()
    rows, columns = np.divmod(used, SIDE + 1)
    chosen = inner.ravel()[used]
    low, high = float(np.float32(chosen.min())), float(np.float32(chosen.max()))
    u, v = (np.rint(part * (_MOST / SIDE)).astype(np.int64) for part in (columns, rows))
    span = max(high - low, 1e-9)
    h = np.clip(np.rint((chosen - low) / span * _MOST), 0, _MOST).astype(np.int64)
    body = [
        _header(places[used], low, high),
        struct.pack("<I", len(used)),
        *(_zigzag(part).tobytes() for part in (u, v, h)),
        struct.pack("<I", len(indexes) // 3),
        _high_water(indexes).tobytes(),
    ]
    for edge in (columns == 0, rows == 0, columns == SIDE, rows == SIDE):  # W, S, E, N
        at = np.flatnonzero(edge).astype("<u2")
        body += [struct.pack("<I", len(at)), at.tobytes()]
    if normals:
        said = _octahedral(_normals(tile, heights).reshape(-1, 3)[used])
        body += [struct.pack("<BI", _OCT_NORMALS, said.nbytes), said.tobytes()]
    return b"".join(body)


def _header(places: Floats, low: float, high: float) -> bytes:
    least, most = places.min(axis=0), places.max(axis=0)
    middle = (least + most) / 2
    radius = float(np.linalg.norm(places - middle, axis=1).max())
    horizon = _horizon(places, middle)
    return struct.pack("<3d2f4d3d", *middle, low, high, *middle, radius, *horizon)


def _horizon(places: Floats, middle: Floats) -> Floats:
    """The point, in radii of the ellipsoid, that is behind the horizon only when all places are.

    Source: K. Ring, "Horizon culling", Cesium (2013); places below the ellipsoid count as on it.
    """
    scaled = places / _RADII
    away = middle / _RADII
    away = away / max(float(np.linalg.norm(away)), 1e-12)
    length = np.linalg.norm(scaled, axis=1)
    cos_a = scaled @ away / length
    sin_a = np.sqrt(np.maximum(1 - cos_a**2, 0))
    length = np.maximum(length, 1.0)
    cos_b = 1 / length
    sin_b = np.sqrt(np.maximum(length**2 - 1, 0)) * cos_b
    below = cos_a * cos_b - sin_a * sin_b
    found: Floats = away / max(float(below.min()), 1 / _FARTHEST)
    return found


def _zigzag(values: Ints) -> NDArray[Any]:
    steps = np.diff(values, prepend=0)
    return ((steps << 1) ^ (steps >> 31)).astype("<u2")


def _high_water(indexes: Ints) -> NDArray[Any]:
    """Each index as what it is below the first one not used so far."""
    seen = np.maximum.accumulate(indexes) + 1
    before = np.concatenate([[0], seen[:-1]])
    return (before - indexes).astype("<u2")


def _normals(tile: MeshTile, heights: Floats) -> Floats:
    """Directions away from the ground (65 × 65 × 3, geocentric), from the heights around each
    point: those beyond the edges too, so that tiles are lit alike where they meet."""
    lon, lat = tile.degrees(1)
    phi, lam = np.radians(lat[1:-1])[:, None], np.radians(lon[1:-1])[None, :]
    step = np.radians(lon[1] - lon[0]) * _RADII[0]
    east = (heights[1:-1, 2:] - heights[1:-1, :-2]) / (2 * step * np.maximum(np.cos(phi), 1e-6))
    north = (heights[2:, 1:-1] - heights[:-2, 1:-1]) / (2 * step)
    # East, north and up at each point, weighed by the slopes.
    x = east * np.sin(lam) + north * np.sin(phi) * np.cos(lam) + np.cos(phi) * np.cos(lam)
    y = -east * np.cos(lam) + north * np.sin(phi) * np.sin(lam) + np.cos(phi) * np.sin(lam)
    z = -north * np.cos(phi) + np.sin(phi) * np.ones_like(lam)
    found = np.stack([x, y, z], axis=-1)
    return np.asarray(found / np.linalg.norm(found, axis=-1, keepdims=True))


def _octahedral(vectors: Floats) -> NDArray[np.uint8]:
    """Unit vectors in two bytes (Cigolle et al., "Survey of efficient representations for
    independent unit vectors", 2014)."""
    flat = vectors[:, :2] / np.abs(vectors).sum(axis=1, keepdims=True)
    signs = np.where(flat >= 0, 1.0, -1.0)
    folded = (1 - np.abs(flat[:, ::-1])) * signs
    flat = np.where(vectors[:, 2:] < 0, folded, flat)
    return np.asarray(np.rint((np.clip(flat, -1, 1) * 0.5 + 0.5) * 255), dtype=np.uint8)
