"""What is done to an order: every move by the table of transitions, with its evidence."""

from datetime import datetime

from sqlalchemy.orm import Session

from quanyu.catalogue import CorrectionState, close_correction, correction, may_write
from quanyu.kernel import Conflict, Invalid, MemberId, NotFound, PartyId, announce, now
from quanyu.operations.work_orders.model import (
    OrderMove,
    Source,
    SourceKind,
    WorkOrder,
    WorkOrderDone,
    WorkOrderState,
)
from quanyu.operations.work_orders.photos import Picture, photo_rows
from quanyu.operations.work_orders.reading import may_see_order, no_order
from quanyu.operations.work_orders.recording import concern, locked, record, tell
from quanyu.operations.work_orders.rows import to_order
from quanyu.operations.work_orders.service_levels import deadline
from quanyu.operations.work_orders.tables import WorkOrderRow
from quanyu.operations.work_orders.texts import a_text
from quanyu.operations.work_orders.transitions import (
    OVER,
    TRANSITIONS,
    Transition,
    check_move,
    check_stands,
    leads,
)
from quanyu.parties import Caller, members, party

TOLD: dict[OrderMove, str] = {
    OrderMove.ASSIGN: "a work order for you: “{title}”, due {due}",
    OrderMove.ACCEPT: "your work order “{title}” was accepted",
    OrderMove.FINISH: "the work order “{title}” is done: look whether it is right",
    OrderMove.CLOSE: "the work order “{title}” is closed",
    OrderMove.REOPEN: "the work order “{title}” was reopened, due {due}",
    OrderMove.RETURN: "the work order “{title}” was returned",
    OrderMove.TRANSFER: "a work order for you: “{title}”, due {due}",
    OrderMove.CANCEL: "the work order “{title}” was cancelled",
}
_RAISER = frozenset({OrderMove.ACCEPT, OrderMove.FINISH, OrderMove.CLOSE, OrderMove.RETURN})
_ASSIGNEE = frozenset({OrderMove.ASSIGN, OrderMove.CLOSE, OrderMove.REOPEN, OrderMove.TRANSFER,
                       OrderMove.CANCEL})  # fmt: skip


def move_work_order(
    session: Session,
    name: str,
    caller: Caller,
    move: OrderMove,
    *,
    revision: int | None = None,
    note: str = "",
    to_party: PartyId | None = None,
    to_member: MemberId | None = None,
    photos: tuple[Picture, ...] = (),
) -> WorkOrder:
    """Take one step of the table of transitions.

    ``revision`` is the state that the caller saw. ``to_party`` is for ``assign`` and ``transfer``,
    ``to_member`` (of the party that has it then) for those and for ``accept``. Raises
    :class:`NotFound`, :class:`Refused`, :class:`Conflict` where it has changed meanwhile or cannot
    be taken now, :class:`Invalid` where a reason or a party is missing.
    """
    row = _held(session, name, caller, revision)
    if move not in TRANSITIONS:
        raise Invalid("there is no such step", field="move", mend="use one of the table")
    step = check_move(caller, to_order(row), move)
    said = a_text(note, "note", needed=step.reason or (move is OrderMove.NOTE and not photos))
    _hand_on(session, row, step, caller, to_party=to_party, to_member=to_member)
    return _take(session, row, step, caller, note=said, photos=photos)


def appoint_member(
    session: Session, name: str, caller: Caller, member: MemberId, *, revision: int | None = None
) -> WorkOrder:
    """Say which member of the assigned party does it: for its stewards and operators."""
    row = _held(session, name, caller, revision)
    order = to_order(row)
    if order.state in OVER or not leads(caller, order):
        check_move(caller, order, OrderMove.ASSIGN)
    row.member = _member_of(session, row.party, member)
    record(session, row, OrderMove.ASSIGN, caller, now())
    tell(session, row, "a work order for you: “{title}”, due {due}", caller, assignee=True)
    return to_order(row)


def close_work_order(
    session: Session, name: str, caller: Caller | None = None, *, note: str = ""
) -> WorkOrder:
    """Say that what was done is right, and close: the check that raised it has run again.

    ``caller`` is ``None`` for that check; else who raised it or a dispatcher. An order that is not
    done yet is closed too when the check finds nothing wrong any more. Raises :class:`Conflict` for
    one that is over.
    """
    row = _held(session, name, caller, None)
    said = a_text(note, "note")
    if caller is None and row.state not in {one.value for one in OVER}:
        state = WorkOrderState(row.state)
        if state not in (WorkOrderState.DONE, WorkOrderState.CHECKED):
            row.done_at = row.done_at or now()
            row.took_s = int((row.done_at - row.opened_at).total_seconds())
        if state is not WorkOrderState.CHECKED:
            row.state = WorkOrderState.DONE.value
    for move in (OrderMove.CHECK, OrderMove.CLOSE):
        step = TRANSITIONS[move]
        if move is OrderMove.CHECK and row.state == WorkOrderState.CHECKED.value:
            continue
        if caller is None:
            check_stands(to_order(row), step)
        else:
            check_move(caller, to_order(row), move)
        order = _take(session, row, step, caller, note=said if move is OrderMove.CHECK else "")
    return order


def reopen_work_order(
    session: Session, name: str, why: str, caller: Caller | None = None
) -> WorkOrder:
    """Say that it is not right: it is owed again, with a new deadline."""
    row = _held(session, name, caller, None)
    step = TRANSITIONS[OrderMove.REOPEN]
    if caller is None:
        check_stands(to_order(row), step)
    else:
        check_move(caller, to_order(row), OrderMove.REOPEN)
    return _take(session, row, step, caller, note=a_text(why, "note", needed=True))


def _held(session: Session, name: str, caller: Caller | None, revision: int | None) -> WorkOrderRow:
    row = locked(session, name) if name.isprintable() else None
    if row is None or (caller is not None and not may_see_order(session, caller, row)):
        raise no_order(name)
    if revision is not None and row.revision != revision:
        raise Conflict(
            "this work order has changed meanwhile",
            field="revision",
            mend="open it again and look",
        )
    return row


def _hand_on(
    session: Session,
    row: WorkOrderRow,
    step: Transition,
    caller: Caller,
    *,
    to_party: PartyId | None,
    to_member: MemberId | None,
) -> None:
    if step.move in (OrderMove.ASSIGN, OrderMove.TRANSFER):
        if to_party is None:
            raise Invalid("say which party does it", field="party", mend="choose one")
        try:
            party(session, to_party)
        except NotFound as error:
            raise Invalid(
                "there is no such party", field="party", mend="choose one of the list"
            ) from error
        if step.move is OrderMove.TRANSFER and to_party == row.party:
            raise Invalid("it is with this party already", field="party", mend="choose another")
        row.party = to_party
        row.member = _member_of(session, to_party, to_member) if to_member else None
        concern(session, row, to_party)
    elif step.move is OrderMove.ACCEPT:
        row.member = (
            _member_of(session, row.party, to_member)
            if to_member
            else (row.member or caller.member)
        )
    elif to_party is not None or to_member is not None:
        raise Invalid("this step passes it on to nobody", field="party", mend="leave that out")


def _member_of(session: Session, of: str | None, member: MemberId) -> MemberId:
    there = {one.id for one in members(session, PartyId(of or "")) if one.active}
    if member not in there:
        raise Invalid(
            "there is no such member of the party that has this order",
            field="member",
            mend="choose one of the list",
        )
    return member


def _take(
    session: Session,
    row: WorkOrderRow,
    step: Transition,
    caller: Caller | None,
    *,
    note: str = "",
    photos: tuple[Picture, ...] = (),
) -> WorkOrder:
    moment = now()
    if step.to is not None:
        row.state = step.to.value
    _mark(session, row, step.move, moment)
    if row.state in {one.value for one in OVER}:
        row.open_source = None
    handed = step.move in (OrderMove.ASSIGN, OrderMove.TRANSFER)
    kept = photo_rows(session, row.id, photos)
    to_party = PartyId(row.party) if handed and row.party else None
    record(session, row, step.move, caller, moment, note=note, to_party=to_party, photos=kept)
    if step.move in TOLD:
        tell(
            session,
            row,
            TOLD[step.move],
            caller,
            raiser=step.move in _RAISER,
            assignee=step.move in _ASSIGNEE,
            node=step.move is OrderMove.RETURN,
        )
    order = to_order(row)
    if step.move is OrderMove.FINISH:
        announce(session, WorkOrderDone(order.id, order.source))
    if step.move is OrderMove.CLOSE and caller is not None:
        _close_correction(session, order.source, caller)
    return order


def _mark(session: Session, row: WorkOrderRow, move: OrderMove, moment: datetime) -> None:
    """The times and counts that a move leaves."""
    match move:
        case OrderMove.ACCEPT:
            row.accepted_at = moment
        case OrderMove.FINISH:
            row.done_at = moment
            row.took_s = int((moment - row.opened_at).total_seconds())
        case OrderMove.CLOSE:
            row.closed_at = moment
        case OrderMove.REOPEN:
            row.reopened += 1
            row.due_at = deadline(row.category, to_order(row).priority, moment)
            row.done_at = row.took_s = row.closed_at = None
            row.escalated = 0
            _claim_source(session, row)
        case OrderMove.ASSIGN | OrderMove.TRANSFER:
            row.accepted_at = None


def _claim_source(session: Session, row: WorkOrderRow) -> None:
    if not row.source_id:
        return
    source = f"{row.source_kind}:{row.source_id}"
    other = session.query(WorkOrderRow.id).filter(
        WorkOrderRow.open_source == source, WorkOrderRow.id != row.id
    )
    if other.first() is not None:
        raise Conflict(
            "its source has another work order open",
            field="move",
            mend="go on with that one",
        )
    row.open_source = source


def _close_correction(session: Session, source: Source, caller: Caller) -> None:
    """The correction request that an order was made of is put right with it."""
    if source.kind is not SourceKind.CITIZEN or not source.id.startswith("cor_"):
        return
    asked = correction(session, source.id, caller)
    if asked.state is CorrectionState.ACCEPTED and may_write(caller, asked.provider):
        close_correction(session, asked.id, caller, revision=asked.revision)
