"""Between Arrow tables and the rows of the recent store, by whole columns."""

from collections.abc import Sequence
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any

from quanyu.kernel import Invalid
from quanyu.streams.observations.model import COLUMNS, TIMES, observation_schema

if TYPE_CHECKING:
    import pyarrow as pa


def rows_of(table: "pa.Table", received: int) -> list[tuple[Any, ...]]:
    """Rows as the recent store keeps them, but for their numbers.

    Columns that may be null may be left out, and so may ``received`` and ``seq``. Raises
    ``Invalid`` for a column that is unknown, missing or of another type, and for rows without one
    result.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    schema = observation_schema()
    unknown = [name for name in table.column_names if name not in schema.names]
    if unknown:
        raise Invalid("observations have no column {name}", field=unknown[0], name=unknown[0])
    lists: list[Any] = []
    results = None
    for name in COLUMNS[:-2]:
        field = schema.field(name)
        if name not in table.column_names:
            if not field.nullable and name != "key":
                raise Invalid("observations need a column {name}", field=name, name=name)
            lists.append(repeat("" if name == "key" else None, len(table)))
            continue
        try:
            column = table[name].cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise Invalid(
                "the values of {name} are not of type {type}",
                field=name,
                name=name,
                type=str(field.type),
            ) from error
        if column.null_count and not field.nullable:
            raise Invalid("a row has no {name}", field=name, name=name)
        if name in {"number", "text", "json"}:
            there = pc.cast(pc.is_valid(column), pa.int8())
            results = there if results is None else pc.add(results, there)
        lists.append(_values(column, name))
    if results is None or (len(table) and pc.min_max(results).as_py() != {"min": 1, "max": 1}):
        raise Invalid("an observation has exactly one result", field="result")
    return list(zip(*lists, repeat(received, len(table)), strict=True))


def table_of(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> "pa.Table":
    """An Arrow table of rows out of the recent store; flags are columns like the others."""
    import pyarrow as pa

    schema, read, flags = _schemas_of(tuple(names))
    if not rows:
        return schema.empty_table()
    # All columns in one call: of a few rows the calls are most of the work.
    arrays = pa.array(rows, read).flatten()
    for place in flags:
        arrays[place] = arrays[place].cast(pa.bool_())
    return pa.Table.from_arrays(arrays, schema=schema)


@cache
def _schemas_of(names: tuple[str, ...]) -> "tuple[pa.Schema, pa.StructType, list[int]]":
    """Of a table with such columns; of its rows as the recent store, which has no truth values,
    gives them; and where the flags are."""
    import pyarrow as pa

    whole = observation_schema()

    def fields(flag: "pa.DataType") -> "list[pa.Field[Any]]":
        return [whole.field(one) if one in COLUMNS else pa.field(one, flag) for one in names]

    flags = [place for place, one in enumerate(names) if one not in COLUMNS]
    return pa.schema(fields(pa.bool_())), pa.struct(fields(pa.int8())), flags


def _values(column: "pa.ChunkedArray", name: str) -> Any:
    import pyarrow as pa

    if column.null_count == len(column):
        return repeat(None, len(column))
    if name in TIMES:
        column = column.cast(pa.int64())
    if column.null_count or pa.types.is_string(column.type):
        return column.to_pylist()
    return column.to_numpy().tolist()
