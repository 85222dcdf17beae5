"""One thing that happens to an order: its step, its evidence, its notices, in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.kernel import LocalText, MemberId, PartyId, announce, blind, iso, new_salt, owe
from quanyu.operations.work_orders.model import (
    OrderMove,
    Source,
    SourceKind,
    WorkOrderChanged,
    WorkOrderState,
)
from quanyu.operations.work_orders.tables import ConcernedRow, OrderStepRow, PhotoRow, WorkOrderRow
from quanyu.operations.work_orders.transitions import FURTHER, TRANSITIONS
from quanyu.parties import Caller, Role, node_party, notify

HEADS = frozenset({Role.STEWARD, Role.OPERATOR})


def record(
    session: Session,
    row: WorkOrderRow,
    move: OrderMove,
    caller: Caller | None,
    moment: datetime,
    *,
    note: str = "",
    to_party: PartyId | None = None,
    photos: Sequence[PhotoRow] = (),
) -> OrderStepRow:
    """Keep what happened and owe its leaf. ``caller`` is ``None`` for the program itself.

    The leaf says parties, states and times, and notes only by their digest under a salt: what
    people write may name persons.
    """
    row.revision += 1
    salt = new_salt()
    leaf = owe(
        session,
        f"work-order.{_LEAVES[move]}",
        row.id,
        {
            "by": (caller.party or "") if caller else "",
            "category": row.category,
            "priority": row.priority,
            "state": row.state,
            "party": row.party or "",
            "resource": row.resource or "",
            "source": row.source_kind,
            "due": iso(row.due_at),
            "note": blind(note, salt) if note else "",
            "photos": [one.sha256 for one in photos],
            "revision": row.revision,
        },
    )
    step = OrderStepRow(
        work_order=row.id,
        move=move.value,
        state=row.state,
        at=moment,
        party=caller.party if caller else None,
        member=caller.member if caller else None,
        to_party=to_party,
        note=note,
        salt=salt,
        leaf=leaf,
    )
    session.add(step)
    session.flush()
    for photo in photos:
        photo.step = step.number
        session.add(photo)
    session.flush()
    if move not in (OrderMove.NOTE, OrderMove.ESCALATE):
        announce(
            session,
            WorkOrderChanged(
                row.id,
                Source(SourceKind(row.source_kind), row.source_id),
                WorkOrderState(row.state),
                PartyId(row.party) if row.party else None,
            ),
        )
    return step


def concern(session: Session, row: WorkOrderRow, *parties: str | None) -> None:
    """Let these parties know of an order from now on."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for party in dict.fromkeys(one for one in parties if one):
        session.execute(
            insert(ConcernedRow).values(party=party, work_order=row.id).on_conflict_do_nothing()
        )


def tell(
    session: Session,
    row: WorkOrderRow,
    message: str,
    caller: Caller | None,
    *,
    raiser: bool = False,
    assignee: bool = False,
    node: bool = False,
    key: str | None = None,
) -> None:
    """Tell those concerned, each party once; the one who acts is not told what it did.

    Of the assignee's party the member who has it is told, else its stewards and operators.
    """
    told: dict[PartyId, tuple[frozenset[Role], list[MemberId]]] = {}
    if raiser and row.raiser:
        members = [MemberId(row.raiser_member)] if row.raiser_member else []
        told[PartyId(row.raiser)] = (frozenset() if members else HEADS, members)
    if assignee and row.party:
        roles, members = told.get(PartyId(row.party), (frozenset(), []))
        mine = [MemberId(row.member)] if row.member else []
        told[PartyId(row.party)] = (roles if mine else HEADS, [*members, *mine])
    bureau = node_party(session) if node or not told else None
    if bureau is not None:
        _, members = told.get(bureau.id, (frozenset(), []))
        told[bureau.id] = (HEADS, members)
    title = LocalText(zh=row.title["zh"], en=row.title["en"])
    for party, (roles, members) in told.items():
        if caller is not None and members == [caller.member] and not roles:
            continue
        notify(
            session,
            to=party,
            topic="work-order",
            message=message,
            params={"title": title, "due": row.due_at},
            link=f"/work-orders/{row.id}",
            roles=roles,
            members=members,
            key=key,
        )


def locked(session: Session, name: str) -> WorkOrderRow | None:
    """The order, held for this transaction, as it is now."""
    return session.scalar(
        select(WorkOrderRow)
        .where(WorkOrderRow.id == name)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


_LEAVES = {
    OrderMove.OPEN: "opened",
    OrderMove.ASSIGN: "assigned",
    OrderMove.ACCEPT: "accepted",
    OrderMove.START: "begun",
    OrderMove.FINISH: "done",
    OrderMove.CHECK: "checked",
    OrderMove.CLOSE: "closed",
    OrderMove.REOPEN: "reopened",
    OrderMove.RETURN: "returned",
    OrderMove.TRANSFER: "transferred",
    OrderMove.CANCEL: "cancelled",
    OrderMove.NOTE: "noted",
    OrderMove.ESCALATE: "escalated",
}


def move_name(move: OrderMove) -> LocalText:
    """What a move is called once it is done."""
    return TRANSITIONS[move].done if move in TRANSITIONS else FURTHER[move]
