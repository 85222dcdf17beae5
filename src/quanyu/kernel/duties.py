"""Work that is owed again and again: each duty is done by one process of the node at a time.

A duty is taken by a lease in the control store, so that one worker of many, on one machine or
several, does it. A worker that dies gives the lease back by silence, or when another is started on
its machine: a duty must be safe to begin anew. What a duty leaves undone it does next time.
"""

import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import structlog
from sqlalchemy import String, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel.clock import now
from quanyu.kernel.control import ControlStore, Moment, Table

log = structlog.get_logger(__name__)
_LOOK = 1.0


class DutyRow(Table):
    """When a duty is due, who does it now, and how it went."""

    __tablename__ = "duty"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(Moment)
    holder: Mapped[str | None] = mapped_column(String(128))
    until: Mapped[datetime | None] = mapped_column(Moment)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    problem: Mapped[str | None] = mapped_column(String(500))


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do ``every`` so often.

    work    takes no longer than ``lease``; one that may must work in pieces and return.
    wanted  a look that writes nothing, for a duty that is due often and seldom has anything to do:
            where it says no, the duty is not taken.
    """

    name: str
    every: timedelta
    work: Callable[[], object]
    lease: timedelta = timedelta(minutes=5)
    wanted: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class DutyState:
    """How a duty stands."""

    name: str
    due_at: datetime
    done_at: datetime | None
    problem: str | None


def do_duties(control: ControlStore, duties: Sequence[Duty], stopping: threading.Event) -> None:
    """Do what is due until ``stopping`` is set; a duty that fails is logged and due again."""
    holder = f"{machine()}:{os.getpid()}:{threading.get_ident()}"
    try:
        free_leases_of_the_dead(control)
    except Exception:  # the control store may be away for a while
        log.exception("duties.not_freed")
    while not stopping.wait(_LOOK):
        try:
            due = _due(control, duties)
        except Exception:  # the control store may be away for a while
            log.exception("duties.not_seen")
            continue
        for duty in due:
            if stopping.is_set():
                return
            try:
                do_if_due(control, duty, holder)
            except Exception:
                log.exception("duty.not_taken", duty=duty.name)


def free_leases_of_the_dead(control: ControlStore) -> int:
    """Give back what processes of this machine held that are no more: whoever starts again after
    the whole server was killed need not wait for their leases to run out. How many there were."""
    here, moment = machine(), now()
    with control.read() as session:
        held = session.execute(
            select(DutyRow.name, DutyRow.holder).where(
                DutyRow.until > moment, DutyRow.holder.startswith(f"{here}:", autoescape=True)
            )
        ).all()
    dead = [
        (name, holder)
        for name, holder in held
        if holder is not None and not _lives(int(holder.split(":")[-2]))
    ]
    if not dead:
        return 0
    with control.begin() as session:
        for name, holder in dead:
            session.execute(
                update(DutyRow)
                .where(DutyRow.name == name, DutyRow.holder == holder)
                .values(holder=None, until=None)
            )
    return len(dead)


@cache
def machine() -> str:
    """Where numbers of processes mean the same: a machine since it was started, and in it a
    namespace of processes (a container's). Just the name of the host where neither can be told."""
    host = socket.gethostname()[:60]
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        return host
    return f"{host}/{boot[:8]}/{space}"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def _due(control: ControlStore, duties: Sequence[Duty]) -> list[Duty]:
    """Duties that are due and that nobody is at, of one look at the table."""
    moment = now()
    query = select(DutyRow.name).where(or_(DutyRow.due_at > moment, DutyRow.until > moment))
    with control.read() as session:
        busy = set(session.scalars(query))
    return [duty for duty in duties if duty.name not in busy]


def do_if_due(control: ControlStore, duty: Duty, holder: str = "here") -> bool:
    """Do ``duty`` when it is due and nobody else is at it; whether it was done."""
    if (duty.wanted is not None and not duty.wanted()) or not _take(control, duty, holder):
        return False
    problem = None
    try:
        duty.work()
    except Exception as error:  # whatever it was, other duties go on and this one is due again
        problem = f"{type(error).__name__}: {error}"[:500]
        log.exception("duty.failed", duty=duty.name)
    _give_back(control, duty, holder, problem)
    return problem is None


def duty_states(control: ControlStore) -> list[DutyState]:
    """How every duty stands, by name."""
    with control.read() as session:
        rows = session.scalars(select(DutyRow).order_by(DutyRow.name))
        return [DutyState(r.name, r.due_at, r.done_at, r.problem) for r in rows]


def _take(control: ControlStore, duty: Duty, holder: str) -> bool:
    moment = now()
    insert = sqlite.insert if control.dialect == "sqlite" else postgresql.insert
    taken = {"holder": holder, "until": moment + duty.lease}
    free = or_(DutyRow.until.is_(None), DutyRow.until <= moment)
    claim = (
        update(DutyRow)
        .where(DutyRow.name == duty.name, DutyRow.due_at <= moment, free)
        .values(taken)
        .returning(DutyRow.name)
    )
    # Of a duty that was never done there is no row yet.
    begin = (
        insert(DutyRow)
        .values(name=duty.name, due_at=moment, **taken)
        .on_conflict_do_nothing()
        .returning(DutyRow.name)
    )
    with control.begin() as session:
        return any(session.execute(one).first() is not None for one in (claim, begin))


def _give_back(control: ControlStore, duty: Duty, holder: str, problem: str | None) -> None:
    moment = now()
    done = {} if problem else {"done_at": moment}
    with control.begin() as session:
        session.execute(
            update(DutyRow)
            .where(DutyRow.name == duty.name, DutyRow.holder == holder)
            .values(due_at=moment + duty.every, holder=None, until=None, problem=problem, **done)
        )
