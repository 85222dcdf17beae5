"""The imagery that one restriction lets be seen of one version, and what can be asked of it.

Scenes are laid over one another, the newest first: where it has no data the next one shows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp

from quanyu.kernel import Invalid, NotFound
from quanyu.spacetime.imagery.area import Area, read_area
from quanyu.spacetime.imagery.asked import Asked, Size, coverage_area, map_area
from quanyu.spacetime.imagery.coverage import coverage_json, geotiff
from quanyu.spacetime.imagery.expression import RANGES, Expression, expression
from quanyu.spacetime.imagery.grid import read_tile
from quanyu.spacetime.imagery.model import (
    ELEVATION,
    EVERY,
    METRES,
    Asset,
    Band,
    Chosen,
    Ranges,
    Scene,
    Style,
)
from quanyu.spacetime.imagery.render import Colour, colormap, nothing, picture
from quanyu.spacetime.imagery.shelf import Shelf
from quanyu.spacetime.imagery.zones import Zone, around, figures, zones_of
from quanyu.spacetime.model import CRS84, Bbox
from quanyu.spacetime.tile_cache import TileCache

_SAMPLE = 256
_LOWEST = datetime.min.replace(tzinfo=UTC)
_RGB = ("red", "green", "blue")


class Imagery:
    """Scenes, their bands and pixels; safe across threads."""

    def __init__(
        self, bands: tuple[str, ...], scenes: tuple[Scene, ...], shelf: Shelf,
        tiles: TileCache, key: tuple[object, ...],
    ) -> None:  # fmt: skip
        self.bands = bands
        self.scenes = tuple(sorted(scenes, key=lambda one: one.at or _LOWEST, reverse=True))
        self.shelf = shelf
        self._tiles = tiles
        self._key = key
        self._ranges: dict[tuple[object, ...], Ranges] = {}
        self._palettes: dict[str, dict[int, Colour]] = {}

    def scene(self, name: str) -> Scene:
        """The scene of that id; raises ``NotFound``."""
        found = next((one for one in self.scenes if one.id == name), None)
        if found is None:
            raise NotFound("there is no scene {id}", id=name[:100])
        return found

    def whole_asset(self, name: str) -> Asset | None:
        """How the file of a scene lies, where all of it may be seen."""
        return self.scene(name).asset if self.shelf.whole else None

    def chosen(self, chosen: Chosen, bbox: Bbox | None = None) -> list[Scene]:
        """Scenes of an interval that may have pixels in a box (CRS84), the newest first."""
        if chosen.scene is not None:
            return [self.scene(chosen.scene)]
        start, end = chosen.interval
        return [
            one
            for one in self.scenes
            if (start is None or (one.at is not None and one.at >= start))
            and (end is None or (one.at is not None and one.at <= end))
            and (bbox is None or _meet(one.bbox, bbox))
        ]

    def wanted(self, bands: tuple[str, ...]) -> tuple[Band, ...]:
        """The bands of these names, of the newest scene that has them; raises ``Invalid``."""
        return tuple(self._band(name) for name in bands)

    def _band(self, name: str) -> Band:
        for scene in self.scenes:
            found = scene.band(name)
            if found is not None:
                return found
        raise Invalid(
            "there is no band “{name}”",
            field="bands",
            mend="bands are: {bands}",
            name=name[:60],
            bands=", ".join(self.bands),
        )

    def expression(self, text: str) -> Expression:
        """An expression of the bands that may be seen; raises ``Invalid``."""
        return expression(text, self.bands)

    def can_compute(self, text: str) -> bool:
        """Whether the bands that may be seen are enough for an expression."""
        try:
            self.expression(text)
        except Invalid:
            return False
        return True

    def styled(self, style: Style) -> Style:
        """The style with what it leaves out: natural colours where there are, else the first."""
        if style.colormap is not None:
            colormap(style.colormap)
        if style.expression is not None:
            self.expression(style.expression)
            known = RANGES.get(style.expression.strip().lower())
            ranges = style.ranges or ((known,) if known else ())
            return replace(style, ranges=ranges, colormap=style.colormap or "rdylgn")
        if style.bands:
            self.wanted(style.bands)
            if len(style.bands) not in {1, 3}:
                raise Invalid(
                    "a picture shows one band or three",
                    field="bands",
                    mend="name one, or three for red, green and blue",
                )
            return style
        if set(_RGB) <= set(self.bands):
            return replace(style, bands=_RGB)
        if not self.bands:
            raise NotFound("none of the bands may be seen")
        return replace(style, bands=self.bands[:1])

    def tile(self, place: tuple[int, int, int], style: Style, chosen: Chosen) -> tuple[bytes, int]:
        """A tile ``(z, x, y)`` of WebMercatorQuad and how many scenes it shows; no bytes when it
        shows none."""
        key = (*self._key, *place, style, chosen)
        kept = self._tiles.get(key)
        if kept is not None:
            return kept[2:], int.from_bytes(kept[:2])
        style = self.styled(style)

        def read(scene: Scene, names: tuple[str, ...]) -> Any:
            # The copy holds the scene's bands in their order, and its mask behind them.
            at = {band.name: index for index, band in enumerate(scene.bands, start=1)}
            indexes = [at[name] for name in names]
            return read_tile(self.shelf.handles, self.shelf.tiles(scene), indexes, place)

        box = tile_bounds(place)
        values, count = self._laid(self.chosen(chosen, box), self._names(style), read)
        made = b"" if values is None else self._drawn(values, style)
        self._tiles.put(key, count.to_bytes(2) + made)
        return made, count

    def cached(self, place: tuple[int, int, int], style: Style, chosen: Chosen) -> bool:
        """Whether the tile has been drawn lately."""
        return self._tiles.get((*self._key, *place, style, chosen)) is not None

    def map(
        self, area: Area, style: Style, chosen: Chosen, resampling: str = "bilinear"
    ) -> tuple[bytes, int]:
        """A picture of any area, and how many scenes it shows."""
        style = self.styled(style)
        values, count = self._area(area, self._names(style), chosen, resampling)
        if values is None:
            return nothing(area.width, area.height, style), 0
        return self._drawn(values, style), count

    def elevation(self, area: Area, chosen: Chosen = EVERY) -> Any:
        """Heights of the ground of an area in metres, a masked array (height, width), nearest
        pixels; raises ``Invalid`` (field ``bands``) where no band is that."""
        band = self._band(ELEVATION)
        values, _ = self._values(area, (ELEVATION,), chosen)
        metres = METRES.get(band.unit.strip().lower(), 1.0)
        return (values[0].astype(np.float64) * band.scale + band.offset) * metres

    def _values(self, area: Area, bands: tuple[str, ...], chosen: Chosen) -> tuple[Any, int]:
        """Stored values of an area, a masked array (bands, height, width)."""
        wanted = self.wanted(bands)
        values, count = self._area(area, bands, chosen, "nearest")
        if values is None:
            kind = np.result_type(*(band.dtype for band in wanted))
            values = _nothing((len(bands), area.height, area.width), kind)
        return values, count

    def _computed(self, area: Area, what: Expression, chosen: Chosen) -> tuple[Any, int]:
        """An expression over an area in the units of its bands, a masked array (height, width)."""
        values, count = self._area(area, what.bands, chosen, "nearest")
        if values is None:
            return _nothing((area.height, area.width), np.dtype(np.float64)), 0
        return self._of(what, values), count

    def map_area(self, extent: Bbox | None, asked: Asked, crs: str | None, size: Size) -> Area:
        """The area of a map that is asked for, ``extent`` where none is; raises ``Invalid``."""
        return map_area(extent, asked, crs, size)

    def coverage_area(  # noqa: PLR0917 - a box, a system, a size
        self, chosen: Chosen, asked: Asked, crs: str | None, size: Size, factor: float, bands: int
    ) -> Area:
        """The area of a coverage that is asked for; raises ``Invalid`` when it is too large."""
        return coverage_area(
            self.shelf, self.chosen(chosen), asked, crs, size=size, factor=factor, bands=bands
        )

    def geotiff(self, area: Area, bands: tuple[str, ...], chosen: Chosen) -> tuple[bytes, int]:
        """Stored values of an area as a COG, and how many scenes they are of."""
        values, count = self._values(area, bands, chosen)
        return geotiff(values, area, self.wanted(bands)), count

    def coverage_json(
        self, area: Area, bands: tuple[str, ...], chosen: Chosen
    ) -> tuple[bytes, int]:
        """Values of an area in their units as CoverageJSON, and how many scenes they are of."""
        values, count = self._values(area, bands, chosen)
        return coverage_json(values, area, self.wanted(bands)), count

    def zones(self, document: Mapping[str, Any]) -> list[Zone]:
        """The zones in a GeoJSON document; raises ``Invalid``."""
        return zones_of(document)

    def by_zone(
        self,
        zones: Sequence[Zone],
        text: str,
        chosen: Chosen,
        against: Chosen | None = None,
        threshold: float | None = None,
    ) -> tuple[list[dict[str, Any]], int]:
        """Figures of an expression by zone, in the pixels of the newest scene, and how many scenes
        they are of; with ``against`` of the difference from the value of those scenes."""
        what = self.expression(text)
        box = around(zones)
        scenes = self.chosen(chosen, box)
        count = len(what.bands) * (1 if against is None else 2)
        area = coverage_area(self.shelf, scenes, (box, CRS84), None, bands=count)
        values, seen = self._computed(area, what, chosen)
        if against is not None:
            before, others = self._computed(area, what, against)
            values, seen = values - before, seen + others
        return figures(values, area, zones, threshold), seen

    def native(self, scene: Scene) -> Path:
        """The scene as a COG in which there is what may be seen and nothing else."""
        return self.shelf.native(scene)

    def prepare(self) -> None:
        """Make the copies that tiles come from, of the newest scenes first: as many as fit beside
        the copies of others."""
        room = self.shelf.most_bytes // 2
        for scene in self.scenes:
            room -= self.shelf.tiles(scene).stat().st_size
            if room < 0:
                break

    def palette(self) -> dict[int, Colour]:
        """Colours of classes, where the newest scene has them."""
        if not self.scenes:
            return {}
        scene = self.scenes[0]
        if scene.asset.key not in self._palettes:
            with self.shelf.handles.borrow(self.shelf.native(scene)) as dataset:
                classes = dataset.colorinterp[0] is ColorInterp.palette
                self._palettes[scene.asset.key] = dataset.colormap(1) if classes else {}
        return self._palettes[scene.asset.key]

    def ranges(self, style: Style) -> Ranges:
        """The ranges of a style: its own, none for bytes, else from the 2nd to the 98th percentile
        of what may be seen of the newest scene that has its bands."""
        if style.ranges:
            return style.ranges
        names = self._names(style)
        if style.expression is None and all(one.dtype == "uint8" for one in self.wanted(names)):
            return ()
        key = (style.bands, style.expression)
        if key not in self._ranges:
            self._ranges[key] = self._percentiles(style, names)
        return self._ranges[key]

    def _percentiles(self, style: Style, names: tuple[str, ...]) -> Ranges:
        scene = next((one for one in self.scenes if all(map(one.band, names))), None)
        if scene is None:
            return ((0.0, 1.0),)
        with self.shelf.handles.borrow(self.shelf.native(scene)) as dataset:
            at = {name: index for index, name in enumerate(dataset.descriptions, start=1)}
            share = min(1.0, _SAMPLE / max(dataset.width, dataset.height))
            shape = (max(round(dataset.height * share), 1), max(round(dataset.width * share), 1))
            values = dataset.read([at[name] for name in names], out_shape=(len(names), *shape),
                                  masked=True)  # fmt: skip
        if style.expression is not None:
            values = self._of(self.expression(style.expression), values)[None]
        found = []
        for one in values:
            seen = one.compressed()
            seen = seen[np.isfinite(seen)]
            low, high = np.percentile(seen, (2, 98)) if len(seen) else (0.0, 1.0)
            found.append((float(low), float(high) if high > low else float(low) + 1.0))
        return tuple(found)

    def _names(self, style: Style) -> tuple[str, ...]:
        if style.expression is not None:
            return self.expression(style.expression).bands
        return style.bands

    def _drawn(self, values: Any, style: Style) -> bytes:
        ranges = self.ranges(style)
        if style.expression is not None:
            values = self._of(self.expression(style.expression), values)[None]
        palette = self.palette() if len(values) == 1 and style.expression is None else None
        return picture(values, style, ranges, palette)

    def _of(self, what: Expression, values: Any) -> Any:
        bands = self.wanted(what.bands)
        given = {
            band.name: values[at].astype(np.float64) * band.scale + band.offset
            for at, band in enumerate(bands)
        }
        return what.of(given)

    def _area(
        self, area: Area, names: tuple[str, ...], chosen: Chosen, resampling: str
    ) -> tuple[Any, int]:
        def read(scene: Scene, names: tuple[str, ...]) -> Any:
            native = self.shelf.native(scene)
            return read_area(self.shelf.handles, native, names, area, resampling)

        return self._laid(self.chosen(chosen, area.in_crs84()), names, read)

    def _laid(
        self,
        scenes: list[Scene],
        names: tuple[str, ...],
        read: Callable[[Scene, tuple[str, ...]], Any],
    ) -> tuple[Any, int]:
        """Scenes over one another, the newest on top, until no pixel is left without data."""
        laid: Any = None
        count = 0
        for scene in scenes:
            if not all(map(scene.band, names)):
                continue
            values = read(scene, names)
            if values is None or np.ma.getmaskarray(values).all():
                continue
            count += 1
            if laid is None:
                laid = values
            else:
                free = np.ma.getmaskarray(laid).all(axis=0) & ~np.ma.getmaskarray(values).all(
                    axis=0
                )
                kind = np.result_type(laid.dtype, values.dtype)
                data = np.where(free, values.data, laid.data).astype(kind, copy=False)
                mask = np.where(free, np.ma.getmaskarray(values), np.ma.getmaskarray(laid))
                laid = np.ma.MaskedArray(data, mask)
            if not np.ma.getmaskarray(laid).all(axis=0).any():
                break
        return laid, count


def tile_bounds(place: tuple[int, int, int]) -> Bbox:
    """The box of a tile ``(z, x, y)`` in degrees."""
    import math

    z, x, y = place
    side = 1 << z

    def latitude(row: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / side))))

    return (x / side * 360 - 180, latitude(y + 1), (x + 1) / side * 360 - 180, latitude(y))


def _nothing(shape: tuple[int, ...], kind: np.dtype[Any]) -> Any:
    """Values of which none is there."""
    return np.ma.MaskedArray(np.zeros(shape, dtype=kind), np.ones(shape, dtype=bool))


def _meet(one: Bbox, other: Bbox) -> bool:
    return one[0] <= other[2] and one[2] >= other[0] and one[1] <= other[3] and one[3] >= other[1]
