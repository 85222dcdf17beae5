"""What is asked of a table of series."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from quanyu.spacetime.filters import Condition

if TYPE_CHECKING:
    import pyarrow as pa

SERIES = "datastream"
START = "start"
KEY = "key"
NUMBER = "seq"
NUMBER_COLUMN = "number"
IDENTITY = (SERIES, START, KEY)
"""The columns that tell a row from every other one."""
PART = "month"
"""The column that the table's folders are named by: year and month of ``start``, as ``202611``."""
HIDES, GONE = "hides", "gone"
"""Flags of newer rows: that an older row may lie in the table; that the row is only there to hide
that one."""
AGGREGATES = {
    "count": "count(*)",
    "mean": "avg(number)",
    "min": "min(number)",
    "max": "max(number)",
    "sum": "sum(number)",
    "stddev": "stddev_samp(number)",
}


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Rows of ``series`` (all when ``None``) that start in ``[start, end)``.

    where    a compiled condition over the columns
    order    compiled expressions to sort by, each with whether it is descending
    after    values of those and of the rest of the identity in the last row of the page before
    number_after, number_to   rows whose number is greater than, and not greater than
    without  series whose rows in the table shall not be there, while newer ones may be
    each     at most so many rows of each series, the first in that order
    columns  those that are wanted, all when empty
    """

    series: "Sequence[int] | pa.Array | None" = None
    start: datetime | None = None
    end: datetime | None = None
    where: Condition | None = None
    order: tuple[tuple[Condition, bool], ...] = ()
    after: tuple[object, ...] | None = None
    skip: int = 0
    limit: int | None = None
    each: int | None = None
    columns: tuple[str, ...] = field(default=())
    number_after: int | None = None
    number_to: int | None = None
    without: tuple[int, ...] = ()
