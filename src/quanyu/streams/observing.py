"""Whether the datastreams of a stream still observe: one question for all of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.kernel import ResourceId
from quanyu.streams.inserting import root_of
from quanyu.streams.observations import Observations
from quanyu.streams.tables import DatastreamRow


@dataclass(frozen=True, slots=True)
class Observing:
    """Of ``datastreams`` of a stream ``silent`` have no observation at or after the moment asked
    about; ``latest`` is the newest observation of all."""

    datastreams: int
    silent: int
    latest: datetime | None


def observing_lately(
    session: Session, observations: Observations, resource: ResourceId, since: datetime
) -> Observing:
    """How many datastreams of a stream have observed since a moment, by what is kept of the latest
    of each: no observation is read."""
    import pyarrow.compute as pc

    root = root_of(session, resource)
    if root is None:
        return Observing(0, 0, None)
    numbers = session.scalars(select(DatastreamRow.number).where(DatastreamRow.root == root)).all()
    if not numbers:
        return Observing(0, 0, None)
    last: Any = observations.extents(numbers).column("end")
    count = pc.sum(pc.greater_equal(last, since)).as_py() or 0
    return Observing(len(numbers), len(numbers) - int(count), pc.max(last).as_py())
