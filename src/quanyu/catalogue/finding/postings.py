"""Which entries have a word, alike on both databases: for each word and each block of entries one
small row, so that any question is a few rows met with each other, the newest blocks first.

A row holds the places of entries in their block (two bytes each, little-endian) while they are few,
and one bit for each place (512 bytes) once that is shorter; its length says which. This is an
inverted index of Zobel and Moffat's ("Inverted files for text search engines", ACM Computing
Surveys 38, 2006), with the containers of Roaring bitmaps (Lemire et al., 2016) cut to the size of
a row that a database changes in place.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.facts import kept_values, tell_change
from quanyu.catalogue.finding.listed import Listed, among, is_sqlite
from quanyu.catalogue.finding.tables import PostingRow
from quanyu.kernel import SNAPSHOT, batched

BLOCK = 4096
"""Entries to a block: those whose numbers, divided by this, give the same."""
_BITS = BLOCK // 8
_AT_ONCE = 2_000
_KNOWN = "catalogue.postings"
_MOST_KEPT = 64 << 20
"""Bytes of rows that a process keeps while nothing changes."""

Bits = NDArray[np.uint8]
"""One row a block, one bit an entry, the lowest number first."""
Changes = Mapping[str, Collection[int]]
Places = dict[str, list[int]]

_columns = PostingRow.__table__.c
_ROWS = Listed(
    "word, block, entries", "search_posting", "word", "varchar", "block BETWEEN {} AND {}"
)


def bits_of(session: Session, words: Iterable[str], first: int, last: int) -> Mapping[str, Bits]:
    """Which entries of the blocks ``first`` to ``last`` have each of these words."""
    known = _known(session)
    found = {word: known.get((word, first, last)) for word in words}
    asked = [word for word, bits in found.items() if bits is None]
    if asked:
        rows = _ROWS.read(session, asked, first, last)
        read = dict(zip(asked, _bits(asked, rows, first, last), strict=True))
        if sum(bits.nbytes for bits in list(known.values())) > _MOST_KEPT:
            known.clear()
        known.update({(word, first, last): bits for word, bits in read.items()})
        found |= read
    return {word: bits for word, bits in found.items() if bits is not None}


def _bits(words: Sequence[str], rows: Sequence[Any], first: int, last: int) -> NDArray[np.uint8]:
    """Of each word the bits that its rows say."""
    size = last - first + 1
    bits = np.zeros((len(words) * size, _BITS), np.uint8)
    at = {word: place * size - first for place, word in enumerate(words)}
    whole = [(at[word] + block, said) for word, block, said in rows if len(said) == _BITS]
    if whole:
        joined = np.frombuffer(b"".join(said for _, said in whole), np.uint8)
        bits[[row for row, _ in whole]] = joined.reshape(-1, _BITS)
    few = [(at[word] + block, said) for word, block, said in rows if len(said) != _BITS]
    if few:
        places = np.frombuffer(b"".join(said for _, said in few), "<u2").astype(np.int64)
        lengths = [len(said) // 2 for _, said in few]
        places += np.repeat(np.array([row for row, _ in few], np.int64) * BLOCK, lengths)
        np.bitwise_or.at(bits.reshape(-1), places >> 3, (128 >> (places & 7)).astype(np.uint8))
    bits.setflags(write=False)  # others read them too
    return bits.reshape(len(words), size, _BITS)


def forget_rows(session: Session) -> None:
    """Read rows anew, as they have changed."""
    session.info.pop(_KNOWN, None)


def _known(session: Session) -> dict[tuple[str, int, int], Bits]:
    """What was read before in a snapshot: one question asks for the same words several times, and
    the next one, while nothing changes, for many of them again."""
    if not session.info.get(SNAPSHOT):
        return {}
    known: dict[tuple[str, int, int], Bits] = session.info.setdefault(
        _KNOWN, kept_values(session).rows
    )
    return known


def blank(first: int, last: int) -> Bits:
    """Nothing in the blocks ``first`` to ``last``."""
    return np.zeros((last - first + 1, _BITS), np.uint8)


def numbers_in(bits: Bits, first: int) -> NDArray[np.int64]:
    """The numbers of the entries that are in, the newest first."""
    found: NDArray[np.int64] = np.flatnonzero(np.unpackbits(bits.reshape(-1)).view(bool))[::-1]
    return found + first * BLOCK


def change_postings(connection: Connection, added: Changes, removed: Changes) -> None:
    """Let entries have words that they had not, and not have words that they had."""
    for block, (more, less) in sorted(_by_block(added, removed).items()):
        words = sorted(more.keys() | less.keys())
        for some in batched(words, _AT_ONCE):
            _change(connection, block, some, more, less)
    if added or removed:
        tell_change(connection)


def _by_block(added: Changes, removed: Changes) -> dict[int, tuple[Places, Places]]:
    blocks: dict[int, tuple[Places, Places]] = {}
    for side, changes in enumerate((added, removed)):
        for word, numbers in changes.items():
            for number in numbers:
                block, place = divmod(number, BLOCK)
                both = blocks.setdefault(block, ({}, {}))
                both[side].setdefault(word, []).append(place)
    return blocks


def _change(
    connection: Connection, block: int, words: Sequence[str], more: Places, less: Places
) -> None:
    asked = select(_columns.word, _columns.entries).where(
        among(connection, _columns.word, words), _columns.block == block
    )
    known = {row.word: row.entries for row in connection.execute(asked)}
    changed, emptied = [], []
    for word in words:
        entries = _with(known.get(word, b""), more.get(word, []), less.get(word, []))
        if entries:
            changed.append({"word": word, "block": block, "entries": entries})
        elif word in known:
            emptied.append(word)
    if changed:
        _put(connection, changed)
    if emptied:
        connection.execute(
            delete(PostingRow).where(
                among(connection, _columns.word, emptied), _columns.block == block
            )
        )


def _put(connection: Connection, rows: list[dict[str, Any]]) -> None:
    upsert: Any = sqlite.insert if is_sqlite(connection) else postgresql.insert
    statement = upsert(PostingRow)
    key = [_columns.word, _columns.block]
    new = {"entries": statement.excluded.entries}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new), rows)


def _with(entries: bytes, more: list[int], less: list[int]) -> bytes:
    """The row with some places more and others less; empty when none is left."""
    has = np.zeros(BLOCK, bool)
    if len(entries) == _BITS:
        has[:] = np.unpackbits(np.frombuffer(entries, np.uint8))
    else:
        has[np.frombuffer(entries, "<u2")] = True
    has[less], has[more] = False, True
    places = np.flatnonzero(has)
    if 2 * places.size < _BITS:
        return places.astype("<u2").tobytes()
    return np.packbits(has).tobytes()
