"""Where things stand, and the history of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from quanyu.kernel import new_id, now
from quanyu.streams.tables import (
    HistoricalLocationRow,
    HistoricalPlaceRow,
    ThingLocationRow,
    ThingRow,
)


def move(
    session: Session, root: int, thing: int, locations: Sequence[int], at: datetime | None = None
) -> None:
    """A thing is now at these locations, and the history says so (18-088, 8.2.2)."""
    _stand(session, thing, locations)
    historical = insert_row(
        session,
        HistoricalLocationRow,
        {
            "id": new_id("historical_location"),
            "whole": False,
            "root": root,
            "time": at or now(),
            "thing": thing,
        },
    )
    link(session, HistoricalPlaceRow, ("historical", historical), "location", locations)


def _stand(session: Session, thing: int, locations: Sequence[int]) -> None:
    session.query(ThingLocationRow).filter(ThingLocationRow.thing == thing).delete()
    link(session, ThingLocationRow, ("thing", thing), "location", locations)
    # What is observed by default is made anew of where it stands now.
    session.execute(update(ThingRow).where(ThingRow.number == thing).values(feature=None))


def follow(session: Session, historical: int) -> None:
    """The newest historical location says where its thing is (18-088, 8.2.3)."""
    row = session.get_one(HistoricalLocationRow, historical)
    newest = session.scalar(
        select(HistoricalLocationRow.number)
        .where(HistoricalLocationRow.thing == row.thing)
        .order_by(HistoricalLocationRow.time.desc(), HistoricalLocationRow.number.desc())
        .limit(1)
    )
    places = list(
        session.scalars(
            select(HistoricalPlaceRow.location).where(HistoricalPlaceRow.historical == historical)
        )
    )
    if newest == historical and places:
        _stand(session, row.thing, places)


def link(
    session: Session, table: type[Any], source: tuple[str, int], target: str, to: Iterable[int]
) -> None:
    """Pairs of one entity with others, in a table of pairs."""
    rows = [{source[0]: source[1], target: one} for one in dict.fromkeys(to)]
    if rows:
        session.execute(insert(table), rows)


def insert_row(session: Session, row: type[Any], values: dict[str, Any]) -> int:
    """The number of a new row."""
    made: Any = session.execute(insert(row).values(**values))
    found: int = made.inserted_primary_key[0]
    return found
