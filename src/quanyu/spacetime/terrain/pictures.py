"""Heights as colours, as maps read them (``raster-dem``): the encodings terrarium and mapbox."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rio_tiler.utils import render

from quanyu.spacetime.terrain.grids import Floats

_FORMS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "png": ("PNG", {"zlevel": 6}),
    "webp": ("WEBP", {"lossless": True}),
}


def terrarium(heights: Floats) -> NDArray[np.int64]:
    """256ths of a metre above -32768 (https://github.com/tilezen/joerd, docs/formats.md)."""
    return np.rint((heights + 32_768) * 256).astype(np.int64)


def mapbox(heights: Floats) -> NDArray[np.int64]:
    """Tenths of a metre above -10000 (Mapbox Terrain-RGB)."""
    return np.rint((heights + 10_000) * 10).astype(np.int64)


ENCODINGS: Mapping[str, Callable[[Floats], NDArray[np.int64]]] = {
    "terrarium": terrarium,
    "mapbox": mapbox,
}


def picture(heights: Floats, encoding: str, form: str) -> bytes:
    """Heights in metres as PNG or lossless WebP of three bands; what does not fit is cut off."""
    whole = np.clip(ENCODINGS[encoding](heights), 0, (1 << 24) - 1)
    colours = np.stack([whole >> 16, whole >> 8 & 255, whole & 255]).astype(np.uint8)
    name, options = _FORMS[form]
    return render(colours, img_format=name, **options)
