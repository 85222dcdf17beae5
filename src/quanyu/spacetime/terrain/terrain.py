"""The terrain that one restriction lets be seen of one version: meshes, pictures, what there is.

Formats of terrain cannot say that nothing is known. Where there is no pixel, and where there is one
that a restriction hides, the ground is at height 0. Heights are as in the source: whether that
means the geoid or the ellipsoid its band says, and nothing is added.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform

from quanyu.kernel import NotFound
from quanyu.spacetime.imagery.imagery import Imagery, tile_bounds
from quanyu.spacetime.imagery.model import ELEVATION, METRES, Asset, Band, Chosen, Scene
from quanyu.spacetime.model import Bbox
from quanyu.spacetime.terrain.grids import (
    Floats,
    Lattice,
    MeshTile,
    mesh_level,
    picture_lattice,
    picture_zoom,
    ranges,
    touches,
)
from quanyu.spacetime.terrain.mesh import encoded
from quanyu.spacetime.terrain.pictures import ENCODINGS, picture
from quanyu.spacetime.terrain.sampling import sampled
from quanyu.spacetime.tile_cache import TileCache

UNKNOWN = 0.0
"""Height of the ground where nothing is known, in metres."""

_METRES = 111_320.0  # of a degree of latitude


@dataclass(frozen=True, slots=True)
class Terrain:
    """Heights of the scenes of ``chosen``, the newest on top; safe across threads."""

    imagery: Imagery
    chosen: Chosen
    tiles: TileCache
    key: tuple[object, ...]

    def bounds(self) -> Bbox:
        """The box around all heights in degrees; raises ``NotFound`` where there are none."""
        boxes = [scene.bbox for scene in self._scenes()]
        return (min(box[0] for box in boxes), min(box[1] for box in boxes),
                max(box[2] for box in boxes), max(box[3] for box in boxes))  # fmt: skip

    def standard_names(self) -> list[str]:
        """CF standard names of the heights: above what they are."""
        return sorted({_elevation(scene).standard_name for scene in self._scenes()} - {""})

    def available(self) -> list[list[dict[str, int]]]:
        """For each level the meshes that there are (``available`` of ``layer.json``)."""
        boxes = [scene.bbox for scene in self._scenes()]
        return ranges(boxes, self._deepest_mesh())

    def deepest(self) -> int:
        """The zoom of pictures beyond which nothing more is to be seen."""
        _, south, _, north = self.bounds()
        return picture_zoom(self._finest(), (south + north) / 2)

    def mesh(self, z: int, x: int, y: int, *, normals: bool) -> tuple[bytes, int]:
        """A mesh and how many scenes are in it; raises ``NotFound`` for one that is not there."""
        tile = MeshTile(z, x, y)
        if not tile.there or not self._has(tile):
            raise NotFound("there is no terrain {z}/{x}/{y}", z=z, x=x, y=y)
        key = self._key(z, x, y, "mesh", normals)
        kept = self.tiles.get(key)
        if kept is None:
            heights, count = self._heights(tile.lattice(), _wider(tile.bounds))
            kept = count.to_bytes(4) + encoded(tile, heights, normals=normals)
            self.tiles.put(key, kept)
        return kept[4:], int.from_bytes(kept[:4])

    def picture(self, z: int, x: int, y: int, encoding: str, form: str) -> tuple[bytes, int]:
        """A picture of heights (256 × 256) and how many scenes are in it."""
        if encoding not in ENCODINGS:
            raise NotFound("there is no encoding {name}", name=encoding[:40])
        key = self._key(z, x, y, encoding, form)
        kept = self.tiles.get(key)
        if kept is None:
            heights, count = self._heights(picture_lattice(z, x, y), _wider(_square(z, x, y)))
            kept = count.to_bytes(4) + picture(heights, encoding, form)
            self.tiles.put(key, kept)
        return kept[4:], int.from_bytes(kept[:4])

    def is_drawn(self, *place: object) -> bool:
        """Whether a mesh (z, x, y, ``mesh``, with normals) or picture (z, x, y, encoding, form)
        has been drawn lately."""
        return self.tiles.get(self._key(*place)) is not None

    def _key(self, *place: object) -> tuple[object, ...]:
        return (*self.key, "terrain", self.chosen, *place)

    def _scenes(self, box: Bbox | None = None) -> list[Scene]:
        found = [
            one for one in self.imagery.chosen(self.chosen, box) if one.band(ELEVATION) is not None
        ]
        if box is None and not found:
            raise NotFound("no heights that may be seen are there")
        return found

    def _deepest_mesh(self) -> int:
        return mesh_level(self._finest())

    def _finest(self) -> float:
        grid = self.imagery.shelf.pixels.grid_m or 0.0
        return max(min(_metres(scene.asset) for scene in self._scenes()), grid)

    def _has(self, tile: MeshTile) -> bool:
        boxes = [scene.bbox for scene in self._scenes()]
        return tile.z <= self._deepest_mesh() and touches(boxes, tile)

    def _heights(self, lattice: Lattice, box: Bbox) -> tuple[Floats, int]:
        """Heights at the points, and how many scenes they are of."""
        laid = np.full((len(lattice.rows), len(lattice.columns)), np.nan)
        count = 0
        for scene in self._scenes(box):
            shelf = self.imagery.shelf
            # The copy holds the scene's bands in their order.
            index = scene.bands.index(_elevation(scene)) + 1
            found = sampled(shelf.handles, shelf.tiles(scene), index, lattice)
            if found is None or np.isnan(found).all():
                continue
            band = _elevation(scene)
            metres = (found * band.scale + band.offset) * METRES[band.unit.strip().lower()]
            free = np.isnan(laid) & ~np.isnan(metres)
            if free.any():
                laid[free] = metres[free]
                count += 1
            if not np.isnan(laid).any():
                break
        return np.where(np.isnan(laid), UNKNOWN, laid), count


def _elevation(scene: Scene) -> Band:
    found = scene.band(ELEVATION)
    assert found is not None  # noqa: S101 - only scenes that have it are asked
    return found


def _wider(box: Bbox) -> Bbox:
    """A box and what lies around it as far as points are read beyond its edges."""
    west, south, east, north = box
    x, y = (east - west) / 16, (north - south) / 16
    return west - x, south - y, east + x, north + y


def _square(z: int, x: int, y: int) -> Bbox:
    """The box of a tile of WebMercatorQuad in degrees; raises ``NotFound``."""
    side = 1 << min(z, 60)
    if not (0 <= x < side and 0 <= y < side):
        raise NotFound("the grid has no tile {z}/{y}/{x}", z=z, y=y, x=x)
    return tile_bounds((z, x, y))


@lru_cache(maxsize=4096)
def _metres(asset: Asset) -> float:
    """The side of a pixel on the ground in metres, in the middle of a raster."""
    rows, columns = asset.shape
    matrix = Affine(*asset.transform)
    places = [matrix * (columns / 2, rows / 2 + step) for step in (0, 1)]
    crs = CRS.from_user_input(asset.crs)
    (lon, to_lon), (lat, to_lat) = transform(crs, "OGC:CRS84", *zip(*places, strict=True))
    stretch = math.cos(math.radians(lat))
    return max(math.hypot((to_lon - lon) * stretch, to_lat - lat) * _METRES, 1e-3)
