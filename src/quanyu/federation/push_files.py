"""Files that are kept while they are pushed: whole, durable, each under the use that read it."""

import os
from datetime import timedelta
from pathlib import Path

import structlog

from quanyu.federation.model import Here, State
from quanyu.federation.tables import ProcessRow, PushRow
from quanyu.federation.transitions import FINAL
from quanyu.kernel import ControlStore, now

log = structlog.get_logger(__name__)
CLAIM = timedelta(minutes=2)
"""How long a push is nobody else's; who is at it renews that."""


def keep_file(part: Path, file: Path) -> Path:
    """Name a file that is whole, so that a loss of power leaves it whole."""
    with part.open("rb") as data:
        os.fsync(data.fileno())
    part.rename(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return file


def kept_file(here: Here, push: PushRow) -> Path | None:
    """The file of a push that was read whole; what no use is written down of is none."""
    if not push.use:
        return None
    file = here.folder / f"{push.process}.{push.use}"
    if file.exists():
        return file
    log.warning("transfer.file_lost", process=push.process, use=push.use)
    push.use, push.size, push.sha256 = "", None, ""
    return None


def forget_files(control: ControlStore, here: Here) -> int:
    """Remove files of pushes that are over; how many."""
    files = list(here.folder.glob("*.use_*")) + list(here.folder.glob("*.part"))
    gone = 0
    with control.read() as session:
        for file in files:
            name = file.name.partition(".")[0]
            row, push = session.get(ProcessRow, name), session.get(PushRow, name)
            old = now().timestamp() - file.stat().st_mtime > CLAIM.total_seconds()
            kept = push is not None and push.use == file.suffix.removeprefix(".")
            if row is None or State(row.state) in FINAL or (old and not kept):
                file.unlink(missing_ok=True)
                gone += 1
    return gone
