"""Whether the datastreams of a stream still observe: one question for all of them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.kernel import ResourceId
from quanyu.streams.inserting import root_of
from quanyu.streams.observations import Observations
from quanyu.streams.tables import DatastreamRow
from quanyu.streams.visibility import numbers_of_root


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
    root = root_of(session, resource)
    numbers = () if root is None else numbers_of_root(session, root)
    if not numbers:
        return Observing(0, 0, None)
    whole = select(func.count()).where(DatastreamRow.root == root)
    count, (lively, latest) = session.scalar(whole) or 0, observations.lately(numbers, since)
    return Observing(count, count - lively, latest)
