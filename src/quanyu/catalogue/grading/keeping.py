"""What a confirmed level forbids: laxer grades and wider accesses than it allows."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import Access, Grade
from quanyu.catalogue.grading.model import Level
from quanyu.catalogue.grading.reading import confirmed_levels
from quanyu.catalogue.grading.table import grading_table
from quanyu.catalogue.grading.tables import GradeRow
from quanyu.catalogue.model import Resource, ResourceDraft
from quanyu.catalogue.rules import refused

_STRICTER = (Grade.GENERAL, Grade.IMPORTANT, Grade.CORE)


def check_graded(session: Session, resource_id: str, draft: ResourceDraft) -> None:
    """Raise :class:`Refused`, rule ``grading.confirmed``, when a description says less of its grade
    than a reviewer confirmed, or opens it wider than the confirmed level allows."""
    said = session.scalar(select(GradeRow.level).where(GradeRow.resource == resource_id))
    if said is None:
        return
    meaning = grading_table().levels[Level(said)]
    if _STRICTER.index(draft.grade) < _STRICTER.index(meaning.grade):
        raise refused(
            "grading.confirmed",
            "a reviewer confirmed the level {level}: the grade may not be lower",
            "ask a reviewer to grade it anew",
            field="grade",
            level=said,
        )
    if draft.access not in meaning.access:
        raise refused(
            "grading.confirmed",
            "a reviewer confirmed the level {level}: it may not be “{access}”",
            "choose a narrower access, or ask a reviewer to grade it anew",
            field="access",
            level=said,
            access=draft.access.value,
        )


def level_allows(level: Level | None, access: Access) -> bool:
    """Whether data of a confirmed level may have that access; any may while none is confirmed."""
    return level is None or access in grading_table().levels[level].access


def check_offerable_grade(session: Session, of: Resource, field: str) -> None:
    """Raise :class:`Refused`, by ``grading.core`` or ``grading.unconfirmed``, for what its grade
    keeps from being offered to others."""
    if of.grade is Grade.CORE:
        raise refused(
            "grading.core",
            "“{slug}” holds core data: they never leave the node",
            "leave it out",
            field=field,
            slug=of.slug,
        )
    if of.grade is Grade.IMPORTANT and not confirmed_levels(session, [of.id]):
        raise refused(
            "grading.unconfirmed",
            "the grade of “{slug}”, important data, has not been confirmed",
            "ask a reviewer of the node to confirm it",
            field=field,
            slug=of.slug,
        )
