"""Alerts that are over long since are dropped; their evidence stays in the log."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from quanyu.kernel import ControlStore, iso, now, owe
from quanyu.operations.alerts.model import AlertState
from quanyu.operations.alerts.raising import instant
from quanyu.operations.alerts.tables import AlertRow
from quanyu.operations.rules import judged_anew_from

_AT_ONCE = 200


def drop_old_alerts(control: ControlStore, days: int) -> int:
    """Drop alerts that have been over for ``days``; how many there were.

    What a late observation could still judge anew is kept: it would be raised a second time.
    """
    horizon, after, dropped = now() - timedelta(days=days), "", 0
    while True:
        with control.read() as session:
            rows = session.execute(
                select(AlertRow.id, AlertRow.rule, AlertRow.subject, AlertRow.ended_at)
                .where(
                    AlertRow.id > after,
                    AlertRow.state == AlertState.RESOLVED.value,
                    AlertRow.changed_at < horizon,
                )
                .order_by(AlertRow.id)
                .limit(_AT_ONCE)
            ).all()
            bases = judged_anew_from(session, [(rule, subject) for _, rule, subject, _ in rows])
        if not rows:
            return dropped
        after = rows[-1].id
        old = [
            one
            for one, rule, subject, ended in rows
            if (base := bases.get((rule, subject))) is None
            or ended is None
            or instant(base) > ended
        ]
        if old:
            with control.begin() as session:
                dropped += _drop(session, old, horizon)


def _drop(session: Session, old: Sequence[str], horizon: datetime) -> int:
    gone = session.scalars(
        delete(AlertRow)
        .where(
            AlertRow.id.in_(old),
            AlertRow.state == AlertState.RESOLVED.value,
            AlertRow.changed_at < horizon,
        )
        .returning(AlertRow.id)
    ).all()
    if gone:
        said = {"alerts": sorted(gone), "over_before": iso(horizon)}
        owe(session, "alerts.dropped", min(gone), said)
    return len(gone)
