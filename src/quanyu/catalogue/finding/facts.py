"""What filters, counts and orders need of entries, as arrays instead of rows.

For each piece of 1,024 entries the store keeps one row made from their rows of ``resource_facet``,
in the transaction that writes them. A process keeps the pieces that it has read; each has a
version, a random number that no other content ever has, and one version stands for all of them. A
search reads that one in its own transaction, so what it uses is what it would read itself.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Pool, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.listed import Listed, is_sqlite
from quanyu.catalogue.finding.marks import BETWEEN, codes, values_in
from quanyu.catalogue.finding.tables import FacetRow, FactsRow
from quanyu.kernel import SNAPSHOT

PIECE = 1024
"""Entries to a piece: those whose numbers, divided by this, give the same."""
_ALL = -1
"""Instead of a piece: the row whose version changes with any other."""
_AT_ONCE, _USUAL_MARKS = 64, 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KNOWN = "catalogue.facts"
_EXTENT = ("west", "south", "east", "north", "from_at", "to_at")
FACT = np.dtype(
    [
        ("number", "<i8"),
        ("start", "<i8"),
        ("marks", "<u2"),
        ("updated_at", "<i8"),
        ("due_at", "<i8"),
        ("overdue_at", "<i8"),
        *((name, "<f8") for name in _EXTENT),
    ]
)
"""Of one entry: where its marks begin and how many they are (none: there is no such entry), the
microseconds since 1970 of its change; the rest as in ``resource_facet``, NaN where unknown."""

Facts = NDArray[np.void]
Numbers = NDArray[np.int64]

_facet = FacetRow.__table__.c
_kept = FactsRow.__table__.c
_PIECES = Listed("piece, version, facts, marks", "search_facts", "piece", "integer")
_VERSION = Listed("version", "search_facts", "piece", "integer")


class Values:
    """Facet values and their numbers, and rows of the index of words, as far as they were looked
    up since anything changed."""

    def __init__(self) -> None:
        self.by_number: dict[int, tuple[str, str]] = {}
        self.numbers: dict[tuple[str, str], int] = {}
        self.rows: dict[tuple[str, int, int], NDArray[np.uint8]] = {}

    def learn(self, found: dict[int, tuple[str, str]]) -> None:
        """Take these too."""
        self.by_number |= found
        self.numbers |= {value: number for number, value in found.items()}


_Current = tuple[int, Numbers, Values]
"""The version of all, those of pieces, and facet values."""


class _Memory:
    """The pieces of one store that this process has read."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.current: _Current = (0, np.zeros(0, np.int64), Values())
        self.versions = np.zeros(0, np.int64)
        self.facts = np.zeros(0, FACT)
        self.marks = np.zeros(0, np.uint32)
        self.used = 0

    def reach(self, pieces: int) -> None:
        """Have room for so many pieces."""
        if pieces > self.versions.size:
            more = max(pieces, self.versions.size * 5 // 4) - self.versions.size
            self.versions = np.concatenate([self.versions, np.zeros(more, np.int64)])
            self.facts = np.concatenate([self.facts, np.zeros(more * PIECE, FACT)])

    def put(self, piece: int, version: int, facts: bytes, marks: bytes) -> None:
        """Take a piece in place of what was known of it."""
        whole = self.facts[piece * PIECE : (piece + 1) * PIECE]
        whole[:] = np.zeros((), FACT)
        new, own = np.frombuffer(facts, FACT).copy(), np.frombuffer(marks, "<u4")
        if self.used + own.size > self.marks.size:
            self._make_room(own.size)
        new["start"] += self.used
        self.marks[self.used : self.used + own.size] = own
        self.used += own.size
        whole[: new.size] = new
        self.versions[piece] = version

    def _make_room(self, size: int) -> None:
        """Let go of the marks of pieces that were replaced, and have room for more."""
        live = self.marks[_places_of(self.facts)]
        lengths = self.facts["marks"].astype(np.int64)
        self.facts["start"] = np.cumsum(lengths) - lengths
        usual = _USUAL_MARKS * self.facts.size
        self.marks = np.zeros(max(usual, (live.size + size) * 3 // 2), np.uint32)
        self.marks[: live.size] = live
        self.used = live.size


_memories: WeakKeyDictionary[Pool, _Memory] = WeakKeyDictionary()
_opening = Lock()


def facts_of(session: Session, numbers: Numbers) -> Facts:
    """What is known of each of these entries, as the session's transaction sees it."""
    with _reading(session, numbers) as memory:
        return memory.facts[numbers]


def changes_of(session: Session, numbers: Numbers) -> Numbers:
    """When each of these entries was changed, in microseconds since 1970."""
    with _reading(session, numbers) as memory:
        changes: Numbers = memory.facts["updated_at"][numbers]
        return changes


def marks_of(session: Session, numbers: Numbers) -> tuple[Facts, Numbers]:
    """What is known of them, and the numbers of their facet values, one entry's after another's."""
    with _reading(session, numbers) as memory:
        facts = memory.facts[numbers]
        return facts, memory.marks[_places_of(facts)].astype(np.int64)


def end_of_numbers(session: Session) -> int:
    """A number above those of all entries that are indexed."""
    return PIECE * _versions(session, _memory(session)).size


def moments(microseconds: Numbers) -> list[datetime]:
    """As instants."""
    return [_EPOCH + timedelta(microseconds=one) for one in microseconds.tolist()]


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def kept_values(session: Session | Connection) -> Values:
    """The facet values that are kept for the session's transaction; none for a writer's."""
    if isinstance(session, Connection) or not session.info.get(SNAPSHOT):
        return Values()
    memory = _memory(session)
    versions = _versions(session, memory)
    _, current, values = memory.current
    return values if current is versions else Values()


def forget_facts(session: Session) -> None:
    """Read versions anew, as they have changed."""
    session.info.pop(_KNOWN, None)


def renew_facts(connection: Connection, numbers: Iterable[int]) -> None:
    """Make the pieces of these entries anew from their rows; the index must be locked."""
    columns = [_facet.number, _facet.marks, _facet.updated_at, _facet.due_at, _facet.overdue_at]
    columns += [_facet[name] for name in _EXTENT]
    for piece in sorted({number // PIECE for number in numbers}):
        mine = _facet.number.between(piece * PIECE, (piece + 1) * PIECE - 1)
        rows = connection.execute(select(*columns).where(mine).order_by(_facet.number)).all()
        facts, marks = _packed([tuple(row) for row in rows], piece * PIECE)
        _keep(connection, piece, facts, marks)
    tell_change(connection)


def tell_change(connection: Connection) -> None:
    """Have every process let go of what it keeps beside pieces; the index must be locked."""
    _keep(connection, _ALL, b"", b"")


def _packed(rows: list[tuple[Any, ...]], first: int) -> tuple[bytes, bytes]:
    if not rows:
        return b"", b""
    numbers, marks, updated, *rest = zip(*rows, strict=True)
    at = np.array(numbers) - first
    facts = np.zeros(int(at[-1]) + 1, FACT)
    characters = codes("".join(marks))
    ends = np.flatnonzero(characters == ord(BETWEEN))
    values = values_in(characters[characters != ord(BETWEEN)])
    lengths = np.diff(ends, prepend=-1) - 1
    facts["number"][at] = numbers
    facts["marks"][at] = lengths
    facts["start"][at] = np.cumsum(lengths) - lengths
    plain = [moment.replace(tzinfo=None) for moment in updated]
    facts["updated_at"][at] = np.array(plain, "datetime64[us]").astype(np.int64)
    for name, column in zip(("due_at", "overdue_at", *_EXTENT), rest, strict=True):
        facts[name][at] = np.array(column, FACT[name])
    return facts.tobytes(), values.astype("<u4").tobytes()


def _keep(connection: Connection, piece: int, facts: bytes, marks: bytes) -> None:
    upsert: Any = sqlite.insert if is_sqlite(connection) else postgresql.insert
    statement = upsert(FactsRow)
    new = {name: statement.excluded[name] for name in ("version", "facts", "marks")}
    row = {"piece": piece, "version": secrets.randbits(62) + 1, "facts": facts, "marks": marks}
    connection.execute(statement.on_conflict_do_update(index_elements=["piece"], set_=new), [row])


@contextmanager
def _reading(session: Session, numbers: Numbers) -> Iterator[_Memory]:
    """The memory with all that the session's transaction knows of these entries.

    It is held meanwhile, since another transaction may know other things of them.
    """
    memory = _memory(session)
    versions = _versions(session, memory)
    pieces = np.flatnonzero(np.bincount(numbers // PIECE))
    pieces = pieces[pieces < versions.size]
    with memory.lock:
        memory.reach(max(versions.size, int(numbers.max(initial=0)) // PIECE + 1))
        lacking = pieces[memory.versions[pieces] != versions[pieces]]
        for start in range(0, lacking.size, _AT_ONCE):
            for row in _PIECES.read(session, lacking[start : start + _AT_ONCE]):
                memory.put(*row)
        for piece in lacking[versions[lacking] == 0].tolist():  # there for another one alone
            memory.put(piece, 0, b"", b"")
        yield memory


def _versions(session: Session, memory: _Memory) -> Numbers:
    """Of all pieces, as the session's transaction sees them."""
    known: Numbers | None = session.info.get(_KNOWN)
    if known is not None:
        return known
    told = next((version for (version,) in _VERSION.read(session, [_ALL])), 0)
    snapshot = bool(session.info.get(SNAPSHOT))
    version, found, _ = memory.current
    if not snapshot or version != told:
        rows = session.execute(select(_kept.piece, _kept.version).where(_kept.piece >= 0)).all()
        found = np.zeros(max((piece for piece, _ in rows), default=-1) + 1, np.int64)
        for piece, one in rows:
            found[piece] = one
    if snapshot:
        memory.current = (told, found, Values()) if version != told else memory.current
        session.info[_KNOWN] = found
    return found


def _memory(session: Session) -> _Memory:
    pool = session.get_bind().engine.pool  # which readers and writers of a store share
    with _opening:
        return _memories.setdefault(pool, _Memory())


def _places_of(facts: Facts) -> Numbers:
    """Where the marks of these entries are, one after the other."""
    lengths = facts["marks"].astype(np.int64)
    before = np.cumsum(lengths) - lengths
    places: Numbers = np.arange(int(lengths.sum())) + np.repeat(facts["start"] - before, lengths)
    return places
