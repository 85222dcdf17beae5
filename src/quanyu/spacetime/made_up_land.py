"""Made-up land space for a made-up city, to try compliance checks on. Nothing in it is a plan.

A parcel for each block; planned classes and limits by the distance from the centre; the urban
boundary a rectangle about the middle, basic farmland along the eastern edge, a red line in the
north.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.generate import BLOCK, STREET, City, degrees, reading_of
from quanyu.spacetime.intake import IngestOptions, IngestReport, Place

GENERATED_LAND = (
    "generated-parcels",
    "generated-planned-use",
    "generated-farmland",
    "generated-red-line",
    "generated-urban-boundary",
    "generated-plans",
)
_ROWS = 65_536
_CLASSES = np.array(["0501", "0701", "0601", "0810"])
_HEIGHTS = np.array([100.0, 60.0, 24.0, 9.0])
_RATIOS = np.array([5.0, 2.5, 1.5, 0.2])
_DENSITIES = np.array([50.0, 30.0, 45.0, 5.0])
_GREENS = np.array([20.0, 35.0, 15.0, 75.0])
Numbers = NDArray[np.int64]


def generate_land(
    place: Place,
    *,
    buildings: int,
    points: int,
    seed: int,
    centre: tuple[float, float] = (113.2644, 23.1291),
) -> dict[str, IngestReport]:
    """Make and publish the datasets of :data:`GENERATED_LAND` for the city that
    :func:`quanyu.spacetime.generate_city` makes of the same numbers; reports by dataset."""
    from quanyu.spacetime.intake.run import ingest_reading

    city = City(buildings, points, seed, centre)
    blocks = blocks_of(city)
    makers: dict[str, tuple[int, Callable[[City], Iterator[pa.RecordBatch]]]] = {
        "generated-parcels": (blocks, _parcels),
        "generated-planned-use": (blocks, _planned),
        "generated-farmland": (1, lambda c: _one(c, "f1", (0.35, -0.5, 0.5, 0.5))),
        "generated-red-line": (1, lambda c: _one(c, "e1", (-0.5, 0.4, 0.5, 0.5))),
        "generated-urban-boundary": (1, lambda c: _one(c, "u1", (-0.4, -0.4, 0.3, 0.35))),
        "generated-plans": (blocks, _plans),
    }
    said = f"generated: seed {seed}, centre {centre[0]}, {centre[1]}"
    return {
        name: ingest_reading(
            place, reading_of(city, rows, batches), said, name, IngestOptions(), lambda _state: None
        )
        for name, (rows, batches) in makers.items()
    }


def blocks_of(city: City) -> int:
    """How many blocks the city has."""
    return _side(city) ** 2


def _side(city: City) -> int:
    return max(1, int(city.metres // BLOCK))


def _batches(city: City) -> Iterator[tuple[Numbers, NDArray[np.object_], Numbers]]:
    """Numbers of blocks, their shapes inside the streets, and which planned class each has."""
    side = _side(city)
    for start in range(0, side * side, _ROWS):
        number = np.arange(start, min(start + _ROWS, side * side), dtype=np.int64)
        east = np.asarray((number % side + 0.5) * BLOCK - city.metres / 2, np.float64)
        north = np.asarray((number // side + 0.5) * BLOCK - city.metres / 2, np.float64)
        half = (BLOCK - STREET) / 2
        corners = [degrees(city, np.add(east, by), np.add(north, by)) for by in (-half, half)]
        (west, south), (right, top) = corners
        reach = np.hypot(east, north) / city.metres
        kind = np.digitize(reach, (0.12, 0.35)).astype(np.int64)
        kind[number % 17 == city.seed % 17] = 3  # a park here and there
        yield number, shapely.box(west, south, right, top), kind


def _batch(number: Numbers, shapes: NDArray[np.object_], **columns: object) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "id": np.char.add("k", number.astype(str)),
            **columns,
            "generated": np.ones(len(number), dtype=bool),
            "geometry": shapely.to_wkb(shapes),
        }
    )


def _parcels(city: City) -> Iterator[pa.RecordBatch]:
    for number, shapes, _ in _batches(city):
        codes = np.char.zfill(number.astype(str), 7)
        yield _batch(number, shapes, parcel=np.char.add("GENERATED", codes))


def _planned(city: City) -> Iterator[pa.RecordBatch]:
    for number, shapes, kind in _batches(city):
        yield _batch(number, shapes, dlbm=_CLASSES[kind])


def _plans(city: City) -> Iterator[pa.RecordBatch]:
    for number, shapes, kind in _batches(city):
        yield _batch(
            number,
            shapes,
            dlbm=_CLASSES[kind],
            height_limit=_HEIGHTS[kind],
            far=_RATIOS[kind],
            density=_DENSITIES[kind],
            green=_GREENS[kind],
        )


def _one(city: City, name: str, box: tuple[float, ...]) -> Iterator[pa.RecordBatch]:
    """One rectangle, in parts of the city's width from its centre."""
    corners = np.array(box) * city.metres
    lon, lat = degrees(city, corners[[0, 2]], corners[[1, 3]])
    shape = np.array([shapely.box(lon[0], lat[0], lon[1], lat[1])], dtype=object)
    batch = _batch(np.zeros(1, np.int64), shape, name=np.array([f"generated {name}"]))
    yield batch.set_column(0, "id", pa.array([name]))
