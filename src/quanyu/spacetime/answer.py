"""An answer that is to be written as a file, and what every form of file needs of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import shapely

from quanyu.spacetime.encode import DECIMALS, METRE_DECIMALS
from quanyu.spacetime.engine import BATCH_ROWS, Engine
from quanyu.spacetime.model import GEOMETRY, Query
from quanyu.spacetime.projection import crs_is_degrees, project
from quanyu.spacetime.questions import Question

if TYPE_CHECKING:
    import pyarrow as pa

Counted = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be written: rows of ``question`` from ``place`` on; ``counted`` hears of them.

    ``named``: the file has a place for the name of its use.
    """

    engine: Engine
    question: Question
    query: Query
    place: int
    counted: Counted
    named: bool = False

    @property
    def shaped(self) -> bool:
        """Whether there is a geometry."""
        return self.question.source.relation.has_geometry

    @property
    def decimals(self) -> int:
        """Of coordinates in text."""
        return DECIMALS if crs_is_degrees(self.query.crs) else METRE_DECIMALS

    def batches(self, columns: str, size: int = BATCH_ROWS) -> "Iterator[pa.RecordBatch]":
        """The rows, with those columns."""
        sql, params = self.question.rows(columns, self.query.limit, self.place)
        return self.engine.batches(sql, params, size)

    def lacking(self) -> bool:
        """Whether some feature has no geometry."""
        sql, params = self.question.count()
        return bool(self.engine.rows(f"{sql} AND {GEOMETRY} IS NULL", params)[0][0])

    def geometries(self, batch: "pa.RecordBatch") -> Any:
        """Geometry of a batch in the CRS of the answer."""
        if not self.shaped:
            return None
        found = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
        return project(found, self.query.crs)


class Sink:
    """A file that Arrow writes to and whose bytes are taken out as they come."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing to do: bytes wait to be taken."""

    def close(self) -> None:
        self.closed = True

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
