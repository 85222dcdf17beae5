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
    for batch in batches(path, MISSING, skip):
        return list(batch.schema.names)
    return []


def distinct_in(path: Path, column: str, skip: int = 0) -> list[str]:
    """The different texts in a column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[str, None] = {}
    for batch in batches(path, MISSING, skip):
        if column not in batch.schema.names:
            raise Invalid("the file has no column {name}", field="datastream", name=column)
        texts = pc.unique(batch[column].cast(pa.string())).drop_null()
        found.update(dict.fromkeys(texts.to_pylist()))
    return list(found)


def batches(path: Path, missing: Sequence[str], skip: int = 0) -> "Iterator[pa.RecordBatch]":
    """The rows of a file in pieces; of a CSV all columns are texts, ``skip`` lines are before that
    of their names. Raises ``Invalid`` for what is no CSV or Parquet."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if _magic(path):
            with pyarrow.parquet.ParquetFile(path) as file:
                yield from file.iter_batches(PIECE)
            return
        reading = pyarrow.csv.ReadOptions(skip_rows=skip)
        with pyarrow.csv.open_csv(path, read_options=reading) as reader:
            names = reader.schema.names
        options = pyarrow.csv.ConvertOptions(
            # All as text: whether a column holds numbers is not told by its first rows.
            column_types=dict.fromkeys(names, pa.string()),
            null_values=list(missing),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        )
        with pyarrow.csv.open_csv(path, reading, convert_options=options) as reader:
            yield from reader
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeDecodeError) as error:
        raise Invalid(
            "the file cannot be read as CSV or Parquet: {why}",
            field="file",
            why=str(error).splitlines()[0][:200],
        ) from error


def _magic(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"
