"""MinHash of a field's values: two collections are compared without either being copied.

Only fields that tell nothing of persons are sketched. A sketch is found again by its bands, so that
no catalogue is gone through.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import ForeignKey, Index, Integer, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from quanyu.kernel import Json, ResourceId, Table

WIDTH = 64
_BANDS, _ROWS = 16, 4
_FEWEST = 8
_PRIME = np.uint64((1 << 61) - 1)
_RANDOM = np.random.default_rng(20_240_601)
_A = _RANDOM.integers(1, 1 << 31, WIDTH, dtype=np.uint64)
_B = _RANDOM.integers(0, 1 << 31, WIDTH, dtype=np.uint64)

Sketch = tuple[int, ...]


class SketchRow(Table):
    """The sketch of a field of a resource."""

    __tablename__ = "harvest_sketch"

    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), primary_key=True)
    field: Mapped[str] = mapped_column(String(500), primary_key=True)
    sketch: Mapped[list[int]] = mapped_column(Json)


class BandRow(Table):
    """A part of a sketch; sketches that share one may be alike."""

    __tablename__ = "harvest_sketch_band"
    __table_args__ = (Index("ix_harvest_sketch_band_resource", "resource"),)

    band: Mapped[str] = mapped_column(String(16), primary_key=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resource.id"), primary_key=True)
    field: Mapped[str] = mapped_column(String(500), primary_key=True)
    place: Mapped[int] = mapped_column(Integer)


def sketch(values: Iterable[object]) -> Sketch | None:
    """The sketch of the different values; ``None`` when there are too few to say anything."""
    texts = {str(value).strip() for value in values if value is not None}
    texts.discard("")
    if len(texts) < _FEWEST:
        return None
    hashes = np.fromiter(
        (int.from_bytes(hashlib.blake2b(t.encode(), digest_size=4).digest()) for t in texts),
        dtype=np.uint64,
        count=len(texts),
    )
    mixed = (hashes[:, None] * _A[None, :] + _B[None, :]) % _PRIME
    return tuple(int(value) for value in mixed.min(axis=0) % np.uint64(1 << 32))


def overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """How much of their values two sketches share, from 0 to 1 (an estimate of Jaccard's)."""
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def keep_sketches(
    session: Session, resource: ResourceId, sketches: Mapping[str, Sequence[int]]
) -> None:
    """Keep the sketches of a resource's fields in place of those it had."""
    for table in (BandRow, SketchRow):
        session.execute(delete(table).where(table.resource == resource))
    for field, made in sketches.items():
        session.add(SketchRow(resource=resource, field=field[:500], sketch=list(made)))
        for place, band in enumerate(_bands(made)):
            session.add(BandRow(band=band, resource=resource, field=field[:500], place=place))
    session.flush()


def alike(session: Session, sketches: Mapping[str, Sequence[int]], most: int = 50) -> set[str]:
    """Resources of which a field shares a part with one of these sketches."""
    bands = {band for made in sketches.values() for band in _bands(made)}
    if not bands:
        return set()
    found = select(BandRow.resource).where(BandRow.band.in_(bands)).distinct().limit(most)
    return set(session.scalars(found))


def sketches_of(session: Session, resource: str) -> dict[str, Sketch]:
    """The sketches that are kept of a resource."""
    rows = session.scalars(select(SketchRow).where(SketchRow.resource == resource))
    return {row.field: tuple(row.sketch) for row in rows}


def _bands(made: Sequence[int]) -> list[str]:
    return [
        hashlib.blake2b(
            repr((band, tuple(made[band * _ROWS : (band + 1) * _ROWS]))).encode(), digest_size=8
        ).hexdigest()
        for band in range(_BANDS)
    ]
