"""From a view of a version to its imagery: visible scenes joined to the files behind them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import rasterio
import shapely

from quanyu.spacetime.imagery.files import Assets
from quanyu.spacetime.imagery.handles import Handles
from quanyu.spacetime.imagery.imagery import Imagery
from quanyu.spacetime.imagery.model import Asset, Band, Pixels, Scene, asset_of, band_of
from quanyu.spacetime.imagery.shelf import Shelf
from quanyu.spacetime.imagery.source import ENV
from quanyu.spacetime.model import FID, SCENE_ASSET, Bbox, FieldType, Restriction, Version
from quanyu.spacetime.restricted import region_of
from quanyu.spacetime.tile_cache import TileCache

SeenRow = tuple[str, datetime | None, Mapping[str, str | None]]
"""Of a scene that may be seen: its id, its time, and its bands that may be, as the table has them.
"""


def imagery_of(
    version: Version,
    restriction: Restriction,
    bands: tuple[str, ...],
    rows: Sequence[SeenRow],
    *,
    tables_url: str,
    cache: Path,
    most_bytes: int,
    tiles: TileCache,
    handles: Handles,
) -> Imagery:
    """The imagery that a restriction leaves of a version.

    ``bands`` and ``rows`` are what the view of that restriction shows; nothing else comes in.
    """
    url = f"{tables_url.rstrip('/')}/{version.table}"
    region = None if restriction.region is None else region_of(restriction)
    pixels = Pixels(None if region is None else shapely.to_wkb(region), restriction.grid_m)
    files = _files(url, version)
    every = {field.name for field in version.fields if field.type is FieldType.JSON}
    scenes = []
    for name, at, said in rows:
        asset, box = files[name]
        seen: list[Band] = [band_of(band, text) for band, text in said.items() if text]
        if not seen:
            continue
        if region is not None:
            box = _overlap(box, region.bounds)
        scenes.append(Scene(name, at, tuple(sorted(seen, key=lambda b: b.index)), asset, box))
    root = cache / "imagery" / version.dataset
    assets = Assets(url, root, version.dataset)
    shelf = Shelf(assets, root, most_bytes, handles, pixels, every == set(bands))
    key = (version.dataset, version.number, restriction.key, "imagery")
    return Imagery(bands, tuple(scenes), shelf, tiles, key)


def asset_facts(assets: Assets, key: str) -> Asset:
    """What is to be known of a kept asset."""
    with rasterio.Env(**ENV), rasterio.open(assets.local(key), driver="GTiff") as dataset:
        authority = dataset.crs.to_authority()
        crs = ":".join(authority) if authority else dataset.crs.to_wkt()
        matrix = tuple(dataset.transform)[:6]
        return Asset(key, assets.size(key), crs, (dataset.height, dataset.width), matrix)


def _files(url: str, version: Version) -> dict[str, tuple[Asset, Bbox]]:
    """The file and the box of every scene of the version, seen or not: for the store alone."""
    from deltalake import DeltaTable

    columns = [FID, SCENE_ASSET, "xmin", "ymin", "xmax", "ymax"]
    table = DeltaTable(url, version=version.delta_version).to_pyarrow_table(columns=columns)
    found: dict[str, tuple[Asset, Bbox]] = {}
    for name, text, *box in zip(*(column.to_pylist() for column in table.columns), strict=True):
        found[name] = (asset_of(text), _box(box))
    return found


def _box(values: Sequence[Any]) -> Bbox:
    west, south, east, north = values
    return (west, south, east, north)


def _overlap(one: Bbox, other: Bbox) -> Bbox:
    return (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )
