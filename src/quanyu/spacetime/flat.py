"""Flat files of a serving copy: written as they come, mapped when they are read."""

import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from quanyu.kernel import one_parser

if TYPE_CHECKING:
    import pyarrow as pa


class NumbersWriter:
    """Appends rows of numbers to a ``.npy`` file whose length is known only at its end."""

    def __init__(self, path: Path, dtype: DTypeLike, width: int | None = None) -> None:
        self.length = 0
        self._dtype = np.dtype(dtype)
        self._width = width
        self._file = path.open("w+b")
        self._header()

    def add(self, values: NDArray[Any]) -> None:
        """Append rows."""
        self.length += len(values)
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)

    def close(self) -> None:
        """Put the length in; the file is whole from here on."""
        self._file.seek(0)
        self._header()
        self._file.close()

    def _header(self) -> None:
        shape = (self.length,) if self._width is None else (self.length, self._width)
        text = f"{{'descr': '{self._dtype.str}', 'fortran_order': False, 'shape': {shape}, }}"
        # Format 1.0 of NumPy, padded to a fixed 128 bytes: it is written twice in one place.
        self._file.write(b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little"))
        self._file.write(text.ljust(117).encode() + b"\n")


class FlatWriter:
    """Appends byte strings to ``<path>.bin`` and where each begins to ``<path>.npy``."""

    def __init__(self, path: Path) -> None:
        self._data = path.with_suffix(".bin").open("wb")
        self._starts = NumbersWriter(path.with_suffix(".npy"), np.int64)
        self._starts.add(np.zeros(1, np.int64))
        self._end = 0
        self.length = 0

    def add(self, column: "pa.Array") -> None:
        """Append every item of an Arrow string or binary array; null is empty."""
        self.length += len(column)
        import pyarrow as pa
        import pyarrow.compute as pc

        large = column.cast(pa.large_binary())
        if large.null_count:
            large = pc.fill_null(large, b"")
        _, offsets, data = large.buffers()
        starts = np.frombuffer(offsets, np.int64)[large.offset : large.offset + len(large) + 1]
        if len(large) and data is not None:
            self._data.write(memoryview(data)[starts[0] : starts[-1]])
            self._starts.add(starts[1:] - starts[0] + self._end)
            self._end += int(starts[-1] - starts[0])
        else:
            self._starts.add(np.full(len(large), self._end, np.int64))

    def close(self) -> None:
        """Finish both files."""
        self._data.close()
        self._starts.close()


def open_array(path: Path) -> NDArray[Any]:
    """A ``.npy`` file mapped for reading, as a plain array."""
    array: NDArray[Any]
    with one_parser:
        try:
            array = np.load(path, mmap_mode="r")
        except ValueError:  # an empty array cannot be mapped
            array = np.load(path)
    # A plain view: NumPy's memmap class costs a Python call for each slice.
    return array.view(np.ndarray)


def open_bytes(path: Path) -> memoryview:
    """A file of bytes mapped for reading."""
    if not path.stat().st_size:
        return memoryview(b"")
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
