"""Imagery: scenes kept as cloud-optimised GeoTIFFs, seen through restrictions.

What is asked and answered is here; the modules beside it load GDAL, so they are imported where
imagery is used.
"""

from quanyu.spacetime.imagery.model import (
    ELEVATION,
    EVERY,
    METRES,
    MOST_SIDE,
    PICTURES,
    PRESETS,
    Asset,
    Band,
    Chosen,
    Pixels,
    Scene,
    Style,
)

__all__ = [
    "ELEVATION",
    "EVERY",
    "METRES",
    "MOST_SIDE",
    "PICTURES",
    "PRESETS",
    "Asset",
    "Band",
    "Chosen",
    "Pixels",
    "Scene",
    "Style",
]
