"""Figures of groups computed part by part: of some rows each, then of all parts together.

Counts, sums and extremes of parts are put together as they are; medians, deviations and numbers of
distinct values need the values themselves, so parts list them (distributive, algebraic and holistic
functions: Gray et al., “Data Cube”, Data Mining and Knowledge Discovery 1, 1997).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from quanyu.spacetime.aggregation.grouping import MOST_GROUPS, check, figures, key_sql, shaped
from quanyu.spacetime.aggregation.model import (
    ByField,
    ByTime,
    Function,
    Groups,
    Key,
    Measure,
)
from quanyu.spacetime.engine import Engine, identifier, own
from quanyu.spacetime.model import (
    BOUNDS,
    FID,
    GEOMETRY,
    HEIGHTS,
    LOD_GEOMETRY,
    SCENE_ASSET,
    VALID,
    Column,
    GeometryType,
    Query,
    Restriction,
    Version,
)
from quanyu.spacetime.questions import Question, Source, ask
from quanyu.spacetime.restricted import Relation, restricted

if TYPE_CHECKING:
    import pyarrow as pa

_LONGEST_S = 600.0
"""For one part: nobody else waits for that engine."""
_ALL = "arrow_table"
_NOT_TOUCHED = f"(SELECT * FROM arrow_table WHERE {FID} NOT IN (SELECT unnest($p_touched)))"
_LEFT = f"(SELECT * FROM arrow_table WHERE NOT {own('gone')})"

_LISTED = {
    Function.MEDIAN: "list_aggregate({all}, 'median')",
    Function.DEVIATION: "list_aggregate({all}, 'stddev_samp')",
    Function.DISTINCT: "coalesce(len(list_distinct({all})), 0)",
}
_SAME = {Function.SUM: "sum", Function.LEAST: "min", Function.MOST: "max"}


@dataclass(frozen=True, slots=True)
class Work:
    """What is computed of the rows of a version's table, within a restriction; it can travel.

    ``touched`` are ids of rows that edits since left otherwise: they are passed over in the table.
    """

    version: Version
    restriction: Restriction
    query: Query
    keys: tuple[Key, ...]
    measures: tuple[Measure, ...]
    touched: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table that the work reads."""
        version = self.version
        found = [FID, *(field.name for field in version.fields)]
        if version.geometry is not GeometryType.NONE:
            found += [GEOMETRY, *BOUNDS, *(HEIGHTS if version.has_z else ())]
        return (*found, *VALID)


def work_of(
    version: Version,
    restriction: Restriction,
    query: Query,
    keys: Sequence[Key],
    measures: Sequence[Measure],
    *,
    touched: Sequence[str] = (),
) -> Work:
    """The work, once it is sure that it can be done; raises ``Invalid`` as
    :func:`~quanyu.spacetime.aggregation.grouped` does.

    Columns that nothing asks about are left out: a narrower restriction shows no more.
    """
    relation = restricted(version, restriction, _ALL)
    check(Source("", {}, relation, ordered=False), keys, measures)
    ask(Source("", {}, relation, ordered=False), query)
    asked = {key.name for key in keys if isinstance(key, ByField)}
    asked |= {key.field for key in keys if isinstance(key, ByTime) and key.field}
    asked |= {measure.field for measure in measures if measure.field}
    asked |= _properties(query.filter)
    # The box of a city object is that of its solids, so they are read too.
    asked |= {LOD_GEOMETRY} if version.city_model else set()
    given = restriction.columns
    if given is None:
        given = tuple(Column(f.name) for f in version.fields if f.name != SCENE_ASSET)
    kept = tuple(column for column in given if column.name in asked)
    read = {column.name for column in kept} | _properties(restriction.rows)
    narrow = replace(restriction, columns=kept)
    table = replace(version, fields=tuple(f for f in version.fields if f.name in read))
    return Work(table, narrow, query, tuple(keys), tuple(measures), tuple(touched))


def part_of(engine: Engine, work: Work, rows: "pa.Table") -> "pa.Table":
    """Figures of some rows of the table, for :func:`together`."""
    return _part(engine, work, rows, _NOT_TOUCHED if work.touched else _ALL)


def part_of_edits(engine: Engine, work: Work, rows: "pa.Table") -> "pa.Table":
    """Figures of the rows that edits touched, as the last of them left each."""
    return _part(engine, work, rows, _LEFT)


def together(engine: Engine, work: Work, parts: "pa.Table") -> Groups:
    """The figures of all parts; raises ``TooLarge`` for too many groups."""
    columns = [own(f"k{at}") for at in range(len(work.keys))]
    columns += [
        f"{_whole(measure, at)} AS {own(f'm{at}')}" for at, measure in enumerate(work.measures)
    ]
    tail = f" GROUP BY ALL ORDER BY ALL LIMIT {MOST_GROUPS + 1}" if work.keys else ""
    table = engine.table(f"SELECT {', '.join(columns)} FROM arrow_table{tail}", {}, arrow=parts)
    return shaped(table, work.keys, work.measures)


def _part(engine: Engine, work: Work, rows: "pa.Table", table: str) -> "pa.Table":
    columns = [(key_sql(key), own(f"k{at}")) for at, key in enumerate(work.keys)]
    for at, measure in enumerate(work.measures):
        columns += [(sql, own(f"m{at}{name}")) for name, sql in _of_part(measure).items()]
    tail = " GROUP BY ALL" if work.keys else ""
    question = _question(work, table)
    return figures(
        engine,
        question,
        work.keys,
        work.measures,
        columns=columns,
        tail=tail,
        rows=rows,
        timeout=_LONGEST_S,
    )


def _question(work: Work, table: str) -> Question:
    relation: Relation = restricted(work.version, work.restriction, table)
    params: dict[str, Any] = dict(relation.params)
    if table is _NOT_TOUCHED:
        params["p_touched"] = list(work.touched)
    return ask(Source(f"({relation.sql})", params, relation, ordered=False), work.query)


def _of_part(measure: Measure) -> dict[str, str]:
    """What a part tells of a figure: SQL by the ends of the columns' names."""
    if measure.field is None:
        return {"": "count(*)"}
    column = identifier(measure.field)
    if measure.function is Function.MEAN:
        return {"s": f"sum({column})::DOUBLE", "n": f"count({column})"}
    if measure.function in _LISTED:
        once = "DISTINCT " if measure.function is Function.DISTINCT else ""
        return {"": f"list({once}{column}) FILTER ({column} IS NOT NULL)"}
    return {"": f"{_SAME[measure.function]}({column})"}


def _whole(measure: Measure, at: int) -> str:
    """SQL of a figure out of what the parts tell of it."""
    told = own(f"m{at}")
    if measure.field is None:
        return f"CAST(coalesce(sum({told}), 0) AS BIGINT)"
    if measure.function is Function.MEAN:
        return f"sum({own(f'm{at}s')}) / nullif(sum({own(f'm{at}n')}), 0)"
    if measure.function in _LISTED:
        return _LISTED[measure.function].format(all=f"flatten(list({told}))")
    return f"{_SAME[measure.function]}({told})"


def _properties(part: Any) -> set[str]:
    """Names of properties in CQL2-JSON."""
    return set(_named(part))


def _named(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("property"), str):
            yield part["property"]
        for value in part.values():
            yield from _named(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _named(value)
