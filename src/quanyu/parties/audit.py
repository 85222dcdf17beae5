"""Reading the acts: who may, filters, pages, and whether they are still what the log says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from quanyu.kernel import MemberId, Owed, PartyId, Refused, blind
from quanyu.parties.administrative_acts import commitment_of
from quanyu.parties.model import Caller, Role
from quanyu.parties.tables import ActRow

MOST = 500


@dataclass(frozen=True, slots=True)
class ActFilter:
    """Which acts are wanted; ``after`` is the id of the last act of the page before."""

    kind: str = ""
    actor: str = ""
    party: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None
    after: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Act:
    """An administrative act. ``sound`` says whether it is what its leaf committed to.

    ``position`` is the index of the leaf in the log, once it has been sequenced.
    """

    id: str
    at: datetime
    kind: str
    actor: MemberId | None
    actor_party: PartyId | None
    on_behalf_of: tuple[MemberId, ...]
    token: str | None
    party: PartyId | None
    subject: str
    origin: str | None
    details: Mapping[str, Any]
    sound: bool
    position: int | None


@dataclass(frozen=True, slots=True)
class ActPage:
    """Acts, newest first; ``after`` asks for the next page when there is one."""

    acts: tuple[Act, ...]
    after: str | None


def may_audit(caller: Caller) -> bool:
    """Whether the caller may read acts at all."""
    return caller.may(Role.AUDITOR) or caller.may(Role.STEWARD)


def acts(session: Session, caller: Caller | None, wanted: ActFilter) -> ActPage:
    """Acts of the caller's party, or of all when it audits the node; ``None`` sees all.

    Raises :class:`Refused` (rule ``audit.read``) unless the caller is an auditor or steward.
    """
    limit = max(1, min(wanted.limit, MOST))
    rows = session.execute(_statement(caller, wanted).limit(limit + 1)).all()
    found = tuple(_act(row, owed) for row, owed in rows[:limit])
    return ActPage(found, found[-1].id if len(rows) > limit else None)


def all_acts(session: Session, caller: Caller | None, wanted: ActFilter) -> Iterator[Act]:
    """Every act that the filter lets through, newest first, a block at a time."""
    for row, owed in session.execute(_statement(caller, wanted)).yield_per(MOST):
        yield _act(row, owed)


def _statement(caller: Caller | None, wanted: ActFilter) -> Any:
    statement = (
        select(ActRow, Owed)
        .outerjoin(Owed, Owed.leaf == ActRow.leaf)
        .where(_visible(caller))
        .order_by(ActRow.id.desc())
    )
    for column, value in (
        (ActRow.kind, wanted.kind),
        (ActRow.actor, wanted.actor),
        (ActRow.party, wanted.party),
        (ActRow.subject, wanted.subject),
    ):
        if value:
            statement = statement.where(column == (value if value.isprintable() else ""))
    if wanted.since:
        statement = statement.where(ActRow.at >= wanted.since)
    if wanted.until:
        statement = statement.where(ActRow.at < wanted.until)
    if wanted.after and wanted.after.isprintable():
        statement = statement.where(ActRow.id < wanted.after)
    return statement


def _visible(caller: Caller | None) -> ColumnElement[bool]:
    if caller is not None and not may_audit(caller):
        raise Refused(
            "only auditors and stewards may read the acts",
            mend="ask a steward of your party for the role of auditor",
            rule="audit.read",
        )
    if caller is None or caller.runs_node:
        return ActRow.id != ""
    return or_(ActRow.party == caller.party, ActRow.actor_party == caller.party)


def _act(row: ActRow, owed: Owed | None) -> Act:
    return Act(
        id=row.id,
        at=row.at,
        kind=row.kind,
        actor=MemberId(row.actor) if row.actor else None,
        actor_party=PartyId(row.actor_party) if row.actor_party else None,
        on_behalf_of=tuple(MemberId(giver) for giver in row.on_behalf_of),
        token=row.token,
        party=PartyId(row.party) if row.party else None,
        subject=row.subject,
        origin=row.origin,
        details=row.details,
        sound=owed is not None and _sound(row, owed),
        position=owed.position if owed else None,
    )


def _sound(row: ActRow, owed: Owed) -> bool:
    said = orjson.loads(owed.body)
    origin = row.origin is None or said.get("origin") == blind(row.origin, row.salt)
    return bool(said.get("act") == commitment_of(row) and said["kind"] == row.kind and origin)
