"""Change notices: those who use or follow an entry hear of what changed in it.

The duty walks the steps of entries in order and keeps how far it has come, so that no change is
left out when a process dies, and none is told twice (notices carry a key).
"""

from collections.abc import Callable, Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.feedback.following import followers
from quanyu.catalogue.feedback.tables import ToldRow
from quanyu.catalogue.model import Resource, StepKind
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow, StepRow
from quanyu.kernel import ControlStore, MemberId, PartyId, ResourceId
from quanyu.parties import notify

Users = Callable[[Session, ResourceId], Iterable[PartyId]]

_AT_ONCE = 200
_TERMS = frozenset({"licence", "access", "grade", "update_cycle", "attribution"})
_MARK = "changes"


def tell_changes(control: ControlStore, users: Users) -> int:
    """Tell of steps that have not been told of; how many steps were looked at.

    ``users`` gives the parties that use an entry under an agreement in force.
    """
    with control.read() as session:
        mark = session.get(ToldRow, _MARK)
        newest = session.scalar(select(func.max(StepRow.number))) or 0
        if mark is not None and mark.step >= newest:
            return 0
    with control.begin() as session:
        mark = session.get(ToldRow, _MARK)
        if mark is None:
            # What happened before anybody could follow is no news.
            session.add(ToldRow(name=_MARK, step=newest))
            return 0
        query = (
            select(StepRow, ResourceRow)
            .join(ResourceRow, ResourceRow.id == StepRow.resource)
            .where(StepRow.number > mark.step)
            .order_by(StepRow.number)
            .limit(_AT_ONCE)
        )
        rows = list(session.execute(query))
        for step, row in rows:
            _tell(session, step, to_resource(row), users)
            mark.step = step.number
        return len(rows)


def _tell(session: Session, step: StepRow, of: Resource, users: Users) -> None:
    if step.state not in (State.PUBLISHED.value, State.WITHDRAWN.value):
        return
    changed = set(step.changed)
    withdrawn = step.kind == StepKind.WITHDRAWN.value
    again = step.kind == StepKind.PUBLISHED.value
    if not (withdrawn or again or changed & (_TERMS | {"version", "fields"})):
        return
    told: dict[PartyId, list[MemberId]] = {party: [] for party in users(session, of.id)}
    for party, members in followers(session, of.id).items():
        # In a party that uses the data everybody is told, so its followers are too.
        if party not in told:
            told[party] = members
    for party, members in told.items():
        notify(
            session,
            to=party,
            topic="resource",
            message=(
                "“{title}” has been withdrawn"
                if withdrawn
                else "“{title}” is available"
                if again
                else "new data: “{title}”, version {version}"
                if "version" in changed
                else "the terms of “{title}” have changed"
                if changed & _TERMS
                else "the fields of “{title}” have changed"
            ),
            params={"title": of.title, "version": of.version},
            link=f"/resources/{of.slug}#history",
            members=members,
            key=f"step:{of.id}:{step.number}",
        )
