"""Spans of time: minutes and hours as they pass, days and longer as a zone's clock shows them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from quanyu.spacetime.aggregation import Unit

if TYPE_CHECKING:
    import pyarrow as pa

_DAY = 86_400_000_000
_PASSING = {Unit.MINUTE: 60_000_000, Unit.HOUR: 3_600_000_000}
_DAYS = {Unit.DAY: (_DAY, 0), Unit.WEEK: (7 * _DAY, 3 * _DAY)}
"""Microseconds, and how long before 1970 one of them began: it began on a Thursday."""
_MONTHS = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.YEAR: 12}
_KNOWN = 73_000
"""Days of which each is looked at for changes of a clock: two centuries."""
UNITS = (*_PASSING, *_DAYS, *_MONTHS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of one length: a day, and what is longer, is the one that a clock of ``zone`` (IANA)
    shows, and has 23 or 25 hours where that is put on or back. A minute or an hour is one of UTC.

    Moments are microseconds since 1970, UTC.
    """

    every: Unit
    zone: str

    def places(self, moments: Any) -> Any:
        """The number of the span of each moment; these lie within a few months."""
        if self.every in _PASSING:
            return moments // _PASSING[self.every]
        shown = _shown(moments, self.zone)
        if self.every in _DAYS:
            length, before = _DAYS[self.every]
            return (shown + before) // length
        if not len(shown):
            return shown
        first, last = _months(np.array([shown.min(), shown.max()]))
        later = np.arange(first + 1, last + 1).astype("datetime64[M]").astype("datetime64[us]")
        months = first + np.searchsorted(later.astype(np.int64), shown, side="right")
        return months // _MONTHS[self.every]

    def begins(self, places: Any) -> Any:
        """The first moment of each span."""
        if self.every in _PASSING:
            return places * _PASSING[self.every]
        if self.every in _DAYS:
            length, before = _DAYS[self.every]
            return _moments(places * length - before, self.zone)
        months = (places * _MONTHS[self.every]).astype("datetime64[M]")
        return _moments(months.astype("datetime64[us]").astype(np.int64), self.zone)

    def sql(self, column: str, least: int, most: int) -> str:
        """The same for an engine: what :meth:`read` reads, of a column of instants between two
        moments. An offset is added, since engines are slow at asking for time zones."""
        if self._plain:
            return f"date_trunc('{self.every.value}', {column})"
        first, last = least // _DAY - 1, most // _DAY + 2
        if last - first > _KNOWN:
            zone = self.zone.replace("'", "''")
            return f"date_trunc('{self.every.value}', timezone('{zone}', {column}))::TIMESTAMP"
        changes, offsets = _offsets(self.zone, first, last)
        steps = zip(changes.tolist(), offsets.tolist(), strict=False)
        before = " ".join(f"WHEN epoch_us({column}) < {one} THEN {offset}" for one, offset in steps)
        after = int(offsets[-1])
        offset = f"CASE {before} ELSE {after} END" if before else str(after)
        shown = f"make_timestamp(epoch_us({column}) + {offset})"
        return f"date_trunc('{self.every.value}', {shown})::TIMESTAMP"

    def read(self, column: "pa.ChunkedArray") -> Any:
        """The first moment of each span that :meth:`sql` has given."""
        import pyarrow as pa

        kind = pa.timestamp("us", tz="UTC" if self._plain else None)
        found = column.cast(kind).cast(pa.int64()).to_numpy()
        return found if self._plain else _moments(found, self.zone)

    @property
    def _plain(self) -> bool:
        return self.every in _PASSING or self.zone == "UTC"


def _months(shown: Any) -> list[int]:
    found: list[int] = shown.astype("datetime64[us]").astype("datetime64[M]").astype(int).tolist()
    return found


def _shown(moments: Any, zone: str) -> Any:
    """What the clock shows, as if it were UTC."""
    if zone == "UTC" or not len(moments):
        return moments
    first, last = int(moments.min()) // _DAY, int(moments.max()) // _DAY + 1
    changes, offsets = _offsets(zone, first, last)
    if not len(changes):
        return moments + offsets[0]
    return moments + offsets[np.searchsorted(changes, moments, side="right")]


def _moments(shown: Any, zone: str) -> Any:
    """When the clock first shows something, or would have where it was put on past it."""
    if zone == "UTC":
        return shown
    different, places = np.unique(shown, return_inverse=True)
    return np.array([_moment(zone, one) for one in different.tolist()], np.int64)[places]


@lru_cache(maxsize=65_536)
def _moment(zone: str, shown: int) -> int:
    try:
        here = (_EPOCH + timedelta(microseconds=shown)).replace(tzinfo=ZoneInfo(zone))
        return shown - (here.utcoffset() or timedelta()) // _STEP
    except OverflowError:  # at the ends of the calendar
        return shown


@lru_cache(maxsize=1024)
def _offsets(zone: str, first: int, last: int) -> tuple[Any, Any]:
    """When between two days since 1970 a clock changes, and how far it is from UTC before each
    change and after the last: no zone changes twice within a day."""
    changes, offsets = list[int](), [_offset(zone, first * _DAY)]
    for day in range(first, last):
        after = _offset(zone, (day + 1) * _DAY)
        if after == offsets[-1]:
            continue
        low, high = day * _DAY, (day + 1) * _DAY
        while high - low > 1_000_000:
            middle = (low + high) // 2_000_000 * 1_000_000
            low, high = (low, middle) if _offset(zone, middle) == after else (middle, high)
        changes.append(high)
        offsets.append(after)
    return np.array(changes, np.int64), np.array(offsets, np.int64)


def _offset(zone: str, moment: int) -> int:
    try:
        here = (_EPOCH + timedelta(microseconds=moment)).astimezone(ZoneInfo(zone))
    except OverflowError:
        return 0
    return (here.utcoffset() or timedelta()) // _STEP
