"""A serving copy with the edits since laid over it: a small copy of what they left, and a mask.

Rows are counted through, first those of the copy below and then those of the edits. Those below
that an edit touched are masked; how many edits there are, not how many rows, says what it costs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanyu.spacetime.engine import own
from quanyu.spacetime.flat import open_array
from quanyu.spacetime.model import Bbox
from quanyu.spacetime.restricted import Relation
from quanyu.spacetime.serving import OPEN_ENDS, About, Layer, ServingCopy, ends_of

GONE_ROWS = "gone.npy"
"""Rows of the copy below that are masked, beside the copy of the edits."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class LayeredCopy:
    """``over`` laid on ``below``, both of one restriction; ``gone`` are the masked rows of the
    latter, ascending."""

    below: ServingCopy
    over: ServingCopy
    gone: Rows = field(repr=False)

    @property
    def folder(self) -> Path:
        """Where things computed from it may be kept."""
        return self.over.folder

    @property
    def relation(self) -> Relation:
        """The rows that may be seen, as the edits see them."""
        return self.over.relation

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The copies that have rows, each with what is gone of it."""
        found = (Layer(self.below, self.gone), Layer(self.over, None))
        return tuple(layer for layer in found if layer.copy.about.rows)

    @cached_property
    def about(self) -> About:
        """What both hold together."""
        below, over = self.below.about, self.over.about
        filled = [one for one in (below, over) if one.rows] or [below]
        return replace(
            below,
            rows=below.rows - len(self.gone) + over.rows,
            shapes=below.shapes - self._shapes_gone() + over.shapes,
            points=all(one.points for one in filled),
            numbered=all(one.numbered for one in filled),
            bbox=self._bbox(),
            interval=self._interval(),
            size=below.size + over.size,
        )

    @property
    def rows_sql(self) -> str:
        """The rows as an SQL relation, in the order of their ``ordinal``."""
        ordinal = own("ordinal")
        hidden = ", ".join(map(str, self.gone.tolist()))
        masked = f" WHERE {ordinal} NOT IN ({hidden})" if hidden else ""
        moved = f"SELECT * REPLACE ({ordinal} + {self._count} AS {ordinal}) FROM"
        return (
            f"(SELECT * FROM {self.below.rows_sql}{masked}"
            f" UNION ALL BY NAME {moved} {self.over.rows_sql})"
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that :attr:`rows_sql` reads."""
        return (*self.below.files, *self.over.files)

    def there(self) -> bool:
        """Whether the files of both still are."""
        return self.below.there() and self.over.there()

    def pages(self, start: int, step: int) -> Iterator[Rows]:
        """All rows from ``start`` on, at most ``step`` at a time."""
        for rows in self.below.pages(start, step):
            yield from self._kept(rows)
        for rows in self.over.pages(max(start - self._count, 0), step):
            yield rows + self._count

    def search(self, box: Bbox, start: int = 0) -> Iterator[Rows]:
        """Rows from ``start`` on whose boxes meet ``box``, ascending, in chunks."""
        if start < self._count:
            for rows in self.below.search(box, start):
                yield from self._kept(rows)
        for rows in self.over.search(box, max(start - self._count, 0)):
            yield rows + self._count

    def boxes(self, rows: Rows) -> NDArray[np.float64]:
        """Boxes of some rows."""
        first, second = self._split(rows)
        return np.concatenate([self.below.boxes(first), self.over.boxes(second)])

    def validity(self, rows: Rows) -> Rows | None:
        """Validity of some rows; ``None`` where no row has any."""
        parts = [
            (one.validity(part), len(part))
            for one, part in zip((self.below, self.over), self._split(rows), strict=True)
        ]
        if all(valid is None for valid, _ in parts):
            return None
        return np.concatenate(
            [_always(count) if valid is None else valid for valid, count in parts]
        )

    def geometries(self, rows: Rows) -> NDArray[Any]:
        """Geometries of some rows, in CRS84."""
        first, second = self._split(rows)
        if not second.size:
            return self.below.geometries(first)
        return np.concatenate([self.below.geometries(first), self.over.geometries(second)])

    def join(self, rows: Rows) -> bytes:
        """Features of ascending rows, joined by commas."""
        first, second = self._split(rows)
        return b",".join(
            one.join(part) for one, part in ((self.below, first), (self.over, second)) if part.size
        )

    def find(self, fid: str) -> int | None:
        """The row of a feature id."""
        row = self.over.find(fid)
        if row is not None:
            return row + self._count
        row = self.below.find(fid)
        return None if row is None or _among(np.array([row]), self.gone).any() else row

    @property
    def _count(self) -> int:
        return self.below.about.rows

    def _split(self, rows: Rows) -> tuple[Rows, Rows]:
        at = int(np.searchsorted(rows, self._count))
        return rows[:at], rows[at:] - self._count

    def _kept(self, rows: Rows) -> Iterator[Rows]:
        kept = rows[~_among(rows, self.gone)]
        if kept.size:
            yield kept

    def _shapes_gone(self) -> int:
        if not self.relation.has_geometry:
            return 0
        return int((~np.isnan(self.below.boxes(self.gone)[:, 0])).sum())

    def _bbox(self) -> Bbox | None:
        """The box around what is left, looked for anew only where a masked row reached its edge."""
        box = self.below.about.bbox
        if box is not None and self.gone.size:
            edges = self.below.boxes(self.gone) == np.array(box)
            if edges.any():
                box = _around(np.delete(self.below.levels[0], self.gone, axis=0))
        boxes = [one for one in (box, self.over.about.bbox) if one is not None]
        if not boxes:
            return None
        west, south, east, north = zip(*boxes, strict=True)
        return min(west), min(south), max(east), max(north)

    def _interval(self) -> tuple[int | None, int | None]:
        """First and last known time of what is left."""
        below = self.below.about.interval
        valid = self.below.valid
        if (
            valid is not None
            and self.gone.size
            and np.isin(valid[self.gone], [end for end in below if end is not None]).any()
        ):
            below = ends_of(np.delete(valid, self.gone, axis=0))
        starts = [one for one in (below[0], self.over.about.interval[0]) if one is not None]
        ends = [one for one in (below[1], self.over.about.interval[1]) if one is not None]
        return min(starts, default=None), max(ends, default=None)


def open_layered(below: ServingCopy | None, over: ServingCopy | None) -> LayeredCopy | None:
    """Both together, when both have been built."""
    if below is None or over is None:
        return None
    try:
        gone = open_array(over.folder / GONE_ROWS)
    except FileNotFoundError:  # deleted by another process meanwhile
        return None
    return LayeredCopy(below, over, gone)


def _among(rows: Rows, gone: Rows) -> NDArray[np.bool_]:
    """Which of the rows are among ``gone``, which is ascending."""
    if not gone.size:
        return np.zeros(len(rows), bool)
    at = np.minimum(np.searchsorted(gone, rows), len(gone) - 1)
    found: NDArray[np.bool_] = gone[at] == rows
    return found


def _always(count: int) -> Rows:
    return np.tile(np.array([OPEN_ENDS.min, OPEN_ENDS.max], np.int64), (count, 1))


def _around(boxes: NDArray[np.float64]) -> Bbox | None:
    present = boxes[~np.isnan(boxes[:, 0])]
    if not len(present):
        return None
    west, south = present[:, :2].min(axis=0).tolist()
    east, north = present[:, 2:].max(axis=0).tolist()
    return west, south, east, north
