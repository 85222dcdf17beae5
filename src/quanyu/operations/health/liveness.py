"""Liveness of streams: their latest observations against the cadence that each datastream promises,
else against the cycle of their entry; and how the tests of quality of a day went."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from quanyu.catalogue import Kind, Resource, entries_of, promised_period
from quanyu.kernel import ControlStore, ResourceId, now
from quanyu.operations.health.gathering import LivenessOf, LookAhead
from quanyu.operations.health.parts import Liveness
from quanyu.streams import Observations, flagged_between, look_ahead, observing_lately

_DAY = timedelta(days=1)
_GRACE = 1.5
"""Promised periods that may pass without an observation: late ones are no silence yet."""


def liveness_by(observations: Observations) -> LivenessOf:
    """How a node with these observations knows the liveness of its streams."""

    def look(session: Session, ids: Sequence[ResourceId]) -> dict[ResourceId, Liveness]:
        moment, found = now(), {}
        for name, entry in entries_of(session, ids).items():
            usual = promised_period(entry.update_cycle)
            seen = observing_lately(
                session, observations, name, moment=moment, usual=usual, grace=_GRACE
            )
            flagged = flagged_between(session, observations, name, moment - _DAY, moment)
            promises = usual is not None or seen.datastreams > 0
            count = seen.datastreams if promises else None
            found[name] = Liveness(count, seen.silent, seen.latest, flagged)
        return found

    return look


def ahead_by(observations: Observations) -> LookAhead:
    """How a node with these observations sees which datastreams observe, before it takes its turn
    at writing."""

    def look(control: ControlStore, entries: Sequence[Resource]) -> None:
        moment = now()
        for entry in entries:
            if entry.kind is Kind.STREAM:
                usual = promised_period(entry.update_cycle)
                look_ahead(
                    control, observations, entry.id, moment=moment, usual=usual, grace=_GRACE
                )

    return look
