"""Values into pictures: stretched, coloured, encoded as PNG, JPEG or WebP."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from rio_tiler.colormap import cmap
from rio_tiler.errors import InvalidColorMapName
from rio_tiler.utils import render

from quanyu.kernel import Invalid
from quanyu.spacetime.imagery.model import PICTURES, Ranges, Style

Colour = tuple[int, int, int, int]
_OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"zlevel": 1},
    "jpeg": {"quality": 85},
    "webp": {"quality": 85},
}


def colormap(name: str) -> dict[int, Colour]:
    """The colour map of that name; raises ``Invalid`` (field ``colormap``)."""
    try:
        return _colormap(name.lower())
    except InvalidColorMapName as error:
        raise Invalid(
            "there is no colour map “{name}”",
            field="colormap",
            mend="use such as viridis, magma, rdylgn, greys, terrain",
            name=name[:40],
        ) from error


@lru_cache(maxsize=64)
def _colormap(name: str) -> dict[int, Colour]:
    return cast("dict[int, Colour]", cmap.get(name))


def picture(
    values: Any,
    style: Style,
    ranges: Ranges,
    palette: Mapping[int, Colour] | None,
) -> bytes:
    """A masked array of one or three bands as a picture.

    ``ranges`` stretch the values; none takes them as they are (uint8). ``palette`` is that of
    classes, used where the style names no colour map.
    """
    seen = ~np.ma.getmaskarray(values).all(axis=0)
    if palette and not style.colormap and not ranges and len(values) == 1:
        table, data = dict(palette), _whole(values)
    else:
        data = _stretched(values, ranges)
        table = colormap(style.colormap) if style.colormap and len(values) == 1 else {}
    colours = _painted(data, table)
    if style.background is not None or style.form == "jpeg":
        behind = np.array(style.background or (255, 255, 255), dtype=np.uint8)
        colours = np.where(seen, colours, behind[: len(colours), None, None])
        return render(colours, img_format=PICTURES[style.form], **_OPTIONS[style.form])
    alpha = np.where(seen, np.uint8(255), np.uint8(0))
    if alpha.all():
        return render(colours, img_format=PICTURES[style.form], **_OPTIONS[style.form])
    colours = np.where(seen, colours, np.uint8(0))
    return render(colours, alpha, img_format=PICTURES[style.form], **_OPTIONS[style.form])


def nothing(width: int, height: int, style: Style) -> bytes:
    """A picture in which there is nothing."""
    empty = np.ones((3, height, width), dtype=bool)
    return picture(np.ma.MaskedArray(empty.astype(np.uint8), empty), style, (), None)


def _whole(values: Any) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.ma.filled(values, 0), 0, 255), dtype=np.uint8)


def _stretched(values: Any, ranges: Ranges) -> NDArray[np.uint8]:
    if not ranges:
        return _whole(values)
    if len(ranges) not in {1, len(values)}:
        raise Invalid(
            "there are {given} ranges for {count} bands",
            field="rescale",
            mend="give one range for all bands, or one for each",
            given=len(ranges),
            count=len(values),
        )
    low = np.array([one[0] for one in ranges], dtype=np.float32)[:, None, None]
    high = np.array([one[1] for one in ranges], dtype=np.float32)[:, None, None]
    numbers = np.ma.filled(values.astype(np.float32), 0.0)
    scaled = (numbers - low) * (255.0 / np.maximum(high - low, 1e-30))
    return np.asarray(np.clip(np.nan_to_num(scaled), 0, 255), dtype=np.uint8)


def _painted(data: NDArray[np.uint8], table: Mapping[int, Colour]) -> NDArray[np.uint8]:
    """Three bands of colour: by the table for one value, as they are for three, else grey."""
    if len(data) >= 3:
        return data[:3]
    if not table:
        return np.repeat(data[:1], 3, axis=0)
    lookup = np.zeros((256, 3), dtype=np.uint8)
    keys = [key for key in table if 0 <= key < 256]
    lookup[keys] = [table[key][:3] for key in keys]
    return np.moveaxis(lookup[data[0]], -1, 0)
