"""BeiDou grid location codes in three dimensions (GB/T 39409-2020, clause 6 and annex C).

Height above the ellipsoid is divided so that cells stay cubes: the layer at 1/2048″ is
n = ⌊θ₀/θ · log(1+θ₀)((H + r₀)/r₀)⌋ (C.12), a signed integer of 32 bits; the layers of coarser
levels are its leading bits (C.3), in two's complement, so that below the ground too a layer lies
wholly in its parent. Clause 6.1 would also let n be computed anew with the θ of each level; above
level 5 that gives layers that do not nest, so it is not done.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from quanyu.kernel import Invalid
from quanyu.spacetime.grids import beidou
from quanyu.spacetime.grids.lattice import check_many
from quanyu.spacetime.grids.model import (
    Codes,
    Degrees,
    Ints,
    check_level,
    degrees,
    names_of,
    no_cell,
    symbols,
    written,
)

Bounds3d = tuple[Degrees, Degrees, Degrees, Degrees, Degrees, Degrees]
NAME = "beidou3d"
LENGTHS = (7, 10, 12, 15, 18, 20, 23, 26, 29, 32)
"""Symbols of a code of each level: after N or S comes 0 above the ground and 1 below it, and each
level's symbols of height follow those of its plane (figure 12)."""

HEIGHTS = (-6_302_106.722602182, 528_680_171.1252437)
"""Least and greatest height in metres (C.2)."""

_BITS = (6, 3, 1, 4, 4, 1, 3, 3, 3, 3)
_PER_DEGREE = 3600 * 2048
_RADIUS = 6_378_137.0
_GROWTH = np.log1p(np.pi / 180)
_SYMBOLS = symbols(np.array(["0123456789ABCDEFGHIJKLMNOPQRSTUV"]))[0]
_PLANE = (0, *beidou.LENGTHS)


def cells_3d(lon: ArrayLike, lat: ArrayLike, height: ArrayLike, level: int) -> Codes:
    """The cell of each point; heights in metres above the ellipsoid.

    Raises ``Invalid`` on ``level``, ``point`` or ``height``.
    """
    check_level(level, beidou.LEVELS, NAME)
    column, row = beidou.locate(*degrees(lon, lat), level)
    return write_3d(column, row, layer_of(height, level), level)


def layer_of(height: ArrayLike, level: int) -> Ints:
    """The layer of heights in metres: 0 is the first above the ellipsoid, -1 the first below."""
    metres = np.atleast_1d(np.asarray(height, np.float64))
    low, high = HEIGHTS
    with np.errstate(invalid="ignore"):
        good = (metres >= low) & (metres < high)
    if not good.all():
        raise Invalid(
            "{height} m is outside of the grid's heights",
            field="height",
            mend="give metres above the ellipsoid from {low} to {high}",
            height=float(metres[int(np.flatnonzero(~good)[0])]),
            low=round(low),
            high=round(high),
        )
    found = np.floor(np.log1p(metres / _RADIUS) / _GROWTH * _PER_DEGREE)
    found -= _floor_of(found) > metres
    found += _floor_of(found + 1) <= metres
    layer: Ints = found.astype(np.int64) >> sum(_BITS[level:])
    return layer


def heights_of(layer: Ints, level: int) -> tuple[Degrees, Degrees]:
    """Bottom and top of layers in metres (C.8)."""
    shift = sum(_BITS[level:])
    return _floor_of(layer << shift), _floor_of((layer + 1) << shift)


def bounds_3d(cells: ArrayLike) -> Bounds3d:
    """West, south, bottom, east, north, top of cells: degrees and metres."""
    level, column, row, layer = read_3d(cells)
    west, south, east, north = beidou.edges(column, row, level)
    bottom, top = heights_of(layer, level)
    return west, south, bottom, east, north, top


def plane_of(cells: ArrayLike) -> Codes:
    """The two-dimensional code of cells."""
    level, column, row, _ = read_3d(cells)
    return beidou.write(column, row, level)


def parents_3d(cells: ArrayLike, level: int) -> Codes:
    """The cell of a coarser level that each lies in: the beginning of its code."""
    check_level(level, beidou.LEVELS, NAME)
    own, *where = read_3d(cells)
    if level > own:
        raise Invalid(
            "cells of level {own} have no parents of level {level}",
            field="level",
            mend="give a level up to {own}",
            own=own,
            level=level,
        )
    column, row, layer = where
    return write_3d(column, row, layer, own).astype(f"U{LENGTHS[level - 1]}")


def children_3d(cells: ArrayLike) -> tuple[Codes, Ints]:
    """Cells of the next level within each, and the place in ``cells`` that each belongs to."""
    level, column, row, layer = read_3d(cells)
    check_level(level + 1, beidou.LEVELS, NAME)
    plane, of = beidou.BEIDOU.children(beidou.write(column, row, level))
    _, columns, rows = beidou.read(plane)
    count = 1 << _BITS[level]
    owner = np.repeat(of, count)
    layers = layer[owner] * count + np.tile(np.arange(count), len(of))
    return write_3d(np.repeat(columns, count), np.repeat(rows, count), layers, level + 1), owner


def neighbours_3d(cells: ArrayLike) -> tuple[Codes, Ints]:
    """The 26 cells around each, fewer where the grid ends, with whose they are."""
    level, column, row, layer = read_3d(cells)
    own = beidou.write(column, row, level)
    around, of = beidou.BEIDOU.neighbours(own)
    least, most = (int(layer_of(np.nextafter(h, 0), level)[0]) for h in HEIGHTS)
    found, owners = [], []
    for step in (-1, 0, 1):
        plane = around if step == 0 else np.concatenate([around, own])
        owner = of if step == 0 else np.concatenate([of, np.arange(len(own))])
        layers = layer[owner] + step
        there = (layers >= least) & (layers <= most)
        _, columns, rows = beidou.read(plane[there])
        found.append(write_3d(columns, rows, layers[there], level))
        owners.append(owner[there])
    return np.concatenate(found), np.concatenate(owners)


def cover_3d(geometry: Any, low: float, high: float, level: int) -> Codes:
    """Cells that meet a geometry in degrees between two heights in metres, in order of names."""
    if low > high:
        raise Invalid("the lower height is above the upper", field="height", mend="swap them")
    plane = beidou.BEIDOU.cover(geometry, level)
    first, last = (int(layer_of(metres, level)[0]) for metres in (low, high))
    count = last - first + 1
    check_many(len(plane) * count)
    _, columns, rows = beidou.read(plane)
    layers = np.tile(np.arange(first, last + 1), len(plane))
    return np.sort(write_3d(np.repeat(columns, count), np.repeat(rows, count), layers, level))


def write_3d(column: Ints, row: Ints, layer: Ints, level: int) -> Codes:
    """Codes of columns, rows and layers."""
    plane = symbols(beidou.write(column, row, level))
    marks = np.empty((len(plane), LENGTHS[level - 1]), np.uint32)
    bits = (layer << sum(_BITS[level:])) & 0xFFFF_FFFF
    marks[:, 0], marks[:, 1], marks[:, 2:5] = plane[:, 0], _SYMBOLS[bits >> 31], plane[:, 1:4]
    left = 31
    for at in range(1, level + 1):
        left -= _BITS[at - 1]
        value = (bits >> left) & ((1 << _BITS[at - 1]) - 1)
        end = LENGTHS[at - 1]
        marks[:, end - 1] = _SYMBOLS[value % 10 if at == 1 else value]
        if at == 1:
            marks[:, end - 2] = _SYMBOLS[value // 10]
        else:
            begin, stop = _PLANE[at - 1], _PLANE[at]
            marks[:, end - 1 - (stop - begin) : end - 1] = plane[:, begin:stop]
    return written(marks)


def read_3d(cells: ArrayLike) -> tuple[int, Ints, Ints, Ints]:
    """Level, columns, rows and layers of codes; raises ``Invalid`` (``cell``)."""
    codes = names_of(cells, LENGTHS, "0123456789ABCDEFGHIJKLMNOPQRSTUV", NAME)
    if not codes.size:
        none = np.empty(0, np.int64)
        return 1, none, none, none
    marks = symbols(codes)
    level = LENGTHS.index(marks.shape[1]) + 1
    value = np.searchsorted(_SYMBOLS, marks).astype(np.int64)
    plane = [marks[:, [0, 2, 3, 4]]]
    good = (value[:, 1] < 2) & (value[:, 5:7] < 10).all(axis=1)
    tens = value[:, 5] * 10 + value[:, 6]
    good &= tens < 64
    bits = value[:, 1] << 6 | tens
    for at in range(2, level + 1):
        end = LENGTHS[at - 1]
        plane.append(marks[:, LENGTHS[at - 2] : end - 1])
        good &= value[:, end - 1] < 1 << _BITS[at - 1]
        bits = bits << _BITS[at - 1] | value[:, end - 1]
    if not good.all():
        raise no_cell(str(codes[int(np.flatnonzero(~good)[0])]), NAME)
    _, column, row = beidou.read(written(np.concatenate(plane, axis=1)))
    sign = 1 << sum(_BITS[:level])
    return level, column, row, np.where(bits >= sign, bits - 2 * sign, bits)


def _floor_of(layer: Any) -> Degrees:
    return np.asarray(_RADIUS * np.expm1(layer / _PER_DEGREE * _GROWTH), np.float64)
