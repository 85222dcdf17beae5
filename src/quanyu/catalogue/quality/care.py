"""Scores and dates kept beside the entries, and read by lists and desks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.model import Resource
from quanyu.catalogue.quality.freshness import Freshness, deadlines, freshness
from quanyu.catalogue.quality.metadata import (
    LEAST,
    Dimension,
    MetadataQuality,
    Rating,
    metadata_quality,
    rating_of,
)
from quanyu.catalogue.quality.tables import CareRow
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import ControlStore, NotFound, PartyId, ResourceId

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Care:
    """What is kept of an entry. ``sizes`` are bytes of downloads by format name.

    ``data_version`` and ``data_at`` are of the newest data, ``None`` where no data are held here.
    """

    score: int
    rating: Rating
    dimensions: Mapping[Dimension, int]
    data_version: int | None
    data_at: datetime | None
    due_at: datetime | None
    overdue_at: datetime | None
    profiled: int | None
    sizes: Mapping[str, int]
    checked_at: datetime | None
    answered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProviderCare:
    """How the published entries of a provider stand."""

    provider: PartyId
    entries: int
    mean_score: float
    ratings: Mapping[Rating, int]
    promised: int
    overdue: int


def put_care(session: Session, row: ResourceRow) -> None:
    """Score an entry anew, in the transaction that changed it."""
    session.flush()
    care = session.get(CareRow, row.number)
    if care is None:
        care = CareRow(number=row.number, resource=row.id, sizes={}, answered=[])
        session.add(care)
    _fill(care, to_resource(row))


def note_data(
    session: Session, resource_id: ResourceId, at: datetime, *, version: int | None = None
) -> None:
    """Keep when the data of an entry last changed (and the number of that version).

    Raises :class:`NotFound` for an unknown entry. An older time than the one known changes nothing.
    """
    row = _row(session, resource_id)
    put_care(session, row)
    care = session.get_one(CareRow, row.number)
    if care.data_at is not None and care.data_at >= at:
        return
    if care.data_version != version:
        care.sizes = {}
    care.data_at, care.data_version = at, version
    _fill(care, to_resource(row))


def note_edit(session: Session, resource_id: ResourceId, at: datetime) -> None:
    """Keep that some of an entry's data changed at ``at``; what was measured of the whole stays.

    Raises :class:`NotFound` for an unknown entry.
    """
    row = _row(session, resource_id)
    put_care(session, row)
    care = session.get_one(CareRow, row.number)
    if care.data_at is None or care.data_at < at:
        care.data_at = at
        _fill(care, to_resource(row))


def note_sizes(
    session: Session, resource_id: ResourceId, version: int, sizes: Mapping[str, int]
) -> None:
    """Keep that a version was looked at, and the bytes of its downloads by format name.

    Nothing is kept when a newer version has come meanwhile.
    """
    row = _row(session, resource_id)
    care = session.get(CareRow, row.number)
    if care is not None and care.data_version == version:
        care.profiled, care.sizes = version, dict(sizes)
        _fill(care, to_resource(row))


def care_of(session: Session, ids: Iterable[ResourceId]) -> dict[ResourceId, Care]:
    """What is kept of these entries; one that has not been scored yet is left out."""
    rows = session.scalars(select(CareRow).where(CareRow.resource.in_(list(ids))))
    return {ResourceId(row.resource): _care(row) for row in rows}


def quality_of(session: Session, resource: Resource) -> MetadataQuality:
    """The score of an entry with all its reasons, computed now."""
    care = care_of(session, [resource.id]).get(resource.id)
    if care is None:
        return metadata_quality(resource)
    return metadata_quality(
        resource,
        served=care.data_version is not None,
        sizes=care.sizes,
        answered=care.answered,
    )


def freshness_of(session: Session, resource: Resource, now: datetime) -> Freshness:
    """How fresh the data of an entry are."""
    care = care_of(session, [resource.id]).get(resource.id)
    return freshness(resource, care.data_at if care else None, now)


def quality_by_provider(session: Session, now: datetime) -> list[ProviderCare]:
    """Scores and broken promises of the published entries of each provider, the best first."""
    rated = [
        func.sum(case((and_(CareRow.score >= low, CareRow.score < high), 1), else_=0))
        for low, high in _bands()
    ]
    query = (
        select(
            ResourceRow.provider,
            func.count(),
            func.avg(CareRow.score),
            func.sum(case((CareRow.due_at.is_not(None), 1), else_=0)),
            func.sum(case((CareRow.overdue_at <= now, 1), else_=0)),
            *rated,
        )
        .join(CareRow, CareRow.number == ResourceRow.number)
        .where(ResourceRow.state == State.PUBLISHED.value)
        .group_by(ResourceRow.provider)
        .order_by(func.avg(CareRow.score).desc(), ResourceRow.provider)
    )
    return [
        ProviderCare(
            provider=PartyId(provider),
            entries=count,
            mean_score=float(mean),
            ratings=dict(zip(LEAST, map(int, counts), strict=True)),
            promised=int(promised),
            overdue=int(overdue),
        )
        for provider, count, mean, promised, overdue, *counts in session.execute(query)
    ]


def overdue_resources(session: Session, now: datetime, *, limit: int = 100) -> list[Resource]:
    """Published entries whose provider has broken its promise, the longest ago first."""
    query = (
        select(ResourceRow)
        .join(CareRow, CareRow.number == ResourceRow.number)
        .where(ResourceRow.state == State.PUBLISHED.value, CareRow.overdue_at <= now)
        .order_by(CareRow.overdue_at)
        .limit(limit)
    )
    return [to_resource(row) for row in session.scalars(query)]


def score_unscored(control: ControlStore) -> int:
    """Score entries that have no score yet, a bounded number; how many there were."""
    query = (
        select(ResourceRow)
        .outerjoin(CareRow, CareRow.number == ResourceRow.number)
        .where(CareRow.number.is_(None))
        .limit(_AT_ONCE)
    )
    with control.read() as session:
        if session.scalar(query.with_only_columns(ResourceRow.number).limit(1)) is None:
            return 0
    with control.begin() as session:
        rows = list(session.scalars(query))
        for row in rows:
            put_care(session, row)
        return len(rows)


def unprofiled(session: Session, limit: int = 10) -> list[tuple[Resource, int]]:
    """Entries whose newest data have not been looked at, with the number of that version."""
    query = (
        select(ResourceRow, CareRow.data_version)
        .join(CareRow, CareRow.number == ResourceRow.number)
        .where(
            CareRow.data_version.is_not(None),
            or_(CareRow.profiled.is_(None), CareRow.profiled != CareRow.data_version),
        )
        .order_by(CareRow.data_at)
        .limit(limit)
    )
    return [(to_resource(row), int(number or 0)) for row, number in session.execute(query)]


def _bands() -> list[tuple[int, int]]:
    ends = [1_000, *LEAST.values()]
    return list(zip(LEAST.values(), ends, strict=False))


def _row(session: Session, resource_id: ResourceId) -> ResourceRow:
    row = session.scalar(select(ResourceRow).where(ResourceRow.id == resource_id))
    if row is None:
        raise NotFound("there is no resource {id}", id=resource_id[:80])
    return row


def _fill(care: CareRow, entry: Resource) -> None:
    quality = metadata_quality(
        entry, served=care.data_version is not None, sizes=care.sizes, answered=care.answered
    )
    care.score, care.elsewhere = quality.score, bool(entry.distributions)
    for dimension, points in quality.dimensions.items():
        setattr(care, dimension.value, points)
    care.due_at, care.overdue_at = deadlines(entry.update_cycle, care.data_at)
    care.health_next = None


def _care(row: CareRow) -> Care:
    return Care(
        score=row.score,
        rating=rating_of(row.score),
        dimensions={one: getattr(row, one.value) for one in Dimension},
        data_version=row.data_version,
        data_at=row.data_at,
        due_at=row.due_at,
        overdue_at=row.overdue_at,
        profiled=row.profiled,
        sizes=row.sizes,
        checked_at=row.checked_at,
        answered=tuple(row.answered),
    )
