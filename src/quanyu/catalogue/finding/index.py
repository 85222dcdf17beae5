"""Putting entries into the index: words, tags, marks and vocabulary, in the entry's transaction.

Rows that are written say so themselves (:func:`_written`), so that nobody who writes an entry can
forget it. They are indexed together where their transaction ends, or before it searches: writers of
the index wait for each other, so that they shall hold it briefly and after all that they lock.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, delete, event, exists, func, insert, inspect, select, update
from sqlalchemy.orm import Mapper, Session, SessionTransaction, object_session

from quanyu.catalogue.codes import KINDS, THEMES, Sensitivity, UpdateCycle
from quanyu.catalogue.finding.facts import forget_facts, renew_facts
from quanyu.catalogue.finding.listed import among
from quanyu.catalogue.finding.marks import BETWEEN, mark
from quanyu.catalogue.finding.places import extent_words, time_words
from quanyu.catalogue.finding.postings import forget_rows
from quanyu.catalogue.finding.sight import PUBLIC
from quanyu.catalogue.finding.tables import NOT_KNOWN, NOT_PROMISED, FacetRow
from quanyu.catalogue.finding.text_index import Indexed, put_texts
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
_WRITTEN, _CARED = "catalogue.written", "catalogue.cared"
_LOCK = 0x7175616E79750001
"""Of PostgreSQL, held by the transaction that writes the index."""


def index_rows(connection: Connection, rows: Sequence[ResourceRow]) -> None:
    """Index entries, in place of what was indexed of them before."""
    index_entries(connection, [(row.number, to_resource(row)) for row in rows])


def index_entries(connection: Connection, entries: Sequence[tuple[int, Resource]]) -> None:
    """The same for entries with their numbers."""
    if not entries:
        return
    _lock(connection)
    cared = _cared(connection, [number for number, _ in entries])
    valued = [
        (number, entry, [*values_of(entry), *_health(cared.get(number))])
        for number, entry in entries
    ]
    numbers = numbered(connection, list(dict.fromkeys(chain(*(v for _, _, v in valued)))))
    mine = among(connection, FacetRow.__table__.c.number, [number for number, _ in entries])
    connection.execute(delete(FacetRow).where(mine))
    connection.execute(
        insert(FacetRow),
        [
            _facet_row(number, entry, [numbers[v] for v in values], _data_at(cared.get(number)))
            for number, entry, values in valued
        ],
    )
    put_texts(
        connection,
        [(number, indexed(entry, values, numbers)) for number, entry, values in valued],
    )
    renew_facts(connection, (number for number, _ in entries))
    learn(connection, chain(*(_taught(entry) for _, entry in entries)))


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite lets one transaction write at a time
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def settle(session: Session) -> None:
    """Index what this transaction wrote so far."""
    session.flush()
    numbers = session.info.pop(_WRITTEN, None)
    if numbers:
        written = among(session, ResourceRow.__table__.c.number, sorted(numbers))
        rows = session.scalars(select(ResourceRow).where(written)).all()
        index_rows(session.connection(), rows)
    cared = session.info.pop(_CARED, None)
    if cared:
        _lock(session.connection())
        renew_facts(session.connection(), cared)
    if numbers or cared:
        forget_rows(session)
        forget_facts(session)


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


def _cared(connection: Connection, numbers: Sequence[int]) -> dict[int, Any]:
    columns = CareRow.__table__.c
    rows = connection.execute(
        select(columns.number, columns.data_at, columns.health_state).where(
            columns.number.in_(numbers)
        )
    )
    return {row.number: row for row in rows}


def _data_at(care: Any) -> datetime | None:
    return None if care is None else care.data_at


def _health(care: Any) -> list[Value]:
    """The facet of its health, once it has been looked at."""
    return [] if care is None or care.health_state is None else [("health", care.health_state)]


def _taught(entry: Resource) -> set[str]:
    # What nobody may know of teaches nothing.
    if entry.state not in PUBLIC:
        return set()
    return vocabulary(_both(entry.title), _keywords(entry), _both(entry.abstract))


def _both(text: LocalText | None) -> str:
    return f"{text.zh} {text.en}" if text else ""


@event.listens_for(ResourceRow, "after_insert")
@event.listens_for(ResourceRow, "after_update")
def _written(_mapper: Mapper[ResourceRow], _connection: Connection, row: ResourceRow) -> None:
    session = object_session(row)
    if session is not None:
        session.info.setdefault(_WRITTEN, set()).add(row.number)


@event.listens_for(Session, "after_begin")
def _begins(session: Session, _transaction: SessionTransaction, _connection: Connection) -> None:
    forget_rows(session)
    forget_facts(session)


@event.listens_for(Session, "before_commit")
def _ends(session: Session) -> None:
    if not session.in_nested_transaction():
        settle(session)


@event.listens_for(CareRow, "after_insert")
@event.listens_for(CareRow, "after_update")
def _cared_for(_mapper: Mapper[CareRow], connection: Connection, row: CareRow) -> None:
    """Follow the data's times, and the state of health, into the filters."""
    session = object_session(row)
    if session is not None and inspect(row).attrs.health_state.history.has_changes():
        session.info.setdefault(_WRITTEN, set()).add(row.number)
    if row.due_at is not None and row.overdue_at is not None:
        due, overdue = int(row.due_at.timestamp()), int(row.overdue_at.timestamp())
        connection.execute(
            update(FacetRow)
            .where(FacetRow.number == row.number)
            .values(due_at=due, overdue_at=overdue)
        )
        if session is not None:
            session.info.setdefault(_CARED, set()).add(row.number)
