"""Layout of the log on disk and over HTTP: C2SP tlog-tiles, and writing files that survive a crash.

``checkpoint``, ``tile/<level>/<index>[.p/<width>]`` with 256 hashes a tile, and
``tile/entries/<index>[.p/<width>]`` with 256 leaves a bundle, each after its length (uint16).
"""

import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from quanyu.evidence.merkle import HASH_BYTES, next_level
from quanyu.kernel import Invalid, NotFound

WIDTH = 256
TILE_BYTES = WIDTH * HASH_BYTES
LARGEST_LEAF = 0xFFFF
ENTRIES = -1
"""The level that stands for bundles of entries."""

_SYNCS = 8
_PATH = re.compile(
    r"tile/(?P<level>[0-9]|[1-5][0-9]|6[0-3]|entries)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Path of a tile (``level`` ≥ 0) or bundle (:data:`ENTRIES`): ``tile/0/x001/x234/067.p/8``."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    name = "entries" if level == ENTRIES else str(level)
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{name}/{'/'.join(reversed(groups))}{partial}"


def parse_path(path: str) -> tuple[int, int, int]:
    """``(level, index, width)`` of a path that :func:`tile_path` wrote; else :class:`Invalid`."""
    found = _PATH.fullmatch(path)
    width = int(found["width"] or WIDTH) if found else 0
    if not found or (found["width"] and width >= WIDTH):
        raise Invalid("{path} names no tile", path=path, field="path")
    level = ENTRIES if found["level"] == "entries" else int(found["level"])
    parsed = level, int(found["index"].replace("/", "").replace("x", "")), width
    if tile_path(*parsed) != path:
        raise Invalid("{path} names no tile", path=path, field="path")
    return parsed


def hashes_at(level: int, size: int) -> int:
    """How many hashes (or entries) a tree of ``size`` leaves has at a tile level."""
    return size >> (8 * max(level, 0))


def width_at(level: int, index: int, size: int) -> int:
    """How wide a tile is in a tree of ``size`` leaves; 0 when it is not there yet."""
    return max(0, min(WIDTH, hashes_at(level, size) - index * WIDTH))


def read_tile(folder: Path, level: int, index: int, width: int) -> bytes:
    """The first ``width`` hashes or entries of a tile, from whatever wider form is on disk.

    The log keeps only the widest partial form; narrower ones are its beginnings. Raises
    :class:`NotFound` when no form on disk is wide enough.
    """
    data = _read_widest(folder, level, index, width)
    if data is None:  # it may have been widened between two looks
        data = _read_widest(folder, level, index, width)
    if data is None:
        raise NotFound("there is no tile {path}", path=tile_path(level, index, width))
    if level != ENTRIES:
        return data[: width * HASH_BYTES]
    end = 0
    for _ in range(width):
        end += 2 + int.from_bytes(data[end : end + 2], "big")
    return data[:end]


def split_bundle(bundle: bytes) -> list[bytes]:
    """The leaves of a bundle of entries; raises ``ValueError`` when it is cut short."""
    leaves, at = [], 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        leaf = bundle[at + 2 : at + 2 + length]
        if len(leaf) != length or at + 2 > len(bundle):
            raise ValueError("a bundle of entries is cut short")
        leaves.append(leaf)
        at += 2 + length
    return leaves


def tile_levels(hashes: bytes) -> list[bytes]:
    """A tile's hashes and above them all complete levels inside it, packed."""
    levels = [hashes]
    while len(levels[-1]) >= 2 * HASH_BYTES:
        levels.append(next_level(levels[-1]))
    return levels


def write_durably(files: Mapping[Path, bytes]) -> None:
    """Write files so that each is whole or absent after a crash, and all are there on return."""
    folders = {path.parent for path in files}
    changed = set(folders)
    for folder in folders:
        _make_folder(folder, changed)
    temporary = {path: path.with_name(f".{path.name}.tmp") for path in files}
    try:
        # Several syncs at once share the commits of the file system's own journal.
        with ThreadPoolExecutor(min(len(files), _SYNCS)) as pool:
            list(pool.map(_write, temporary.values(), files.values()))
            for path, written in temporary.items():
                written.replace(path)
            list(pool.map(sync_folder, changed))
    except OSError:
        for written in temporary.values():
            written.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path, made: set[Path]) -> None:
    if not folder.exists():
        _make_folder(folder.parent, made)
        folder.mkdir(exist_ok=True)
        made.add(folder.parent)


def _read_widest(folder: Path, level: int, index: int, width: int) -> bytes | None:
    full = folder / tile_path(level, index)
    partials = full.with_name(f"{full.name}.p")
    if width < WIDTH:
        exact = _read(partials / str(width))
        if exact is not None:
            return exact
    whole = _read(full)
    if whole is not None or not partials.is_dir():
        return whole
    wider = sorted(int(path.name) for path in partials.iterdir() if path.name.isdecimal())
    return next((_read(partials / str(each)) for each in wider if each >= width), None)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
