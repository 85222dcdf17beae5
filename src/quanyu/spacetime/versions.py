"""The register of versions: publishing one is a single transaction of the control store."""

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, Invalid, NotFound, announce, iso, now, owe
from quanyu.spacetime.model import Bbox, Field, FieldType, GeometryType, Version
from quanyu.spacetime.tables import DatasetRow, VersionRow

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class VersionPublished:
    """A version of a dataset can be queried from now on."""

    dataset: str
    number: int


def check_dataset_name(name: str) -> str:
    """``name`` when it may stand in URLs and paths; raises ``Invalid`` (field ``dataset``)."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            "“{name}” cannot name a dataset",
            field="dataset",
            mend="use 1 to 64 of a-z, 0-9, hyphen and underscore, beginning and ending with a"
            " letter or digit",
            name=name,
        )
    return name


def publish_version(session: Session, draft: Version, after: int | None = None) -> Version:
    """Make a written table the newest version of its dataset; ``draft.number`` is replaced.

    Raises ``Conflict`` when ``after`` is given and is not the newest one any more (0 is none).
    Owes the log ``version.published`` and announces :class:`VersionPublished`.
    """
    check_dataset_name(draft.dataset)
    # Locked, so that two publishers on PostgreSQL cannot take the same number.
    dataset = session.get(DatasetRow, draft.dataset, with_for_update=True)
    if dataset is None:
        dataset = DatasetRow(name=draft.dataset, newest=0, created_at=now())
        session.add(dataset)
        session.flush()
    if after is not None and dataset.newest != after:
        raise Conflict(
            "{dataset} has been changed meanwhile", mend="try again", dataset=draft.dataset
        )
    dataset.newest += 1
    number = dataset.newest
    version = replace(draft, number=number, base=number, whole=number)
    session.add(row_of(version))
    session.flush()
    owe(
        session,
        "version.published",
        version.dataset,
        {
            "number": version.number,
            "delta_version": version.delta_version,
            "rows": version.rows,
            "rejects": version.rejects,
            "source_sha256": version.source_sha256 or "",
        },
    )
    announce(session, VersionPublished(version.dataset, version.number))
    return version


def datasets(session: Session) -> list[str]:
    """Names of all datasets, in order."""
    return list(session.scalars(select(DatasetRow.name).order_by(DatasetRow.name)))


def versions(session: Session, dataset: str) -> list[Version]:
    """Every version of a dataset, oldest first; empty when there is no such dataset."""
    query = select(VersionRow).where(VersionRow.dataset == dataset).order_by(VersionRow.number)
    return [_version(row) for row in session.scalars(query)]


def version(session: Session, dataset: str, number: int | None = None) -> Version:
    """That version, or the newest one; raises ``NotFound``."""
    if number is None:
        found = session.get(DatasetRow, dataset)
        number = found.newest if found else 0
    row = session.get(VersionRow, (dataset, number))
    if row is None:
        raise NotFound(
            "there is no version {number} of dataset {dataset}", number=number, dataset=dataset
        )
    return _version(row)


def newest(session: Session, names: Collection[str]) -> list[Version]:
    """The newest version of each of these datasets that there is."""
    query = (
        select(VersionRow)
        .join(DatasetRow, DatasetRow.name == VersionRow.dataset)
        .where(VersionRow.number == DatasetRow.newest, DatasetRow.name.in_(names))
    )
    return [_version(row) for row in session.scalars(query)]


def version_as_of(
    session: Session, dataset: str, moment: datetime, allowed: frozenset[int] | None = None
) -> int:
    """The number of the newest version that had been published by ``moment`` (among ``allowed``).

    Raises ``NotFound`` when there was none yet.
    """
    query = select(func.max(VersionRow.number)).where(
        VersionRow.dataset == dataset, VersionRow.created_at <= moment
    )
    if allowed is not None:
        query = query.where(VersionRow.number.in_(allowed))
    number = session.scalar(query)
    if number is None:
        raise NotFound(
            "nothing of dataset {dataset} had been published by {moment}",
            field="as-of",
            mend="ask for a later time",
            dataset=dataset,
            moment=iso(moment),
        )
    return int(number)


def row_of(version: Version) -> VersionRow:
    """A version as it is kept."""
    west, south, east, north = version.bbox or (None, None, None, None)
    return VersionRow(
        dataset=version.dataset,
        number=version.number,
        table=version.table,
        delta_version=version.delta_version,
        fields=[asdict(field) for field in version.fields],
        geometry=version.geometry.value,
        has_z=version.has_z,
        rows=version.rows,
        rejects=version.rejects,
        west=west,
        south=south,
        east=east,
        north=north,
        valid_from=_aware(version.interval[0]),
        valid_to=_aware(version.interval[1]),
        source_crs=version.source_crs,
        source=version.source,
        source_sha256=version.source_sha256,
        created_at=version.created_at,
        base=version.base,
        whole=version.whole,
    )


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _version(row: VersionRow) -> Version:
    bbox: Bbox | None = None
    if not (row.west is None or row.south is None or row.east is None or row.north is None):
        bbox = (row.west, row.south, row.east, row.north)
    return Version(
        dataset=row.dataset,
        number=row.number,
        table=row.table,
        delta_version=row.delta_version,
        fields=tuple(Field(f["name"], FieldType(f["type"]), f.get("unit")) for f in row.fields),
        geometry=GeometryType(row.geometry),
        has_z=row.has_z,
        rows=row.rows,
        rejects=row.rejects,
        bbox=bbox,
        interval=(row.valid_from, row.valid_to),
        source_crs=row.source_crs,
        source=row.source,
        source_sha256=row.source_sha256,
        created_at=row.created_at,
        base=row.base,
        whole=row.whole,
    )
