"""Where the files of scenes are: the assets beside their table, and copies derived from them.

An asset is named after what it was made of, never changed, and stays while a version may need it.
Copies are disposable: the longest unused go first.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.fs as pafs

from quanyu.spacetime.unavailable import DataUnavailable

_FOLDER = "_scenes"  # Delta leaves folders with an underscore alone


class Assets:
    """The assets of one table at ``url``; from object storage they are fetched into ``cache``."""

    def __init__(self, url: str, cache: Path, dataset: str) -> None:
        self._url = url
        self._dataset = dataset
        self._cache = cache

    def local(self, key: str) -> Path:
        """The asset as a local file; raises ``DataUnavailable`` when it is not there."""
        if "://" not in self._url:
            path = Path(self._url) / _FOLDER / f"{key}.tif"
            if not path.is_file():
                raise _missing(self._dataset)
            return path
        kept = self._cache / "assets" / f"{key}.tif"

        def fetch(target: Path) -> None:
            filesystem, base = pafs.FileSystem.from_uri(self._url)
            try:
                with (
                    filesystem.open_input_stream(f"{base}/{_FOLDER}/{key}.tif") as source,
                    target.open("wb") as file,
                ):
                    shutil.copyfileobj(source, file, 1 << 20)
            except FileNotFoundError as error:
                raise _missing(self._dataset) from error

        return made_once(kept, fetch)

    def there(self, key: str) -> bool:
        """Whether the asset has been kept."""
        url = self._url if "://" in self._url else str(Path(self._url).resolve())
        filesystem, base = pafs.FileSystem.from_uri(url)
        found = filesystem.get_file_info(f"{base}/{_FOLDER}/{key}.tif")
        return bool(found.type == pafs.FileType.File)

    def size(self, key: str) -> int:
        """Bytes of an asset that has been kept."""
        url = self._url if "://" in self._url else str(Path(self._url).resolve())
        filesystem, base = pafs.FileSystem.from_uri(url)
        return int(filesystem.get_file_info(f"{base}/{_FOLDER}/{key}.tif").size)

    def keep(self, key: str, made: Path) -> None:
        """Take the finished file ``made`` in; it is there wholly or not at all."""
        if "://" not in self._url:
            folder = Path(self._url) / _FOLDER
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f".{key}.part"
            shutil.move(made, part)
            part.replace(folder / f"{key}.tif")
            return
        filesystem, base = pafs.FileSystem.from_uri(self._url)
        with (
            made.open("rb") as source,
            filesystem.open_output_stream(f"{base}/{_FOLDER}/{key}.tif") as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)


def _missing(dataset: str) -> DataUnavailable:
    return DataUnavailable(
        "the file of a scene is not beside its table",
        mend="bring the scene in again",
        dataset=dataset,
    )


def made_once(path: Path, make: Callable[[Path], None]) -> Path:
    """``path``, made by ``make`` unless it is there or another thread or process is quicker."""
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_suffix(".lock")):
        if not path.is_file():
            part = path.with_suffix(".part.tif")
            try:
                make(part)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
    return path


def trim(root: Path, most_bytes: int, keep: Path) -> None:
    """Delete copies under ``root``, the longest unused first, until the rest fit."""
    with _locked(root / ".trim.lock"):
        found = []
        for path in root.rglob("*.tif"):
            try:
                said = path.stat()
            except FileNotFoundError:  # another process deleted it meanwhile
                continue
            found.append((said.st_mtime, said.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= most_bytes:
                break
            if path != keep and not path.name.endswith(".part.tif"):
                path.unlink(missing_ok=True)  # who reads it keeps it open
                total -= size


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
