"""Counts of open reads: from what each process counted to one leaf per resource, face and minute.

A leaf names the journal segments it has counted and how far. So whoever sequences after a crash
knows from the log alone what has been counted, and no count is lost or taken twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from quanyu.kernel import canonical, iso, sha256_hex

Key = tuple[int, str, str]


@dataclass(slots=True)
class _Group:
    requests: int = 0
    rows: int = 0
    bytes: int = 0
    counted: dict[str, int] = field(default_factory=dict)


class Counts:
    """Counts that have been read from journals and are not in the log yet.

    ``leaf_of(id)`` gives a leaf of the log by its id, or ``None``.
    """

    def __init__(self, leaf_of: Callable[[str], bytes | None]) -> None:
        self._leaf_of = leaf_of
        self._groups: dict[Key, _Group] = {}

    def add(self, segment: str, end: int, payload: bytes) -> None:
        """Take a frame of counts that ends at ``end`` in ``segment``, unless it is in the log."""
        minute, resource, face, requests, rows, size = orjson.loads(payload)
        key = (minute, resource, face)
        if any(leaf["journals"].get(segment, 0) >= end for leaf in self._logged(key)):
            return
        group = self._groups.setdefault(key, _Group())
        group.requests += requests
        group.rows += rows
        group.bytes += size
        group.counted[segment] = end

    def due(self, minute: int) -> Iterator[tuple[Key, str, bytes]]:
        """Key, id and leaf of all groups of minutes before ``minute``."""
        for key in sorted(self._groups):
            if key[0] < minute:
                name = _id(key, len(list(self._logged(key))))
                yield key, name, _leaf(key, name, self._groups[key])

    def done(self, key: Key) -> None:
        """Forget a group: its leaf is in the log."""
        self._groups.pop(key, None)

    def waiting(self) -> set[str]:
        """Segments with counts that are not in the log yet."""
        return {name for group in self._groups.values() for name in group.counted}

    def _logged(self, key: Key) -> Iterator[dict[str, dict[str, int]]]:
        part = 0
        while (leaf := self._leaf_of(_id(key, part))) is not None:
            yield orjson.loads(leaf)
            part += 1


def _id(key: Key, part: int) -> str:
    return f"tly_{sha256_hex(orjson.dumps([*key, part]))[:32]}"


def _leaf(key: Key, name: str, group: _Group) -> bytes:
    minute, resource, face = key
    return canonical(
        {
            "id": name,
            "at": iso(datetime.fromtimestamp(minute * 60, UTC)),
            "kind": "read.open",
            "subject": resource,
            "agreement": f"open:{resource}",
            "face": face,
            "seconds": 60,
            "requests": group.requests,
            "rows": group.rows,
            "bytes": group.bytes,
            "journals": group.counted,
        }
    )
