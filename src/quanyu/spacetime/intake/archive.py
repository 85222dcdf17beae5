"""Archives with one source in them, opened within bounds."""

import gzip
import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Protocol

from quanyu.kernel import Invalid, whole_file
from quanyu.spacetime.intake.detect import FORMATS

_OFFICE = ("[Content_Types].xml", "mimetype")
_BESIDE = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".qix")
_RATIO = 300
_SMALL = 64 << 20


class Readable(Protocol):
    """What bytes can be taken from."""

    def read(self, size: int = -1, /) -> bytes: ...


def unpacked(path: Path, folder: Path, most: int) -> Path:
    """The data file inside a ZIP or gzip archive, unpacked into ``folder``; other files as are.

    Raises ``Invalid`` when it holds none or several, is damaged, or would grow past ``most`` bytes
    or 300-fold: such archives are made to fill disks.
    """
    with path.open("rb") as file:
        head = file.read(4)
    try:
        if head[:2] == b"\x1f\x8b":
            return _gunzip(path, folder, most)
        if head == b"PK\x03\x04":
            return _unzip(path, folder, most)
    except (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, NotImplementedError,
            RuntimeError) as error:  # fmt: skip
        raise Invalid(
            "the archive is damaged, cut off or encrypted: {why}",
            field="source",
            mend="fetch or write it again",
            why=str(error)[:200],
        ) from error
    return path


def _gunzip(path: Path, folder: Path, most: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (path.stem if path.suffix.lower() == ".gz" else path.name)
    limit = min(most, max(_SMALL, path.stat().st_size * _RATIO))
    with gzip.open(path) as source:
        _copy(source, target, limit)
    return target


def _unzip(path: Path, folder: Path, most: int) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and "__MACOSX" not in m.filename]
        names = {m.filename for m in members}
        if names & set(_OFFICE):
            _bounded(members, path, most)
            return path
        shapes = [m for m in members if m.filename.lower().endswith(".shp")]
        endings = {e for known in FORMATS.values() for e in known}
        data = shapes or [m for m in members if PurePosixPath(m.filename).suffix.lower() in endings]
        if len(data) != 1:
            raise Invalid(
                "the archive holds {count} data files where one is wanted",
                field="source",
                mend="unpack it and give one file; it holds: {names}",
                count=len(data),
                names=", ".join(sorted(names))[:300],
            )
        wanted = [data[0]]
        if shapes:
            stem = data[0].filename[:-4].lower()
            wanted = [
                m
                for m in members
                if m.filename[:-4].lower() == stem and m.filename[-4:].lower() in _BESIDE
            ]
        stem = re.sub(r"[^\w.-]", "_", PurePosixPath(data[0].filename).stem)
        limit = _bounded(wanted, path, most)
        folder.mkdir(parents=True, exist_ok=True)
        for member in wanted:
            # Only the last part of a member's name is used: “../” in it leads nowhere.
            target = folder / f"{stem}{PurePosixPath(member.filename).suffix.lower()}"
            with archive.open(member) as source:
                _copy(source, target, limit)
        return folder / f"{stem}{PurePosixPath(data[0].filename).suffix.lower()}"


def _bounded(members: list[zipfile.ZipInfo], path: Path, most: int) -> int:
    limit = min(most, max(_SMALL, path.stat().st_size * _RATIO))
    if sum(m.file_size for m in members) > limit:
        raise _bomb(limit)
    return limit


def _copy(source: Readable, target: Path, limit: int) -> None:
    """Copy, counting: a header may lie about the size."""
    taken = 0
    with whole_file(target) as unfinished, unfinished.open("wb") as file:
        while block := source.read(1 << 20):
            taken += len(block)
            if taken > limit:
                raise _bomb(limit)
            file.write(block)


def _bomb(limit: int) -> Invalid:
    return Invalid(
        "the archive would grow past {limit} bytes",
        field="source",
        mend="unpack it yourself if you trust it",
        limit=limit,
    )
