"""A member's notices: listed, counted, marked as read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from quanyu.kernel import LocalText, MemberId, PartyId, Unauthenticated, now
from quanyu.parties.model import Caller
from quanyu.parties.notices.model import Notice, Param
from quanyu.parties.notices.tables import NoticeReaderRow, NoticeRow

MOST = 200


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Notices, newest first; ``after`` asks for the next page when there is one."""

    notices: tuple[Notice, ...]
    after: str | None


def notices_of(
    session: Session,
    caller: Caller,
    *,
    topic: str = "",
    unread: bool = False,
    after: str = "",
    limit: int = 30,
) -> NoticePage:
    """The caller's own notices; raises :class:`Unauthenticated` for nobody."""
    limit = max(1, min(limit, MOST))
    statement = (
        select(NoticeRow, NoticeReaderRow.read_at)
        .join(NoticeReaderRow, NoticeReaderRow.notice == NoticeRow.id)
        .where(NoticeReaderRow.member == _member(caller), NoticeReaderRow.page.is_(True))
        .order_by(NoticeRow.id.desc())
        .limit(limit + 1)
    )
    if topic:
        statement = statement.where(NoticeRow.topic == (topic if topic.isprintable() else ""))
    if unread:
        statement = statement.where(NoticeReaderRow.read_at.is_(None))
    if after and after.isprintable():
        statement = statement.where(NoticeRow.id < after)
    rows = session.execute(statement).all()
    found = tuple(
        Notice(
            id=row.id,
            party=PartyId(row.party),
            member=_member(caller),
            topic=row.topic,
            message=row.message,
            params=params_of(row),
            link=row.link,
            at=row.created_at,
            read_at=read_at,
        )
        for row, read_at in rows[:limit]
    )
    return NoticePage(found, found[-1].id if len(rows) > limit else None)


def unread_count(session: Session, member: MemberId) -> int:
    """How many notices a member has not read."""
    return (
        session.scalar(
            select(func.count())
            .select_from(NoticeReaderRow)
            .where(
                NoticeReaderRow.member == member,
                NoticeReaderRow.page.is_(True),
                NoticeReaderRow.read_at.is_(None),
            )
        )
        or 0
    )


def mark_read(session: Session, caller: Caller, ids: Collection[str] | None = None) -> int:
    """Mark notices of the caller as read, all of them without ``ids``; how many were unread."""
    statement = update(NoticeReaderRow).where(
        NoticeReaderRow.member == _member(caller), NoticeReaderRow.read_at.is_(None)
    )
    if ids is not None:
        wanted = [one for one in list(ids)[:MOST] if one.isprintable()]
        statement = statement.where(NoticeReaderRow.notice.in_(wanted))
    marked = session.execute(statement.values(read_at=now()).returning(NoticeReaderRow.notice))
    return len(marked.all())


def params_of(row: NoticeRow) -> dict[str, Param]:
    """A notice's parameters as they were given."""
    return {name: _given(value) for name, value in row.params.items()}


def _given(kept: Any) -> Param:
    if not isinstance(kept, dict):
        return str(kept) if isinstance(kept, str) else int(kept)
    return datetime.fromisoformat(kept["at"]) if "at" in kept else LocalText(**kept)


def _member(caller: Caller) -> MemberId:
    if caller.member is None:
        raise Unauthenticated("sign in to see your notices", mend="sign in with your account")
    return caller.member
