"""Observations written anew as they were read, unless somebody else has changed them since."""

from typing import TYPE_CHECKING

from quanyu.kernel import now
from quanyu.streams.observations import latest as kept
from quanyu.streams.observations.columns import rows_of
from quanyu.streams.observations.model import microseconds

if TYPE_CHECKING:
    import pyarrow as pa

    from quanyu.streams.observations.recent import Recent


def amend(recent: "Recent", rows: "pa.Table") -> int:
    """Put rows of one datastream in the place of those that were read; how many were put.

    ``rows`` have the columns of the schema, with the number (``seq``) each had when it was read: a
    row that came again or was deleted since is left as it is now.
    """
    import pyarrow.compute as pc

    if not len(rows):
        return 0
    read = rows["seq"].to_pylist()
    made = rows_of(rows.drop_columns(["received", "seq"]), microseconds(now()))
    number = int(rows["datastream"][0].as_py())
    with recent.write() as transaction:
        bounds = pc.min_max(rows["start"]).as_py()
        held = {
            (start, key): seq
            for start, key, seq in transaction.rows(
                "SELECT start_us, key, seq FROM observation_recent "
                "WHERE datastream = ? AND start_us BETWEEN ? AND ?",
                number,
                microseconds(bounds["min"]),
                microseconds(bounds["max"]),
            )
        }
        # What is not here was moved to the table as it was read, or is here with another number.
        same = [
            row
            for row, seq in zip(made, read, strict=True)
            if held.get((row[1], row[2]), seq) == seq
        ]
        if not same:
            return 0
        first = transaction.numbers(len(same))
        numbered = [(*row, seq) for seq, row in enumerate(same, first)]
        transaction.put(numbered)
        kept.note(transaction, numbered)
    return len(same)
