"""A table copied in on request: streamed to a Parquet file, which ingest then reads."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Table, select

from quanyu.catalogue.probe.connecting import Reachable, asking
from quanyu.catalogue.probe.database import kind_of, reflect
from quanyu.catalogue.probe.geometry_columns import GeometryColumn, as_wkb, geometry_columns
from quanyu.kernel import Invalid, TooLarge, whole_file

_BATCH = 5_000


def copy_table(
    database: Reachable,
    table: str,
    schema: str,
    target: Path,
    *,
    most_bytes: int,
    moved: Callable[[int], None] = lambda _: None,
) -> int:
    """Write a table to the Parquet file ``target`` (GeoParquet where it has shapes); how many rows.

    Raises ``Invalid`` for a table without rows, ``TooLarge`` past ``most_bytes``, ``Unavailable``
    when the database breaks off. Half a file is never left.
    """
    import pyarrow.parquet as pq

    target.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    with whole_file(target) as unfinished:
        with asking(database, seconds=None) as connection:
            reflected = reflect(connection, table, schema)
            geometry = geometry_columns(connection, database.dialect).get((schema, table))
            form = _schema(reflected, geometry)
            with pq.ParquetWriter(unfinished, form) as writer:
                for rows in _rows(connection, reflected, geometry):
                    writer.write_batch(_batch(rows, form))
                    done += len(rows)
                    moved(done)
                    if unfinished.stat().st_size > most_bytes:
                        raise TooLarge(
                            "the table is larger than {limit} bytes",
                            field="table",
                            mend="give a view of a part of it",
                            limit=most_bytes,
                        )
        if not done:
            raise Invalid("the table holds no rows", field="table", mend="choose another one")
    return done


def _rows(
    connection: Connection, table: Table, geometry: GeometryColumn | None
) -> Iterator[Sequence[Any]]:
    columns = [
        as_wkb(connection, column) if geometry and column.name == geometry.column else column
        for column in table.columns
    ]
    streamed = connection.execution_options(stream_results=True, yield_per=_BATCH)
    yield from streamed.execute(select(*columns)).partitions(_BATCH)


def _schema(table: Table, geometry: GeometryColumn | None) -> Any:
    import orjson
    import pyarrow as pa

    def arrow(column: Column[Any]) -> Any:
        if geometry and column.name == geometry.column:
            return pa.binary()
        return {
            "boolean": pa.bool_(),
            "integer": pa.int64(),
            "number": pa.float64(),
            "datetime": pa.timestamp("us", tz="UTC"),
            "date": pa.date32(),
            "binary": pa.binary(),
        }.get(kind_of(column), pa.string())

    form = pa.schema([pa.field(column.name, arrow(column)) for column in table.columns])
    if geometry is None:
        return form
    from pyproj import CRS

    described: dict[str, Any] = {"encoding": "WKB", "geometry_types": []}
    if geometry.srid > 0:
        described["crs"] = CRS.from_epsg(geometry.srid).to_json_dict()
    geo = {"version": "1.1.0", "primary_column": geometry.column,
           "columns": {geometry.column: described}}  # fmt: skip
    return form.with_metadata({b"geo": orjson.dumps(geo)})


def _batch(rows: Sequence[Any], form: Any) -> Any:
    import pyarrow as pa

    columns = []
    for place, field in enumerate(form):
        values = [_fitting(row[place], field.type) for row in rows]
        columns.append(pa.array(values, type=field.type))
    return pa.record_batch(columns, schema=form)


def _fitting(value: Any, kind: Any) -> Any:
    """A value as its Arrow type takes it."""
    import pyarrow.types as at

    if value is None:
        return None
    if at.is_string(kind):
        return value if isinstance(value, str) else str(value)
    if at.is_floating(kind):
        return float(value)
    if at.is_binary(kind):
        return bytes(value)
    if at.is_timestamp(kind) and value.tzinfo is None:
        from datetime import UTC

        return value.replace(tzinfo=UTC)
    return value
