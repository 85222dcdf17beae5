"""Tables of a database: listed with estimates, and one of them profiled from a sample.

Nothing is copied: what is read is a few hundred rows of a table, to say what its columns are.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, func, inspect, select, text
from sqlalchemy import types as sql
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import Bbox
from quanyu.catalogue.probe.connecting import Reachable, asking
from quanyu.catalogue.probe.geometry_columns import (
    GeometryColumn,
    extent_of,
    geometry_columns,
)
from quanyu.catalogue.probe.model import Looked, Proposal, TableListed
from quanyu.catalogue.probe.proposing import propose
from quanyu.kernel import Invalid, LocalText

SAMPLE = 500
_MOST_TABLES = 2_000
_HIDDEN = frozenset({"information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema",
                     "sys", "topology", "tiger"})  # fmt: skip
_INNER = ("sqlite_", "gpkg_", "rtree_", "spatial_ref_sys", "geometry_columns", "geography_columns",
          "raster_columns", "raster_overviews", "alembic_version")  # fmt: skip
_HISTORY = 400


def list_tables(database: Reachable) -> tuple[TableListed, ...]:
    """The tables and views that the account may see, with the database's estimates of rows."""
    with asking(database) as connection, _quiet():
        found: list[TableListed] = []
        estimates = _estimates(connection, database.dialect)
        inspector = inspect(connection)
        geometries = geometry_columns(connection, database.dialect)
        for schema in _schemas(connection, database.dialect):
            for names, view in (
                (inspector.get_table_names(schema), False),
                (inspector.get_view_names(schema), True),
            ):
                for name in names:
                    if name.startswith(_INNER):
                        continue
                    kind = geometries.get((schema or "", name))
                    found.append(
                        TableListed(
                            schema=schema or "",
                            name=name,
                            view=view,
                            rows=estimates.get((schema or "", name)),
                            comment=_comment(connection, name, schema),
                            geometry=kind.type if kind else "",
                        )
                    )
                    if len(found) >= _MOST_TABLES:
                        return tuple(found)
        return tuple(sorted(found, key=lambda one: (one.schema, one.name)))


def probe_table(database: Reachable, table: str, schema: str = "") -> Proposal:
    """What is proposed for a table or view; raises ``Invalid`` when there is none of that name."""
    with asking(database) as connection, _quiet():
        reflected = reflect(connection, table, schema)
        geometry = geometry_columns(connection, database.dialect).get((schema, table))
        looked = _looked(connection, reflected, geometry)
        estimate = _estimates(connection, database.dialect).get((schema, table))
        bbox = extent_of(connection, reflected, geometry)
        comment = _comment(connection, table, schema or None)
        looked = _with_history(connection, reflected, looked)
    return _proposal(database, table, schema, comment, looked, geometry, bbox, estimate)


def reflect(connection: Connection, table: str, schema: str = "") -> Table:
    """The table as the database describes it."""
    try:
        with _quiet():
            return Table(table, MetaData(), schema=schema or None, autoload_with=connection)
    except SQLAlchemyError as error:
        raise Invalid(
            "there is no table {table} that this account may see",
            field="table",
            mend="choose one of the list",
            table=f"{schema}.{table}" if schema else table,
        ) from error


def kind_of(column: Column[Any]) -> str:
    """The type of a column in the words of the catalogue."""
    kind = column.type
    pairs: tuple[tuple[type[Any] | tuple[type[Any], ...], str], ...] = (
        (sql.Boolean, "boolean"),
        (sql.Integer, "integer"),
        ((sql.Numeric, sql.Float), "number"),
        (sql.DateTime, "datetime"),
        (sql.Date, "date"),
        (sql.LargeBinary, "binary"),
        (sql.JSON, "json"),
        (sql.ARRAY, "json"),
    )
    return next((word for types, word in pairs if isinstance(kind, types)), "string")


def _proposal(  # noqa: PLR0917 - one way in
    database: Reachable,
    table: str,
    schema: str,
    comment: str,
    looked: Sequence[Looked],
    geometry: GeometryColumn | None,
    bbox: Bbox | None,
    estimate: int | None,
) -> Proposal:
    full = f"{schema}.{table}" if schema else table
    notes = [because("nothing was copied: {count} rows were looked at",
                     count=max((len(one.values) for one in looked), default=0))]  # fmt: skip
    return propose(
        source=f"{database.said} · {full}",
        name=table,
        comment=comment,
        looked=looked,
        located=geometry is not None,
        bbox=bbox,
        crs=geometry.crs if geometry else "",
        geometry=geometry.type if geometry else "",
        rows=estimate,
        notes=notes,
        formats=(database.dialect.capitalize().replace("sql", "SQL"),),
        provenance=LocalText(
            zh=f"登记自数据库表 {full}（{database.said}），数据留在原处。",
            en=f"Registered from the table {full} of {database.said}; the data stay there.",
        ),
    )


def _looked(
    connection: Connection, table: Table, geometry: GeometryColumn | None
) -> tuple[Looked, ...]:
    columns = [c for c in table.columns if geometry is None or c.name != geometry.column]
    if not columns:
        return ()
    rows = connection.execute(select(*columns).limit(SAMPLE)).all()
    found = []
    for place, column in enumerate(columns):
        values = tuple(_plain(row[place]) for row in rows)
        present = [value for value in values if value is not None]
        found.append(
            Looked(
                name=column.name,
                type=kind_of(column),
                values=tuple(present),
                comment=(column.comment or "").strip(),
                nulls=round(1 - len(present) / len(values), 3) if values else None,
            )
        )
    return tuple(found)


def _with_history(
    connection: Connection, table: Table, looked: tuple[Looked, ...]
) -> tuple[Looked, ...]:
    """Columns of dates with their latest different days: a sample of rows knows no history."""
    found = []
    for one in looked:
        if one.type in {"date", "datetime"}:
            column = table.columns[one.name]
            newest = select(column).where(column.is_not(None)).distinct()
            try:
                with connection.begin_nested():
                    values = connection.scalars(
                        newest.order_by(column.desc()).limit(_HISTORY)
                    ).all()
                    first = connection.scalar(select(func.min(column)))
            except SQLAlchemyError:  # too slow without an index: the sample must do
                values, first = [], None
            if values:
                seen = [_plain(value) for value in (*values, first) if value is not None]
                found.append(replace(one, values=tuple(seen)))
                continue
        found.append(one)
    return tuple(found)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return None
    if isinstance(value, str | int | float | bool | datetime | date) or value is None:
        return value[:200] if isinstance(value, str) else value
    return value.isoformat() if isinstance(value, time) else str(value)[:200]


def _schemas(connection: Connection, dialect: str) -> list[str | None]:
    if dialect == "postgresql":
        names = inspect(connection).get_schema_names()
        return [name for name in names if name not in _HIDDEN and not name.startswith("pg_")]
    return [None]


def _estimates(connection: Connection, dialect: str) -> dict[tuple[str, str], int]:
    """Rows of tables as the database itself keeps count; small files are counted."""
    if dialect == "postgresql":
        rows = connection.execute(
            text(
                "SELECT n.nspname, c.relname, c.reltuples::bigint FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.reltuples >= 0"
            )
        )
        return {(row[0], row[1]): int(row[2]) for row in rows}
    if dialect in {"mysql", "mariadb"}:
        rows = connection.execute(
            text(
                "SELECT table_name, table_rows FROM information_schema.tables "
                "WHERE table_schema = DATABASE() AND table_rows IS NOT NULL"
            )
        )
        return {("", row[0]): int(row[1]) for row in rows}
    if dialect != "sqlite":
        return {}
    found = {}
    for name in inspect(connection).get_table_names():
        if name.startswith(_INNER):
            continue
        try:
            counted = connection.scalar(select(func.count()).select_from(text(_quoted(name))))
        except SQLAlchemyError:  # it would take too long
            continue
        found["", name] = int(counted or 0)
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _comment(connection: Connection, table: str, schema: str | None) -> str:
    try:
        said = inspect(connection).get_table_comment(table, schema)
    except (NotImplementedError, SQLAlchemyError):
        return ""
    return (said.get("text") or "").strip()


@contextmanager
def _quiet() -> Iterator[None]:
    """Types of extensions are not known to SQLAlchemy, and need not be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        yield
