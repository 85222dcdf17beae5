"""Liveness of streams: their latest observations against the cadence that each datastream promises,
else against the cycle of their entry; and how the tests of quality of a day went."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from quanyu.catalogue import Kind, Resource, entries_of, promised_period
from quanyu.kernel import ControlStore, ResourceId, now
from quanyu.operations.health.gathering import LivenessOf, LookAhead
from quanyu.operations.health.parts import Liveness
from quanyu.streams import Observations, flagged_between, look_ahead, observing_lately

_DAY = timedelta(days=1)
_GRACE = 1.5
"""Promised periods that may pass without an observation: late ones are no silence yet."""


_FRESH = timedelta(minutes=1)
"""How long what was looked at ahead is not looked at again."""


def liveness_by(observations: Observations) -> LivenessOf:
    """How a node with these observations knows the liveness of its streams."""
    return looks_by(observations)[0]


def looks_by(observations: Observations) -> tuple[LivenessOf, LookAhead]:
    """The same, and how it sees which datastreams observe before it takes its turn at writing:
    what was looked at then is counted, not looked at twice."""
    looked: dict[ResourceId, datetime] = {}

    def look(session: Session, ids: Sequence[ResourceId]) -> dict[ResourceId, Liveness]:
        moment, found = now(), {}
        for name, entry in entries_of(session, ids).items():
            usual = promised_period(entry.update_cycle)
            ahead = looked.pop(name, None)
            fresh = ahead is not None and moment - ahead < _FRESH
            seen = observing_lately(
                session,
                observations,
                name,
                moment=ahead if ahead is not None and fresh else moment,
                usual=usual,
                grace=_GRACE,
                looked=fresh,
            )
            flagged = flagged_between(session, observations, name, moment - _DAY, moment)
            promises = usual is not None or seen.datastreams > 0
            count = seen.datastreams if promises else None
            found[name] = Liveness(count, seen.silent, seen.latest, flagged)
        return found

    def ahead(control: ControlStore, entries: Sequence[Resource]) -> None:
        for entry in entries:
            if entry.kind is Kind.STREAM:
                moment, usual = now(), promised_period(entry.update_cycle)
                look_ahead(
                    control, observations, entry.id, moment=moment, usual=usual, grace=_GRACE
                )
                looked[entry.id] = moment

    return look, ahead
