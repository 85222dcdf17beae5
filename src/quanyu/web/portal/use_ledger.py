"""Uses by day, and the latest under each agreement, read from the log itself as it grows."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any

import orjson

from quanyu.evidence import Log
from quanyu.kernel import day_in_zone, now

FACES: dict[str, str] = {
    "features": "Features",
    "tiles": "Tiles",
    "3d": "3D Tiles",
    "download": "Downloads",
    "land": "Land checks",
    "compute": "Algorithms",
    "algorithm": "Algorithms sent to the data",
    "intersection": "Set intersection",
    "sum": "Secure sum",
    "statistics": "Statistics",
    "sensorthings": "SensorThings",
    "sql": "SQL console",
}
"""How data were asked for, in words."""

_MOST_LEAVES = 100_000
_KEPT = 10


@dataclass(frozen=True, slots=True)
class UseSeen:
    """A use as its leaf says."""

    id: str
    at: datetime
    resource: str
    face: str
    rows: int


class UseLedger:
    """One for each worker; safe to share among threads. A call reads a bounded number of new
    leaves, so that no page waits for a long log: ``at`` is ``None`` until it is all read."""

    def __init__(self) -> None:
        self._days: Counter[tuple[str, str]] = Counter()
        self._latest: dict[str, deque[UseSeen]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._read = 0
        self._lock = Lock()

    def by_day(
        self, log: Log, zone: str, days_back: int, resources: frozenset[str] | None = None
    ) -> tuple[dict[str, int], datetime | None]:
        """Uses on each day (in the time zone of the node), of some resources or of all: every day
        of the last ``days_back`` on which there may have been any, and of the last thirty in any
        case."""
        with self._lock:
            at = self._catch_up(log, zone)
            days: Counter[str] = Counter()
            for (day, resource), count in self._days.items():
                if resources is None or resource in resources:
                    days[day] += count
        today = day_in_zone(now(), zone)
        asked, month = (today - timedelta(days=n - 1) for n in (days_back, min(days_back, 30)))
        begun = date.fromisoformat(min(days, default=month.isoformat()))
        first = max(asked, min(begun, month))
        shown = [first + timedelta(days=n) for n in range((today - first).days + 1)]
        return {day.isoformat(): days[day.isoformat()] for day in shown}, at

    def latest(self, log: Log, zone: str, agreements: frozenset[str]) -> list[UseSeen]:
        """The latest uses under these agreements, the last first."""
        with self._lock:
            self._catch_up(log, zone)
            seen = [use for one in agreements for use in self._latest.get(one, ())]
        return sorted(seen, key=lambda use: use.at, reverse=True)[:_KEPT]

    def _catch_up(self, log: Log, zone: str) -> datetime | None:
        end = min(log.size, self._read + _MOST_LEAVES)
        if end > self._read:
            for leaf in log.leaves(self._read, end):
                self._take(orjson.loads(leaf), zone)
            self._read = end
        return now() if end == log.size else None

    def _take(self, leaf: dict[str, Any], zone: str) -> None:
        if leaf.get("kind") not in ("read.open", "used"):
            return
        at = datetime.fromisoformat(leaf["at"])
        day = day_in_zone(at, zone).isoformat()
        if leaf["kind"] == "read.open":
            self._days[day, leaf["subject"]] += leaf["requests"]
        else:
            self._days[day, leaf["subject"]] += 1
            use = UseSeen(
                id=leaf["id"],
                at=at,
                resource=leaf["subject"],
                face=leaf["face"],
                rows=leaf["rows"],
            )
            self._latest[leaf["agreement"]].append(use)


ledger = UseLedger()
"""The ledger of this worker."""
