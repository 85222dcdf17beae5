"""The files of one Delta version as an SQL relation."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from quanyu.spacetime.engine import identifier
from quanyu.spacetime.model import (
    BOUNDS,
    FID,
    GEOMETRY,
    HEIGHTS,
    VALID,
    FieldType,
    GeometryType,
    Version,
)
from quanyu.spacetime.unavailable import DataUnavailable, being_replaced, damaged

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

ARROW = "arrow_table"
"""Name under which an Arrow dataset is known to the statement that builds a copy."""

_SQL_TYPES = {
    FieldType.STRING: "VARCHAR",
    FieldType.INTEGER: "BIGINT",
    FieldType.NUMBER: "DOUBLE",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.DATETIME: "TIMESTAMPTZ",
    FieldType.BINARY: "BLOB",
    FieldType.JSON: "VARCHAR",
}


def scan(tables_url: str, version: Version) -> tuple[str, "Dataset | None"]:
    """SQL of the version's rows; with object storage also the dataset it reads, named ``ARROW``.

    Raises ``DataUnavailable`` when the table cannot be opened at that version.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    url = f"{tables_url.rstrip('/')}/{version.table}"
    try:
        table = DeltaTable(url, version=version.delta_version)
    except DeltaError as error:
        raise DataUnavailable(
            "the table of {dataset}, version {number}, cannot be opened",
            mend="whoever runs the node brings its files back",
            dataset=version.dataset,
            number=version.number,
        ) from error
    files = table.file_uris()
    if not files:
        return _nothing(version), None
    if "://" in tables_url:
        return ARROW, table.to_pyarrow_dataset()
    names = ", ".join("'" + _path(uri).replace("'", "''") + "'" for uri in files)
    return f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)", None


def check_files(tables_url: str, version: Version) -> None:
    """Raise ``DataUnavailable`` unless the version's table opens and, on a disk, each of its files
    begins and ends as a Parquet file does."""
    import pyarrow.parquet as pq
    from deltalake import DeltaTable

    scan(tables_url, version)
    if "://" in tables_url:
        return
    url = f"{tables_url.rstrip('/')}/{version.table}"
    for uri in DeltaTable(url, version=version.delta_version).file_uris():
        try:
            pq.read_metadata(_path(uri))
        except FileNotFoundError as error:
            raise being_replaced(version.dataset) from error
        except (OSError, ValueError) as error:
            raise damaged(version.dataset) from error


def _path(uri: str) -> str:
    return unquote(urlsplit(uri).path) if uri.startswith("file:") else str(Path(uri))


def _nothing(version: Version) -> str:
    """An empty relation of the version's columns."""
    columns = [f"NULL::VARCHAR AS {FID}"]
    columns += [f"NULL::{_SQL_TYPES[f.type]} AS {identifier(f.name)}" for f in version.fields]
    if version.geometry is not GeometryType.NONE:
        columns.append(f"NULL::BLOB AS {GEOMETRY}")
        numbers = (*BOUNDS, *(HEIGHTS if version.has_z else ()))
        columns += [f"NULL::DOUBLE AS {name}" for name in numbers]
    columns += [f"NULL::TIMESTAMPTZ AS {name}" for name in VALID]
    return f"(SELECT {', '.join(columns)} WHERE FALSE)"
