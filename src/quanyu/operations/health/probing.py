"""Asking services elsewhere whether they answer, and looking whether files of data are there.

Services are asked a few at a time, and how long it took is kept. Files are looked at once a use of
them has failed, until they can be read again: who reads them tells in time, and no round is needed.

Only addresses that the entry itself publishes are asked, through the kernel's guarded client. An
answer that asks to sign in is an answer: the service is there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from time import monotonic

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from quanyu.catalogue import HELD_KINDS, Kind, Resource, entries_of, resource, want_health
from quanyu.kernel import ControlStore, NotFound, Outbound, QuanyuError, ResourceId, ask, now
from quanyu.operations.health.parts import Reach
from quanyu.operations.health.tables import ProbedRow, ProbeRow
from quanyu.spacetime import DataUnavailable, Store

_AT_ONCE = 20
_TIMEOUT_S = 10.0
_FILES_AGAIN = timedelta(minutes=1)
_LAST = 24
KEPT = 1_000
"""Probes of a service that are kept."""
_SIGN_IN = (401, 403)


def probed(of: Resource) -> bool:
    """Whether a resource is a service that is asked: it names an interface that others serve."""
    return bool(of.distributions) and (
        of.kind is Kind.SERVICE or any(one.api for one in of.distributions)
    )


def probe_due(
    control: ControlStore, store: Store, every: timedelta, *, allow_private: bool = False
) -> int:
    """Ask services that are due, and look at files that were in doubt; how many."""
    with control.read() as session:
        query = select(ProbedRow.resource).where(ProbedRow.next_at <= now())
        names = session.scalars(query.order_by(ProbedRow.next_at).limit(_AT_ONCE)).all()
        entries = entries_of(session, [ResourceId(name) for name in names])
    for name in names:
        entry = entries.get(ResourceId(name))
        if entry is not None and probed(entry):
            probe_now(control, entry, every, allow_private=allow_private)
        elif entry is not None and has_files(entry):
            look_at_files(control, store, entry)
        else:
            with control.begin() as session:
                session.execute(delete(ProbedRow).where(ProbedRow.resource == name))
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
        _keep(session, of.id, answered=answered, status=status, milliseconds=took)
        _next(session, of.id, moment + every)
    return answered


def has_files(of: Resource) -> bool:
    """Whether the data of an entry are files of this node."""
    return of.kind in HELD_KINDS and not of.distributions


def doubt_files(session: Session, slug: str) -> None:
    """Have files looked at whose use has failed. That alone counts nothing against them: they may
    just be replaced, and whoever asks could else make another's resource ill."""
    try:
        of = resource(session, slug)
    except NotFound:
        return
    if has_files(of) and session.get(ProbedRow, of.id) is None:
        _next(session, of.id, now())


def look_at_files(control: ControlStore, store: Store, of: Resource) -> bool:
    """Whether the files of a dataset can be read, kept where they cannot or could not before; they
    are looked at again until they can."""
    began = monotonic()
    try:
        store.check_files(of.slug)
        there = True
    except NotFound:
        return False
    except DataUnavailable:
        there = False
    took = round(1_000 * (monotonic() - began))
    with control.begin() as session:
        row = session.get(ProbedRow, of.id)
        if there and row is None:
            return True
        _keep(session, of.id, answered=there, status=0, milliseconds=took)
        if there:
            session.delete(row)
        else:
            _next(session, of.id, now() + _FILES_AGAIN)
    return there


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


def _keep(
    session: Session, resource_id: ResourceId, *, answered: bool, status: int, milliseconds: int
) -> None:
    session.add(
        ProbeRow(
            resource=resource_id,
            at=now(),
            answered=answered,
            status=status,
            milliseconds=milliseconds,
        )
    )
    oldest = session.scalar(
        select(ProbeRow.number)
        .where(ProbeRow.resource == resource_id)
        .order_by(ProbeRow.number.desc())
        .offset(KEPT)
        .limit(1)
    )
    if oldest is not None:
        session.execute(
            delete(ProbeRow).where(ProbeRow.resource == resource_id, ProbeRow.number <= oldest)
        )
    want_health(session, [resource_id])


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
