"""What stays of an erased member in allocations: its party's, not who asked."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from quanyu.kernel import MemberId
from quanyu.operations.allocation.tables import AllocationRow


def forget_allocations_of(session: Session, member: MemberId) -> None:
    """Take a member out of what it asked for."""
    session.execute(update(AllocationRow).where(AllocationRow.member == member).values(member=""))
