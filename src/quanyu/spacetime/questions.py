"""A caller's query as SQL over rows that may be seen. Only compiled names and parameters get in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import shapely

from quanyu.kernel import Invalid
from quanyu.spacetime.encode import json_columns, time_column
from quanyu.spacetime.engine import identifier, own
from quanyu.spacetime.filter_parse import unknown_property
from quanyu.spacetime.filters import compile_filter
from quanyu.spacetime.model import FID, GEOMETRY, HEIGHTS, VALID, Field, FieldType, Query
from quanyu.spacetime.projection import window
from quanyu.spacetime.restricted import Relation

ORDINAL = own("ordinal")
"""Column of a source: a row's place in the serving copy."""
_ROWS = own("rows")  # names of columns are said of it, as ORDER BY would sooner take an alias
_UNSORTABLE = (FieldType.BINARY, FieldType.JSON)


@dataclass(frozen=True, slots=True)
class Source:
    """Rows as SQL; ``ordered`` when they come in the order of their ``ordinal`` of themselves."""

    sql: str
    params: dict[str, Any]
    relation: Relation
    ordered: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A query over a source: conditions, order, parameters and the fields wanted; ``extra`` are
    columns of the source that the fields do not name."""

    source: Source
    where: str
    order: str
    params: dict[str, Any]
    fields: tuple[Field, ...]
    sorted: bool
    extra: tuple[str, ...] = ()

    def rows(self, columns: str, limit: int, place: int) -> tuple[str, dict[str, Any]]:
        """SQL of ``columns`` of the rows from ``place`` on, with their ``ordinal``."""
        params = self.params | {"limit": limit}
        where, offset = self.where, ""
        if place and self.sorted:
            params["place"], offset = place, " OFFSET $place"
        elif place:
            params["place"], where = place, f"{where} AND {ORDINAL} >= $place"
        # A file's rows come in its order (DuckDB's preserve_insertion_order): to sort them again
        # would hold all of them in memory, and read all of them for one page.
        in_order = self.source.ordered and not self.sorted
        order = "" if in_order else f" ORDER BY {self.order}"
        chosen = (
            f"SELECT * FROM {self.source.sql} AS {_ROWS} WHERE {where}{order} LIMIT $limit{offset}"
        )
        return f"SELECT {columns}, {ORDINAL} FROM ({chosen}) AS {_ROWS}{order}", params

    def count(self) -> tuple[str, dict[str, Any]]:
        """SQL of how many rows there are."""
        return f"SELECT count(*) FROM {self.source.sql} WHERE {self.where}", self.params


def ask(source: Source, query: Query) -> Question:
    """``query`` over ``source``; raises ``Invalid`` for what cannot be asked."""
    relation = source.relation
    params = dict(source.params)
    where = ["TRUE"]
    if query.bbox is not None:
        where.append(_bbox(query, relation, params))
    if query.interval is not None:
        start, end = query.interval
        if start is not None:
            params["q_start"] = start
            where.append("(valid_to IS NULL OR valid_to >= $q_start)")
        if end is not None:
            params["q_end"] = end
            where.append("(valid_from IS NULL OR valid_from <= $q_end)")
    if query.filter is not None:
        condition = compile_filter(
            query.filter,
            relation.fields,
            geometry=relation.has_geometry,
            crs=query.filter_crs,
            prefix="q",
        )
        params.update(condition.params)
        where.append(condition.sql)
    return Question(
        source,
        " AND ".join(where),
        ", ".join([*_order(query, relation), ORDINAL]),
        params,
        chosen_fields(query, relation.fields),
        bool(query.sortby),
    )


def chosen_fields(query: Query, fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields that a query wants, in the table's order; raises ``Invalid`` for unknown ones."""
    if query.properties is None:
        return tuple(fields)
    names = {f.name for f in fields}
    for name in query.properties:
        if name not in names:
            raise unknown_property(name, names, "properties")
    return tuple(f for f in fields if f.name in query.properties)


def known_field(name: str, fields: Sequence[Field], parameter: str) -> Field:
    """The visible field of that name; raises ``Invalid``, alike for hidden and absent ones."""
    for found in fields:
        if found.name == name:
            return found
    raise unknown_property(name, [f.name for f in fields], parameter)


def feature_columns(question: Question, *, time: bool = False) -> str:
    """SQL of the columns that :func:`quanyu.spacetime.encode.features` reads."""
    columns = [json_columns(question.fields)]
    if question.source.relation.has_geometry:
        columns.append(GEOMETRY)
    if time:
        columns.append(time_column())
    return ", ".join(columns)


def _bbox(query: Query, relation: Relation, params: dict[str, Any]) -> str:
    assert query.bbox is not None  # noqa: S101 - the caller looked
    if not relation.has_geometry:
        raise Invalid(
            "these data have no geometry", field="bbox", mend="leave bbox out of the query"
        )
    area, rectangle = window(query.bbox, query.bbox_crs)
    west, south, east, north = area.bounds
    params |= {"q_west": west, "q_south": south, "q_east": east, "q_north": north}
    near = "xmax >= $q_west AND xmin <= $q_east AND ymax >= $q_south AND ymin <= $q_north"
    params["q_area"] = shapely.to_wkb(area)
    exact = f"ST_Intersects(ST_GeomFromWKB({GEOMETRY}), ST_GeomFromWKB($q_area))"
    if rectangle:
        inside = "xmin >= $q_west AND xmax <= $q_east AND ymin >= $q_south AND ymax <= $q_north"
        exact = f"(({inside}) OR {exact})"
    conditions = [near, exact]
    if len(query.bbox) == 6 and relation.has_z:
        params |= {"q_low": query.bbox[2], "q_high": query.bbox[5]}
        conditions.append(f"{HEIGHTS[1]} >= $q_low AND {HEIGHTS[0]} <= $q_high")
    return "(" + " AND ".join(conditions) + ")"


def _order(query: Query, relation: Relation) -> list[str]:
    names = {f.name: f for f in relation.fields}
    order = []
    for name, descending in query.sortby:
        if name not in names and name not in (FID, *VALID):
            raise unknown_property(name, names, "sortby")
        if name in names and names[name].type in _UNSORTABLE:
            raise Invalid(
                "features cannot be sorted by “{name}”",
                field="sortby",
                mend="sort by text, numbers, times or truth values",
                name=name,
            )
        order.append(f"{_ROWS}.{identifier(name)} {'DESC' if descending else 'ASC'} NULLS LAST")
    return order
