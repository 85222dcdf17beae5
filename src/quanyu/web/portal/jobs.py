"""Publishing jobs: their state in files of the node's folder, so that every worker can tell it.

A job is one folder under ``publishing``: ``job.json``, replaced atomically, and the upload.
"""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from quanyu.kernel import NotFound, PartyId, new_id, now, whole_file
from quanyu.parties import Caller

INSPECTING, PLANNED, RUNNING, DONE, FAILED = "inspecting", "planned", "running", "done", "failed"
STAGES: dict[str, str] = {
    INSPECTING: "Looking at it",
    PLANNED: "Waiting for your word",
    RUNNING: "Bringing it in",
    DONE: "Published",
    FAILED: "Did not succeed",
}
SILENCE = timedelta(minutes=3)
"""A job that says nothing for so long has lost its worker; it can be begun again."""

_ID = re.compile(r"ing_[0-9A-HJKMNP-TV-Z]{26}")
_workers = ThreadPoolExecutor(1, thread_name_prefix="publish")


@dataclass(frozen=True, slots=True)
class Job:
    """One publication on its way. ``problem`` is what its page shows when it failed;
    ``application`` is that for registration, where entries are reviewed first."""

    id: str
    party: PartyId
    name: str
    source: str
    stage: str
    at: datetime
    done: int = 0
    total: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    plan: Mapping[str, Any] | None = None
    slug: str = ""
    application: str = ""
    version: int = 0
    rows: int = 0
    rejects: int = 0
    examples: tuple[tuple[int, str], ...] = ()
    problem: Mapping[str, Any] | None = None

    @property
    def running(self) -> bool:
        """Whether a worker is at it."""
        return self.stage in (INSPECTING, RUNNING) and now() - self.at < SILENCE


class Jobs:
    """The jobs of a node, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new(self, party: PartyId, name: str) -> Job:
        """A job with its folder, not saved yet."""
        job = Job(new_id("ingest"), party, name, "", INSPECTING, now())
        self.place(job.id).mkdir(parents=True)
        return job

    def place(self, job_id: str) -> Path:
        """The folder of a job; :class:`NotFound` for what cannot be a job's id."""
        if not _ID.fullmatch(job_id):
            raise NotFound("there is no job {id}", id=job_id[:80])
        return self.folder / job_id

    def save(self, job: Job, **changes: Any) -> Job:
        """The job with ``changes``, kept."""
        changed = replace(job, at=now(), **changes)
        path = self.place(job.id) / "job.json"
        with whole_file(path) as fresh:
            fresh.write_bytes(orjson.dumps(asdict(changed), default=_plain))
        return changed

    def find(self, caller: Caller, job_id: str) -> Job:
        """A job of the caller's party; :class:`NotFound` for others."""
        path = self.place(job_id) / "job.json"
        job = _read(path) if path.exists() else None
        if job is None or job.party != caller.party:
            raise NotFound("there is no job {id}", id=job_id)
        return job

    def of(self, caller: Caller, most: int = 20) -> list[Job]:
        """The latest jobs of the caller's party."""
        paths = sorted(self.folder.glob("ing_*/job.json"), reverse=True)
        mine = (job for job in map(_read, paths) if job.party == caller.party)
        return [job for job, _ in zip(mine, range(most), strict=False)]


def start(work: Any, *arguments: Any) -> None:
    """Run ``work`` behind the requests; one at a time in each worker."""
    _workers.submit(work, *arguments)


def _read(path: Path) -> Job:
    said = orjson.loads(path.read_bytes())
    said["at"] = datetime.fromisoformat(said["at"])
    said["examples"] = tuple(map(tuple, said["examples"]))
    return Job(**said)


def _plain(value: object) -> object:
    return str(value)
