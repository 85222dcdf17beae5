"""Types of harvesting: a source, what is asked of it, its runs, and what each run reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from quanyu.catalogue.codes import Access
from quanyu.kernel import LocalText, PartyId, ResourceId


class SourceKind(StrEnum):
    """What interface a source speaks."""

    CKAN = "ckan"
    DCAT = "dcat"
    RECORDS = "records"
    CSW = "csw"
    STAC = "stac"
    QUANYU = "quanyu"


class OnMissing(StrEnum):
    """What becomes of an entry whose record the source no longer has."""

    MARK = "mark"
    WITHDRAW = "withdraw"


class Trust(StrEnum):
    """Whether what comes is published at once or waits as a draft for somebody to look at it."""

    PUBLISH = "publish"
    REVIEW = "review"


class RunState(StrEnum):
    """Where a run stands. ``held``: it is over, but what it would take away waits for a word."""

    RUNNING = "running"
    STALLED = "stalled"
    HELD = "held"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_RUNS = frozenset({RunState.RUNNING, RunState.STALLED})
"""Runs that go on."""


class RecordOutcome(StrEnum):
    """What became of a record in a run."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    RENAMED = "renamed"
    CONFLICT = "conflict"
    SKIPPED = "skipped"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    MISSING = "missing"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """How a source is read and what is made of it.

    filter         what the source is asked for: a CKAN ``fq``, a CQL2 text, nothing for the others.
    licence        the licence of records that name none that is known here.
    access         the access of records whose licence is not open; open licences make open data.
    themes         from words of the source (its themes, groups, keywords) to keys of ``THEMES``.
    publishers     from names of publishers in the source to parties of this node.
    on_missing, missing_runs   what happens to entries that were missing in so many runs in a row.
    trust          whether entries are published at once.
    page_size      records asked for at once.
    """

    filter: str = ""
    licence: str = "by-agreement"
    access: Access = Access.RESTRICTED
    themes: Mapping[str, str] = field(default_factory=dict)
    publishers: Mapping[str, PartyId] = field(default_factory=dict)
    on_missing: OnMissing = OnMissing.MARK
    missing_runs: int = 3
    trust: Trust = Trust.REVIEW
    page_size: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestSource:
    """A catalogue that entries are taken from, for the party ``provider``.

    ``every_minutes`` 0: only when somebody says so. ``failures`` counts runs in a row that failed.
    """

    id: str
    name: LocalText
    kind: SourceKind
    url: str
    provider: PartyId
    settings: SourceSettings
    every_minutes: int
    active: bool
    next_at: datetime | None
    failures: int
    revision: int
    created_at: datetime
    last_run: "HarvestRun | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestRun:
    """One going-through of a source.

    total     how many records the source says it has; ``seen`` is how many it gave.
    counts    how many records came to each outcome.
    problem   why it failed or waits: ``detail``, ``mend`` (message ids), ``params``.
    warnings  what was odd, each like ``problem``.
    """

    id: str
    source: str
    state: RunState
    begun_at: datetime
    heartbeat_at: datetime
    progress_at: datetime
    ended_at: datetime | None
    retry_at: datetime | None
    attempts: int
    pages: int
    total: int | None
    seen: int
    counts: Mapping[RecordOutcome, int]
    problem: Mapping[str, Any] | None
    warnings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunItem:
    """What a run says of one record.

    ``differences`` maps a field to ``old`` and ``new``; ``kept`` names those of them that were not
    taken over because they had been edited here.
    """

    number: int
    remote_id: str
    title: str
    outcome: RecordOutcome
    resource: ResourceId | None
    reason: Mapping[str, Any] | None
    differences: Mapping[str, Mapping[str, Any]]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestConflict:
    """A field that was edited here and has changed at the source since."""

    record: int
    source: str
    resource: ResourceId
    slug: str
    title: LocalText
    field: str
    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestOrigin:
    """Where a harvested entry is from, for its page.

    ``missing`` counts the runs in a row in which the source had it no more. ``node`` is the name
    of the other node when the source is one.
    """

    source: str
    source_name: LocalText
    kind: SourceKind
    remote_id: str
    landing_page: str
    node: str
    first_seen_at: datetime
    last_seen_at: datetime
    missing: int
    kept: tuple[str, ...]
