"""From staged parts to one Delta version: identities settled, sorted outside of memory, written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError

from quanyu.kernel import Conflict
from quanyu.spacetime.intake.geometry import common_type, promoted
from quanyu.spacetime.intake.stage import parts
from quanyu.spacetime.model import (
    BOUNDS,
    CRS84,
    CRS84H,
    FID,
    GEOMETRY,
    HEIGHTS,
    VALID,
    Bbox,
    GeometryType,
    Interval,
)

KEY, LINE, TYPE = "__key", "__line", "__type"
"""Columns that exist only while staged: Hilbert key, place in the source, GEOS type id."""

_MEMORY = "256MB"
_ROW_GROUP = 32_768
_FILE_BYTES = 96 << 20
_BATCH_BYTES = 16 << 20
_MARK = "quanyu.ingest"
_FOREVER = "interval 36500 days"
_SINGLES = {
    GeometryType.MULTIPOINT: 0,
    GeometryType.MULTILINESTRING: 1,
    GeometryType.MULTIPOLYGON: 3,
}
# Old versions stay queryable: Delta would forget its log after 30 days.
_CONFIGURATION = {
    "delta.logRetentionDuration": _FOREVER,
    "delta.deletedFileRetentionDuration": _FOREVER,
    "delta.enableExpiredLogCleanup": "false",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is in the staged parts."""

    rows: int
    geometry: GeometryType
    single: int | None
    has_z: bool
    bbox: Bbox | None
    interval: Interval


@dataclass(frozen=True, slots=True)
class Committed:
    """A table as written: ``delta_version`` and the schema of its properties."""

    delta_version: int
    facts: Facts
    properties: pa.Schema


class Staging:
    """An engine over the staged parts, bounded in memory, spilling into their folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._engine = duckdb.connect()
        spill = folder / "spill"
        self._engine.execute(f"SET memory_limit='{_MEMORY}'")
        self._engine.execute("SET threads=2")
        self._engine.execute("SET preserve_insertion_order=false")
        self._engine.execute("SET temp_directory=?", [str(spill)])
        self._engine.execute("SET TimeZone='UTC'")
        files = ", ".join("'" + str(part).replace("'", "''") + "'" for part in parts(folder))
        self._engine.execute(f"CREATE VIEW staged AS FROM read_parquet([{files}])")
        self._engine.execute("CREATE TABLE fallen (line BIGINT)")
        self.columns: list[str] = [row[0] for row in self._rows("DESCRIBE staged")]

    def close(self) -> None:
        """Let the engine go."""
        self._engine.close()

    def _rows(self, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return self._engine.execute(sql, values or []).fetchall()

    def unique(self, column: str) -> bool:
        """Whether every row has a value in ``column`` and no two the same."""
        name = quoted(column)
        sql = f"SELECT count(*) = count(DISTINCT {name}) FROM staged"
        return bool(self._rows(sql)[0][0])

    def reject_repeats(self, column: str) -> Iterator[tuple[int, str]]:
        """Let rows without an id, or with one that came before, fall; yields (line, reason)."""
        name = quoted(column)
        self._engine.execute(
            f"CREATE TEMP TABLE again AS SELECT s.{LINE} AS line, s.{name} IS NULL AS none,"
            f" CAST(s.{name} AS VARCHAR) AS id, f.line AS before FROM staged s LEFT JOIN (SELECT"
            f" {name} AS id, min({LINE}) AS line FROM staged GROUP BY 1 HAVING count(*) > 1) f"
            f" ON f.id = s.{name} WHERE s.{name} IS NULL OR f.line < s.{LINE}"
        )
        self._engine.execute("INSERT INTO fallen SELECT line FROM again")
        rows = self._engine.execute("SELECT line, none, id, before FROM again ORDER BY line")
        while found := rows.fetchmany(10_000):
            for line, none, identity, before in found:
                yield (
                    line,
                    "the row has no id" if none else f"id “{identity}” came before, at {before}",
                )

    def raw(self, lines: list[int]) -> dict[int, dict[str, Any]]:
        """Properties of those rows, for the rejects file."""
        wanted = [c for c in self.columns if c not in {KEY, TYPE, GEOMETRY, *BOUNDS, *HEIGHTS}]
        sql = "SELECT {} FROM staged WHERE {} IN (SELECT unnest(?))".format(
            ", ".join(map(quoted, wanted)), LINE
        )
        rows = self._engine.execute(sql, [lines]).to_arrow_table().to_pylist()
        return {row.pop(LINE): row for row in rows}

    def facts(self) -> Facts:
        """Counts, kinds and extents of what will be published."""
        spatial = GEOMETRY in self.columns
        box = ", ".join(
            f"{'min' if name.endswith('min') else 'max'}({name})" if spatial else "NULL"
            for name in BOUNDS
        )
        kinds = f"list(DISTINCT {TYPE}) FILTER ({TYPE} >= 0)" if spatial else "NULL"
        high = "count(zmin) > 0" if spatial else "false"
        found = self._engine.execute(
            f"SELECT count(*), {kinds}, {high}, {box}, min(valid_from),"
            " CASE WHEN count(valid_to) = count(valid_from) THEN max(valid_to) END"
            f" FROM staged WHERE {LINE} NOT IN (FROM fallen)"
        )
        # By way of Arrow: DuckDB's own rows of instants would want pytz.
        row = [column[0].as_py() for column in found.to_arrow_table().columns]
        kinds_found = frozenset(row[1] or ())
        geometry = common_type(kinds_found) if spatial else GeometryType.NONE
        single = _SINGLES.get(geometry)
        return Facts(
            rows=row[0],
            geometry=geometry,
            single=single if single in kinds_found else None,
            has_z=bool(row[2]),
            bbox=None if row[3] is None else (row[3], row[4], row[5], row[6]),
            interval=(row[7], row[8]),
        )

    def ordered(self, identity: str | None, facts: Facts) -> pa.RecordBatchReader:
        """The rows as they will be stored, in order of space and then time.

        A column called ``fid`` in its source is the id and nothing besides; others stay properties.
        """
        fid = f"CAST({quoted(identity)} AS VARCHAR)" if identity else f"CAST({LINE} AS VARCHAR)"
        hidden = {KEY, LINE, TYPE, GEOMETRY, *BOUNDS, *HEIGHTS, *VALID}
        if identity == FID + "_":
            hidden.add(identity)
        kept = [quoted(name) for name in self.columns if name not in hidden]
        if facts.geometry is not GeometryType.NONE:
            kept += [GEOMETRY, *BOUNDS, *(HEIGHTS if facts.has_z else ())]
        order = f"{KEY}, valid_from, {LINE}" if KEY in self.columns else f"valid_from, {LINE}"
        size = sum(part.stat().st_size for part in parts(self.folder))
        batch = max(2048, min(65_536, _BATCH_BYTES * facts.rows // max(1, 2 * size)))
        found = self._engine.execute(
            f"SELECT {fid} AS {FID}, {', '.join([*kept, *VALID])} FROM staged"
            f" WHERE {LINE} NOT IN (FROM fallen) ORDER BY {order}"
        )
        return found.to_arrow_reader(batch)


def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def write(
    url: str,
    reader: pa.RecordBatchReader,
    facts: Facts,
    schema: pa.Schema,
    progress: Callable[[int], None],
) -> int:
    """Overwrite the Delta table at ``url`` and return its new version; nothing if this fails.

    Raises ``Conflict`` when another writer committed to the table in the meantime.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in reader:
            columns = [
                promoted(column, facts.single)
                if name == GEOMETRY and facts.single is not None
                else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            ]
            done += batch.num_rows
            yield pa.RecordBatch.from_arrays(
                [c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
            )
            progress(done)

    mark = uuid4().hex
    extent = [*BOUNDS, *(HEIGHTS if facts.has_z else ())]
    skipping = [FID, *(extent if facts.geometry is not GeometryType.NONE else ()), *VALID]
    try:
        write_deltalake(
            url,
            pa.RecordBatchReader.from_batches(schema, batches()),
            mode="overwrite",
            schema_mode="overwrite",
            configuration=_CONFIGURATION | {"delta.dataSkippingStatsColumns": ",".join(skipping)},
            target_file_size=_FILE_BYTES,
            # Without dictionaries: a third of the time, and smaller, for ids and coordinates.
            writer_properties=WriterProperties(
                compression="ZSTD",
                compression_level=1,
                max_row_group_size=_ROW_GROUP,
                default_column_properties=ColumnProperties(dictionary_enabled=False),
            ),
            commit_properties=CommitProperties(custom_metadata={_MARK: mark}, max_commit_retries=0),
        )
    except CommitFailedError as error:
        raise Conflict(
            "another ingest into this dataset ended first",
            mend="run this one again",
        ) from error
    return _version_of(url, mark)


def _version_of(url: str, mark: str) -> int:
    """The version that bears the mark: another ingest may have committed since.

    The history is of the log as it is when asked, numbered as if it ended with the version that was
    loaded: it counts only where nobody committed between the two.
    """
    while True:
        table = DeltaTable(url)
        history = table.history(100)
        if DeltaTable(url).version() == table.version():
            return int(next(one["version"] for one in history if one.get(_MARK) == mark))


def stored_schema(reader: pa.Schema, properties: dict[str, pa.Field], *, has_z: bool) -> pa.Schema:
    """The schema to write: the engine's, with the metadata of the properties and the CRS."""
    fields = []
    for field in reader:
        if field.name == GEOMETRY:
            crs = CRS84H if has_z else CRS84
            fields.append(pa.field(GEOMETRY, pa.binary(), metadata={b"crs": crs.encode()}))
        elif field.name in properties:
            kind = properties[field.name]
            widened = field.type if field.type == pa.float64() else kind.type
            fields.append(pa.field(field.name, widened, metadata=kind.metadata))
        elif field.name in VALID:
            fields.append(pa.field(field.name, pa.timestamp("us", tz="UTC")))
        elif field.name == FID:
            fields.append(pa.field(FID, pa.string(), nullable=False))
        else:
            fields.append(field)
    return pa.schema(fields)
