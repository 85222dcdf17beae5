"""A made-up city of any size, from a seed. Everything in it is labelled generated.

Streets form a grid of blocks around a centre, turned a little in each district; buildings stand in
rows inside the blocks, taller towards the centre; points are observations in and around the blocks.
The same numbers come from the same seed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.intake import IngestOptions, IngestReport, Place, Progress
from quanyu.spacetime.intake.model import Chunk, Reading, Sieve

GENERATED_BUILDINGS = "generated-buildings"
GENERATED_POINTS = "generated-points"

_ROWS = 65_536
_METRES = 111_320.0  # a degree of latitude
BLOCK = 120.0  # metres from one street's middle to the next
STREET = 20.0
_LOTS = 3  # by three in a block
_STOREY = 3.2
_USES = np.array(["residential", "commercial", "office", "industrial", "public"])
_USE_SHARE = (0.62, 0.14, 0.11, 0.08, 0.05)
_CATEGORIES = np.array(["temperature", "pm25", "noise", "traffic", "parking", "water"])
_MEAN = np.array([18.0, 45.0, 58.0, 320.0, 40.0, 0.4])
_SPREAD = np.array([9.0, 25.0, 9.0, 180.0, 25.0, 0.15])
_YEAR = np.datetime64("2025-01-01T00:00:00", "us")


@dataclass(frozen=True, slots=True)
class City:
    """A plan: how many lots each way, and where its middle is, in degrees."""

    buildings: int
    points: int
    seed: int
    centre: tuple[float, float]

    @property
    def side(self) -> int:
        """Lots along a side of the square that the city is."""
        return int(np.ceil(np.sqrt(max(self.buildings, self.points / 8, 1) / 0.82)))

    @property
    def metres(self) -> float:
        """Length of that side."""
        return self.side / _LOTS * BLOCK


def generate_city(
    place: Place,
    *,
    buildings: int,
    points: int,
    seed: int,
    centre: tuple[float, float] = (113.2644, 23.1291),
    progress: Callable[[str, Progress], None] | None = None,
) -> dict[str, IngestReport]:
    """Make ``generated-buildings`` and ``generated-points`` and publish them; reports by dataset.

    ``centre`` is longitude and latitude. A dataset of zero rows is not made. Raises what
    :func:`quanyu.spacetime.ingest` raises.
    """

    from quanyu.spacetime.intake.run import ingest_reading

    city = City(buildings, points, seed, centre)
    wanted = {
        GENERATED_BUILDINGS: (buildings, building_batches),
        GENERATED_POINTS: (points, point_batches),
    }
    reports: dict[str, IngestReport] = {}
    for dataset, (count, batches) in wanted.items():
        if count == 0:
            continue

        def tell(state: Progress, dataset: str = dataset) -> None:
            if progress is not None:
                progress(dataset, state)

        said = f"generated: seed {seed}, {count} rows, centre {centre[0]}, {centre[1]}"
        reports[dataset] = ingest_reading(
            place, reading_of(city, count, batches), said, dataset, IngestOptions(), tell
        )
    return reports


def reading_of(
    city: City, rows: int, batches: Callable[[City], Iterator[pa.RecordBatch]]
) -> Reading:
    """A source of made-up rows, their WKB in the column ``geometry``."""
    from quanyu.spacetime.intake.geometry import from_wkb

    def chunks() -> Iterator[Chunk]:
        line = 1
        for batch in batches(city):
            sieve = Sieve(batch.num_rows)
            lines = np.arange(line, line + batch.num_rows, dtype=np.int64)
            line += batch.num_rows
            geometry = from_wkb(batch.column("geometry"), sieve)
            yield Chunk(batch.drop_columns(["geometry"]), geometry, lines, sieve)

    schema = next(batches(city)).schema
    return Reading(
        format="generated",
        schema=schema.remove(schema.get_field_index("geometry")),
        chunks=chunks,
        geometry_from=("geometry",),
        crs="OGC:CRS84",
        rows=rows,
    )


def building_batches(city: City) -> Iterator[pa.RecordBatch]:
    """Buildings with their WKB in ``geometry``, a batch at a time."""
    lots = np.random.default_rng([city.seed, 0]).permutation(city.side**2)[: city.buildings]
    lots.sort()
    for number, start in enumerate(range(0, city.buildings, _ROWS)):
        chance = np.random.default_rng([city.seed, 1, number])
        lot = lots[start : start + _ROWS]
        east, north, turn = _lot(city, lot)
        size = len(lot)
        inner = (BLOCK - STREET) / _LOTS
        width, depth = chance.uniform(0.45, 0.85, (2, size)) * inner
        ring = _turned(
            np.stack([-width, width, width, -width], axis=1) / 2,
            np.stack([-depth, -depth, depth, depth], axis=1) / 2,
            turn[:, None],
        )
        lon, lat = degrees(city, east[:, None] + ring[0], north[:, None] + ring[1])
        corners = np.stack([lon, lat], axis=2)
        corners = np.concatenate([corners, corners[:, :1]], axis=1)
        near = np.exp(-((np.hypot(east, north) / (0.2 * city.metres)) ** 2))
        levels = 1 + chance.poisson(2 + 14 * near) + (chance.random(size) < 0.05 * near) * 25
        use = _USES[chance.choice(len(_USES), size, p=_USE_SHARE)]
        yield pa.RecordBatch.from_pydict(
            {
                "id": _ids("b", lot),
                "use": use,
                "levels": levels.astype(np.int64),
                "height": np.round(levels * _STOREY + chance.uniform(0, 1.5, size), 1),
                "built": (2026 - chance.gamma(2.0, 12.0, size)).clip(1900, 2025).astype(np.int64),
                "floor_area": np.round(width * depth * levels, 1),
                "generated": np.ones(size, dtype=bool),
                "geometry": shapely.to_wkb(shapely.polygons(corners)),
            }
        )


def point_batches(city: City) -> Iterator[pa.RecordBatch]:
    """Observations with their WKB in ``geometry``, a batch at a time."""
    for number, start in enumerate(range(0, city.points, _ROWS)):
        chance = np.random.default_rng([city.seed, 2, number])
        size = min(_ROWS, city.points - start)
        east, north = chance.normal(0.0, 0.22 * city.metres, (2, size))
        half = city.metres / 2
        lon, lat = degrees(city, np.clip(east, -half, half), np.clip(north, -half, half))
        which = chance.integers(0, len(_CATEGORIES), size)
        value = np.maximum(0.0, chance.normal(_MEAN[which], _SPREAD[which]))
        moment = _YEAR + chance.integers(0, 365 * 86_400, size).astype("timedelta64[s]")
        yield pa.RecordBatch.from_pydict(
            {
                "id": _ids("p", np.arange(start, start + size)),
                "category": _CATEGORIES[which],
                "value": np.round(value, 2),
                "time": pa.array(moment, type=pa.timestamp("us")).cast(
                    pa.timestamp("us", tz="UTC")
                ),
                "generated": np.ones(size, dtype=bool),
                "geometry": shapely.to_wkb(shapely.points(lon, lat)),
            }
        )


def _lot(
    city: City, lot: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Metres east and north of the centre for the middle of each lot, and its turn in radians."""
    column, row = lot % city.side, lot // city.side
    inner = (BLOCK - STREET) / _LOTS

    def along(index: NDArray[np.int64]) -> NDArray[np.float64]:
        block, inside = index // _LOTS, index % _LOTS
        return np.asarray(block * BLOCK + STREET / 2 + (inside + 0.5) * inner - city.metres / 2)

    east, north = along(column), along(row)
    district = (column // 24) * 7919 + (row // 24) * 104_729 + city.seed
    turn = np.radians((district % 13 - 6) * 0.75)
    return east, north, turn


def _turned(
    x: NDArray[np.float64], y: NDArray[np.float64], angle: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)


def degrees(
    city: City, east: NDArray[np.float64], north: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of metres east and north of the city's centre."""
    lon, lat = city.centre
    return lon + east / (_METRES * np.cos(np.radians(lat))), lat + north / _METRES


def _ids(prefix: str, numbers: NDArray[np.int64]) -> NDArray[np.str_]:
    return np.char.add(prefix, numbers.astype(str))
