"""A scene as a source: its GeoTIFF kept as a cloud-optimised one, its row added to the dataset's.

A dataset of imagery grows: the new version holds the scenes of the one before and this one, which
takes the place of one of the same name. The asset is kept first, under a name made of what it is
made of: a run that was killed finds it there, and one that fails leaves nothing that a version
names.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
import pyarrow as pa
import shapely

from quanyu.kernel import Conflict, Invalid
from quanyu.spacetime.crs import source_crs
from quanyu.spacetime.imagery.cog import write_asset
from quanyu.spacetime.imagery.elevation import FROM
from quanyu.spacetime.imagery.files import Assets
from quanyu.spacetime.imagery.model import ELEVATION, Asset
from quanyu.spacetime.imagery.opening import asset_facts
from quanyu.spacetime.imagery.source import Facts, facts_of, opened
from quanyu.spacetime.intake.model import (
    Chunk,
    IngestOptions,
    Place,
    Progress,
    Reading,
    Report,
    Sieve,
)
from quanyu.spacetime.intake.settle import JSON
from quanyu.spacetime.intake.source import Source
from quanyu.spacetime.model import (
    CRS84,
    FID,
    GEOMETRY,
    RESERVED,
    SCENE_ASSET,
    FieldType,
    Version,
)

_IS_JSON = {b"quanyu": JSON}
_TIME = pa.timestamp("us", tz="UTC")
_PLAIN = (("scene", pa.string()), ("datetime", _TIME), ("crs", pa.string()),
          ("gsd", pa.float64()), (SCENE_ASSET, pa.string()))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A scene as a row: its facts and the file that is kept of it."""

    facts: Facts
    asset: Asset


def read_scene(path: Path, said: str, options: IngestOptions) -> Reading:
    """The row that a GeoTIFF will become, its pixels not yet kept; raises ``Invalid``."""
    facts = _facts(path, said, options)
    asset = Asset("", 0, facts.crs, facts.shape, (0.0,) * 6)
    return _reading(_table(Row(facts, asset)), facts, None)


def _facts(path: Path, said: str, options: IngestOptions) -> Facts:
    crs = options.crs
    if crs is not None and source_crs(crs).name in {"GCJ-02", "BD-09"}:
        raise Invalid(
            "a raster cannot be in {crs}",
            field="crs",
            mend="warp it into a system of EPSG first",
            crs=crs,
        )
    with opened(path) as dataset:
        return facts_of(
            dataset,
            Path(said).name,
            crs=crs,
            at=options.datetime,
            timezone=options.timezone,
            bands=options.bands,
            nodata=options.nodata,
            heights=options.heights,
            most_bytes=options.max_bytes,
        )


def added(  # noqa: PLR0917 - one way in
    place: Place, source: Source, dataset: str, before: Version | None, options: IngestOptions,
    tell: Report,
) -> Reading:  # fmt: skip
    """Keep the scene's asset; the rows of the version before with the scene's.

    Raises ``Conflict`` when the dataset holds no imagery.
    """
    if source.path is None:
        raise ValueError("a scene has a file")
    if before is not None and not before.imagery:
        raise Conflict(
            "{dataset} holds no imagery",
            field="dataset",
            mend="give the scene another dataset",
            dataset=dataset,
        )
    facts = _facts(source.path, source.said, options)
    url = f"{place.tables_url.rstrip('/')}/{dataset}"
    assets = Assets(url, place.cache_dir / "imagery" / dataset, dataset)
    key = _key(source.key, facts)
    if not assets.there(key):
        tell(Progress("reading", 0, 1))
        scratch = place.cache_dir / "ingest"
        with TemporaryDirectory(prefix="scene-", dir=scratch) as folder:
            made = Path(folder) / f"{key}.tif"
            write_asset(source.path, made, facts)
            assets.keep(key, made)
    row = Row(facts, asset_facts(assets, key))
    table = _table(row)
    if before is not None and not options.replace:
        table = _joined(_rows(url, before), table, facts.id)
    tell(Progress("reading", 1, 1))
    return _reading(table, facts, 0 if before is None else before.number)


def _key(sha256: str, facts: Facts) -> str:
    """The name of an asset: equal for equal files taken in the same way."""
    bands = [[one.name, str(one.nodata)] for one in facts.bands]
    said = [1, sha256, facts.crs, bands]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()[:40]


def _table(row: Row) -> pa.Table:
    facts = row.facts
    plain = (facts.id, facts.at, facts.crs, facts.gsd, row.asset.as_text())
    columns = {
        name: pa.array([value], kind) for (name, kind), value in zip(_PLAIN, plain, strict=True)
    }
    fields = [pa.field(name, kind) for name, kind in _PLAIN]
    for band in facts.bands:
        columns[band.name] = pa.array([orjson.dumps(band.as_json()).decode()])
        fields.append(pa.field(band.name, pa.string(), metadata=_IS_JSON))
    columns[GEOMETRY] = pa.array([shapely.to_wkb(facts.footprint)])
    fields.append(pa.field(GEOMETRY, pa.binary()))
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


def _rows(url: str, version: Version) -> pa.Table:
    """The scenes of a version, all of them."""
    from deltalake import DeltaTable

    table = DeltaTable(url, version=version.delta_version).to_pyarrow_table()
    kinds = {field.name: field.type for field in version.fields}
    fields, columns = [], []
    for field in table.schema:
        if field.name in {FID, *(RESERVED - {GEOMETRY})}:
            continue
        is_json = kinds.get(field.name) is FieldType.JSON
        fields.append(pa.field(field.name, field.type, metadata=_IS_JSON if is_json else None))
        columns.append(table.column(field.name))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _joined(before: pa.Table, new: pa.Table, name: str) -> pa.Table:
    """Rows of both; of the same name the new one. A scene without a band has none there."""
    others = before.filter(pa.compute.not_equal(before.column("scene"), name))
    return pa.concat_tables([others, new], promote_options="default")


def _reading(table: pa.Table, facts: Facts, after: int | None) -> Reading:
    shapes = shapely.from_wkb(table.column(GEOMETRY).to_numpy(zero_copy_only=False))
    properties = table.drop_columns([GEOMETRY]).combine_chunks()
    # The asset's column comes last, where the store looks for the column that it keeps to itself.
    names = [name for name in properties.column_names if name != SCENE_ASSET]
    properties = properties.select([*names, SCENE_ASSET])

    def chunks() -> Iterator[Chunk]:
        batches = properties.to_batches()
        lines = np.arange(1, len(shapes) + 1, dtype=np.int64)
        yield Chunk(batches[0], shapes, lines, Sieve(len(shapes)))

    warnings = []
    if facts.at_from in {"name", "date of the file"}:
        warnings.append(f"the time {facts.at:%Y-%m-%dT%H:%M:%SZ} is that of the {facts.at_from}")
    height = next((one for one in facts.bands if one.name == ELEVATION), None)
    if height is not None and facts.heights_from == "source":
        above = "the ellipsoid" if height.standard_name == FROM["ellipsoid"] else "sea level"
        warnings.append(
            f"the band is taken for the height of the ground above {above};"
            " say heights none if it is not"
        )
    return Reading(
        format="geotiff",
        schema=properties.schema,
        chunks=chunks,
        geometry_from=("raster",),
        crs=CRS84,
        rows=len(shapes),
        warnings=tuple(warnings),
        identity="scene",
        scenes=True,
        after=after,
    )
