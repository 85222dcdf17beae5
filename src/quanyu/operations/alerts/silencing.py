"""Silences: alerts that somebody knows of and that nobody is to be told of for a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid, MemberId, NotFound, PartyId, Refused, iso, new_id, now, owe
from quanyu.operations.alerts.model import MATCHED, Silence
from quanyu.operations.alerts.tables import AlertRow, SilenceRow
from quanyu.parties import Caller, Scope

LONGEST = timedelta(days=90)
_MOST = 300


def silence(
    session: Session,
    caller: Caller,
    matcher: Mapping[str, str],
    *,
    ends_at: datetime,
    reason: str,
    starts_at: datetime | None = None,
) -> Silence:
    """Tell nobody of the party's alerts that match, until a moment.

    Raises :class:`Invalid` for a matcher without a value, a time that is over or too far away, or
    no reason, and :class:`Refused` for who belongs to no party or may not write.
    """
    party = writer(caller)
    chosen = {name: str(value).strip() for name, value in matcher.items() if value}
    if not chosen or not chosen.keys() <= set(MATCHED):
        raise Invalid(
            "a silence needs something that alerts are to match",
            field="matcher",
            mend="give one or more of: {names}",
            names=", ".join(MATCHED),
        )
    moment = now()
    start = starts_at or moment
    if not start < ends_at <= start + LONGEST or ends_at <= moment:
        raise Invalid(
            "a silence ends in the future, within {days} days of its beginning",
            field="ends_at",
            mend="give an instant with its offset",
            days=LONGEST.days,
        )
    if not reason.strip() or len(reason) > _MOST:
        raise Invalid("a reason of 1 to {most} characters is needed", field="reason", most=_MOST)
    row = SilenceRow(
        id=new_id("silence"),
        party=party,
        matcher=chosen,
        starts_at=start,
        ends_at=ends_at,
        reason=reason.strip(),
        member=caller.member,
    )
    row.leaf = owe(
        session,
        "alert.silenced",
        row.id,
        {"party": party, "matcher": chosen, "starts_at": iso(start), "ends_at": iso(ends_at)},
    )
    session.add(row)
    session.flush()
    return to_silence(row)


def end_silence(session: Session, caller: Caller, name: str) -> Silence:
    """End a silence now; raises :class:`NotFound` for one of another party."""
    party = writer(caller)
    row = session.get(SilenceRow, name)
    if row is None or row.party != party:
        raise NotFound("there is no silence {id}", id=name[:80])
    moment = now()
    if row.ends_at > moment:
        row.ends_at = max(moment, row.starts_at)
        owe(session, "alert.silence-ended", row.id, {"party": row.party})
    return to_silence(row)


def silences(session: Session, parties: Sequence[str], moment: datetime) -> list[Silence]:
    """Silences of those parties that are not over, the first to end first."""
    rows = session.scalars(
        select(SilenceRow)
        .where(SilenceRow.party.in_(parties), SilenceRow.ends_at > moment)
        .order_by(SilenceRow.ends_at)
    )
    return [to_silence(row) for row in rows]


def covering(found: Sequence[Silence], alert: AlertRow, moment: datetime) -> Silence | None:
    """The silence that covers an alert at a moment, the one that ends last."""
    values = {
        "rule": alert.rule,
        "stream": alert.resource,
        "severity": alert.severity,
        "thing": alert.thing,
        "group": alert.group_key,
    }
    fits = [
        one
        for one in found
        if one.party == alert.party
        and one.starts_at <= moment < one.ends_at
        and all(values[name] == value for name, value in one.matcher.items())
    ]
    return max(fits, key=lambda one: one.ends_at, default=None)


def writer(caller: Caller) -> PartyId:
    """The caller's party; raises :class:`Refused` for who may not write for one."""
    if caller.party is None or caller.member is None or Scope.WRITE not in caller.scopes:
        raise Refused(
            "only members of a party may do this",
            rule="alerts.member",
            mend="sign in; a token needs the scope “write”",
        )
    return caller.party


def to_silence(row: SilenceRow) -> Silence:
    """A row as what it stands for."""
    return Silence(
        row.id,
        PartyId(row.party),
        row.matcher,
        row.starts_at,
        row.ends_at,
        row.reason,
        MemberId(row.member) if row.member else None,
        row.leaf,
    )
