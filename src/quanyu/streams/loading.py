"""A file of observations taken into a stream, with evidence of who gave which file.

The log says before the first observation that a file is taken in, and afterwards how many of its
rows were: whatever breaks it off, what stands in the store has its leaf. A file that is refused
changes nothing and leaves none.
"""

import hashlib
from pathlib import Path

from quanyu.kernel import ControlStore, ResourceId, owe
from quanyu.streams.backfill import FilePlan, Loaded, check_file, taken
from quanyu.streams.observations import Observations

BEGUN, LOADED = "stream.load-begun", "stream.loaded"


def load_into(
    control: ControlStore,
    observations: Observations,
    of: ResourceId,
    path: Path,
    plan: FilePlan,
    *,
    by: str,
    checked: bool = False,
) -> Loaded:
    """Take a file in for the party ``by``. Raises ``Invalid`` as :func:`check_file`, before
    anything is taken in or written down; not where that has let it pass just now (``checked``)."""
    if not checked:
        check_file(path, plan)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    said = {"by": by, "sha256": digest, "bytes": path.stat().st_size}
    with control.begin() as session:
        owe(session, BEGUN, of, said)
    found, whole = Loaded(0, 0, 0, 0), False
    try:
        for so_far in taken(observations, path, plan):
            found = so_far
        whole = True
    finally:
        counts = {
            "rows": found.rows,
            "observations": found.observations,
            "replaced": found.replaced,
            "missing": found.missing,
        }
        with control.begin() as session:
            owe(session, LOADED, of, {**said, **counts, "whole": whole})
    return found
