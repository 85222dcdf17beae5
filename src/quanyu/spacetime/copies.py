"""The folder of serving copies: built once whoever asks, the longest unused deleted first."""

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from quanyu.spacetime.restricted import Relation
from quanyu.spacetime.serving import ServingCopy, open_copy

_log = structlog.get_logger()
_TOUCH_S = 60.0


class Copies:
    """Serving copies under ``root``, at most ``most_bytes`` of them (and always the newest one)."""

    def __init__(self, root: Path, most_bytes: int) -> None:
        self.root = root
        self._most = most_bytes

    def folder(self, dataset: str, number: int, key: str) -> Path:
        """Where the copy of a version under a restriction is, or will be."""
        return self.root / dataset / str(number) / key

    def open(self, folder: Path, relation: Relation) -> ServingCopy | None:
        """The copy in ``folder`` when it has been built."""
        found = open_copy(folder, relation)
        if found is not None:
            mark_used(folder)
        return found

    def build(self, folder: Path, relation: Relation, make: Callable[[Path], None]) -> ServingCopy:
        """The copy in ``folder``, made by ``make`` unless another thread or process was quicker."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.with_name(f"{folder.name}.lock")):
            found = self.open(folder, relation)
            if found is None:
                began = time.monotonic()
                make(folder)
                found = self.open(folder, relation)
                assert found is not None  # noqa: S101 - it was written above
                _log.info(
                    "serving copy built",
                    folder=str(folder.relative_to(self.root)),
                    rows=found.about.rows,
                    bytes=found.about.size,
                    seconds=round(time.monotonic() - began, 3),
                )
        self.trim(keep=folder)
        return found

    def trim(self, keep: Path) -> None:
        """Delete copies, the longest unused first, until the rest fit."""
        with locked(self.root / ".trim.lock"):
            copies = sorted(self._all(), key=lambda found: found[0])
            total = sum(size for _, size, _ in copies)
            for _, size, folder in copies:
                if total <= self._most:
                    break
                if folder != keep:
                    # Whoever has it open keeps its mapped files until closing them.
                    shutil.rmtree(folder, ignore_errors=True)
                    total -= size

    def forget_over(self, folder: Path, kept: int) -> None:
        """Delete copies of older edits under the same restriction over the same table, but the
        newest ``kept``: each edit makes one, and they are made again in a moment."""
        older = sorted(
            (int(path.parent.name), path)
            for path in folder.parents[1].glob(f"*/{folder.name}")
            if path.parent.name.isdecimal()
        )
        for _, path in older[:-kept]:
            shutil.rmtree(path, ignore_errors=True)

    def _all(self) -> Iterator[tuple[float, int, Path]]:
        for about in self.root.glob("*/*/*/about.json"):
            folder = about.parent
            if folder.name.endswith(".building"):
                continue
            try:
                size = sum(file.stat().st_size for file in folder.rglob("*"))
                yield about.stat().st_mtime, size, folder
            except FileNotFoundError:  # another process deleted it meanwhile
                continue


def mark_used(folder: Path) -> None:
    """Note that the copy was used, at most once a minute."""
    about = folder / "about.json"
    try:
        if time.time() - about.stat().st_mtime > _TOUCH_S:
            about.touch()
    except FileNotFoundError:  # deleted meanwhile: the maps stay valid, the next view builds anew
        return


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of that file against other threads and processes."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
