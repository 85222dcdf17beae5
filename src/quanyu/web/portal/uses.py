"""How each resource was used, counted from the log itself: nothing else is believed."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock

import orjson

from quanyu.evidence import Log
from quanyu.kernel import ResourceId, day_in_zone, now

_MOST_LEAVES = 100_000
_Key = tuple[date, str, str, str]


@dataclass(frozen=True, slots=True)
class UseTally:
    """Uses of a resource on a day (in the time zone of the node), by face, under one agreement, for
    one purpose.

    ``agreement`` is ``""`` for open data, of which nobody is named in the log.
    """

    resource: ResourceId
    day: date
    face: str
    agreement: str
    purpose: str
    requests: int
    rows: int
    bytes: int


class UseCount:
    """Counts leaves as the log grows; one for each worker. Safe to share among threads."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._days: dict[str, dict[_Key, list[int]]] = defaultdict(dict)
        self._read = 0
        self._at: datetime | None = None
        self._lock = Lock()

    def of(self, log: Log, zone: str, resource: ResourceId) -> tuple[int, datetime | None]:
        """Uses of a resource, and when the log was read; ``None`` while it is still being read.

        A call reads a bounded number of new leaves, so that no page waits for a long log.
        """
        with self._lock:
            self._read_on(log, zone)
            return self._counts[resource], self._at

    def tallies(
        self, log: Log, zone: str, resources: Collection[ResourceId], since: date
    ) -> tuple[list[UseTally], datetime | None]:
        """Uses of these resources by day since that day, and when the log was read."""
        with self._lock:
            self._read_on(log, zone)
            return [
                UseTally(name, *key, *amounts)
                for name in resources
                for key, amounts in self._days.get(name, {}).items()
                if key[0] >= since
            ], self._at

    def _read_on(self, log: Log, zone: str) -> None:
        end = min(log.size, self._read + _MOST_LEAVES)
        if end > self._read:
            for leaf in log.leaves(self._read, end):
                self._take(leaf, zone)
            self._read = end
        self._at = now() if end == log.size else None

    def _take(self, leaf: bytes, zone: str) -> None:
        for said in _uses(leaf, zone):
            name, key, amounts = said
            self._counts[name] += amounts[0]
            kept = self._days[name].setdefault(key, [0, 0, 0])
            for at, amount in enumerate(amounts):
                kept[at] += amount


def _uses(leaf: bytes, zone: str) -> Iterator[tuple[str, _Key, tuple[int, int, int]]]:
    content = orjson.loads(leaf)
    kind = content.get("kind")
    if kind not in ("used", "read.open"):
        return
    is_open = kind == "read.open" or content["agreement"].startswith("open:")
    key = (
        day_in_zone(datetime.fromisoformat(content["at"]), zone),
        content["face"],
        "" if is_open else content["agreement"],
        content.get("purpose", ""),
    )
    yield content["subject"], key, (content.get("requests", 1), content["rows"], content["bytes"])


uses_in_log = UseCount()
"""What this worker has counted."""
