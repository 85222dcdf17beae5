"""Flags of quality computed anew over what is kept, as datastreams declare their tests now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from quanyu.kernel import ControlStore, Invalid
from quanyu.streams.flagging import declared_checks, flagged, own_quality
from quanyu.streams.observations import Observations, Selection

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = 50_000
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Reflagged:
    """How many observations were looked at, and of how many the flags changed."""

    looked: int
    changed: int


def flag_again(
    control: ControlStore,
    observations: Observations,
    numbers: Sequence[int],
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Reflagged:
    """Flag the observations of datastreams anew that start in ``[start, end)``; where no tests are
    declared any more, flags go.

    Whoever follows is told of each whose flags changed. What is changed by others at the same time
    keeps what they wrote. May be broken off and started again.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if start is not None and end is not None and end <= start:
        raise Invalid("the end is not after the start", field="end", mend="give a later one")
    with control.read() as session:
        checks = declared_checks(session, numbers)
    looked = changed = 0
    for number in numbers:
        for piece in _pieces(observations, number, start, end):
            own = pa.array([own_quality(one) for one in piece["quality"].to_pylist()], pa.string())
            place = piece.column_names.index("quality")
            bare = piece.set_column(place, piece.schema.field("quality"), own)
            made = flagged(bare, checks, observations) if number in checks else bare
            same = pc.equal(pc.fill_null(made["quality"], ""), pc.fill_null(piece["quality"], ""))
            looked += len(piece)
            changed += observations.amend(made.filter(pc.invert(same)))
    return Reflagged(looked, changed)


def _pieces(
    observations: Observations, number: int, start: datetime | None, end: datetime | None
) -> "Iterator[pa.Table]":
    after = start
    while True:
        asked = Selection(
            datastreams=[number], start=after, end=end, order=(("start", False),), limit=PIECE
        )
        piece = observations.select(asked)
        if len(piece):
            yield piece
        if len(piece) < PIECE:
            return
        after = piece["start"][-1].as_py() + _INSTANT
