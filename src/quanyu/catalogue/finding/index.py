"""Putting entries into the index: words, tags, marks and vocabulary, in the entry's transaction.

Rows index themselves when they are written (:func:`_written`), so that nobody who writes an entry
can forget it; :func:`index_rows` does many at once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, delete, event, exists, insert, select, update
from sqlalchemy.orm import Mapper

from quanyu.catalogue.codes import KINDS, THEMES, Sensitivity, UpdateCycle
from quanyu.catalogue.finding.marks import BETWEEN, mark
from quanyu.catalogue.finding.places import extent_words, time_words
from quanyu.catalogue.finding.sight import PUBLIC
from quanyu.catalogue.finding.tables import NOT_KNOWN, NOT_PROMISED, FacetRow
from quanyu.catalogue.finding.text_index import Indexed, add_texts, put_text
from quanyu.catalogue.finding.values import Value, numbered, tag, values_of
from quanyu.catalogue.finding.vocabulary import learn
from quanyu.catalogue.finding.words import index_words, vocabulary
from quanyu.catalogue.kinds import attribute_words
from quanyu.catalogue.model import Interval, Resource
from quanyu.catalogue.quality.freshness import PERIODS, deadlines
from quanyu.catalogue.quality.tables import CareRow
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import ControlStore, LocalText

_LONG_AGO, _FAR_OFF = -1e12, 1e12
_BATCH = 500


def index_rows(connection: Connection, rows: Sequence[ResourceRow]) -> None:
    """Index entries that the index does not have."""
    if not rows:
        return
    entries = [(row.number, to_resource(row)) for row in rows]
    index_entries(connection, entries)


def index_entries(connection: Connection, entries: Sequence[tuple[int, Resource]]) -> None:
    """The same for entries with their numbers."""
    valued = [(number, entry, values_of(entry)) for number, entry in entries]
    numbers = numbered(connection, list(dict.fromkeys(chain(*(v for _, _, v in valued)))))
    dated = _data_times(connection, [number for number, _ in entries])
    connection.execute(
        insert(FacetRow),
        [
            _facet_row(number, entry, [numbers[v] for v in values], dated.get(number))
            for number, entry, values in valued
        ],
    )
    add_texts(
        connection,
        [(number, indexed(entry, values, numbers)) for number, entry, values in valued],
    )
    learn(connection, chain(*(_taught(entry) for _, entry in entries)))


def index_missing(control: ControlStore, most: int = 20_000) -> int:
    """Index entries that the index lacks, as after an upgrade; how many there were."""
    done = 0
    while done < most:
        with control.begin() as session:
            lacking = ~exists().where(FacetRow.number == ResourceRow.number)
            rows = session.scalars(
                select(ResourceRow).where(lacking).order_by(ResourceRow.number).limit(_BATCH)
            ).all()
            index_rows(session.connection(), rows)
        done += len(rows)
        if len(rows) < _BATCH:
            break
    return done


def indexed(entry: Resource, values: Iterable[Value], numbers: dict[Value, int]) -> Indexed:
    """The words of an entry and its tags."""
    # Names of fields that may not be public must not be found by guessing.
    fields = (
        f"{field.name} {_both(field.meaning)}"
        for field in entry.fields
        if field.sensitivity is Sensitivity.PUBLIC
    )
    title = index_words(_both(entry.title))
    keywords = index_words(" ".join(_keywords(entry)))
    rest = index_words(
        " ".join(
            (
                _both(entry.abstract),
                entry.slug,
                entry.code or "",
                *entry.formats,
                attribute_words(entry),
                *fields,
            )
        )
    )
    tags = [tag(numbers[value]) for value in values]
    tags += [*extent_words(entry.bbox), *time_words(entry.interval)]
    return Indexed(title, keywords, rest, tags)


def _keywords(entry: Resource) -> list[str]:
    """Its own, and the names of its themes and kind."""
    themes = (_both(THEMES[theme].name) for theme in entry.themes if theme in THEMES)
    return [*entry.keywords, *themes, _both(KINDS[entry.kind].name)]


def _facet_row(
    number: int, entry: Resource, numbers: Iterable[int], data_at: datetime | None
) -> dict[str, Any]:
    due, overdue = _promise(entry.update_cycle, data_at)
    west, south, east, north = entry.bbox or (None, None, None, None)
    start, end = _seconds(entry.interval)
    return {
        "number": number,
        "marks": "".join(map(mark, numbers)) + BETWEEN,
        "updated_at": entry.updated_at,
        "due_at": due,
        "overdue_at": overdue,
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "from_at": start,
        "to_at": end,
    }


def _seconds(interval: Interval) -> tuple[float | None, float | None]:
    start, end = interval
    if start is None and end is None:
        return None, None
    return (
        _LONG_AGO if start is None else start.timestamp(),
        _FAR_OFF if end is None else end.timestamp(),
    )


def _promise(cycle: UpdateCycle, data_at: datetime | None) -> tuple[int, int]:
    if cycle not in PERIODS:
        return NOT_PROMISED, NOT_PROMISED
    due, overdue = deadlines(cycle, data_at)
    if due is None or overdue is None:
        return NOT_KNOWN, NOT_KNOWN
    return int(due.timestamp()), int(overdue.timestamp())


def _data_times(connection: Connection, numbers: Sequence[int]) -> dict[int, datetime | None]:
    columns = CareRow.__table__.c
    rows = connection.execute(
        select(columns.number, columns.data_at).where(columns.number.in_(numbers))
    )
    return {row.number: row.data_at for row in rows}


def _taught(entry: Resource) -> set[str]:
    # What nobody may know of teaches nothing.
    if entry.state not in PUBLIC:
        return set()
    return vocabulary(_both(entry.title), _keywords(entry), _both(entry.abstract))


def _both(text: LocalText | None) -> str:
    return f"{text.zh} {text.en}" if text else ""


@event.listens_for(ResourceRow, "after_insert")
@event.listens_for(ResourceRow, "after_update")
def _written(_mapper: Mapper[ResourceRow], connection: Connection, row: ResourceRow) -> None:
    entry = to_resource(row)
    values = values_of(entry)
    numbers = numbered(connection, values)
    connection.execute(delete(FacetRow).where(FacetRow.number == row.number))
    data_at = _data_times(connection, [row.number]).get(row.number)
    connection.execute(
        insert(FacetRow), [_facet_row(row.number, entry, [numbers[v] for v in values], data_at)]
    )
    put_text(connection, row.number, indexed(entry, values, numbers))
    learn(connection, _taught(entry))


@event.listens_for(CareRow, "after_insert")
@event.listens_for(CareRow, "after_update")
def _cared_for(_mapper: Mapper[CareRow], connection: Connection, row: CareRow) -> None:
    """Follow the data's times into the filters."""
    if row.due_at is not None and row.overdue_at is not None:
        due, overdue = int(row.due_at.timestamp()), int(row.overdue_at.timestamp())
        connection.execute(
            update(FacetRow)
            .where(FacetRow.number == row.number)
            .values(due_at=due, overdue_at=overdue)
        )
