"""Open discussions of an entry: read by all who may see it, written by who is signed in."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.entries import resource
from quanyu.catalogue.feedback.limits import LONGEST_TITLE, check_rate, signed_in, written
from quanyu.catalogue.feedback.model import Message, Thread
from quanyu.catalogue.feedback.tables import DiscussionRow
from quanyu.catalogue.model import Resource
from quanyu.catalogue.rights import check_writes, may_write
from quanyu.kernel import Conflict, MemberId, NotFound, PartyId, ResourceId, new_id, now, owe
from quanyu.parties import Caller, Role, notify

_MOST_THREADS = 200
PER_HOUR = 20


def begin_discussion(
    session: Session,
    resource_id: ResourceId,
    caller: Caller,
    *,
    title: str,
    text: str,
    per_hour: int = PER_HOUR,
) -> str:
    """Begin a thread; its id. Tells the provider.

    Raises :class:`Unauthenticated` for nobody, :class:`TooMany` beyond ``per_hour``,
    :class:`Invalid` for an empty text and :class:`NotFound` for an entry out of sight.
    """
    of = resource(session, resource_id, visible_to=caller)
    return _write(
        session,
        of,
        caller,
        title=written(title, "title", LONGEST_TITLE),
        text=text,
        thread=None,
        per_hour=per_hour,
    )


def reply(
    session: Session, thread: str, caller: Caller, *, text: str, per_hour: int = PER_HOUR
) -> str:
    """Answer in a thread; the message's id. Tells who began it. Raises as :func:`begin_discussion`,
    :class:`Conflict` when the thread is hidden."""
    first = _row(session, thread)
    of = resource(session, first.resource, visible_to=caller)
    if first.hidden_at is not None:
        raise Conflict("this discussion is closed", field="thread", mend="begin another one")
    return _write(session, of, caller, title="", text=text, thread=first, per_hour=per_hour)


def hide_message(session: Session, message: str, caller: Caller, *, reason: str) -> Resource:
    """Hide a message; for suppliers and stewards of the provider and those of the node.

    The reason is shown in its place, and who wrote it is told. Raises :class:`Refused` for others.
    """
    row = _row(session, message)
    of = resource(session, row.resource, visible_to=caller)
    check_writes(caller, of.provider)
    why = written(reason, "reason", 500)
    if row.hidden_at is None:
        row.hidden_at, row.hidden_reason = now(), why
        owe(
            session,
            "discussion.hidden",
            row.id,
            {"resource": of.id, "thread": row.thread, "by": caller.party or ""},
        )
        notify(
            session,
            to=PartyId(row.party),
            topic="discussion",
            message="your message on “{title}” was hidden: {reason}",
            params={"title": of.title, "reason": why},
            link=f"/resources/{of.slug}/discussion#{row.id}",
            members=[MemberId(row.member)],
        )
    return of


def discussions(session: Session, resource_id: ResourceId, caller: Caller) -> list[Thread]:
    """Threads of an entry, the latest begun first; hidden messages without their text, except for
    those who may hide."""
    of = resource(session, resource_id, visible_to=caller)
    judge = may_write(caller, of.provider)
    rows = session.scalars(
        select(DiscussionRow)
        .where(DiscussionRow.resource == of.id)
        .order_by(DiscussionRow.number)
        .limit(5_000)
    )
    threads: dict[str, list[Message]] = {}
    for row in rows:
        threads.setdefault(row.thread, []).append(_message(row, of, caller, judge=judge))
    found = [Thread(name, of.id, tuple(messages)) for name, messages in threads.items()]
    return found[::-1][:_MOST_THREADS]


def _write(
    session: Session,
    of: Resource,
    caller: Caller,
    *,
    title: str,
    text: str,
    thread: DiscussionRow | None,
    per_hour: int,
) -> str:
    party, member = signed_in(caller)
    said = written(text, "text")
    check_rate(session, DiscussionRow.member, DiscussionRow.at, member, per_hour)
    name = new_id("discussion")
    session.add(
        DiscussionRow(
            id=name,
            resource=of.id,
            thread=thread.thread if thread else name,
            title=title,
            text=said,
            party=party,
            member=member,
            at=now(),
            hidden_at=None,
            hidden_reason="",
        )
    )
    session.flush()
    kind = "discussion.replied" if thread else "discussion.begun"
    owe(session, kind, name, {"resource": of.id, "thread": thread.thread if thread else name})
    link = f"/resources/{of.slug}/discussion#{name}"
    if party != of.provider:
        notify(
            session,
            to=of.provider,
            topic="discussion",
            message="a new message on “{title}”",
            params={"title": of.title},
            link=link,
            roles=frozenset({Role.SUPPLIER, Role.STEWARD}),
        )
    if thread is not None and thread.member != member:
        notify(
            session,
            to=PartyId(thread.party),
            topic="discussion",
            message="your discussion on “{title}” was answered",
            params={"title": of.title},
            link=link,
            members=[MemberId(thread.member)],
        )
    return name


def _row(session: Session, message: str) -> DiscussionRow:
    known = message.isprintable() and len(message) <= 40
    row = (
        session.scalar(select(DiscussionRow).where(DiscussionRow.id == message)) if known else None
    )
    if row is None:
        raise NotFound("there is no message {id}", id=message[:80])
    return row


def _message(row: DiscussionRow, of: Resource, caller: Caller, *, judge: bool) -> Message:
    shown = row.hidden_at is None or judge
    return Message(
        id=row.id,
        thread=row.thread,
        title=row.title if shown else "",
        text=row.text if shown else "",
        party=PartyId(row.party),
        at=row.at,
        hidden_at=row.hidden_at,
        hidden_reason=row.hidden_reason,
        own=caller.member is not None and caller.member == row.member,
        official=row.party == of.provider,
    )
