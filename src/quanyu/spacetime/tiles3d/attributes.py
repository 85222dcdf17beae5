"""Ids and properties of the features of a tile as a property table (EXT_structural_metadata).

Whole numbers are written as 64-bit floats, which every client reads and which hold 2^53 exactly;
what is neither number nor text is written as text. A property that is not there is ``noData``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from quanyu.spacetime.encode import text_value
from quanyu.spacetime.engine import identifier
from quanyu.spacetime.model import FID, Field, FieldType

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBERS = (FieldType.NUMBER, FieldType.INTEGER)
_NOTHING = float(np.finfo(np.float64).min)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CLASS = "feature"


@dataclass(frozen=True, slots=True)
class PropertyTable:
    """A table of ``count`` features: its schema, and the bytes of each property by part."""

    count: int
    schema: dict[str, Any]
    values: Mapping[str, Mapping[str, bytes]]
    name: str = CLASS


def columns_sql(fields: Sequence[Field]) -> str:
    """SQL of the columns of a table: the id, then each field that can be written, as ``p…``."""
    parts = [f"CAST({FID} AS VARCHAR) AS p0"]
    for number, one in enumerate(written(fields), start=1):
        kind = "DOUBLE" if one.type in _NUMBERS else "VARCHAR"
        parts.append(f"CAST({_value(one)} AS {kind}) AS p{number}")
    return ", ".join(parts)


def _value(field: Field) -> str:
    return identifier(field.name) if field.type is FieldType.JSON else text_value(field)


def written(fields: Sequence[Field]) -> list[Field]:
    """The fields that can be written: all but binary ones."""
    return [one for one in fields if one.type is not FieldType.BINARY]


def property_table(batch: "pa.Table", fields: Sequence[Field]) -> PropertyTable:
    """The table of rows with the columns of :func:`columns_sql`."""
    schema = schema_of(fields)
    properties = schema["classes"][CLASS]["properties"]
    values = {
        name: _bytes(batch.column(f"p{number}").combine_chunks(), said["type"] == "STRING")
        for number, (name, said) in enumerate(properties.items())
    }
    return PropertyTable(batch.num_rows, schema, values)


def schema_of(fields: Sequence[Field]) -> dict[str, Any]:
    """The metadata schema (3D Metadata 1.0, Cesium; OGC 22-025r4): one class, the id first."""
    text = {"type": "STRING", "noData": ""}
    number = {"type": "SCALAR", "componentType": "FLOAT64", "noData": _NOTHING}
    properties: dict[str, Any] = {
        "id": {"name": "id", "type": "STRING", "required": True, "semantic": "ID"}
    }
    for one in written(fields):
        said = {"name": one.name, **(number if one.type in _NUMBERS else text)}
        if one.unit:
            said["description"] = one.unit
        properties[_identifier(one.name, properties)] = said
    return {"id": "quanyu", "classes": {CLASS: {"properties": properties}}}


def _identifier(name: str, taken: Mapping[str, Any]) -> str:
    """A name as identifiers have to be; names in Chinese stand in ``name`` alone."""
    found = name if _PLAIN.fullmatch(name) else f"property_{len(taken)}"
    while found in taken:
        found += "_"
    return found


def _bytes(column: Any, text: bool) -> dict[str, bytes]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not text:
        return {"values": pc.fill_null(column, _NOTHING).to_numpy().astype("<f8").tobytes()}
    filled = pc.fill_null(column.cast(pa.string()), "")
    _, offsets, data = filled.buffers()
    ends = np.frombuffer(offsets, np.int32)[filled.offset : filled.offset + len(filled) + 1]
    said = b"" if data is None else bytes(memoryview(data)[int(ends[0]) : int(ends[-1])])
    # A view of no bytes cannot be written: one more does no harm, nothing points at it.
    return {
        "values": said or b"\0",
        "stringOffsets": (ends - ends[0]).astype("<u4").tobytes(),
    }
