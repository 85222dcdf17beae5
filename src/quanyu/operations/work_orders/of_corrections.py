"""A correction request that needs work becomes an order: no second list of what citizens say."""

from dataclasses import replace

from sqlalchemy.orm import Session

from quanyu.catalogue import CorrectionState, answer_correction, check_writes, correction
from quanyu.kernel import Conflict
from quanyu.operations.work_orders.model import Source, SourceKind, WorkOrder, WorkOrderDraft
from quanyu.operations.work_orders.opening import open_work_order
from quanyu.operations.work_orders.photos import Picture
from quanyu.operations.work_orders.service_levels import service_levels
from quanyu.parties import Caller


def open_for_correction(
    session: Session,
    name: str,
    draft: WorkOrderDraft,
    caller: Caller,
    *,
    days: int,
    photos: tuple[Picture, ...] = (),
) -> WorkOrder:
    """An order to do what a correction request asks for, which is accepted with it if it was not.

    For those who answer the request; closing the order says that it is put right. ``days`` are the
    working days that its provider has for that. Raises :class:`Conflict` for one that is over.
    """
    asked = correction(session, name, caller)
    check_writes(caller, asked.provider)
    if asked.state is CorrectionState.OPEN:
        answer_correction(
            session,
            asked.id,
            caller,
            accept=True,
            revision=asked.revision,
            calendar=service_levels().calendar,
            days=days,
        )
    elif asked.state is not CorrectionState.ACCEPTED:
        raise Conflict(
            "this request has been dealt with meanwhile",
            field="correction",
            mend="open it again and look",
        )
    wanted = replace(
        draft,
        source=Source(SourceKind.CITIZEN, asked.id),
        resource=asked.resource,
        thing=asked.record or None,
    )
    return open_work_order(session, wanted, caller, photos=photos)
