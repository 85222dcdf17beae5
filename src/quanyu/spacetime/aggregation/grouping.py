"""Figures of groups of the rows that may be seen: one statement of the engine.

Where rows are grouped by place, their places are named batch by batch on the way from the engine
back into it, so that memory stays bounded whatever the number of rows.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime.aggregation.model import (
    ByField,
    ByPlace,
    ByTime,
    End,
    Function,
    Groups,
    Key,
    Measure,
    Unit,
    names,
)
from quanyu.spacetime.engine import OWN, TIMEOUT_S, Engine, identifier, own
from quanyu.spacetime.model import BOUNDS, GEOMETRY, Field, FieldType, GeometryType, Query
from quanyu.spacetime.questions import Question, Source, ask, known_field

if TYPE_CHECKING:
    import pyarrow as pa

MOST_GROUPS = 100_000
"""Most groups of an answer."""

_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_UNORDERED = (FieldType.BINARY, FieldType.JSON, FieldType.BOOLEAN)
_SQL = {
    Function.SUM: "sum",
    Function.MEAN: "avg",
    Function.MEDIAN: "median",
    Function.DEVIATION: "stddev_samp",
    Function.LEAST: "min",
    Function.MOST: "max",
}
_ORDERED = (Function.LEAST, Function.MOST)
_PARTS = {Unit.HOUR_OF_DAY: "hour", Unit.DAY_OF_WEEK: "isodow"}
_BATCH = 131_072
_LINES = (GeometryType.LINESTRING, GeometryType.GEOMETRY)


def grouped(
    engine: Engine, source: Source, query: Query, keys: Sequence[Key], measures: Sequence[Measure]
) -> Groups:
    """``measures`` of the rows of ``query`` in groups by ``keys``, in the order of the keys.

    Rows that have no value of a key are a group of their own (null); those outside of every area
    are in no group of a place. Raises ``Invalid`` for what cannot be computed and ``TooLarge`` for
    more than :data:`MOST_GROUPS` groups.
    """
    check(source, keys, measures)
    columns = [(key_sql(key), own(f"k{at}")) for at, key in enumerate(keys)]
    columns += [(measure_sql(measure), own(f"m{at}")) for at, measure in enumerate(measures)]
    tail = f" GROUP BY ALL ORDER BY ALL LIMIT {MOST_GROUPS + 1}" if keys else ""
    table = figures(engine, ask(source, query), keys, measures, columns=columns, tail=tail)
    return shaped(table, keys, measures)


def figures(
    engine: Engine,
    question: Question,
    keys: Sequence[Key],
    measures: Sequence[Measure],
    *,
    columns: Sequence[tuple[str, str]],
    tail: str,
    rows: "pa.Table | None" = None,
    timeout: float = TIMEOUT_S,
) -> "pa.Table":
    """``columns``, each SQL and a name, over the rows of a question; ``rows`` are what its source
    calls ``arrow_table``."""
    select = f"SELECT {', '.join(f'{sql} AS {name}' for sql, name in columns)}"
    source = question.source
    if any(isinstance(key, ByPlace) for key in keys):
        placed = _placed(engine, question, _Plan(source, keys, measures, question.extra), rows)
        return engine.table(f"{select} FROM arrow_table{tail}", {}, timeout, placed)
    sql = f"{select} FROM {source.sql} WHERE {question.where}{tail}"
    return engine.table(sql, question.params, timeout, rows)


def shaped(table: "pa.Table", keys: Sequence[Key], measures: Sequence[Measure]) -> Groups:
    """The answer out of the columns of keys and measures; raises ``TooLarge``."""
    if table.num_rows > MOST_GROUPS:
        raise TooLarge(
            "there are more than {most} groups",
            field="by",
            mend="group by larger areas or longer times, or ask for less",
            most=MOST_GROUPS,
        )
    for at, column in enumerate(table.columns):
        table = table.set_column(at, table.field(at).name, _number(column))
    return _with_shapes(table.rename_columns(names(keys, measures)), keys, measures)


def _number(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Sums of whole numbers come as 128 bits: as whole numbers of 64, else as fractions."""
    import pyarrow as pa

    if not pa.types.is_decimal(column.type):
        return column
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column.cast(pa.float64())


class _Plan:
    """What the rows have to bring for the statement."""

    def __init__(
        self,
        source: Source,
        keys: Sequence[Key],
        measures: Sequence[Measure],
        extra: Sequence[str],
    ) -> None:
        fields = {f.name: f for f in source.relation.fields}
        self.places = [key for key in keys if isinstance(key, ByPlace)]
        named = [key.name for key in keys if isinstance(key, ByField)]
        named += [key.field for key in keys if isinstance(key, ByTime) and key.field]
        named += [measure.field for measure in measures if measure.field]
        self.columns = [identifier(name) for name in dict.fromkeys(named) if name in fields]
        if any(isinstance(key, ByTime) and key.field is None for key in keys):
            self.columns.append("valid_from")
        self.columns += extra


def check(source: Source, keys: Sequence[Key], measures: Sequence[Measure]) -> None:
    """Raise ``Invalid`` for what cannot be computed of a source."""
    fields = source.relation.fields
    given = names(keys, measures)
    if not measures:
        raise Invalid("nothing is to be computed", field="measure", mend="give such as count")
    if len(set(given)) < len(given):
        name = next(name for name in given if given.count(name) > 1)
        raise Invalid(
            "“{name}” would stand in the answer twice",
            field="by",
            mend="group by each thing once",
            name=name,
        )
    for key in keys:
        _check_key(source, key, fields)
    placed = any(isinstance(key, ByPlace) for key in keys)
    for measure in measures:
        _check_measure(measure, fields, placed=placed)


def _check_key(source: Source, key: Key, fields: Sequence[Field]) -> None:
    relation = source.relation
    if isinstance(key, ByField):
        if known_field(key.name, fields, "by").type in (FieldType.BINARY, FieldType.JSON):
            raise Invalid("“{name}” has no values to group by", field="by", name=key.name)
    elif isinstance(key, ByTime):
        if key.field is not None:
            found = known_field(key.field, fields, "by")
            if found.type not in (FieldType.DATE, FieldType.DATETIME):
                raise Invalid(
                    "“{name}” is no time", field="by", mend="name a date or time", name=key.field
                )
    elif not relation.has_geometry:
        raise Invalid(
            "these data have no geometry", field="by", mend="group by properties or times"
        )
    elif key.end is not End.WITHIN and relation.geometry not in _LINES:
        raise Invalid(
            "only lines have an origin and a destination",
            field="by",
            mend="group by cells or zones, or ask for data that are lines",
        )


def _check_measure(measure: Measure, fields: Sequence[Field], *, placed: bool) -> None:
    if measure.function is Function.DENSITY and not placed:
        raise Invalid(
            "a density needs areas", field="measure", mend="group by cells or by zones too"
        )
    if measure.function in (Function.COUNT, Function.DENSITY):
        return
    if measure.field is None:
        raise Invalid(
            "“{name}” needs a property",
            field="measure",
            mend="give such as {name}:height",
            name=measure.function.value,
        )
    kind = known_field(measure.field, fields, "measure").type
    if measure.function is Function.DISTINCT:
        return
    if kind in _UNORDERED or (measure.function not in _ORDERED and kind not in _NUMBERS):
        raise Invalid(
            "“{function}” cannot be computed of “{name}”",
            field="measure",
            mend="name a number, or take count or distinct",
            function=measure.function.value,
            name=measure.field,
        )


def key_sql(key: Key) -> str:
    """SQL of what a row is grouped by."""
    if isinstance(key, ByField):
        return identifier(key.name)
    if isinstance(key, ByTime):
        column = "valid_from" if key.field is None else identifier(key.field)
        if key.unit in _PARTS:
            return f"date_part('{_PARTS[key.unit]}', {column})"
        return f"date_trunc('{key.unit.value}', {column})"
    return own(f"at {key.name}")


def measure_sql(measure: Measure) -> str:
    if measure.field is None:
        return "count(*)"
    column = identifier(measure.field)
    if measure.function is Function.DISTINCT:
        return f"count(DISTINCT {column})"
    return f"{_SQL[measure.function]}({column})"


def _placed(
    engine: Engine, question: Question, plan: _Plan, rows: "pa.Table | None"
) -> "pa.RecordBatchReader":
    """The rows with the area of each place; a row in several areas comes once for each."""
    import pyarrow as pa

    shape = "xmin, ymin, xmax, ymax, " + GEOMETRY
    columns = ", ".join([*plan.columns, shape])
    sql = f"SELECT {columns} FROM {question.source.sql} WHERE {question.where}"
    batches = engine.batches(sql, question.params, _BATCH, arrow=rows)
    first = next(batches, None)
    if first is None:
        came = engine.table(f"{sql} LIMIT 0", question.params, arrow=rows).schema
    else:
        came = first.schema
    kept = [field for field in came if field.name not in (*BOUNDS, GEOMETRY)]
    extra = [pa.field(f"{OWN}at {key.name}", pa.string()) for key in plan.places]
    schema = pa.schema([*kept, *extra])

    def each() -> Iterator["pa.RecordBatch"]:
        if first is not None:
            yield _with_areas(first, plan.places, schema)
        for batch in batches:
            yield _with_areas(batch, plan.places, schema)

    return pa.RecordBatchReader.from_batches(schema, each())


def _with_areas(
    batch: "pa.RecordBatch", places: Sequence[ByPlace], schema: "pa.Schema"
) -> "pa.RecordBatch":
    import pyarrow as pa

    rows = np.arange(batch.num_rows)
    labels: list[NDArray[Any]] = []
    for key in places:
        x, y = _points(batch, key.end)
        at, label = key.assign(x[rows], y[rows])
        rows, labels = rows[at], [*(one[at] for one in labels), label]
    columns = [
        batch.column(field.name).take(pa.array(rows))
        for field in schema
        if field.name in batch.schema.names
    ]
    columns += [pa.array(label.astype(object), pa.string()) for label in labels]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _points(batch: "pa.RecordBatch", end: End) -> tuple[NDArray[Any], NDArray[Any]]:
    """The place that stands for each row's geometry; NaN where there is none."""
    west, south, east, north = (
        batch.column(name).to_numpy(zero_copy_only=False).astype(float) for name in BOUNDS
    )
    if np.array_equal(west, east, equal_nan=True) and np.array_equal(south, north, equal_nan=True):
        return west, south
    shapes = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
    if end is End.WITHIN:
        points = shapely.point_on_surface(shapes)
    else:
        points = shapely.get_point(shapes, 0 if end is End.START else -1)
    return shapely.get_x(points), shapely.get_y(points)


def _with_shapes(table: "pa.Table", keys: Sequence[Key], measures: Sequence[Measure]) -> Groups:
    import pyarrow as pa

    areas: dict[str, NDArray[np.object_]] = {}
    for key in keys:
        if isinstance(key, ByPlace):
            label = table.column(key.name).to_numpy(zero_copy_only=False)
            once, back = np.unique(label.astype(str), return_inverse=True)
            areas[key.name] = key.shape(once)[back] if once.size else np.empty(0, object)
    for at, measure in enumerate(measures, len(keys)):
        if measure.function is Function.DENSITY:
            size = _square_kilometres(next(iter(areas.values())))
            figures = table.column(at).to_numpy() / size
            table = table.set_column(at, measure.name, pa.array(figures))
    return Groups(table, areas)


def _square_kilometres(areas: NDArray[np.object_]) -> NDArray[np.float64]:
    """Areas on the ellipsoid, by the equal-area cylindrical projection EPSG:6933."""
    import pyproj

    forth = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:6933", always_xy=True).transform
    flat = shapely.transform(areas, lambda p: np.column_stack(forth(p[:, 0], p[:, 1])))
    found: NDArray[np.float64] = shapely.area(flat) / 1e6
    return found
