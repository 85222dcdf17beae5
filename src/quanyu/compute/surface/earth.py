"""How far the earth's surface falls away below a straight line of sight.

``drop = (1 - k) d² / 2R`` with the refraction coefficient k, the share of the earth's curvature
that a ray near the ground is bent by. k = 0.13 is Gauss's value (Torge & Müller, *Geodesy*, 4th
ed. 2012, 5.1.1), usual in surveying (GB 50026 asks that it be regarded, and leaves its value to
measurement); 1/7 is what GDAL takes.
"""

import numpy as np

from quanyu.compute.surface.model import Floats

REFRACTION = 0.13
RADIUS_M = 6_371_008.8
"""Mean radius of GRS 80 (Moritz 2000)."""


def drop(distance: Floats | float, refraction: float = REFRACTION) -> Floats:
    """Metres that the surface lies lower than a level plane, at distances in metres."""
    return np.asarray((1 - refraction) * np.square(distance) / (2 * RADIUS_M))
