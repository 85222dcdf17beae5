"""Edits folded into a table of their own, behind: what is laid over the table stays small.

A fold changes nothing that can be seen. It is a Delta table that holds a version as one; edits from
then on are laid over it. Copies that are in use are laid out before it counts, so nobody waits.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.spacetime.edits.register import note_fold
from quanyu.spacetime.edits.rows import GONE, laid_over, schema_of
from quanyu.spacetime.engine import identifier
from quanyu.spacetime.kept import beside, city_of
from quanyu.spacetime.model import FID, GeometryType, Version
from quanyu.spacetime.serving import hilbert_sql
from quanyu.spacetime.store import Store
from quanyu.spacetime.table_scan import scan
from quanyu.spacetime.tables import DatasetRow, EditRow, VersionRow

if TYPE_CHECKING:
    import pyarrow as pa

MOST_EDITS = 200
MOST_ROWS = 2_000
"""So many edits, or rows that they touched, are laid over a table; then they are folded in."""

_log = structlog.get_logger()


def fold_due(store: Store) -> int:
    """Fold the edits of each dataset that has many of them; how many datasets that were."""
    with store.control.read() as session:
        due = _due(session)
    return sum(1 for dataset in due if fold(store, dataset) is not None)


def fold(store: Store, dataset: str) -> Version | None:
    """Write the newest version out as one table; ``None`` when there is nothing to fold, or another
    process is at it. Raises ``NotFound``."""
    version = store.newest(dataset)
    if not version.edited:
        return None
    with _alone(store.cache_dir / "folds", dataset) as mine:
        if not mine:
            return None
        table = f"{dataset}@{version.number}"
        delta_version = _write(store, version, table)
        folded = replace(
            version,
            table=table,
            delta_version=delta_version,
            base=version.number,
            whole=version.number,
        )
        store.lay_out(folded)
        with store.control.begin() as session:
            note_fold(session, version, table, delta_version)
    _log.info("edits folded", dataset=dataset, version=version.number, rows=version.rows)
    return folded


def _write(store: Store, version: Version, table: str) -> int:
    """The version's rows as a table of their own; returns its Delta version."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from deltalake import DeltaTable

    from quanyu.spacetime.intake.commit import Facts, write

    root = store.tables_url.rstrip("/")
    schema = DeltaTable(f"{root}/{version.table}", version=version.delta_version)
    stored = pa.schema(schema.schema().to_arrow())
    below, arrow = scan(store.tables_url, version)
    changes = store.scratch(version) / f"fold-{version.number}.parquet"
    pq.write_table(store.touched(version), changes)
    try:
        order = FID
        if version.geometry is not GeometryType.NONE and version.bbox is not None:
            order = f"{hilbert_sql(version.bbox)} NULLS LAST, {FID}"
        path = str(changes).replace("'", "''")
        names = [name for name in schema_of(version).names if name != GONE]
        rows = laid_over(below, f"read_parquet('{path}')", names)
        columns = ", ".join(map(identifier, stored.names))
        sql = f"SELECT {columns} FROM {rows} ORDER BY {order}"
        facts = Facts(
            version.rows, version.geometry, None, version.has_z, version.bbox, version.interval
        )
        batches = store.engine_of(version).batches(sql, {}, arrow=arrow)
        first = next(batches, None)
        reader = pa.RecordBatchReader.from_batches(
            stored if first is None else first.schema,
            iter(()) if first is None else _with(first, batches),
        )
        number = write(f"{root}/{table}", reader, facts, stored, lambda _: None)
    finally:
        changes.unlink(missing_ok=True)
    if version.city_model:
        import orjson

        said = orjson.dumps(city_of(root, version))
        beside(f"{root}/{table}", f"_city/{number}.json", [said])
    return number


def _with(first: "pa.RecordBatch", rest: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    yield first
    yield from rest


def _due(session: Session) -> list[str]:
    """Datasets over whose tables many edits are laid."""
    query = (
        select(EditRow.dataset)
        .join(DatasetRow, DatasetRow.name == EditRow.dataset)
        .join(
            VersionRow,
            (VersionRow.dataset == DatasetRow.name) & (VersionRow.number == DatasetRow.newest),
        )
        .where(EditRow.number > VersionRow.base)
        .group_by(EditRow.dataset)
        .having(
            (func.count() >= MOST_EDITS)
            | (func.sum(EditRow.inserted + EditRow.updated + EditRow.deleted) >= MOST_ROWS)
        )
    )
    return list(session.scalars(query))


@contextmanager
def _alone(folder: Path, dataset: str) -> Iterator[bool]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{dataset}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
