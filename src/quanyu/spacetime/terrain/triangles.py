"""A grid of heights as few triangles: a right-triangulated irregular network.

Source: Evans, Kirkpatrick, Townsend, "Right-triangulated irregular networks", Algorithmica 30
(2001), 264-286. Each right triangle is halved at the middle of its longest side, for as long as a
point in it lies further from the surface than is allowed; errors of parts are those of the whole,
so that neighbours halve the side between them together and no gaps open.

Points along the edges of the tile are all kept: the tile beside it keeps the same ones.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def triangles(places: Floats, allowed: float) -> Ints:
    """Triangles (n × 3) of indexes into the points, counted row by row.

    ``places`` (s+1 × s+1 × 3, s a power of two) are metres, so that what the curve of the earth
    adds counts as well. Corners run counterclockwise where rows rise northwards.
    """
    side = len(places) - 1
    wanted = _errors(places) > allowed
    a, b, c = _halves(side)
    kept = []
    while len(a):
        middle = (a + b) // 2
        apart = np.abs(a - b).max(axis=1) > 1
        split = apart & wanted[middle[:, 0], middle[:, 1]]
        kept.append(np.stack([a[~split], b[~split], c[~split]], axis=1))
        a, b, c, middle = a[split], b[split], c[split], middle[split]
        a, b, c = np.concatenate([c, b]), np.concatenate([a, c]), np.concatenate([middle, middle])
    corners = np.concatenate(kept)
    found: Ints = corners[..., 0] * (side + 1) + corners[..., 1]
    return found


def _halves(side: int) -> tuple[Ints, Ints, Ints]:
    """The two halves of the tile: both ends of the longest side, and the right angle, as (row,
    column)."""
    a = np.array([[side, side], [0, 0]])
    b = np.array([[0, 0], [side, side]])
    c = np.array([[0, side], [side, 0]])
    return a, b, c


def _errors(places: Floats) -> Floats:
    """For each point how far the surface without it, or without one that it brings in, is off."""
    side = len(places) - 1
    errors = np.zeros((side + 1, side + 1))
    step = 2
    while step <= side:
        half = step // 2
        _sides(places, errors, step, half)
        _squares(places, errors, step, half)
        step *= 2
    return errors


def _sides(places: Floats, errors: Floats, step: int, half: int) -> None:
    """Middles of the sides of squares; those of the tile's own edges are always wanted."""
    across = np.linalg.norm(
        places[::step, half::step] - (places[::step, :-1:step] + places[::step, step::step]) / 2,
        axis=2,
    )
    up = np.linalg.norm(
        places[half::step, ::step] - (places[:-1:step, ::step] + places[step::step, ::step]) / 2,
        axis=2,
    )
    across[0], across[-1] = np.inf, np.inf
    up[:, 0], up[:, -1] = np.inf, np.inf
    if half > 1:
        quarter = half // 2
        # The middles of the quarters beside each side: two on either side of it.
        parts = errors[quarter::half, quarter::half]
        pairs = np.maximum(parts[:, ::2], parts[:, 1::2])
        across[:-1] = np.maximum(across[:-1], pairs[::2])
        across[1:] = np.maximum(across[1:], pairs[1::2])
        pairs = np.maximum(parts[::2], parts[1::2])
        up[:, :-1] = np.maximum(up[:, :-1], pairs[:, ::2])
        up[:, 1:] = np.maximum(up[:, 1:], pairs[:, 1::2])
    errors[::step, half::step] = across
    errors[half::step, ::step] = up


def _squares(places: Floats, errors: Floats, step: int, half: int) -> None:
    """Middles of squares, on the diagonal that halves them: that to the middle of the square which
    they are a quarter of."""
    south_west, north_east = places[:-1:step, :-1:step], places[step::step, step::step]
    south_east, north_west = places[:-1:step, step::step], places[step::step, :-1:step]
    rising = (south_west + north_east) / 2
    falling = (south_east + north_west) / 2
    rows, columns = np.indices(rising.shape[:2])
    chord = np.where(((rows + columns) % 2 == 0)[..., None], rising, falling)
    own = np.linalg.norm(places[half::step, half::step] - chord, axis=2)
    for part in (errors[:-1:step, half::step], errors[step::step, half::step],
                 errors[half::step, :-1:step], errors[half::step, step::step]):  # fmt: skip
        own = np.maximum(own, part)
    errors[half::step, half::step] = own
