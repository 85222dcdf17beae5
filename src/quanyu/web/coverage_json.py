"""CoverageJSON (OGC 21-069r2) of samples and of cubes; all in CRS84, times in UTC."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from quanyu.spacetime import Cube, Field, Samples

_SPACE = {
    "coordinates": ["x", "y"],
    "system": {"type": "GeographicCRS", "id": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"},
}
_TIME = {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}}


def parameters(fields: Sequence[Field], labels: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Parameter objects (clause 7.1) of properties, with their unit where it is known; ``labels``
    say by language what each means."""
    found = {}
    for field in fields:
        label = labels.get(field.name) or {"en": field.name}
        said: dict[str, Any] = {"type": "Parameter", "observedProperty": {"label": label}}
        if field.unit:
            said["unit"] = {"symbol": field.unit}
        found[field.name] = said
    return found


def of_samples(samples: Samples, described: Mapping[str, Any]) -> bytes:
    """A CoverageCollection: a series at each place, a point for each value that has no time."""
    timeless = np.isnat(samples.times)
    changes = (np.diff(samples.x) != 0) | (np.diff(samples.y) != 0) | timeless[1:] | timeless[:-1]
    bounds = np.concatenate(([0], np.flatnonzero(changes) + 1, [len(samples)]))
    spans = zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True) if len(samples) else ()
    document = {
        "type": "CoverageCollection",
        "parameters": described,
        "referencing": [_SPACE, _TIME],
        "coverages": [_series(samples, first, end) for first, end in spans],
    }
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z)


def of_trajectory(samples: Samples, described: Mapping[str, Any]) -> bytes:
    """A Coverage over the composite axis of a path, in the order of the samples."""
    columns: list[list[Any]] = [samples.x.tolist(), samples.y.tolist()]
    names = ["x", "y"]
    if not np.isnat(samples.times).all():
        columns.insert(0, times_as_text(samples.times))
        names.insert(0, "t")
    document = {
        "type": "Coverage",
        "domain": {
            "type": "Domain",
            "domainType": "Trajectory",
            "axes": {
                "composite": {
                    "dataType": "tuple",
                    "coordinates": names,
                    "values": [list(one) for one in zip(*columns, strict=True)],
                }
            },
            "referencing": [_SPACE, _TIME],
        },
        "parameters": described,
        "ranges": {
            name: _range(values, ["composite"], [len(samples)])
            for name, values in samples.values.items()
        },
    }
    return orjson.dumps(document)


def of_cube(cube: Cube, described: Mapping[str, Any]) -> bytes:
    """A Coverage over a grid: the means, and how many each is of."""
    shape = list(cube.count.shape)
    counted = {
        "type": "Parameter",
        "observedProperty": {"label": {"en": "number of features", "zh": "要素数量"}},
    }
    ranges = {name: _range(values, ["y", "x"], shape) for name, values in cube.values.items()}
    ranges["count"] = {
        "type": "NdArray",
        "dataType": "integer",
        "axisNames": ["y", "x"],
        "shape": shape,
        "values": cube.count.ravel().tolist(),
    }
    document = {
        "type": "Coverage",
        "domain": {
            "type": "Domain",
            "domainType": "Grid",
            "axes": {"x": {"values": cube.x.tolist()}, "y": {"values": cube.y.tolist()}},
            "referencing": [_SPACE],
        },
        "parameters": {**described, "count": counted},
        "ranges": ranges,
    }
    return orjson.dumps(document)


def _series(samples: Samples, first: int, end: int) -> dict[str, Any]:
    axes: dict[str, Any] = {
        "x": {"values": [float(samples.x[first])]},
        "y": {"values": [float(samples.y[first])]},
    }
    times = samples.times[first:end]
    if end - first == 1 and np.isnat(times[0]):
        kind, names, shape = "Point", [], []
    else:
        kind, names, shape = "PointSeries", ["t"], [end - first]
        axes["t"] = {"values": times_as_text(times)}
    return {
        "type": "Coverage",
        "id": str(samples.fids[first]),
        "domain": {"type": "Domain", "domainType": kind, "axes": axes},
        "ranges": {
            name: _range(values[first:end], names, shape) for name, values in samples.values.items()
        },
    }


def _range(values: NDArray[np.float64], names: list[str], shape: list[int]) -> dict[str, Any]:
    there = with_gaps(values.ravel())
    found: dict[str, Any] = {"type": "NdArray", "dataType": "float", "values": there}
    return found | ({"axisNames": names, "shape": shape} if names else {})


def with_gaps(values: NDArray[np.float64]) -> list[float | None]:
    """Numbers (n,) as a list, ``None`` for NaN."""
    there: list[float | None] = np.where(np.isnan(values), None, values).tolist()  # type: ignore[call-overload]
    return there


def times_as_text(times: NDArray[np.datetime64]) -> list[str | None]:
    """Times (n,) in UTC as RFC 3339, ``None`` for NaT."""
    text = np.char.add(np.datetime_as_string(times, unit="s"), "Z")
    found: list[str | None] = np.where(np.isnat(times), None, text).tolist()  # type: ignore[call-overload]
    return found
