"""Figures with the noise of differential privacy: whether one row is there hardly shows.

The discrete Laplace mechanism of OpenDP (Ghosh, Roughgarden and Sundararajan, “Universally utility-
maximizing privacy mechanisms”, 2009) over counts and sums of whole numbers: a value is clamped to
the bounds that the agreement declares and rounded to a 2^20th of their width, so that sums are
exact (Casacuberta et al., “Widespread underestimation of sensitivity”, CCS 2022).

- Neighbours are tables that differ in one row. Who has several rows is protected that much less.
- Groups do not depend on the data: zones, the hours of the day and the days of the week, truth
  values, and values that the agreement lists; every one is answered, also where nothing is. A row
  is in one group at most (of zones that overlap: the first), so that all groups together cost what
  one does (parallel composition). Rows outside of all are in none.
- The loss of a question is divided evenly among its measures (sequential composition); that of a
  mean among its sum and its count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quanyu.kernel import Invalid, TooLarge, Unavailable
from quanyu.spacetime.aggregation.grouping import (
    MOST_GROUPS,
    check,
    figures,
    key_sql,
    shaped,
)
from quanyu.spacetime.aggregation.guarded import CHOSEN, flagged
from quanyu.spacetime.aggregation.model import (
    ByField,
    ByPlace,
    ByTime,
    Function,
    Groups,
    Key,
    Measure,
    NoiseScale,
    Unit,
)
from quanyu.spacetime.engine import Engine, identifier, own
from quanyu.spacetime.model import Bounds, FieldType, Noise, Query
from quanyu.spacetime.questions import Source

if TYPE_CHECKING:
    import pyarrow as pa

STEPS = 1 << 20
"""Steps between the bounds of a value."""
_FUNCTIONS = frozenset({Function.COUNT, Function.DENSITY, Function.SUM, Function.MEAN})
_PARTS = {Unit.HOUR_OF_DAY: range(24), Unit.DAY_OF_WEEK: range(1, 8)}
_LARGEST = 1 << 60


@dataclass(frozen=True, slots=True)
class _Total:
    """A sum of whole numbers over the rows of a group, each row's at most ``most`` away from 0."""

    sql: str
    most: int
    step: float
    said: str


def noisy(
    engine: Engine,
    source: Source,
    query: Query,
    keys: Sequence[Key],
    measures: Sequence[Measure],
    *,
    noise: Noise,
) -> Groups:
    """Counts, densities, sums and means of groups, each with noise.

    Raises ``Invalid`` for what has no bounds, and ``Unavailable`` where OpenDP is not installed.
    """
    check(source, keys, measures)
    bounds = {one.column: one for one in noise.bounds}
    kinds = {field.name: field.type for field in source.relation.fields}
    groups = _universe(keys, bounds, kinds)
    totals = [_totals(measure, bounds) for measure in measures]
    places = [_first_area(key) if isinstance(key, ByPlace) else key for key in keys]
    columns = [(key_sql(key), own(f"k{at}")) for at, key in enumerate(places)]
    for at, parts in enumerate(totals):
        columns += [
            (
                f"CAST(coalesce(sum({one.sql}) FILTER (WHERE {CHOSEN}), 0) AS BIGINT)",
                own(f"m{at}{n}"),
            )
            for n, one in enumerate(parts)
        ]
    tail = " GROUP BY ALL" if keys else ""
    question = flagged(source, query)
    found = figures(engine, question, places, measures, columns=columns, tail=tail)
    rows = _aligned(found, groups, len(keys))
    answers, scales = [], []
    each = noise.epsilon / len(measures)
    for at, (measure, parts) in enumerate(zip(measures, totals, strict=True)):
        said = []
        for n, one in enumerate(parts):
            exact = _column(found, f"m{at}{n}", rows)
            scale = one.most / (each / len(parts))
            said.append(_with_noise(exact, scale, one.most, each / len(parts)) * one.step)
            scales.append(NoiseScale(measure.name, one.said, scale * one.step))
        answers.append(_figure(measure, said, bounds))
    table = _table(groups, answers, measures, keys)
    return replace(shaped(table, keys, measures), noise=tuple(scales))


def question_text(query: Query, keys: Sequence[Key], measures: Sequence[Measure]) -> str:
    """What is asked, alike for questions that are the same."""
    asked = (query.bbox, query.bbox_crs, query.interval, query.filter, query.filter_crs)
    said = [
        (key.name, key.mark, key.end) if isinstance(key, ByPlace) else repr(key) for key in keys
    ]
    return repr((asked, said, [measure.name for measure in measures]))


def _universe(
    keys: Sequence[Key], bounds: dict[str, Bounds], kinds: dict[str, FieldType]
) -> list[tuple[Any, ...]]:
    """Every group there can be, whatever the data are."""
    values: list[Sequence[Any]] = []
    for key in keys:
        if isinstance(key, ByPlace) and key.labels is not None:
            values.append(key.labels.tolist())
        elif isinstance(key, ByTime) and key.unit in _PARTS:
            values.append(_PARTS[key.unit])
        elif isinstance(key, ByField) and kinds.get(key.name) is FieldType.BOOLEAN:
            values.append((False, True))
        elif isinstance(key, ByField) and key.name in bounds and bounds[key.name].values:
            values.append(bounds[key.name].values)
        else:
            raise Invalid(
                "under this agreement nothing can be grouped by “{name}”",
                field="by",
                mend="group by zones, hour-of-day, day-of-week, truth values, or properties whose"
                " values the agreement lists",
                name=key.name,
            )
    count = int(np.prod([len(one) for one in values], dtype=np.float64)) if values else 1
    if count > MOST_GROUPS:
        raise TooLarge("there are more than {most} groups", field="by", most=MOST_GROUPS)
    return list(product(*values))


def _totals(measure: Measure, bounds: dict[str, Bounds]) -> list[_Total]:
    """The sums that a measure is made of."""
    if measure.function not in _FUNCTIONS:
        raise Invalid(
            "under this agreement “{name}” is not given",
            field="measure",
            mend="take count, density, sum or mean",
            name=measure.function.value,
        )
    if measure.field is None:
        return [_Total("1", 1, 1.0, "discrete Laplace")]
    declared = bounds.get(measure.field)
    if declared is None or declared.values:
        raise Invalid(
            "the agreement declares no bounds of “{name}”",
            field="measure",
            mend="take a property that it bounds, or count",
            name=measure.field,
        )
    column, least, most = identifier(measure.field), declared.least, declared.most
    step = (most - least) / STEPS
    clamped = f"greatest({least!r}, least({most!r}, {column}::DOUBLE))"
    clamped = f"CASE WHEN isfinite({column}::DOUBLE) THEN {clamped} END"
    if measure.function is Function.SUM:
        # Whole steps from 0, so that what a row adds is bounded by the greater bound.
        far = int(np.ceil(max(abs(least), abs(most)) / step))
        return [_Total(f"round({clamped} / {step!r})::BIGINT", far, step, "discrete Laplace")]
    middle = (least + most) / 2
    around = f"round(({clamped} - {middle!r}) / {step!r})::BIGINT"
    return [
        _Total(around, STEPS // 2, step, "discrete Laplace, of the sum around the middle"),
        _Total(f"({clamped} IS NOT NULL)::INTEGER", 1, 1.0, "discrete Laplace, of the count"),
    ]


def _figure(
    measure: Measure, said: list[NDArray[np.float64]], bounds: dict[str, Bounds]
) -> NDArray[Any]:
    if measure.function is not Function.MEAN or measure.field is None:
        return said[0].astype(np.int64) if measure.field is None else said[0]
    declared = bounds[measure.field]
    mean = (declared.least + declared.most) / 2 + said[0] / np.maximum(said[1], 1)
    found: NDArray[np.float64] = np.clip(mean, declared.least, declared.most)
    return found


def _with_noise(
    exact: NDArray[np.int64], scale: float, most: int, epsilon: float
) -> NDArray[np.float64]:
    """``exact`` (groups,) with discrete Laplace noise of that scale."""
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise Unavailable(
            "this node has no OpenDP, which noise needs",
            mend="who runs the node installs quanyu[privacy]",
        ) from error
    dp.enable_features("contrib")
    mechanism = dp.m.make_laplace(
        dp.vector_domain(dp.atom_domain(T=dp.i64)), dp.l1_distance(T=dp.i64), scale=scale
    )
    spent: float = mechanism.map(most)  # type: ignore[no-untyped-call]
    if spent > epsilon * (1 + 1e-9):
        raise ValueError("the noise is too small for the loss that is to be spent")
    clipped = np.clip(exact, -_LARGEST, _LARGEST)
    return np.array(mechanism(clipped.tolist()), np.float64)


def _first_area(key: ByPlace) -> ByPlace:
    """``key`` with each place in the first of its areas alone."""

    def assign(x: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
        at, label = key.assign(x, y)
        at, first = np.unique(at, return_index=True)
        return at, label[first]

    return replace(key, assign=assign)


def _aligned(found: "pa.Table", groups: list[tuple[Any, ...]], keys: int) -> NDArray[np.int64]:
    """The row of each group; -1 where it has none."""
    columns = [found.column(at).to_pylist() for at in range(keys)]
    known = {group: at for at, group in enumerate(zip(*columns, strict=True))} if keys else {(): 0}
    return np.array([known.get(group, -1) for group in groups], np.int64)


def _column(found: "pa.Table", name: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    values = found.column(f"quanyu:{name}").to_numpy(zero_copy_only=False).astype(np.int64)
    exact = np.zeros(len(rows), np.int64)
    exact[rows >= 0] = values[rows[rows >= 0]]
    return exact


def _table(
    groups: list[tuple[Any, ...]],
    answers: Sequence[NDArray[Any]],
    measures: Sequence[Measure],
    keys: Sequence[Key],
) -> "pa.Table":
    import pyarrow as pa

    columns = [pa.array([group[at] for group in groups]) for at in range(len(keys))]
    columns += [pa.array(answer) for answer in answers]
    names = [f"k{at}" for at in range(len(keys))] + [f"m{at}" for at in range(len(measures))]
    return pa.table(columns, names=names)
