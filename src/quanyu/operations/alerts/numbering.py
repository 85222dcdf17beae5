"""Numbers of changes of alerts, in the order in which they are committed.

Instants do not tell what is new: a transaction that was long at work commits an older one after
others have committed theirs.
"""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.operations.alerts.tables import AlertRow, NumberRow

_NAME = "alerts"
_TAKEN = "alerts.number"


def take_number(session: Session) -> int:
    """The number of this transaction among those that change alerts.

    Who takes one waits for whoever took the one before to end. It is taken before any alert is
    locked: so transactions wait in one order, and never for one another.
    """
    taken: int | None = session.info.get(_TAKEN)
    if taken is None:
        taken = session.info[_TAKEN] = _next(session)
    return taken


def touch(session: Session, row: AlertRow, moment: datetime) -> None:
    """Mark an alert as changed by this transaction."""
    row.change, row.changed_at = take_number(session), moment


def _next(session: Session) -> int:
    one_more = (
        update(NumberRow)
        .where(NumberRow.name == _NAME)
        .values(number=NumberRow.number + 1)
        .returning(NumberRow.number)
    )
    found = session.scalar(one_more)
    if found is None:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        row = insert(NumberRow).values(name=_NAME, number=0)
        session.execute(row.on_conflict_do_nothing())
        found = session.execute(one_more).scalar_one()
    return found
