"""Ingest: sources of many formats into versions of datasets.

Nothing heavy is loaded until something is ingested: servers that only answer start quicker.
"""

from pathlib import Path

from quanyu.spacetime.intake.detect import FORMATS
from quanyu.spacetime.intake.model import (
    IngestOptions,
    IngestPlan,
    IngestReport,
    Place,
    PlannedField,
    Progress,
    Report,
)


def inspect(source: str | Path, options: IngestOptions, folder: Path) -> IngestPlan:
    """What :func:`ingest` would do, from the beginning of the source; nothing is stored.

    ``folder`` takes downloads and unpacked archives. Raises ``Invalid`` with field and mend.
    """
    from quanyu.spacetime.intake import run

    return run.inspect(source, options, folder)


def ingest(
    place: Place,
    source: str | Path,
    dataset: str,
    options: IngestOptions | None = None,
    progress: Report | None = None,
) -> IngestReport:
    """Read ``source`` into the next version of ``dataset`` and publish it.

    All or nothing: until the control store commits, the dataset is as it was. A run that was
    killed is gone on with by the next one of the same source and options (checked rows are staged
    in ``place.cache_dir``). Rows that cannot be kept are in the rejects file, one JSON object a
    line with ``line``, ``reason`` and ``raw``. Raises ``Invalid`` (field, mend) for sources that
    cannot be read at all, ``Conflict`` for two ingests of the same at once.
    """
    from quanyu.spacetime.intake import run

    return run.ingest(place, source, dataset, options or IngestOptions(), progress)


__all__ = [
    "FORMATS",
    "IngestOptions",
    "IngestPlan",
    "IngestReport",
    "Place",
    "PlannedField",
    "Progress",
    "ingest",
    "inspect",
]
