"""What assets use and cost: entries for a time, summed over all that is below an asset."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid, ResourceId, new_id, owe
from quanyu.operations.assets.inventory import (
    asset_row,
    below,
    check_reads_assets,
    held_inventory,
)
from quanyu.operations.assets.model import Entry, EntryKind
from quanyu.operations.assets.tables import AssetRow, EntryRow
from quanyu.operations.work_orders import one_line
from quanyu.parties import Caller


def enter(
    session: Session,
    of: ResourceId,
    name: str,
    caller: Caller,
    *,
    kind: EntryKind,
    since: date,
    until: date,
    amount: int,
    note: str = "",
) -> Entry:
    """Enter what an asset used or cost from a day to a day, both counted, in whole units of the
    kind (Wh, L, 分). A credit is negative. Raises :class:`Invalid` naming the field."""
    held_inventory(session, of, caller)
    row = asset_row(session, of, name)
    if until < since:
        raise Invalid("the end lies before the beginning", field="until", mend="choose a later one")
    if abs(amount) >= 10**15 or (amount < 0 and kind is not EntryKind.COST):
        raise Invalid("this is no amount of it", field="amount", mend="give a whole number")
    made = EntryRow(
        id=new_id("asset"),
        asset=row.number,
        kind=kind.value,
        since=since,
        until=until,
        amount=amount,
        note=one_line(note, "note"),
    )
    session.add(made)
    session.flush()
    owe(
        session,
        "asset.entered",
        row.resource,
        {
            "asset": row.id,
            "by": caller.party or "",
            "entry": kind.value,
            "since": since.isoformat(),
            "until": until.isoformat(),
            "amount": str(amount),
        },
    )
    return _entry(made, row.id)


def entries_of(
    session: Session, of: ResourceId, name: str, caller: Caller, limit: int = 200
) -> list[Entry]:
    """Entries of an asset itself, the latest time first."""
    check_reads_assets(session, of, caller)
    row = asset_row(session, of, name)
    query = (
        select(EntryRow)
        .where(EntryRow.asset == row.number)
        .order_by(EntryRow.since.desc(), EntryRow.id.desc())
        .limit(limit)
    )
    return [_entry(one, row.id) for one in session.scalars(query)]


def sums_below(
    session: Session, of: ResourceId, name: str, caller: Caller
) -> dict[tuple[int, EntryKind], int]:
    """Sums of an asset and all below it, by the year in which an entry begins and its kind."""
    check_reads_assets(session, of, caller)
    row = asset_row(session, of, name)
    year = func.extract("year", EntryRow.since)
    query = (
        select(year.label("year"), EntryRow.kind, func.sum(EntryRow.amount))
        .join(AssetRow, AssetRow.number == EntryRow.asset)
        .where(AssetRow.resource == of, below(row.path))
        .group_by("year", EntryRow.kind)
    )
    return {(int(at), EntryKind(kind)): int(total) for at, kind, total in session.execute(query)}


def _entry(row: EntryRow, asset: str) -> Entry:
    return Entry(
        id=row.id,
        asset=asset,
        kind=EntryKind(row.kind),
        since=row.since,
        until=row.until,
        amount=row.amount,
        note=row.note,
    )
