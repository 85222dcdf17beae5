"""Geometry in databases: PostGIS, SpatiaLite and GeoPackage, MySQL; its CRS and extent."""

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, column, func, literal_column, select, text
from sqlalchemy.exc import SQLAlchemyError

from quanyu.catalogue.model import Bbox

# MySQL 8 keeps the system with the column, MariaDB in a table of its own; older ones keep it with
# each shape only.
_MYSQL_8 = (
    "SELECT '', table_name, column_name, data_type, COALESCE(srs_id, 0) "
    "FROM information_schema.columns WHERE table_schema = DATABASE() "
    "AND data_type REGEXP 'geom|point|line|polygon' ORDER BY table_name, ordinal_position"
)
_MARIADB = (
    "SELECT '', c.table_name, c.column_name, c.data_type, COALESCE(g.srid, 0) "
    "FROM information_schema.columns c LEFT JOIN information_schema.geometry_columns g "
    "ON g.g_table_schema = c.table_schema AND g.g_table_name = c.table_name "
    "AND g.g_geometry_column = c.column_name WHERE c.table_schema = DATABASE() "
    "AND c.data_type REGEXP 'geom|point|line|polygon' ORDER BY c.table_name, c.ordinal_position"
)
_MYSQL_5 = (
    "SELECT '', table_name, column_name, data_type, 0 "
    "FROM information_schema.columns WHERE table_schema = DATABASE() "
    "AND data_type REGEXP 'geom|point|line|polygon' ORDER BY table_name, ordinal_position"
)
_MYSQL = (_MYSQL_8, _MARIADB, _MYSQL_5)
_ASKED: dict[str, tuple[str, ...]] = {
    "postgresql": (
        "SELECT f_table_schema, f_table_name, f_geometry_column, type, srid FROM geometry_columns",
    ),
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "sqlite": (
        "SELECT '', table_name, column_name, geometry_type_name, srs_id FROM gpkg_geometry_columns",
        # SpatiaLite
        "SELECT '', f_table_name, f_geometry_column, geometry_type, srid FROM geometry_columns",
    ),
}
"""Questions to each kind of database; the first that it understands counts."""

_OGC_TYPES = ("GEOMETRY", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING",
              "MULTIPOLYGON", "GEOMETRYCOLLECTION")  # fmt: skip


@dataclass(frozen=True, slots=True)
class GeometryColumn:
    """A column of shapes; ``crs`` such as ``EPSG:4547``, empty when the database names none."""

    column: str
    type: str
    srid: int

    @property
    def crs(self) -> str:
        """The system, as it is usually written."""
        return f"EPSG:{self.srid}" if self.srid > 0 else ""


def geometry_columns(connection: Connection, dialect: str) -> dict[tuple[str, str], GeometryColumn]:
    """The first geometry column of each table that has one; empty without such an extension."""
    for question in _ASKED.get(dialect, ()):
        try:
            with connection.begin_nested():
                rows = connection.execute(text(question)).all()
        except SQLAlchemyError:  # there is no such table: no geometry is kept here
            continue
        found: dict[tuple[str, str], GeometryColumn] = {}
        for schema, table, name, kind, srid in rows:
            found.setdefault((schema, table), GeometryColumn(name, _named(kind), int(srid or 0)))
        return found
    return {}


def as_wkb(connection: Connection, shape: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of shapes as WKB, east before north whatever its system says."""
    dialect: Any = connection.dialect
    version: tuple[int, ...] = dialect.server_version_info or ()
    if dialect.name == "mysql" and not dialect.is_mariadb and version >= (8,):
        return func.ST_AsBinary(shape, "axis-order=long-lat")
    return func.ST_AsBinary(shape)


def extent_of(connection: Connection, table: Table, geometry: GeometryColumn | None) -> Bbox | None:
    """The extent in degrees, estimated where the database can; ``None`` when it cannot be told."""
    if geometry is None:
        return None
    dialect = connection.dialect.name
    try:
        with connection.begin_nested():
            box = {
                "postgresql": _by_postgis,
                "sqlite": _by_geopackage,
                "mysql": _by_values,
                "mariadb": _by_values,
            }[dialect](connection, table, geometry)
    except (SQLAlchemyError, KeyError):
        return None
    return _in_degrees(box, geometry.srid) if box else None


def _by_postgis(connection: Connection, table: Table, geometry: GeometryColumn) -> Bbox | None:
    extents = (
        select(func.ST_EstimatedExtent(table.schema or "public", table.name, geometry.column)),
        select(func.ST_Extent(literal_column("shape"))).select_from(
            select(column(geometry.column).label("shape"))
            .select_from(table)
            .limit(50_000)
            .subquery()
        ),
    )
    for question in extents:
        boxed = question.subquery()
        value = next(iter(boxed.c))
        try:
            with connection.begin_nested():
                row = connection.execute(
                    select(
                        func.ST_XMin(value), func.ST_YMin(value),
                        func.ST_XMax(value), func.ST_YMax(value),
                    )
                ).first()  # fmt: skip
        except SQLAlchemyError:  # no statistics yet
            continue
        if row is not None and row[0] is not None:
            return (float(row[0]), float(row[1]), float(row[2]), float(row[3]))
    return None


def _by_geopackage(connection: Connection, table: Table, _geometry: GeometryColumn) -> Bbox | None:
    row = connection.execute(
        text("SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = :name"),
        {"name": table.name},
    ).first()
    if row is None or any(value is None for value in row):
        return None
    return (float(row[0]), float(row[1]), float(row[2]), float(row[3]))


def _by_values(connection: Connection, table: Table, geometry: GeometryColumn) -> Bbox | None:
    """From a sample of shapes: MySQL keeps no extents."""
    import shapely

    shape = as_wkb(connection, column(geometry.column))
    values = connection.scalars(select(shape).select_from(table).limit(2_000)).all()
    shapes = shapely.from_wkb([bytes(value) for value in values if value])
    if len(shapes) == 0:
        return None
    west, south, east, north = (float(value) for value in shapely.total_bounds(shapes))
    return (west, south, east, north)


def _in_degrees(box: Bbox, srid: int) -> Bbox | None:
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    if srid not in {0, 4326, 4490}:
        try:
            transformer = Transformer.from_crs(srid, 4326, always_xy=True)
            west, south, east, north = transformer.transform_bounds(*box)
        except ProjError:
            return None
        box = (west, south, east, north)
    west, south, east, north = box
    inside = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
    if not (inside and all(map(math.isfinite, box))):
        return None
    return (round(west, 6), round(south, 6), round(east, 6), round(north, 6))


def _named(kind: object) -> str:
    if isinstance(kind, int):
        return _OGC_TYPES[kind % 1000] if kind % 1000 < len(_OGC_TYPES) else "GEOMETRY"
    return str(kind).upper()
