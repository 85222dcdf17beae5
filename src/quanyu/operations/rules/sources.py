"""The store of observations as rules read it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from quanyu.kernel import ControlStore
from quanyu.operations.rules.evaluating import Source
from quanyu.operations.rules.folding import NEVER, OPEN
from quanyu.streams import Observations, Selection, feature_places

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_000_000


def observed(control: ControlStore, observations: Observations) -> Source:
    """Changes, history and places out of a node's stores."""

    def history(ids: Sequence[int], start: int, end: int) -> "pa.Table":
        return observations.select(
            Selection(datastreams=list(ids), start=_instant(start), end=_instant(end))
        )

    def placed(table: "pa.Table") -> "pa.Table":
        import pyarrow as pa

        features = table["feature"].to_pylist()
        with control.read() as session:
            places = feature_places(session, (one for one in features if one is not None))
        nowhere = (None, None)
        found = [places.get(one, nowhere) for one in features]
        for number, name in enumerate(("lon", "lat")):
            column = pa.array([one[number] for one in found], pa.float64())
            table = table.append_column(name, column)
        return table

    return Source(observations.changes, history, observations.latest, placed)


def _instant(micros: int) -> datetime | None:
    """``None`` for what is before or after every instant."""
    if micros in {NEVER, OPEN} or not _FIRST <= micros <= _LAST:
        return None
    return _EPOCH + timedelta(microseconds=micros)
