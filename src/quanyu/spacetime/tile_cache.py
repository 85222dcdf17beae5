"""Tiles drawn lately, in memory, up to a number of bytes."""

import threading
from collections import OrderedDict

_ENTRY_BYTES = 200  # what the key and the tables around an entry take, about


class TileCache:
    """Least recently used go first. Keys hold version and restriction, so nothing goes stale."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._tiles: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...]) -> bytes | None:
        """The tile, when it is still here."""
        with self._lock:
            found = self._tiles.get(key)
            if found is not None:
                self._tiles.move_to_end(key)
            return found

    def put(self, key: tuple[object, ...], tile: bytes) -> None:
        """Keep a tile; one larger than a tenth of the whole is not kept."""
        if len(tile) > self._most // 10:
            return
        with self._lock:
            old = self._tiles.pop(key, None)
            if old is not None:
                self._bytes -= len(old) + _ENTRY_BYTES
            self._tiles[key] = tile
            self._bytes += len(tile) + _ENTRY_BYTES
            while self._bytes > self._most:
                _, dropped = self._tiles.popitem(last=False)
                self._bytes -= len(dropped) + _ENTRY_BYTES
