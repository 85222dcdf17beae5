"""The waiting room of an ingest: checked rows in Parquet parts, so that a killed run can go on.

A folder is named by what is read and how. Each part is complete once it has its name; a later run
of the same ingest passes over the chunks that are in parts already. Nothing here is visible to a
query, and all of it may be deleted at any time.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from quanyu.kernel import Conflict
from quanyu.spacetime.intake.model import Chunk, IngestOptions
from quanyu.spacetime.model import Reject

FORMAT = 1
"""Raised when staged parts of an older program can no longer be read."""

_CHUNKS_A_PART = 8
_KEEP_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Staged:
    """What has been staged so far."""

    rows: int
    rejects: int


def fingerprint(sha256: str, dataset: str, options: IngestOptions) -> str:
    """Equal for two ingests that would stage the same rows."""
    how = asdict(options) | {"types": dict(options.types), "allow_private": None, "max_bytes": None}
    document = [FORMAT, sha256, dataset, how]
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


@contextmanager
def held(folder: Path) -> Iterator[Path]:
    """``folder``, made and locked for this process; raises ``Conflict`` when another holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                "the same source is being ingested into this dataset by another process",
                mend="wait until that has ended",
            ) from error
        yield folder


def sweep(root: Path) -> None:
    """Delete what runs left behind that nobody went on with for a week."""
    if not root.is_dir():
        return
    old = time.time() - _KEEP_SECONDS
    for folder in root.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < old:
            shutil.rmtree(folder, ignore_errors=True)


def parts(folder: Path) -> list[Path]:
    """The complete parts, in the order of their source."""
    return sorted(folder.glob("part-*.parquet"))


def reject_files(folder: Path) -> list[Path]:
    """Rejects of the complete parts, in the order of their source."""
    return [part.with_suffix(".jsonl") for part in parts(folder)]


def complete(folder: Path) -> bool:
    """Whether everything that the source holds has been staged."""
    return (folder / "complete").exists()


def widened(folder: Path) -> list[str]:
    """Columns that proved to hold more than whole numbers."""
    path = folder / "widened.json"
    return list(orjson.loads(path.read_bytes())) if path.exists() else []


def widen(folder: Path, column: str) -> None:
    """Remember that and throw away what was staged before it was known."""
    columns = [*widened(folder), column]
    for part in parts(folder):
        part.unlink()
    (folder / "widened.json").write_bytes(orjson.dumps(columns))


def stage(
    folder: Path,
    chunks: Iterable[Chunk],
    schema: pa.Schema,
    finish: Callable[[Chunk], tuple[pa.RecordBatch, list[Reject]]],
) -> Iterator[Staged]:
    """Put every chunk through ``finish`` into parts; yields after each chunk.

    Chunks of parts that are there already are read again but neither checked nor written.
    """
    done = len(parts(folder)) * _CHUNKS_A_PART
    before = tally(folder)
    rows, rejects = before.rows, before.rejects
    number = len(parts(folder))
    writer = _Part(folder, number, schema)
    try:
        for index, chunk in enumerate(chunks):
            if index < done:
                continue
            batch, fallen = finish(chunk)
            writer.add(batch, fallen)
            rows, rejects = rows + batch.num_rows, rejects + len(fallen)
            yield Staged(rows, rejects)
            if (index + 1) % _CHUNKS_A_PART == 0:
                writer.close()
                number += 1
                writer = _Part(folder, number, schema)
        if writer.used:
            writer.close()
    finally:
        writer.abandon()
    (folder / "complete").touch()


class _Part:
    """One part being written under a temporary name."""

    def __init__(self, folder: Path, number: int, schema: pa.Schema) -> None:
        self._final = folder / f"part-{number:06}.parquet"
        self._rejects = self._final.with_suffix(".jsonl")
        self._open = folder / f"open-{os.getpid()}.parquet"
        self._writer = pq.ParquetWriter(
            self._open, schema, compression="lz4", use_dictionary=False, write_statistics=False
        )
        self._lines = self._rejects.open("wb")
        self.used = False

    def add(self, batch: pa.RecordBatch, fallen: list[Reject]) -> None:
        self.used = True
        if batch.num_rows:
            self._writer.write_batch(batch)
        self._lines.writelines(map(line_of, fallen))

    def close(self) -> None:
        self._writer.close()
        self._lines.close()
        self._open.rename(self._final)

    def abandon(self) -> None:
        self._writer.close()
        self._lines.close()
        self._open.unlink(missing_ok=True)


def note_findings(folder: Path, findings: Iterable[str]) -> None:
    """Remember what is wrong with rows that are kept."""
    told = [orjson.dumps({"reason": f}, option=orjson.OPT_APPEND_NEWLINE) for f in findings]
    if told:
        with (folder / "findings.jsonl").open("ab") as file:
            file.writelines(told)


def findings(folder: Path) -> list[bytes]:
    """The lines of them, each once: a run that went on may have told some again."""
    path = folder / "findings.jsonl"
    return list(dict.fromkeys(path.read_bytes().splitlines(keepends=True))) if path.exists() else []


def tally(folder: Path) -> Staged:
    """Rows and rejects of the complete parts."""
    return Staged(
        rows=sum(pq.read_metadata(part).num_rows for part in parts(folder)),
        rejects=sum(_count_lines(path) for path in reject_files(folder)),
    )


def line_of(reject: Reject) -> bytes:
    """A reject as a line of JSON."""
    document = {"line": reject.line, "reason": reject.reason, "raw": reject.raw}
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def _count_lines(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(block.count(b"\n") for block in iter(lambda: lines.read(1 << 20), b""))


def rejects_of(chunk: Chunk) -> list[Reject]:
    """What a chunk's sieve let fall, with the row as its source wrote it, and what was lost."""
    reasons = chunk.sieve.reasons
    source = chunk.raw if chunk.raw is not None else chunk.batch
    rows = source.take(pa.array(list(reasons), type=pa.int64())).to_pylist() if reasons else []
    lines = chunk.lines[np.fromiter(reasons, dtype=np.int64, count=len(reasons))]
    fallen = [
        Reject(int(line), reason, orjson.dumps(row, default=_plain).decode())
        for line, reason, row in zip(lines.tolist(), reasons.values(), rows, strict=True)
    ]
    return sorted([*fallen, *chunk.lost], key=lambda reject: reject.line)


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
