"""Segments of the journal: files of frames that one process appends and the sequencer reads.

A frame is a kind (one byte), a length and a CRC-32 of kind and payload (four bytes each, big
endian), then the payload. The writer holds a lock on its segment as long as it may append, so a
reader knows whether what it sees is the end, whatever became of the writer.
"""

import fcntl
import os
import re
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from quanyu.evidence.tiles import sync_folder

LEAF = ord("L")
COUNT = ord("C")
MAGIC = b"QYJ1"
SUFFIX = ".journal"

_HEAD = struct.Struct(">BII")
_LARGEST = 1 << 20
_UNSAFE = re.compile(r"[^\w.-]")


def frame(kind: int, payload: bytes) -> bytes:
    """``payload`` as it stands in a segment."""
    crc = zlib.crc32(payload, zlib.crc32(bytes([kind])))
    return _HEAD.pack(kind, len(payload), crc) + payload


class SegmentWriter:
    """One open segment, locked for its writer; raises ``OSError`` when the disk refuses."""

    def __init__(self, folder: Path, node: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{_UNSAFE.sub('_', node)}-{os.getpid()}{SUFFIX}"
        # Under its own name only once it is locked: an unlocked segment is a finished one.
        unborn = folder / f".{name}"
        self._descriptor = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            os.write(self._descriptor, MAGIC)
            os.fsync(self._descriptor)
            unborn.rename(folder / name)
            sync_folder(folder)
        except OSError:
            os.close(self._descriptor)
            unborn.unlink(missing_ok=True)
            raise
        self.size = len(MAGIC)

    def append(self, frames: Sequence[bytes]) -> None:
        """Write frames and return when they are on disk."""
        rest = memoryview(b"".join(frames))
        grown = self.size + len(rest)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fdatasync(self._descriptor)
        self.size = grown

    def cut(self) -> None:
        """Take back what the failed append may have written."""
        os.ftruncate(self._descriptor, self.size)
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Finish the segment."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame and where it ends in its segment."""

    kind: int
    payload: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a look at a segment found.

    finished  no process will append any more.
    torn      bytes after the last good frame: of an append under way, or, when ``finished``, of
              one that a crash cut off and nobody was told of.
    """

    frames: list[Frame]
    finished: bool
    torn: int


def segments(folder: Path) -> list[Path]:
    """Segments of a journal, oldest first."""
    return sorted(folder.glob(f"[!.]*{SUFFIX}")) if folder.is_dir() else []


def read_segment(path: Path, offset: int = 0) -> Reading:
    """Frames of a segment after ``offset`` bytes (0 for its beginning)."""
    with path.open("rb") as file:
        finished = _unlocked(file.fileno())  # asked first: what is read after it is then all
        file.seek(offset)
        data = file.read()
    start = 0
    if offset == 0:
        if not data.startswith(MAGIC):
            return Reading([], finished, len(data))
        start = len(MAGIC)
    frames = list(_parse(data, start, offset))
    end = frames[-1].end if frames else offset + start
    return Reading(frames, finished, offset + len(data) - end)


def _parse(data: bytes, at: int, offset: int) -> Iterator[Frame]:
    while at + _HEAD.size <= len(data):
        kind, length, crc = _HEAD.unpack_from(data, at)
        payload = data[at + _HEAD.size : at + _HEAD.size + length]
        if length > _LARGEST or len(payload) != length:
            return
        if zlib.crc32(payload, zlib.crc32(bytes([kind]))) != crc:
            return
        at += _HEAD.size + length
        yield Frame(kind, payload, offset + at)


def _unlocked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
