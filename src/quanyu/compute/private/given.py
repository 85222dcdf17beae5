"""What a view gives to private computation: rows for an algorithm, a column of identifiers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime import FID, GEOMETRY, Query, View

if TYPE_CHECKING:
    import pyarrow as pa


def read_rows(view: View, query: Query, most: int) -> "pa.Table":
    """Rows of a view: the columns that it shows, and its geometry as WKB in CRS84. Raises
    :class:`TooLarge` for more than ``most``."""
    table = view.rows_within(replace(query, limit=most + 1))
    if table.num_rows > most:
        raise TooLarge(
            "{collection} gives more than {most} rows",
            field="collection",
            mend="narrow it by a bbox or a filter",
            collection=view.version.dataset,
            most=most,
        )
    names = [FID, *(one.name for one in view.fields), GEOMETRY]
    return table.select([name for name in names if name in table.column_names])


def read_column(view: View, query: Query, column: str, most: int) -> list[Any]:
    """Values of one column of a view; raises :class:`Invalid` on ``column`` for one that it does
    not show."""
    shown = [one.name for one in view.fields]
    if column not in shown:
        raise _no_column(view, column, "column")
    values: list[Any] = read_rows(view, query, most).column(column).to_pylist()
    return values


def read_sums(
    view: View, query: Query, *, by: str, column: str | None, groups: Sequence[str], most: int
) -> tuple[list[float], int]:
    """The sum of ``column`` (``None``: the number of rows) in each of ``groups`` of the column
    ``by``, nought where there is nothing, and how many rows were read. Raises :class:`Invalid` for
    columns that are not shown or hold no numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    fields = {one.name for one in view.fields}
    for name, field in ((by, "by"), (column, "column")):
        if name is not None and name not in fields:
            raise _no_column(view, name, field)
    table = read_rows(view, query, most)
    keys = pc.cast(table.column(by), pa.string())
    values = pa.array(np.ones(table.num_rows)) if column is None else table.column(column)
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise Invalid("this column holds no numbers", field="column", mend="name one that does")
    found = pa.table({"by": keys, "value": values}).group_by("by").aggregate([("value", "sum")])
    sums = dict(zip(found["by"].to_pylist(), found["value_sum"].to_pylist(), strict=True))
    return [float(sums.get(one) or 0) for one in groups], table.num_rows


def _no_column(view: View, column: str, field: str) -> Invalid:
    return Invalid(
        "{collection} shows no column {column}",
        field=field,
        mend="use one of: {names}",
        collection=view.version.dataset,
        column=column[:80],
        names=", ".join(one.name for one in view.fields),
    )
