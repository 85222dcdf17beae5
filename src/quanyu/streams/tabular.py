"""Tables that people have in files: CSV or Parquet, read in pieces."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from quanyu.kernel import Invalid

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = 50_000
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "-")
"""Texts that stand for no value."""


def columns_of(path: Path, skip: int = 0) -> list[str]:
    """The names of a file's columns; raises ``Invalid`` for what is no CSV or Parquet."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if _magic(path):
            return list(pyarrow.parquet.read_schema(path).names)
        reading = pyarrow.csv.ReadOptions(skip_rows=skip, use_threads=False)  # so says the row
        with pyarrow.csv.open_csv(path, read_options=reading) as reader:
            return list(reader.schema.names)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _unreadable(error) from error


def distinct_in(path: Path, column: str, skip: int = 0) -> list[str]:
    """The different texts in a column."""
    import pyarrow.compute as pc

    found: dict[str, None] = {}
    for batch in batches(path, MISSING, skip):
        if column not in batch.schema.names:
            raise Invalid(
                "the file has no column {name}",
                field="datastream",
                mend="it has these: {known}",
                name=column,
                known=", ".join(batch.schema.names)[:300],
            )
        texts = pc.unique(texts_of(batch, column)).drop_null()
        found.update(dict.fromkeys(texts.to_pylist()))
    return list(found)


def texts_of(batch: "pa.RecordBatch", name: str) -> "pa.Array":
    """A column as texts; raises ``Invalid`` for one of lists or structures."""
    import pyarrow as pa

    if pa.types.is_nested(batch[name].type):
        raise Invalid("a column holds single values", field=name, mend="write it flat")
    return batch[name].cast(pa.string())


def batches(path: Path, missing: Sequence[str], skip: int = 0) -> "Iterator[pa.RecordBatch]":
    """The rows of a file in pieces; of a CSV all columns are texts, ``skip`` lines are before that
    of their names. Raises ``Invalid`` for what is no CSV or Parquet."""
    import pyarrow as pa
    import pyarrow.parquet

    names = columns_of(path, skip)
    try:
        if not _magic(path):
            yield from _lines(path, names, missing, skip)
            return
        with pyarrow.parquet.ParquetFile(path) as file:
            yield from file.iter_batches(PIECE)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeDecodeError) as error:
        raise _unreadable(error) from error


def _lines(
    path: Path, names: Sequence[str], missing: Sequence[str], skip: int
) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa
    import pyarrow.csv

    options = pyarrow.csv.ConvertOptions(
        # All as text: whether a column holds numbers is not told by its first rows.
        column_types=dict.fromkeys(names, pa.string()),
        null_values=list(missing),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )

    def opened(*, threads: bool) -> "pyarrow.csv.CSVStreamingReader":
        reading = pyarrow.csv.ReadOptions(skip_rows=skip, use_threads=threads)
        return pyarrow.csv.open_csv(path, reading, convert_options=options)

    try:
        with opened(threads=True) as reader:
            yield from reader
    except pa.ArrowInvalid:
        with opened(threads=False) as reader:  # says in which line it is
            for _ in reader:
                pass
        raise


def _unreadable(error: Exception) -> Invalid:
    return Invalid(
        "the file cannot be read as CSV or Parquet: {why}",
        field="file",
        mend="give a CSV in UTF-8 with the names of its columns first and as many values in each "
        "row, or a Parquet",
        why=str(error).splitlines()[0][:200],
    )


def _magic(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"
