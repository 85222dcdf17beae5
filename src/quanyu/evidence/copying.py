"""Copying a log from where it is served, so that it can be checked and kept elsewhere."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from quanyu.evidence.cosigning import COSIGNED
from quanyu.evidence.note import NoteError, parse_checkpoint, split_note
from quanyu.evidence.tiles import ENTRIES, WIDTH, hashes_at, tile_path, width_at
from quanyu.evidence.timestamping import FOLDER as TIMESTAMPS
from quanyu.kernel import Invalid, Unavailable

Fetch = Callable[[str], bytes | None]
"""What is served at a path below the log; ``None`` where there is nothing."""

_AT_A_TIME = 8


def copy_log(fetch: Fetch, folder: Path) -> int:
    """Copy a log into ``folder``; how many leaves it has.

    Tiles that are there already are not fetched again. Nothing is checked here: that is what
    :func:`verify_log` does with the copy. Raises :class:`Invalid` where no log is served, and
    :class:`Unavailable` for one with a gap.
    """
    note = fetch("checkpoint")
    if note is None:
        raise Invalid("there is no log", field="log", mend="give the URL that /checkpoint follows")
    try:
        size = parse_checkpoint(split_note(note)[0]).size
    except NoteError as error:
        raise Invalid("there is no log: {why}", field="log", why=str(error)) from error
    folder.mkdir(parents=True, exist_ok=True)
    missing = [path for path in _paths(size) if not (folder / path).exists()]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for path, data in zip(missing, pool.map(fetch, missing), strict=True):
            if data is None:
                raise Unavailable("{path} of the log is missing", path=path)
            _put(folder / path, data)
    seen = fetch(COSIGNED)
    if seen is not None:
        _put(folder / COSIGNED, seen)
    for one in _timestamped(fetch):
        for name, suffix in (
            (f"{TIMESTAMPS}/{one}", ".tsr"),
            (f"{TIMESTAMPS}/{one}/checkpoint", ".checkpoint"),
        ):
            data = fetch(name)
            if data is not None:
                _put(folder / TIMESTAMPS / f"{one}{suffix}", data)
    _put(folder / "checkpoint", note)
    return size


def _paths(size: int) -> Iterator[str]:
    level = ENTRIES
    while level == ENTRIES or hashes_at(level, size):
        for index in range(-(-hashes_at(level, size) // WIDTH)):
            yield tile_path(level, index, width_at(level, index, size))
        level += 1


def _timestamped(fetch: Fetch) -> list[int]:
    data = fetch(TIMESTAMPS)
    if data is None:
        return []
    try:
        return [int(one["size"]) for one in json.loads(data)["timestamps"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("the list of timestamps cannot be read") from error


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
