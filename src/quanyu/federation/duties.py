"""What the node owes its peers again and again."""

from sqlalchemy import select

from quanyu.federation.advancing import advance_due
from quanyu.federation.courier import deliver_due
from quanyu.federation.model import Here
from quanyu.federation.tables import MessageRow, ProcessRow
from quanyu.kernel import ControlStore, now

_ROUNDS = 20


def due_now(control: ControlStore) -> bool:
    """Whether a message is to be sent or a rule to be followed; a look that writes nothing."""
    moment = now()
    with control.read() as session:
        message = select(MessageRow.number).where(MessageRow.due_at <= moment).limit(1)
        if session.scalar(message) is not None:
            return True
        process = select(ProcessRow.id).where(ProcessRow.act_at <= moment).limit(1)
        return session.scalar(process) is not None


def carry(control: ControlStore, here: Here) -> int:
    """Deliver and move on until nothing is due; how much was done."""
    done = 0
    for _ in range(_ROUNDS):
        step = advance_due(control, here) + deliver_due(control, here)
        done += step
        if not step:
            break
    return done
