"""Columns of any Arrow type as one of the few that the tables hold."""

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from quanyu.spacetime.intake.values import TIMESTAMP, in_utc
from quanyu.spacetime.model import FieldType

JSON = b"json"
"""Value of a string field's ``quanyu`` metadata when it holds JSON."""


def settled_field(field: pa.Field) -> pa.Field:
    """``field`` with the type it is stored as; whether it holds JSON is kept in its metadata."""
    kind = field.type
    if getattr(kind, "extension_name", "") == "arrow.json" or pt.is_nested(kind):
        return pa.field(field.name, pa.string(), metadata={b"quanyu": JSON})
    if (field.metadata or {}).get(b"quanyu") == JSON:
        return field
    return pa.field(field.name, _stored(kind))


def _stored(kind: pa.DataType) -> pa.DataType:  # noqa: PLR0911 - one line a type
    if isinstance(kind, pa.BaseExtensionType):
        return _stored(kind.storage_type)
    if pt.is_dictionary(kind):
        return _stored(kind.value_type)
    if pt.is_boolean(kind):
        return pa.bool_()
    if pt.is_integer(kind):
        return pa.int64()
    if pt.is_floating(kind) or pt.is_decimal(kind):
        return pa.float64()
    if pt.is_date32(kind):
        return pa.date32()
    if pt.is_timestamp(kind) or pt.is_date64(kind):
        return TIMESTAMP
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind):
        return pa.binary()
    return pa.string()


def settle(column: pa.Array, field: pa.Field, timezone: str) -> pa.Array:
    """``column`` in the type of ``field``; NaN becomes null, naive times are of ``timezone``."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pt.is_nested(column.type):
        return _json(column)
    if field.type == TIMESTAMP and pt.is_timestamp(column.type) and column.type.tz is None:
        local = column.cast(pa.timestamp("us"), safe=False)
        moved = pa.array(in_utc(local.to_numpy(zero_copy_only=False), timezone))
        column = pc.if_else(local.is_valid(), moved, pa.scalar(None, moved.type))
        return column.cast(TIMESTAMP)
    if column.type != field.type:
        column = column.cast(field.type, safe=field.type == pa.int64())
    if field.type == pa.float64():
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    return column


def field_type(field: pa.Field) -> FieldType:
    """The type that a stored field is published as."""
    if (field.metadata or {}).get(b"quanyu") == JSON:
        return FieldType.JSON
    return {
        pa.int64(): FieldType.INTEGER,
        pa.float64(): FieldType.NUMBER,
        pa.bool_(): FieldType.BOOLEAN,
        pa.date32(): FieldType.DATE,
        TIMESTAMP: FieldType.DATETIME,
        pa.binary(): FieldType.BINARY,
    }.get(field.type, FieldType.STRING)


def _json(column: pa.Array) -> pa.Array:
    table = pa.table({"value": column})
    with duckdb.connect() as engine:
        engine.register("nested", table)
        found = engine.execute(
            "SELECT CASE WHEN value IS NOT NULL THEN CAST(to_json(value) AS VARCHAR) END AS value"
            " FROM nested"
        ).to_arrow_table()
    return found.column("value").combine_chunks().cast(pa.string())
