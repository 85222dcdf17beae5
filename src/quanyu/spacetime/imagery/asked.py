"""From what a caller asks (a box, a system, a size) to an area of pixels, within limits."""

import math
from typing import Any, TypeAlias

from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError

from quanyu.kernel import Invalid, NotFound
from quanyu.spacetime.crs import source_crs
from quanyu.spacetime.imagery.area import Area, moved
from quanyu.spacetime.imagery.model import MOST_SIDE, Scene
from quanyu.spacetime.imagery.shelf import Shelf
from quanyu.spacetime.model import CRS84, CRS84H, Bbox

MOST_VALUES = 16 << 20
"""Most values (pixels times bands) of a coverage."""

_SIDE = 1024
Asked: TypeAlias = tuple[Bbox, str] | None
"""A box and the URI of its CRS, x before y."""
Size: TypeAlias = tuple[int | None, int | None]
"""Width and height in pixels, where they are asked for."""


def raster_crs(uri: str, field: str = "crs") -> CRS:
    """The CRS behind a URI; raises ``Invalid``."""
    if uri in {CRS84, CRS84H}:
        return CRS.from_string("OGC:CRS84")
    source_crs(uri)
    code = uri.rpartition("/")[2]
    try:
        return CRS.from_epsg(int(code))
    except (CRSError, RasterioError, ValueError) as error:
        raise Invalid(
            "pictures cannot be had in {crs}",
            field=field,
            mend="use CRS84 or a system of EPSG",
            crs=uri[:120],
        ) from error


def map_area(extent: Bbox | None, asked: Asked, crs: str | None, size: Size) -> Area:
    """The area of a map: the box asked for, else the extent of what may be seen; as many pixels as
    asked, a side that is left out following the other."""
    if asked is None and extent is None:
        raise NotFound("there is nothing to draw")
    box, box_crs = asked or (extent, CRS84)
    assert box is not None  # noqa: S101 - one of them is there
    target = raster_crs(crs or box_crs)
    bounds = _with_area(moved(box, raster_crs(box_crs, "bbox-crs"), target))
    width, height = size
    wide, tall = bounds[2] - bounds[0], bounds[3] - bounds[1]
    if target.is_geographic:  # pixels about as high as wide on the ground
        wide *= max(math.cos(math.radians((bounds[1] + bounds[3]) / 2)), 0.01)
    if width is None and height is None:
        width = _SIDE if wide >= tall else max(round(_SIDE * wide / tall), 1)
    if width is None:
        assert height is not None  # noqa: S101 - one of them is there by now
        width = round(height * wide / tall)
    if height is None:
        height = round(width * tall / wide)
    return Area(bounds, target, min(max(width, 1), MOST_SIDE), min(max(height, 1), MOST_SIDE))


def coverage_area(
    shelf: Shelf,
    scenes: list[Scene],
    asked: Asked,
    crs: str | None,
    *,
    size: Size = (None, None),
    factor: float = 1.0,
    bands: int = 1,
) -> Area:
    """The area of a coverage in the pixels of the newest scene, unless size, factor or CRS say
    otherwise. Raises ``Invalid`` when it holds more than :data:`MOST_VALUES`."""
    if not scenes:
        raise NotFound("no scene that may be seen is there")
    first = scenes[0]
    with shelf.handles.borrow(shelf.native(first)) as dataset:
        own, transform = dataset.crs, dataset.transform
        columns, rows, around = dataset.width, dataset.height, tuple(dataset.bounds)
    target = own if crs is None else raster_crs(crs)
    if asked is None:
        boxes = [_bounds(shelf, scene, target) for scene in scenes]
        bounds = (min(box[0] for box in boxes), min(box[1] for box in boxes),
                  max(box[2] for box in boxes), max(box[3] for box in boxes))  # fmt: skip
    else:
        bounds = moved(asked[0], raster_crs(asked[1], "bbox-crs"), target)
    bounds = _with_area(bounds)
    step_x, step_y = transform.a * factor, -transform.e * factor
    if target != own:
        here = moved(around, own, target)
        step_x, step_y = (here[2] - here[0]) / columns, (here[3] - here[1]) / rows
        step_x, step_y = step_x * factor, step_y * factor
    elif size == (None, None):
        bounds = _snapped(bounds, transform, step_x, step_y)
    width = size[0] or max(round((bounds[2] - bounds[0]) / step_x), 1)
    height = size[1] or max(round((bounds[3] - bounds[1]) / step_y), 1)
    if width * height * bands > MOST_VALUES:
        raise Invalid(
            "this is {count} values; {most} are given at a time",
            field="scale-factor",
            mend="ask for a smaller box, fewer bands or a larger scale-factor",
            count=width * height * bands,
            most=MOST_VALUES,
        )
    return Area(bounds, target, width, height)


def _bounds(shelf: Shelf, scene: Scene, crs: CRS) -> Bbox:
    with shelf.handles.borrow(shelf.native(scene)) as dataset:
        return moved(tuple(dataset.bounds), dataset.crs, crs)


def _snapped(bounds: Bbox, transform: Any, step_x: float, step_y: float) -> Bbox:
    """The box of whole pixels around a box, so that values are not resampled."""
    left = transform.c + math.floor((bounds[0] - transform.c) / step_x + 1e-6) * step_x
    right = transform.c + math.ceil((bounds[2] - transform.c) / step_x - 1e-6) * step_x
    top = transform.f - math.floor((transform.f - bounds[3]) / step_y + 1e-6) * step_y
    bottom = transform.f - math.ceil((transform.f - bounds[1]) / step_y - 1e-6) * step_y
    return left, bottom, right, top


def _with_area(bounds: Bbox) -> Bbox:
    if not (bounds[0] < bounds[2] and bounds[1] < bounds[3]):
        raise Invalid(
            "the box has no area",
            field="bbox",
            mend="give west,south,east,north such as 24.93,60.16,24.96,60.18",
        )
    return bounds
