"""Opening an order: by a colleague or citizen who is signed in, or by the program for a check."""

import math
import re
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.catalogue import resource
from quanyu.kernel import (
    Invalid,
    LocalText,
    Refused,
    Unauthenticated,
    new_id,
    now,
)
from quanyu.operations.work_orders.model import (
    OrderMove,
    OrderPlace,
    SourceKind,
    WorkOrder,
    WorkOrderDraft,
    WorkOrderState,
)
from quanyu.operations.work_orders.photos import Picture, photo_rows
from quanyu.operations.work_orders.recording import concern, record, tell
from quanyu.operations.work_orders.rows import to_order
from quanyu.operations.work_orders.service_levels import category_of, deadline
from quanyu.operations.work_orders.tables import WorkOrderRow
from quanyu.operations.work_orders.texts import a_text, one_line
from quanyu.operations.work_orders.transitions import dispatches
from quanyu.parties import Caller, Scope, party

REPEAT_DAYS = 30
"""An order is a repetition when one of its kind at its place was closed within so many days."""
REPEAT_M = 50.0
_BY_MACHINE = frozenset({SourceKind.ALERT, SourceKind.HEALTH, SourceKind.MAINTENANCE})
_DIVISION = re.compile(r"\d{6}(\d{3}|\d{6})?")
_METRES = 111_320.0
"""Of a degree of latitude; near enough to say whether two places are the same."""


def open_work_order(
    session: Session,
    draft: WorkOrderDraft,
    caller: Caller | None = None,
    *,
    photos: tuple[Picture, ...] = (),
) -> WorkOrder:
    """A new order, or the one that its source has open already.

    ``caller`` is ``None`` for the program itself: alerts, checks of health, due maintenance. The
    deadline follows from the category and priority. Raises :class:`Invalid` naming the field,
    :class:`Unauthenticated` for nobody, :class:`Refused` (rule ``work-orders.open``) for a token
    that may only read, or for choosing who does it where that is the dispatcher's.
    """
    _check_caller(draft, caller)
    category = category_of(draft.category)
    moment = now()
    of = None
    if draft.resource is not None:
        of = resource(session, draft.resource, visible_to=caller)
    place = checked_place(draft.place)
    assignee = draft.party or category.party or (of.provider if of else None)
    if assignee is not None:
        party(session, assignee)
    source = draft.source
    due = deadline(category.id, draft.priority, moment)
    values = {
        "id": new_id("work_order"),
        "category": category.id,
        "title": {
            "zh": one_line(draft.title.zh, "title", needed=not draft.title.en),
            "en": one_line(draft.title.en, "title", needed=not draft.title.zh),
        },
        "text": a_text(draft.text, "text"),
        "priority": draft.priority.value,
        "state": WorkOrderState.OPEN.value,
        "source_kind": source.kind.value,
        "source_id": one_line(source.id, "source"),
        "open_source": f"{source.kind.value}:{source.id}" if source.id else None,
        "resource": of.id if of else None,
        "thing": one_line(draft.thing or "", "thing") or None,
        "lon": place.lon,
        "lat": place.lat,
        "address": place.address,
        "division": place.division,
        "raiser": caller.party if caller else (of.provider if of else None),
        "raiser_member": caller.member if caller else None,
        "party": assignee,
        "member": draft.member,
        "opened_at": moment,
        "promised_at": due,
        "due_at": due,
        "escalated": 0,
        "reopened": 0,
        "revision": 0,
    }
    values["repeats"] = _earlier(session, values)
    insert_of = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    made = session.execute(
        insert_of(WorkOrderRow)
        .values(values)
        .on_conflict_do_nothing(index_elements=["open_source"])
        .returning(WorkOrderRow.number)
    ).scalar_one_or_none()
    if made is None:
        there = select(WorkOrderRow).where(WorkOrderRow.open_source == values["open_source"])
        return to_order(session.scalars(there).one())
    row = session.get_one(WorkOrderRow, made)
    concern(session, row, row.raiser, row.party, of.provider if of else None)
    pictures = photo_rows(session, row.id, photos)
    record(session, row, OrderMove.OPEN, caller, moment, photos=pictures)
    if row.party is None:
        tell(session, row, "a work order waits to be assigned: “{title}”", caller, node=True)
    else:
        tell(session, row, "a work order for you: “{title}”, due {due}", caller, assignee=True)
    return to_order(row)


def checked_place(place: OrderPlace) -> OrderPlace:
    """The place with its texts cut; raises :class:`Invalid` naming the field."""
    if (place.lon is None) != (place.lat is None):
        raise Invalid("a point has a longitude and a latitude", field="place", mend="give both")
    if place.lon is not None and place.lat is not None:
        right = math.isfinite(place.lon) and math.isfinite(place.lat)
        if not (right and abs(place.lon) <= 180 and abs(place.lat) <= 90):
            raise Invalid(
                "this is no place on Earth",
                field="place",
                mend="give degrees: longitude -180 to 180, latitude -90 to 90",
            )
    division = place.division.strip()
    if division and not _DIVISION.fullmatch(division):
        raise Invalid(
            "this is no code of a division",
            field="division",
            mend="give the 6, 9 or 12 digits of GB/T 2260 and its statistical divisions",
        )
    return OrderPlace(place.lon, place.lat, one_line(place.address, "address"), division)


def plain_title(text: str) -> LocalText:
    """A title as somebody typed it; raises :class:`Invalid` for an empty one."""
    return LocalText(zh=one_line(text, "title", needed=True))


def _check_caller(draft: WorkOrderDraft, caller: Caller | None) -> None:
    if caller is None:
        return
    if caller.anonymous:
        raise Unauthenticated("sign in to write here", mend="sign in with your account")
    if Scope.WRITE not in caller.scopes:
        raise Refused(
            "this token may only read",
            mend="use a token with the scope “write”",
            rule="work-orders.open",
        )
    if draft.source.kind in _BY_MACHINE:
        raise Invalid(
            "such an order is opened by the check itself",
            field="source",
            mend="use colleague or citizen",
        )
    others = draft.party not in (None, caller.party) or draft.member is not None
    if others and not dispatches(caller):
        raise Refused(
            "who does it is said by the node's dispatcher",
            rule="work-orders.open",
            mend="leave the party out, or name your own",
        )


def _earlier(session: Session, said: dict[str, object]) -> str | None:
    """The last order of the category at the same thing, resource or place that was closed
    shortly before."""
    opened = said["opened_at"]
    query = (
        select(WorkOrderRow.id)
        .where(
            WorkOrderRow.category == said["category"],
            WorkOrderRow.closed_at >= opened - timedelta(days=REPEAT_DAYS),  # type: ignore[operator]
            WorkOrderRow.state == WorkOrderState.CLOSED.value,
        )
        .order_by(WorkOrderRow.closed_at.desc())
        .limit(1)
    )
    lon, lat = said["lon"], said["lat"]
    same = []
    if said["thing"]:
        same.append(WorkOrderRow.thing == said["thing"])
    elif said["resource"]:
        same.append((WorkOrderRow.resource == said["resource"]) & WorkOrderRow.thing.is_(None))
    elif isinstance(lon, float) and isinstance(lat, float):
        high = REPEAT_M / _METRES
        wide = high / max(math.cos(math.radians(lat)), 0.01)
        same.append(
            WorkOrderRow.lon.between(lon - wide, lon + wide)
            & WorkOrderRow.lat.between(lat - high, lat + high)
        )
    elif said["address"]:
        same.append(WorkOrderRow.address == said["address"])
    return session.scalar(query.where(or_(*same))) if same else None
