"""Gradings read: how an entry stands, its history, the reviewers' inbox."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.catalogue.grading.model import Grading, GradingId, Level, Subject, Waiting, WaitingPage
from quanyu.catalogue.grading.tables import GradeRow, GradingRow
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import Invalid, LeafId, MemberId, PartyId, ResourceId

MOST = 1_000


def confirmed_levels(session: Session, ids: Iterable[ResourceId]) -> dict[ResourceId, Level]:
    """The levels that reviewers confirmed; entries without one are left out."""
    rows = session.execute(
        select(GradeRow.resource, GradeRow.level).where(
            GradeRow.resource.in_(list(ids)), GradeRow.level.is_not(None)
        )
    )
    return {ResourceId(of): Level(level) for of, level in rows if level is not None}


def grading_of(session: Session, resource_id: ResourceId) -> tuple[Grading | None, Grading | None]:
    """The latest proposal and the latest confirmation of an entry."""
    stands = session.get(GradeRow, resource_id)
    if stands is None:
        return None, None
    wanted = [name for name in (stands.proposed, stands.confirmed) if name is not None]
    rows = session.scalars(select(GradingRow).where(GradingRow.id.in_(wanted)))
    found = {row.id: to_grading(row) for row in rows}
    return found[stands.proposed], found.get(stands.confirmed or "")


def grading_waits(session: Session, resource_id: ResourceId) -> bool:
    """Whether a proposal has not been answered by a reviewer yet."""
    stands = session.get(GradeRow, resource_id)
    return stands is not None and stands.waits is not None


def grading_history(session: Session, resource_id: ResourceId) -> list[Grading]:
    """Every proposal and confirmation, the latest first."""
    rows = session.scalars(
        select(GradingRow)
        .where(GradingRow.resource == resource_id)
        .order_by(GradingRow.number.desc())
    )
    return [to_grading(row) for row in rows]


def gradings_waiting(session: Session, *, limit: int = 50, after: str | None = None) -> WaitingPage:
    """What waits for a reviewer, the latest proposal first. Raises :class:`Invalid`."""
    if not 1 <= limit <= MOST:
        raise Invalid("a page has 1 to {most} entries", field="limit", most=MOST)
    total = session.execute(
        select(func.count(GradeRow.resource)).where(GradeRow.waits.is_not(None))
    ).scalar_one()
    asked = (
        select(GradeRow, ResourceRow, GradingRow)
        .join(ResourceRow, ResourceRow.id == GradeRow.resource)
        .join(GradingRow, GradingRow.id == GradeRow.proposed)
        .where(GradeRow.waits.is_not(None))
        .order_by(GradeRow.waits.desc())
        .limit(limit + 1)
    )
    if after is not None:
        if not (after.isascii() and after.isdecimal() and len(after) < 18):
            raise Invalid("this page token is not of this list", field="after", mend="begin again")
        asked = asked.where(GradeRow.waits < int(after))
    rows = session.execute(asked).all()
    items = []
    for stands, entry, proposed in rows[:limit]:
        before = None
        if stands.confirmed is not None:
            row = session.scalars(select(GradingRow).where(GradingRow.id == stands.confirmed)).one()
            before = to_grading(row)
        of = to_resource(entry)
        items.append(
            Waiting(of.slug, of.title, of.provider, of.grade, of.access, to_grading(proposed),
                    before)
        )  # fmt: skip
    more = str(rows[limit - 1][0].waits) if len(rows) > limit else None
    return WaitingPage(tuple(items), total, more)


def to_grading(row: GradingRow) -> Grading:
    """The grading of a row."""
    return Grading(
        id=GradingId(row.id),
        resource=ResourceId(row.resource),
        at=row.at,
        confirmed=row.confirmed,
        level=Level(row.level),
        industry=row.industry,
        subject=Subject(row.subject),
        persons=row.persons,
        rows=row.rows,
        data_version=row.data_version,
        reasons=tuple(row.reasons),
        table=row.table_digest,
        party=None if row.party is None else PartyId(row.party),
        member=None if row.member is None else MemberId(row.member),
        reason=row.reason,
        leaf=None if row.leaf is None else LeafId(row.leaf),
    )
