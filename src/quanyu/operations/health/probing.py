"""Asking services elsewhere whether they answer: a few at a time, and how long it took.

Only addresses that the entry itself publishes are asked, through the kernel's guarded client. An
answer that asks to sign in is an answer: the service is there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from time import monotonic

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from quanyu.catalogue import Kind, Resource, entries_of, want_health
from quanyu.kernel import ControlStore, Outbound, QuanyuError, ResourceId, ask, now
from quanyu.operations.health.parts import Reach
from quanyu.operations.health.tables import ProbedRow, ProbeRow

_AT_ONCE = 20
_TIMEOUT_S = 10.0
_LAST = 24
KEPT = 1_000
"""Probes of a service that are kept."""
_SIGN_IN = (401, 403)


def probed(of: Resource) -> bool:
    """Whether a resource is a service that is asked: it names an interface that others serve."""
    return bool(of.distributions) and (
        of.kind is Kind.SERVICE or any(one.api for one in of.distributions)
    )


def probe_services(control: ControlStore, every: timedelta, *, allow_private: bool = False) -> int:
    """Ask services that are due; how many."""
    with control.read() as session:
        query = select(ProbedRow.resource).where(ProbedRow.next_at <= now())
        names = session.scalars(query.order_by(ProbedRow.next_at).limit(_AT_ONCE)).all()
        entries = entries_of(session, [ResourceId(name) for name in names])
    for name in names:
        entry = entries.get(ResourceId(name))
        if entry is None or not probed(entry):
            with control.begin() as session:
                session.execute(delete(ProbedRow).where(ProbedRow.resource == name))
            continue
        probe_now(control, entry, every, allow_private=allow_private)
    return len(names)


def probe_now(
    control: ControlStore, of: Resource, every: timedelta, *, allow_private: bool = False
) -> bool:
    """Ask one service now, and keep what came of it; whether it answered."""
    out = Outbound(
        allow_private=allow_private, max_bytes=4 << 20, field="distributions", timeout=_TIMEOUT_S
    )
    address = next((one.url for one in of.distributions if one.api), of.distributions[0].url)
    began, status = monotonic(), 0
    try:
        status = ask(address, out).status
    except QuanyuError:  # it does not answer, or may not be asked: both are “no answer”
        status = 0
    took = round(1_000 * (monotonic() - began))
    answered = 200 <= status < 400 or status in _SIGN_IN
    moment = now()
    with control.begin() as session:
        session.add(
            ProbeRow(resource=of.id, at=moment, answered=answered, status=status, milliseconds=took)
        )
        _next(session, of.id, moment + every)
        oldest = session.scalar(
            select(ProbeRow.number)
            .where(ProbeRow.resource == of.id)
            .order_by(ProbeRow.number.desc())
            .offset(KEPT)
            .limit(1)
        )
        if oldest is not None:
            session.execute(
                delete(ProbeRow).where(ProbeRow.resource == of.id, ProbeRow.number <= oldest)
            )
        want_health(session, [of.id])
    return answered


def want_probe(session: Session, of: Resource) -> None:
    """Have a service asked from now on, if it is one and is not asked already."""
    if probed(of) and session.get(ProbedRow, of.id) is None:
        _next(session, of.id, now())


def reach_by_probes(session: Session, ids: Sequence[ResourceId]) -> dict[ResourceId, Reach]:
    """How the services among these answered lately."""
    place = func.row_number().over(partition_by=ProbeRow.resource, order_by=ProbeRow.number.desc())
    latest = (
        select(ProbeRow.number, place.label("place")).where(ProbeRow.resource.in_(list(ids)))
    ).subquery()
    query = (
        select(ProbeRow)
        .join(latest, latest.c.number == ProbeRow.number)
        .where(latest.c.place <= _LAST)
        .order_by(ProbeRow.resource, ProbeRow.number.desc())
    )
    grouped: dict[ResourceId, list[ProbeRow]] = {}
    for row in session.scalars(query):
        grouped.setdefault(ResourceId(row.resource), []).append(row)
    return {name: _reach(rows) for name, rows in grouped.items()}


def probe_history(
    session: Session, resource_id: ResourceId, *, limit: int = 200
) -> list[tuple[datetime, bool, int, int]]:
    """Times that a service was asked, the latest first: when, whether it answered, the status (0
    for none), milliseconds."""
    query = select(ProbeRow.at, ProbeRow.answered, ProbeRow.status, ProbeRow.milliseconds)
    rows = session.execute(
        query.where(ProbeRow.resource == resource_id).order_by(ProbeRow.number.desc()).limit(limit)
    )
    return [(at, answered, status, took) for at, answered, status, took in rows]


def _next(session: Session, resource_id: ResourceId, moment: datetime) -> None:
    row = session.get(ProbedRow, resource_id)
    if row is None:
        session.add(ProbedRow(resource=resource_id, next_at=moment))
    else:
        row.next_at = moment


def _reach(rows: Sequence[ProbeRow]) -> Reach:
    missed = next((place for place, row in enumerate(rows) if row.answered), len(rows))
    answered = [row.milliseconds for row in rows if row.answered]
    return Reach(
        count=len(rows),
        answered=len(answered),
        missed=missed,
        median_ms=round(median(answered)) if answered else 0,
        at=rows[0].at,
    )
