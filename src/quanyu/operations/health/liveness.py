"""Liveness of streams: their latest observations against the cadence that each datastream promises,
else against the cycle of their entry; and how the tests of quality of a day went."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from quanyu.catalogue import entries_of, promised_period
from quanyu.kernel import ResourceId, now
from quanyu.operations.health.gathering import LivenessOf
from quanyu.operations.health.parts import Liveness
from quanyu.streams import Observations, flagged_between, observing_lately

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
