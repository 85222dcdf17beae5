"""Personal data: given out whole to whom they are about, and erased when that is wished.

PIPL arts. 44 (to know and decide), 45 (access and copies in a usable form), 46 (correction) and
47 (erasure). What the log holds of a person are commitments under the person's salt: once that is
gone they say nothing about anybody.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, delete, or_, select, update
from sqlalchemy import Table as SqlTable
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, MemberId, PartyId, Table, announce, iso, new_salt, now
from quanyu.parties.accounts import check_not_last_steward, close, commitment
from quanyu.parties.administrative_acts import record_act
from quanyu.parties.model import Caller
from quanyu.parties.notices.tables import NoticeChoiceRow, NoticeReaderRow
from quanyu.parties.own_account import own_row
from quanyu.parties.passwords import NO_PASSWORD
from quanyu.parties.tables import (
    ActRow,
    DelegationRow,
    IdentityRow,
    InvitationRow,
    MemberRow,
    SessionRow,
)

ERASED = "—"
_SECRET = frozenset({"secret_hash", "password_hash", "salt", "state_hash", "browser_hash",
                     "nonce", "verifier"})  # fmt: skip
_ID_LENGTH = 40


@dataclass(frozen=True, slots=True)
class MemberErased:
    """An account has been erased; rooms that hold more on the member erase it."""

    member: MemberId


def export_personal_data(session: Session, caller: Caller) -> bytes:
    """Everything the node holds on the caller, one JSON file a table, as a ZIP.

    Found by the member's id in every column that may hold one, in the tables of all rooms; hashes
    of secrets are left out.
    """
    row = own_row(session, caller)
    record_act(
        session,
        caller,
        "member.exported",
        row.id,
        party=PartyId(row.party),
        leaf=(commitment(row), {"party": row.party}),
    )
    session.flush()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as folder:
        held = {table.name: _held(session, table, row) for table in Table.metadata.sorted_tables}
        about = {
            "member": row.id,
            "exported_at": iso(now()),
            "tables": {name: len(rows) for name, rows in held.items() if rows},
            "law": "PIPL art. 45 个人信息保护法第四十五条",
        }
        folder.writestr("about.json", _json(about))
        for name, rows in held.items():
            if rows:
                folder.writestr(f"{name}.json", _json(rows))
    return file.getvalue()


def ask_erasure(session: Session, caller: Caller, days: int) -> datetime:
    """Have one's own account erased after ``days`` of grace; when that will be.

    Raises :class:`Conflict` (rule ``people.last-steward``) for the last steward of a party, who
    must hand over first. Owes ``member.erasure-asked``.
    """
    row = own_row(session, caller)
    check_not_last_steward(session, row, caller)
    if row.erase_at is None:
        row.erase_at = now() + timedelta(days=days)
        _act(session, caller, "member.erasure-asked", row)
    return row.erase_at


def cancel_erasure(session: Session, caller: Caller) -> None:
    """Keep one's account after all; owes ``member.erasure-cancelled``."""
    row = own_row(session, caller)
    if row.erase_at is not None:
        row.erase_at = None
        _act(session, caller, "member.erasure-cancelled", row)


def erase_due(session: Session) -> int:
    """Erase the accounts whose days of grace are over; how many were."""
    rows = session.scalars(
        select(MemberRow).where(MemberRow.erase_at <= now(), MemberRow.erased_at.is_(None))
    ).all()
    erased = 0
    for row in rows:
        try:
            check_not_last_steward(session, row, Caller(party=PartyId(row.party)))
        except Conflict:
            row.erase_at = now() + timedelta(
                days=1
            )  # became the last one meanwhile: looked at again
            continue
        _erase(session, row)
        erased += 1
    return erased


def _erase(session: Session, row: MemberRow) -> None:
    _act(session, None, "member.erased", row)
    member, email = MemberId(row.id), row.email
    close(session, row)
    row.name, row.login, row.email, row.language = ERASED, f"erased-{row.id}", None, None
    row.password_hash, row.salt, row.roles = NO_PASSWORD, new_salt(), []
    row.erase_at, row.erased_at = None, now()
    for table in (NoticeReaderRow, NoticeChoiceRow, IdentityRow, SessionRow):
        session.execute(delete(table).where(table.member == member))
    session.execute(
        update(DelegationRow)
        .where(
            or_(DelegationRow.giver == member, DelegationRow.taker == member),
            DelegationRow.revoked_at.is_(None),
        )
        .values(revoked_at=now(), reason=ERASED)
    )
    invited = [InvitationRow.accepted_by == member, InvitationRow.member == member]
    if email:
        invited.append(InvitationRow.email == email)
    session.execute(update(InvitationRow).where(or_(*invited)).values(email=ERASED))
    session.execute(update(ActRow).where(ActRow.actor == member).values(origin=None))
    announce(session, MemberErased(member))


def _act(session: Session, caller: Caller | None, kind: str, row: MemberRow) -> None:
    record_act(
        session,
        caller,
        kind,
        row.id,
        party=PartyId(row.party),
        leaf=(commitment(row), {"party": row.party}),
    )


def _held(session: Session, table: SqlTable, row: MemberRow) -> list[dict[str, Any]]:
    columns = [
        column
        for column in table.columns
        if isinstance(column.type, String) and column.type.length == _ID_LENGTH
        if column.name != "id" or table.name == "member"
    ]
    if table.name == "invitation" and row.email:
        wanted = [column == row.id for column in columns] + [table.c.email == row.email]
    else:
        wanted = [column == row.id for column in columns if _may_name_member(column.name, table)]
    if not wanted:
        return []
    found = session.execute(select(table).where(or_(*wanted))).mappings()
    return [{k: v for k, v in one.items() if k not in _SECRET} for one in found]


_OTHERS = frozenset({
    "party", "actor_party", "resource", "agreement", "policy", "offer", "token", "leaf", "use",
    "notice", "webhook", "provider", "consumer", "invitation", "product", "application", "version",
})  # fmt: skip


def _may_name_member(name: str, table: SqlTable) -> bool:
    """Whether a column may hold a member's id: all may but those that name other things."""
    own = name == "id" and table.name == "member"
    return own or (name not in _OTHERS and name != "id")


def _json(value: Mapping[str, Any] | list[dict[str, Any]]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)
