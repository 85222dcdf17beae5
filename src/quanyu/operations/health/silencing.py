"""Planned maintenance: a provider says until when nobody is to be called."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from quanyu.catalogue import Resource, check_writes, resource, want_health
from quanyu.kernel import Conflict, Invalid, ResourceId, iso, now, owe
from quanyu.operations.health.figures import health_row, to_health
from quanyu.operations.health.model import Health
from quanyu.operations.health.tables import HealthRow
from quanyu.parties import Caller

SILENCED, CALLED_AGAIN = "health.silenced", "health.silence-ended"
LONGEST = timedelta(days=90)
_MOST_TEXT = 500


def silence_health(
    session: Session, caller: Caller, resource_id: ResourceId, until: datetime, reason: str
) -> Health:
    """Call nobody of a resource until then; owes ``health.silenced``.

    For those who may write its entry. Raises :class:`Invalid` for a time that is past or more than
    90 days off, and without a reason.
    """
    of = resource(session, resource_id, visible_to=caller)
    check_writes(caller, of.provider)
    moment, said = now(), reason.strip()
    if until.tzinfo is None or not moment < until <= moment + LONGEST:
        raise Invalid(
            "maintenance ends within {days} days",
            field="until",
            mend="give a time that is to come, with an offset",
            days=LONGEST.days,
        )
    if not said:
        raise Invalid("this is missing", field="reason", mend="say what is being done")
    if len(said) > _MOST_TEXT:
        raise Invalid("this is too long", field="reason", mend="shorten it")
    row = _row(session, of)
    row.silent_until, row.silent_reason, row.silent_by = until, said, caller.member
    owe(session, SILENCED, of.id, {"until": iso(until)})
    want_health(session, [of.id])
    session.flush()
    return to_health(row)


def end_health_silence(session: Session, caller: Caller, resource_id: ResourceId) -> Health:
    """Call again before the time is over; owes ``health.silence-ended``."""
    of = resource(session, resource_id, visible_to=caller)
    check_writes(caller, of.provider)
    row = _row(session, of)
    if row.silent_until is None or row.silent_until <= now():
        raise Conflict("this resource is not silenced", field="resource", mend="look again")
    row.silent_until, row.silent_reason, row.silent_by = None, "", None
    owe(session, CALLED_AGAIN, of.id, {"by": "hand"})
    want_health(session, [of.id])
    session.flush()
    return to_health(row)


def _row(session: Session, of: Resource) -> HealthRow:
    row = health_row(session, of.id)
    if row is None:
        raise Conflict(
            "its health has not been looked at yet", field="resource", mend="try in a minute"
        )
    return row
