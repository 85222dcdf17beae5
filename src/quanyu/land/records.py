"""Checks that were made: kept with the leaf that their reports owe the log."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session, defer

from quanyu.kernel import Invalid, MemberId, NotFound, PartyId, Refused, new_id, now, owe
from quanyu.land.check import Checked
from quanyu.land.model import Record, Verdict
from quanyu.land.report import report_bytes
from quanyu.land.tables import CheckRow
from quanyu.parties import Caller, Role, Scope

LEAF = "land.checked"


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Records, the latest first; ``next`` is the token of the page after."""

    items: tuple[Record, ...]
    next: str | None


def check_may_check(caller: Caller) -> None:
    """Raise :class:`Refused` (rule ``land.check``) unless the caller may have projects checked:
    every member of a party may, with a token of the scope “write”, as a record is made."""
    if caller.party is None or not {Scope.READ, Scope.WRITE} <= caller.scopes:
        raise Refused(
            "a check is recorded for a party",
            mend="sign in, or use a token of the scopes “read” and “write”",
            rule="land.check",
        )


def keep_check(
    session: Session,
    checked: Checked,
    uses: Mapping[str, str],
    caller: Caller,
    *,
    rerun_of: str | None = None,
) -> Record:
    """Keep a check and owe its leaf, which holds the digest of the report and the uses by which
    its sources were read. Raises :class:`Refused`."""
    check_may_check(caller)
    data, digest = report_bytes(checked)
    name = new_id("land_check")
    leaf = owe(
        session,
        LEAF,
        name,
        {
            "document": digest,
            "verdict": checked.verdict.value,
            "uses": sorted(uses.values()),
        },
    )
    row = CheckRow(
        id=name,
        at=now(),
        party=caller.party,
        member=caller.member,
        name=checked.project.name,
        verdict=checked.verdict.value,
        digest=digest,
        leaf=leaf,
        uses=dict(uses),
        rerun_of=rerun_of,
        report=data,
    )
    session.add(row)
    session.flush()
    return _record(row)


def check_record(session: Session, name: str, caller: Caller) -> Record:
    """The record of that id; :class:`NotFound` when there is none, or it is not for the caller: it
    is for its party, and for the node's reviewers and auditors."""
    row = session.scalar(select(CheckRow).where(CheckRow.id == name))
    if row is None or not (row.party == caller.party or _sees_all(caller)):
        raise NotFound("there is no check {id}", id=name[:40])
    return _record(row)


def check_records(
    session: Session, caller: Caller, *, after: str | None = None, limit: int = 50
) -> RecordPage:
    """Records for the caller, without their reports."""
    wanted = select(CheckRow).options(defer(CheckRow.report)).order_by(CheckRow.number.desc())
    if not _sees_all(caller):
        wanted = wanted.where(CheckRow.party == (caller.party or ""))
    if after is not None:
        if not (after.isdecimal() and len(after) < 18):
            raise Invalid(
                "this token is not one of this list", field="after", mend="use the links shown"
            )
        wanted = wanted.where(CheckRow.number < int(after))
    rows = session.scalars(wanted.limit(limit + 1)).all()
    more = str(rows[limit - 1].number) if len(rows) > limit else None
    return RecordPage(tuple(_record(row, report=False) for row in rows[:limit]), more)


def forget_checks_of(session: Session, member: MemberId) -> None:
    """Take a member out of the records; what was checked stays with its party."""
    session.execute(update(CheckRow).where(CheckRow.member == member).values(member=None))


def _sees_all(caller: Caller) -> bool:
    return caller.runs_node and any(caller.may(one) for one in (Role.REVIEWER, Role.AUDITOR))


def _record(row: CheckRow, *, report: bool = True) -> Record:
    return Record(
        id=row.id,
        at=row.at,
        party=PartyId(row.party),
        member=MemberId(row.member) if row.member else None,
        name=row.name,
        verdict=Verdict(row.verdict),
        digest=row.digest,
        leaf=row.leaf,
        uses=row.uses,
        rerun_of=row.rerun_of,
        report=row.report if report else b"",
    )
