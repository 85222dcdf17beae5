"""Open rasters, kept for the next who reads them: opening one costs more than reading a tile."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio

from quanyu.spacetime.imagery.source import ENV, Dataset

_IDLE = 256  # a picture of a whole city may show as many scenes

_Key = tuple[str, int, int]


class Handles:
    """A bounded pool; a handle is one thread's while it is borrowed.

    A file is known by its inode, so that one deleted and made anew is opened anew.
    """

    def __init__(self, most_idle: int = _IDLE) -> None:
        self._most = most_idle
        self._idle: OrderedDict[_Key, list[Dataset]] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self, path: Path, level: int = -1) -> Iterator[Dataset]:
        """The raster in ``path``, or its overview ``level`` from 0 on."""
        key = (str(path), path.stat().st_ino, level)
        with self._lock:
            kept = self._idle.get(key)
            dataset = kept.pop() if kept else None
            if dataset is not None:
                self._count -= 1
        if dataset is None:
            options = {} if level < 0 else {"overview_level": level}
            with rasterio.Env(**ENV):
                dataset = rasterio.open(path, driver="GTiff", **options)
        try:
            yield dataset
        except BaseException:
            dataset.close()  # what an error left of it is not known
            raise
        with self._lock:
            self._idle.setdefault(key, []).append(dataset)
            self._idle.move_to_end(key)
            self._count += 1
            let_go = []
            while self._count > self._most:
                first = next(iter(self._idle))
                if not self._idle[first]:
                    del self._idle[first]
                    continue
                let_go.append(self._idle[first].pop(0))
                self._count -= 1
        for one in let_go:
            one.close()

    def close(self) -> None:
        """Close all that are idle."""
        with self._lock:
            every = [dataset for kept in self._idle.values() for dataset in kept]
            self._idle.clear()
            self._count = 0
        for dataset in every:
            dataset.close()
