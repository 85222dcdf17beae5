"""Imagery: scenes kept as cloud-optimised GeoTIFFs, seen through restrictions.

Importing this loads GDAL: do so where imagery is used.
"""

from quanyu.spacetime.imagery.area import Area
from quanyu.spacetime.imagery.cog import write_asset
from quanyu.spacetime.imagery.expression import PRESETS, Expression
from quanyu.spacetime.imagery.files import Assets
from quanyu.spacetime.imagery.imagery import EVERY, Chosen, Imagery
from quanyu.spacetime.imagery.model import Asset, Band, Pixels, Scene
from quanyu.spacetime.imagery.opening import asset_facts, imagery_of
from quanyu.spacetime.imagery.render import PICTURES, Style
from quanyu.spacetime.imagery.source import Facts, facts_of
from quanyu.spacetime.imagery.source import opened as opened_raster

__all__ = [
    "EVERY",
    "PICTURES",
    "PRESETS",
    "Area",
    "Asset",
    "Assets",
    "Band",
    "Chosen",
    "Expression",
    "Facts",
    "Imagery",
    "Pixels",
    "Scene",
    "Style",
    "asset_facts",
    "facts_of",
    "imagery_of",
    "opened_raster",
    "write_asset",
]
