"""Properties for tiles: each column as codes into ready-made MVT values, batch by batch.

Rows that lie near each other share a batch, so a dictionary for each batch serves a tile nearly as
well as one for the whole table, and is built with bounded memory.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quanyu.spacetime.encode import text_value
from quanyu.spacetime.engine import identifier
from quanyu.spacetime.flat import FlatWriter, NumbersWriter
from quanyu.spacetime.model import FID, Field, FieldType
from quanyu.spacetime.mvt import Tag, sizes_of, spread, varints, zigzag

if TYPE_CHECKING:
    import pyarrow as pa

NONE = -1
_PREFIX = "tag "


def tagged(fields: Sequence[Field], numbered: bool) -> list[Field]:
    """Fields that a tile carries: all but binary ones.

    A tile's own ids are numbers; where feature ids are not, they go along as a tag ``fid``.
    """
    plain = [f for f in fields if f.type is not FieldType.BINARY]
    return plain if numbered else [Field(FID, FieldType.STRING), *plain]


def tag_columns(fields: Sequence[Field], numbered: bool) -> str:
    """SQL of the columns that :class:`TagsWriter` reads, each followed by a comma."""
    columns = [
        f"{text_value(f)} AS {identifier(_PREFIX + str(number))}, "
        for number, f in enumerate(tagged(fields, numbered))
    ]
    return "".join(columns)


class TagsWriter:
    """Writes for field k ``tag_k_codes.npy``, and ``tag_k.bin`` with ``tag_k.npy``: the values."""

    def __init__(self, folder: Path, fields: Sequence[Field], numbered: bool) -> None:
        self._fields = tagged(fields, numbered)
        self._codes = [
            NumbersWriter(folder / f"tag_{k}_codes.npy", np.int32) for k in range(len(self._fields))
        ]
        self._values = [FlatWriter(folder / f"tag_{k}") for k in range(len(self._fields))]

    def add(self, batch: "pa.RecordBatch") -> None:
        """Append the rows of a batch."""
        for number, (codes, values) in enumerate(zip(self._codes, self._values, strict=True)):
            encoded = batch.column(f"{_PREFIX}{number}").dictionary_encode()
            local = encoded.indices.fill_null(NONE).to_numpy(zero_copy_only=False)
            codes.add(np.where(local == NONE, NONE, local + values.length).astype(np.int32))
            values.add(value_messages(encoded.dictionary))

    def close(self) -> None:
        """Finish all files."""
        for codes, values in zip(self._codes, self._values, strict=True):
            codes.close()
            values.close()


def text_tag(key: str, numbers: Any) -> Tag:
    """Numbers, each another, as a tag of texts."""
    import pyarrow as pa

    values = value_messages(pa.array(numbers).cast(pa.string()))
    count = len(numbers)
    return Tag(key, np.arange(count), count, b"".join(values.to_pylist()))


def value_messages(values: "pa.Array") -> "pa.Array":
    """Each distinct value as field 4 of an MVT layer (Value, MVT 2.1 §4.4), ready to be joined."""
    import pyarrow as pa

    if not len(values):
        return pa.array([], pa.large_binary())
    if pa.types.is_boolean(values.type):
        flags = values.to_numpy(zero_copy_only=False).astype(np.uint64)
        return _records(
            np.column_stack([_full(flags, 0x22), _full(flags, 2), _full(flags, 0x38), flags])
        )
    if pa.types.is_integer(values.type):
        numbers = zigzag(values.to_numpy(zero_copy_only=False).astype(np.int64))
        sizes = sizes_of(numbers).astype(np.uint64)
        head = [_full(numbers, 0x22), sizes + np.uint64(1), _full(numbers, 0x30)]
        return _records(np.column_stack([*head, numbers]))
    if pa.types.is_floating(values.type):
        data = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        records = np.empty((len(data), 11), np.uint8)
        records[:, :3] = (0x22, 9, 0x19)
        records[:, 3:] = data.astype("<f8").view(np.uint8).reshape(-1, 8)
        starts = np.arange(len(data) + 1, dtype=np.int64) * records.shape[1]
        return _binary(starts, records.ravel())
    return _text_messages(values.cast(pa.large_binary()))


def _text_messages(large: "pa.LargeBinaryArray") -> "pa.Array":
    """String values: their headers and their texts, each put in its place."""
    offsets = np.frombuffer(large.buffers()[1], np.int64)[
        large.offset : large.offset + len(large) + 1
    ]
    text = np.frombuffer(large.buffers()[2] or b"", np.uint8)
    lengths = np.diff(offsets).astype(np.uint64)
    inner = sizes_of(lengths).astype(np.uint64)
    head = np.column_stack(
        [_full(lengths, 0x22), lengths + inner + np.uint64(1), _full(lengths, 0x0A), lengths]
    )
    heads = varints(head.ravel())
    head_sizes = sizes_of(head).sum(axis=1)
    whole = head_sizes + lengths.astype(np.int64)
    starts = np.concatenate(([0], np.cumsum(whole)))
    out = np.empty(int(starts[-1]), np.uint8)
    out[spread(starts[:-1], head_sizes)] = heads
    out[spread(starts[:-1] + head_sizes, np.diff(offsets))] = text[offsets[0] : offsets[-1]]
    return _binary(starts, out)


def _full(like: NDArray[np.uint64], value: int) -> NDArray[np.uint64]:
    return np.full(len(like), value, np.uint64)


def _records(tokens: NDArray[np.uint64]) -> "pa.Array":
    ends = np.cumsum(sizes_of(tokens).sum(axis=1))
    return _binary(np.concatenate(([0], ends)).astype(np.int64), varints(tokens.ravel()))


def _binary(starts: NDArray[np.int64], data: NDArray[np.uint8]) -> Any:
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(starts)), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(starts) - 1, buffers)
