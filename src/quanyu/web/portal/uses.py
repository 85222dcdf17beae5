"""How often each resource was used, counted from the log itself: nothing else is believed."""

from collections import Counter
from datetime import datetime
from threading import Lock

import orjson

from quanyu.evidence import Log
from quanyu.kernel import ResourceId, now

_MOST_LEAVES = 100_000


class UseCount:
    """Counts leaves as the log grows; one for each worker. Safe to share among threads."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._read = 0
        self._at: datetime | None = None
        self._lock = Lock()

    def of(self, log: Log, resource: ResourceId) -> tuple[int, datetime | None]:
        """Uses of a resource, and when the log was read; ``None`` while it is still being read.

        A call reads a bounded number of new leaves, so that no page waits for a long log.
        """
        with self._lock:
            end = min(log.size, self._read + _MOST_LEAVES)
            if end > self._read:
                for leaf in log.leaves(self._read, end):
                    self._take(leaf)
                self._read = end
            self._at = now() if end == log.size else None
            return self._counts[resource], self._at

    def _take(self, leaf: bytes) -> None:
        content = orjson.loads(leaf)
        if content.get("kind") == "used":
            self._counts[content["subject"]] += 1
        elif content.get("kind") == "read.open":
            self._counts[content["subject"]] += content["requests"]
