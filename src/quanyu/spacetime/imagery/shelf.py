"""The files that a restriction's scenes are read from: the asset itself where all of it may be
seen, else a narrowed copy; and for tiles a copy in their grid. Made when first asked for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.enums import ColorInterp

from quanyu.spacetime.imagery.cog import write_tiles_copy
from quanyu.spacetime.imagery.files import Assets, made_once, trim
from quanyu.spacetime.imagery.handles import Handles
from quanyu.spacetime.imagery.model import Pixels, Scene
from quanyu.spacetime.imagery.narrow import narrow
from quanyu.spacetime.imagery.source import ENV

_TOUCH_S = 60.0


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where files are, for one dataset under one restriction.

    ``bands`` is how many bands the dataset has: a scene of which all may be seen needs no copy.
    """

    assets: Assets
    root: Path
    most_bytes: int
    handles: Handles
    pixels: Pixels
    every_band: bool

    @property
    def whole(self) -> bool:
        """Whether all pixels of all bands may be seen."""
        return self.every_band and self.pixels.open

    def native(self, scene: Scene) -> Path:
        """The scene in its own grid, as a COG."""
        asset = self.assets.local(scene.asset.key)
        if self.whole:
            return asset
        path = self._place(scene, "tif")
        return self._kept(path, lambda part: narrow(asset, part, scene.bands, self.pixels))

    def tiles(self, scene: Scene) -> Path:
        """The scene in the grid of WebMercatorQuad."""
        path = self._place(scene, "web.tif")
        if path.is_file():
            return self._touched(path)
        native = self.native(scene)
        with rasterio.Env(**ENV), rasterio.open(native, driver="GTiff") as dataset:
            categorical = ColorInterp.palette in dataset.colorinterp
        return self._kept(
            path, lambda part: write_tiles_copy(native, part, categorical=categorical)
        )

    def _place(self, scene: Scene, ending: str) -> Path:
        bands = None if self.every_band else tuple(band.index for band in scene.bands)
        return self.root / scene.asset.key / f"{self.pixels.key(bands)}.{ending}"

    def _kept(self, path: Path, make: Callable[[Path], None]) -> Path:
        if path.is_file():
            return self._touched(path)
        made_once(path, make)
        trim(self.root, self.most_bytes, path)
        return path

    def _touched(self, path: Path) -> Path:
        if time.time() - path.stat().st_mtime > _TOUCH_S:
            path.touch()
        return path
