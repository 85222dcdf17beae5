"""Numbers without gaps, in the order of commits: whoever takes some holds the others off."""

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.market.tables import MeterRow


def locked(session: Session, name: str) -> MeterRow:
    """The row of a counter, made on first use and locked until this transaction ends."""
    wanted = select(MeterRow).where(MeterRow.name == name).with_for_update()
    row = session.scalar(wanted.execution_options(populate_existing=True))
    if row is None:
        dialect = session.get_bind().dialect.name
        insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
        session.execute(insert(MeterRow).values(name=name, reached=0).on_conflict_do_nothing())
        row = session.scalars(wanted.execution_options(populate_existing=True)).one()
    return row


def take_numbers(session: Session, name: str, count: int) -> int:
    """Take ``count`` numbers; returns the last that was taken before them."""
    row = locked(session, name)
    before = row.reached
    row.reached = before + count
    session.flush()
    return before


def reached(session: Session, name: str) -> int:
    """The last number that was taken; 0 before the first."""
    row = session.get(MeterRow, name)
    return 0 if row is None else row.reached
