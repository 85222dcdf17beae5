"""What people do with an alert: acknowledge it, so that it is told to nobody else."""

from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, Refused, now, owe
from quanyu.operations.alerts.model import Alert, AlertState
from quanyu.operations.alerts.numbering import take_number, touch
from quanyu.operations.alerts.reading import alert, to_alert
from quanyu.operations.alerts.sight import Sight
from quanyu.operations.alerts.silencing import silences, writer
from quanyu.operations.alerts.tables import AlertRow
from quanyu.parties import Caller

_MOST = 500


def may_act(caller: Caller, one: Alert) -> bool:
    """Whether the caller may acknowledge an alert: its party's members, and the node's."""
    return caller.party == one.party or caller.runs_node


def acknowledge(session: Session, caller: Caller, sight: Sight, name: str, note: str = "") -> Alert:
    """Take an alert on: it is escalated no further. Again, by another, it passes to them.

    Raises :class:`NotFound`, :class:`Refused` (rule ``alerts.act``) for members of other parties,
    :class:`Conflict` for one that is over.
    """
    seen = alert(session, sight, name)
    writer(caller)
    if not may_act(caller, seen):
        raise Refused(
            "only members of the party whose stream it is, or of the node, take an alert on",
            rule="alerts.act",
        )
    take_number(session)
    row = session.get_one(AlertRow, seen.id, with_for_update=True, populate_existing=True)
    if row.state == AlertState.RESOLVED.value:
        raise Conflict("the alert is over", mend="open the list again")
    moment = now()
    row.state, row.member = AlertState.ACKNOWLEDGED.value, caller.member
    row.acknowledged_at = row.acknowledged_at or moment
    row.note, row.escalate_at = note.strip()[:_MOST], None
    touch(session, row, moment)
    owe(
        session,
        "alert.acknowledged",
        row.id,
        {
            "rule": row.rule,
            "resource": row.resource,
            "by": caller.party or "",
        },
    )
    session.flush()
    return to_alert(row, silences(session, [row.party], moment), moment)
