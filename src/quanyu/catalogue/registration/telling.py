"""Who is told of what happens to an application: the applicant, the reviewers, the objector."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from quanyu.catalogue.registration.model import ApplicationState, Move
from quanyu.catalogue.registration.tables import ApplicationRow, ObjectionRow
from quanyu.catalogue.rows import undocument
from quanyu.kernel import LocalText, MemberId, PartyId
from quanyu.parties import Role, node_party, notify

_REVIEWERS = frozenset({Role.REVIEWER})
_LAST = timedelta(seconds=1)
"""A deadline is the midnight that ends a day; what is told is the last second before it."""


def tell_reviewers(session: Session, row: ApplicationRow, move: Move) -> None:
    """An application has come in, or an objection to one; whoever has it, else all reviewers."""
    node = node_party(session)
    if node is None:
        return
    who = (MemberId(row.assigned),) if row.assigned else ()
    roles = frozenset() if who else _REVIEWERS
    key = f"{row.id}:{move}:{row.revision}:reviewers"
    link, about = f"/applications/{row.id}", {"title": _title(row)}
    if move is Move.OBJECTED:
        notify(
            session, to=node.id, topic="objection", link=link, key=key, roles=roles, members=who,
            message="Somebody objects to the registration of “{title}”", params=about,
        )  # fmt: skip
    elif move is Move.HANDED_OVER:
        notify(
            session, to=node.id, topic="review", link=link, key=key, members=who,
            message="The application for “{title}” has been handed over to you", params=about,
        )  # fmt: skip
    else:
        notify(
            session, to=node.id, topic="review", link=link, key=key, roles=roles, members=who,
            message="An application for “{title}” waits to be accepted", params=about,
        )  # fmt: skip


def tell_applicant(session: Session, row: ApplicationRow, move: Move) -> None:
    """How the application goes on."""
    to = PartyId(row.party)
    members = tuple(MemberId(m) for m in {row.member, row.submitter} if m)
    link, about = f"/applications/{row.id}", {"title": _title(row)}
    key = f"{row.id}:{move}:{row.revision}:applicant"
    match move:
        case Move.ACCEPTED:
            notify(
                session, to=to, topic="application", link=link, key=key, members=members,
                message="Your application for “{title}” has been accepted for review",
                params=about,
            )  # fmt: skip
        case Move.RETURNED:
            notify(
                session, to=to, topic="application", link=link, key=key, members=members,
                message="Your application for “{title}” has been returned: see what to mend",
                params=about,
            )  # fmt: skip
        case Move.REFUSED:
            notify(
                session, to=to, topic="application", link=link, key=key, members=members,
                message="Your application for “{title}” has been refused", params=about,
            )  # fmt: skip
        case Move.PUBLICISED:
            notify(
                session, to=to, topic="application", link=link, key=key, members=members,
                message="Your application for “{title}” is in publicity until {until}",
                params={**about, "until": row.publicity_until - _LAST}
                if row.publicity_until
                else about,
            )  # fmt: skip
        case Move.OBJECTED:
            notify(
                session, to=to, topic="objection", link=link, key=key, members=members,
                message="Somebody objects to the registration of “{title}”", params=about,
            )  # fmt: skip
        case Move.REGISTERED:
            notify(
                session, to=to, topic="application", link=link, key=key, members=members,
                message="“{title}” has been registered as you applied for", params=about,
            )  # fmt: skip
        case _:
            return


def tell_objector(session: Session, row: ApplicationRow, objection: ObjectionRow) -> None:
    """The answer, to who objected while signed in; others find it on the page of the publicity."""
    if objection.party is None or objection.member is None:
        return
    notify(
        session, to=PartyId(objection.party), topic="objection",
        link=f"/publicity/{row.id}", key=f"{objection.id}:answer",
        members=(MemberId(objection.member),),
        message="Your objection to the registration of “{title}” has been answered",
        params={"title": _title(row)},
    )  # fmt: skip


def remind_reviewers(session: Session, row: ApplicationRow, *, missed: bool) -> None:
    """A deadline comes near, or has been missed; said once for each deadline."""
    node = node_party(session)
    if node is None or row.deadline is None:
        return
    who = (MemberId(row.assigned),) if row.assigned else ()
    roles = _REVIEWERS if missed or not who else frozenset()
    params: dict[str, LocalText | datetime] = {
        "title": _title(row),
        "until": row.deadline - _LAST,
    }
    link, key = f"/applications/{row.id}", f"{row.id}:{row.revision}:{row.deadline.isoformat()}"
    if missed:
        notify(
            session, to=node.id, topic="deadline", link=link, key=f"{key}:missed", members=who,
            message="The application for “{title}” was due by {until} and still waits",
            params=params, roles=roles,
        )  # fmt: skip
    else:
        notify(
            session, to=node.id, topic="deadline", link=link, key=f"{key}:near", members=who,
            message="The application for “{title}” is due by {until}",
            params=params, roles=roles,
        )  # fmt: skip


def waits(row: ApplicationRow) -> bool:
    """Whether somebody of the node owes the next step."""
    state = ApplicationState(row.state)
    owed = {ApplicationState.SUBMITTED, ApplicationState.ACCEPTED}
    return state in owed or row.paused_at is not None


def _title(row: ApplicationRow) -> LocalText:
    return undocument(row.proposed).title
