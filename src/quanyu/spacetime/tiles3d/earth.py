"""Degrees and heights as geocentric coordinates (EPSG:4978), and what is upwards there."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_A = 6_378_137.0
_F = 1 / 298.257223563
_E2 = _F * (2 - _F)


def geocentric(lon: Floats, lat: Floats, height: Floats) -> Floats:
    """Metres along X, Y, Z (n × 3) of degrees and metres above the ellipsoid.

    Source: IOGP 373-7-2, method 9602. Heights are taken as they are: between those above sea level
    and those above the ellipsoid lies the geoid, up to 100 m, of which the store knows nothing.
    """
    phi, lam = np.radians(lat), np.radians(lon)
    sine, cosine = np.sin(phi), np.cos(phi)
    normal = _A / np.sqrt(1 - _E2 * sine**2)
    flat = (normal + height) * cosine
    z = (normal * (1 - _E2) + height) * sine
    return np.column_stack([flat * np.cos(lam), flat * np.sin(lam), z])


def upwards(places: Floats) -> Floats:
    """The direction away from the ground at geocentric places, to a fifth of a degree."""
    found: Floats = places / np.linalg.norm(places, axis=1, keepdims=True)
    return found
