"""A chunk of a source as it is staged: typed, placed, dated, and without what fell."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quanyu.kernel import Invalid
from quanyu.spacetime.intake import stage as staging
from quanyu.spacetime.intake.commit import KEY, LINE, TYPE
from quanyu.spacetime.intake.geometry import numbers, shape, widened
from quanyu.spacetime.intake.hilbert import hilbert
from quanyu.spacetime.intake.model import Chunk
from quanyu.spacetime.intake.plan import Recipe, settled
from quanyu.spacetime.intake.values import TIMESTAMP, cast
from quanyu.spacetime.model import BOUNDS, GEOMETRY, HEIGHTS, VALID, Reject


def staged_schema(recipe: Recipe) -> pa.Schema:
    """Columns of the staged parts."""
    fields = [f for f, n in zip(recipe.fields, recipe.reading.schema.names, strict=True)
              if n not in recipe.adopted]  # fmt: skip
    fields += [pa.field(name, TIMESTAMP) for name in VALID]
    fields.append(pa.field(LINE, pa.int64()))
    if recipe.spatial:
        fields += [pa.field(name, pa.float64()) for name in (*BOUNDS, *HEIGHTS)]
        fields += [pa.field(GEOMETRY, pa.binary()), pa.field(KEY, pa.int64()),
                   pa.field(TYPE, pa.int8())]  # fmt: skip
    return pa.schema(fields)


def finished(
    recipe: Recipe, chunk: Chunk, schema: pa.Schema
) -> tuple[pa.RecordBatch, list[Reject]]:
    """The rows of a chunk as they are staged, and those that fell."""
    sieve = chunk.sieve
    names = recipe.reading.schema.names
    values = settled(recipe, chunk)
    columns: dict[str, pa.Array] = {
        field.name: value
        for field, value, name in zip(recipe.fields, values, names, strict=True)
        if name not in recipe.adopted
    }
    times = dict(zip(names, values, strict=True))
    for target, name in zip(VALID, recipe.times, strict=True):
        columns[target] = _instants(times[name], recipe, chunk) if name else _nulls(chunk)
    _check_period(columns, chunk)
    columns[LINE] = pa.array(chunk.lines)
    if chunk.geometry is not None:
        shaped = shape(chunk.geometry, recipe.crs, sieve, swap=recipe.swap,
                       repair=recipe.options.repair)  # fmt: skip
        bounds, heights = shaped.bounds, shaped.heights
        if chunk.extents is not None:
            bounds, heights = widened(chunk.extents, bounds, heights, recipe.crs, swap=recipe.swap)
        columns |= numbers(BOUNDS, bounds) | numbers(HEIGHTS, heights)
        columns[GEOMETRY] = shaped.wkb
        middle = (bounds[:, :2] + bounds[:, 2:]) / 2.0
        columns[KEY] = pa.array(hilbert(middle[:, 0], middle[:, 1]))
        columns[TYPE] = pa.array(shaped.types)
    batch = pa.RecordBatch.from_arrays([columns[f.name] for f in schema], schema=schema)
    rejects = staging.rejects_of(chunk)
    return (batch if sieve.keep.all() else batch.filter(pa.array(sieve.keep))), rejects


def _nulls(chunk: Chunk) -> pa.Array:
    return pa.nulls(chunk.rows, TIMESTAMP)


def _instants(column: pa.Array, recipe: Recipe, chunk: Chunk) -> pa.Array:
    if column.type == pa.string():
        made = cast(column, "date-time", recipe.options.timezone)
        chunk.sieve.drop(made.bad, "the time cannot be read")
        return made.values
    if column.type not in {TIMESTAMP, pa.date32()}:
        raise Invalid(
            "the column of time holds neither dates nor times",
            field="time",
            mend="name another, or give its type as date-time",
        )
    return column.cast(TIMESTAMP)


def _check_period(columns: dict[str, pa.Array], chunk: Chunk) -> None:
    late = pc.fill_null(pc.greater(columns["valid_from"], columns["valid_to"]), fill_value=False)
    chunk.sieve.drop(
        np.asarray(late.to_numpy(zero_copy_only=False), dtype=bool),
        "the period ends before it begins",
    )
