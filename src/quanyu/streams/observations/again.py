"""Which of the rows of the recent store have come again, that is, lie in the table too."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from quanyu.spacetime import SeriesReader
from quanyu.streams.observations.columns import table_of
from quanyu.streams.observations.model import Key

if TYPE_CHECKING:
    import pyarrow as pa


class Again:
    """What was looked up in a version of the table, which never changes: a count beside writers
    looks up only rows that are new. Safe across threads."""

    def __init__(self) -> None:
        self._known: tuple[int | None, dict[tuple[Any, ...], bool]] = (None, {})

    def counts(
        self, reader: SeriesReader, version: int | None, rows: Sequence[tuple[Any, ...]]
    ) -> Counter[int]:
        """How many of the rows lie in a version of the table, by datastream.

        Rows are told by datastream, start (microseconds since 1970, UTC) and key.
        """
        of, known = self._known
        if of != version:
            known = {}
            self._known = (version, known)
        new = [row for row in rows if row not in known]
        if new:
            held = _identities(reader.held(version, table_of(new, Key._fields)))
            known.update((row, row in held) for row in new)
        return Counter(row[0] for row in rows if known[row])


def _identities(rows: "pa.Table") -> set[tuple[Any, ...]]:
    import pyarrow as pa

    start = rows["start"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    series, key = rows["datastream"].to_pylist(), rows["key"].to_pylist()
    return set(zip(series, start.to_pylist(), key, strict=True))
