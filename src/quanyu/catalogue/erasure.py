"""What the catalogue keeps of a member beside the record of what happened, erased with it."""

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from quanyu.catalogue.feedback.tables import CorrectionRow, FollowRow
from quanyu.catalogue.finding.saved import forget_searches_of
from quanyu.catalogue.registration.tables import ObjectionRow
from quanyu.kernel import MemberId


def forget_member(session: Session, member: MemberId) -> None:
    """Remove a member's saved searches, what it followed and how it could be reached.

    What it wrote in public stays, under an account that has no name any more. Erasing twice does
    nothing more (PIPL art. 47).
    """
    forget_searches_of(session, member)
    session.execute(delete(FollowRow).where(FollowRow.member == member))
    for row in (CorrectionRow, ObjectionRow):
        session.execute(update(row).where(row.member == member).values(contact=""))
