"""Where each leaf stands: ids of leaves to their positions, in an SQLite file beside the tiles.

It is derived: whatever it lacks is read from the log again, and it may be deleted at any time. So
it may lose its last writes in a power cut, and needs no sync of its own.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from quanyu.kernel import Unavailable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS leaf (id TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reach (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL);
"""


class LeafIndex:
    """Ids to positions; safe in several threads, and in other processes while one writes."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._using():
            self._connection = sqlite3.connect(
                path, timeout=15, isolation_level=None, check_same_thread=False
            )
            self._connection.executescript(
                f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {_SCHEMA}"
            )

    @property
    def size(self) -> int:
        """How many leaves of the log, from its first, have been indexed."""
        with self._using():
            row = self._connection.execute("SELECT size FROM reach").fetchone()
        return int(row[0]) if row else 0

    def add(self, first: int, names: Sequence[str | None]) -> None:
        """Index the ids of leaves that stand in the log from position ``first`` on."""
        rows = [(name, first + at) for at, name in enumerate(names) if name is not None]
        with self._using(), self._connection as transaction:
            transaction.execute("BEGIN IMMEDIATE")
            transaction.executemany("INSERT OR IGNORE INTO leaf VALUES (?, ?)", rows)
            transaction.execute(
                "INSERT INTO reach VALUES (1, ?) ON CONFLICT DO UPDATE SET size = excluded.size",
                (first + len(names),),
            )

    def positions(self, ids: Iterable[str]) -> dict[str, int]:
        """Positions of those of ``ids`` that are in the log."""
        wanted = orjson.dumps(list(ids)).decode()
        with self._using():
            return dict(
                self._connection.execute(
                    "SELECT id, position FROM leaf WHERE id IN (SELECT value FROM json_each(?))",
                    (wanted,),
                )
            )

    @contextmanager
    def _using(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise Unavailable(
                    "the index of the log does not answer: {why}",
                    mend="when it is damaged, delete {path}; it is made again from the log",
                    why=str(error),
                    path=str(self._path),
                ) from error

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._connection.close()


def leaf_id(leaf: bytes) -> str | None:
    """The ``id`` of a leaf, or ``None`` when it is no JSON object with one."""
    try:
        name = orjson.loads(leaf)["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        return None
    return name if isinstance(name, str) else None
