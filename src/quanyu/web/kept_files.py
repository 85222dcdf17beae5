"""Files of answers, kept for a while so that a broken download can go on where it stopped.

A file is written whole before a part of it is sent; its name is a digest of everything that it
depends on, and the number of its rows, so that nobody gets a part of another answer.
"""

import fcntl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from quanyu.web.stream import Chunks

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A whole answer on disk."""

    path: Path
    rows: int
    size: int

    def part(self, start: int, end: int) -> Chunks:
        """Bytes from ``start`` to before ``end``; rows are told in proportion, rounded up."""

        def chunks(went_out: Callable[[int], None]) -> Iterator[bytes]:
            left = end - start
            with self.path.open("rb") as file:
                file.seek(start)
                if self.size:
                    went_out(-(-self.rows * left // self.size))
                while left > 0 and (piece := file.read(min(_CHUNK, left))):
                    left -= len(piece)
                    yield piece

        return chunks

    def around(self, start: int, end: int, most: int) -> tuple[bytes, bytes]:
        """At most so many bytes just before ``start``, and from ``end`` on."""
        with self.path.open("rb") as file:
            file.seek(max(0, start - most))
            before = file.read(min(start, most))
            file.seek(end)
            return before, file.read(most)


def kept_file(folder: Path, name: str, make: Chunks, most_bytes: int) -> KeptFile:
    """The file of that name, written by ``make`` unless it is there; older ones go when all of them
    are larger than ``most_bytes``."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock, (folder / f"{name}.lock").open("a") as own:
        fcntl.flock(own, fcntl.LOCK_EX)
        found = _find(folder, name)
        if found is None:
            found = _write(folder, name, make)
            fcntl.flock(lock, fcntl.LOCK_EX)
            _trim(folder, found.path, most_bytes)
        else:
            found.path.touch()
    (folder / f"{name}.lock").unlink(missing_ok=True)
    return found


def _find(folder: Path, name: str) -> KeptFile | None:
    for path in folder.glob(f"{name}.*.kept"):
        rows = int(path.name.split(".")[-2])
        return KeptFile(path, rows, path.stat().st_size)
    return None


def _write(folder: Path, name: str, make: Chunks) -> KeptFile:
    told: list[int] = []
    unfinished = folder / f"{name}.part"
    try:
        with unfinished.open("wb") as file:
            for piece in make(told.append):
                file.write(piece)
        path = folder / f"{name}.{sum(told)}.kept"
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return KeptFile(path, sum(told), path.stat().st_size)


def _trim(folder: Path, keep: Path, most_bytes: int) -> None:
    files = sorted(folder.glob("*.kept"), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in files)
    for path in files:
        if total <= most_bytes:
            return
        if path != keep:
            total -= path.stat().st_size
            path.unlink(missing_ok=True)  # who reads it keeps it open
