"""Figures of groups that hide whoever is in a small one: k-anonymity of statistical tables.

A group of fewer than ``k`` rows is withheld (the threshold rule of cell suppression: Willenborg and
de Waal, “Elements of Statistical Disclosure Control”, 2001, chapter 6), and so is

- one of which a filter leaves out fewer than ``k`` rows but not none: filtered and unfiltered
  figures would differ by a few;
- one with fewer than ``k`` values of a property that a figure is of;
- where what is withheld could be had by subtraction from a coarser table, the smallest group beside
  it (complementary suppression): in every margin, withheld groups are at least two and hold at
  least ``k`` rows together. Rows outside of every area count as a withheld group.

Where a column stands for a person, ``k`` counts persons instead of rows. As one may be in several
groups, what is withheld together then counts only the persons of the largest of them.

Figures that are the value of a single row (least, greatest, median) are not given. What this does
not protect from: differences between two filters or two sets of zones that differ by few rows,
groups all of whose rows share a value, sums that one row dominates, intervals that follow from
several margins together, and persons with several rows where no column stands for them. Who needs
more takes differential privacy.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.spacetime.aggregation.grouping import check, figures, key_sql, measure_sql, shaped
from quanyu.spacetime.aggregation.model import ByPlace, Function, Groups, Key, Measure
from quanyu.spacetime.engine import Engine, identifier, own
from quanyu.spacetime.model import Query
from quanyu.spacetime.questions import Question, Source, ask
from quanyu.spacetime.restricted import PERSON

if TYPE_CHECKING:
    import pyarrow as pa

SINGLE = frozenset({Function.LEAST, Function.MOST, Function.MEDIAN})
"""Figures that are the value of one row, or of two."""
CHOSEN = own("chosen")


def suppressed(
    engine: Engine,
    source: Source,
    query: Query,
    keys: Sequence[Key],
    measures: Sequence[Measure],
    *,
    least: int,
    persons: bool = False,
) -> Groups:
    """As :func:`~quanyu.spacetime.aggregation.grouped`, of groups that may be told of:
    of ``least`` rows at least, or ``persons``, who are told apart by a column of the source.

    Raises ``Invalid`` also for figures that are the value of a single row.
    """
    check(source, keys, measures)
    check_many(measures)
    places = [all_places(key) if isinstance(key, ByPlace) else key for key in keys]
    chosen = f" FILTER (WHERE {CHOSEN})"
    columns = [(key_sql(key), own(f"k{at}")) for at, key in enumerate(places)]
    columns += [(measure_sql(m) + chosen, own(f"m{at}")) for at, m in enumerate(measures)]
    counted = counts_of(measures, persons=persons)
    sizes = [
        (f"{sql} FILTER (WHERE {condition})", own(f"{name}{at}"))
        for at, (rows, heads, has) in enumerate(counted)
        for sql, condition, name in (
            (heads, f"{CHOSEN} AND {has}", "inside"),
            (heads, f"NOT {CHOSEN} AND {has}", "outside"),
            (rows, f"NOT {CHOSEN} AND {has}", "rows"),
        )
    ]
    # Every group comes, however many: what is withheld must be known of all.
    tail = " GROUP BY ALL ORDER BY ALL" if keys else ""
    question = flagged(source, query, (PERSON,) if persons else ())
    table = figures(engine, question, places, measures, columns=columns + sizes, tail=tail)
    shown = _shown(table, len(keys), len(counted), least, apart=not persons)
    shown &= _placed_ones(table, keys)
    kept = table.select(range(len(columns))).filter(shown)
    return replace(shaped(kept, keys, measures), withheld=bool(not shown.all()))


def check_many(measures: Sequence[Measure]) -> None:
    """Raise ``Invalid`` for figures that are the value of a single row."""
    for measure in measures:
        if measure.function in SINGLE:
            raise Invalid(
                "under this agreement “{name}” is not given: it is the value of a single row",
                field="measure",
                mend="take count, sum, mean, stddev or distinct",
                name=measure.function.value,
            )


def flagged(source: Source, query: Query, beside: tuple[str, ...] = ()) -> Question:
    """All rows of ``source``, with whether they answer ``query`` beside them, and columns
    ``beside`` its fields.

    A filter that cannot be computed of a row leaves it out: an error would tell of that row.
    """
    asked = ask(source, replace(query, sortby=(), properties=None, after=None))
    where = f"coalesce(TRY({asked.where}), FALSE)"
    sql = f"(SELECT *, {where} AS {CHOSEN} FROM {source.sql})"
    flat = Source(sql, asked.params, source.relation, ordered=source.ordered)
    return replace(asked, source=flat, where="TRUE", extra=(CHOSEN, *beside))


def counts_of(measures: Sequence[Measure], *, persons: bool) -> list[tuple[str, str, str]]:
    """SQL of how many rows and how many heads a group has, and of which rows count: of all, and of
    those that have a value of each property. Heads are ``persons``, else rows."""
    named = dict.fromkeys(identifier(measure.field) for measure in measures if measure.field)
    heads = f"count(DISTINCT {PERSON})" if persons else "count(*)"
    return [("count(*)", heads, has) for has in ("TRUE", *(f"{one} IS NOT NULL" for one in named))]


def all_places(key: ByPlace) -> ByPlace:
    """``key`` with the places outside of every area in a group of their own (null)."""

    def assign(x: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
        at, label = key.assign(x, y)
        outside = np.setdiff1d(np.arange(len(x)), at)
        none = np.full(len(outside), None, object)
        return np.concatenate([at, outside]), np.concatenate([label.astype(object), none])

    return replace(key, assign=assign)


def _shown(
    table: "pa.Table", keys: int, counts: int, least: int, *, apart: bool
) -> NDArray[np.bool_]:
    """Which groups may be told of (groups,); ``apart``: nobody is in two of them."""
    rows = table.num_rows
    size = np.full(rows, np.iinfo(np.int64).max)
    shown = np.ones(rows, bool)
    for at in range(counts):
        inside, outside = _ints(table, f"inside{at}"), _ints(table, f"outside{at}")
        # Rows that lack a value are left out of its figures too, but no filter did that.
        shown &= (inside >= least) & ((_ints(table, f"rows{at}") == 0) | (outside >= least))
        size = np.minimum(size, inside)
    lines = _margins(table, keys)
    while True:
        more = [_beside(line, size, shown, least, apart=apart) for line in lines]
        found = np.unique(np.concatenate(more)) if more else np.empty(0, np.int64)
        if not found.size:
            return shown
        shown[found] = False


def _placed_ones(table: "pa.Table", keys: Sequence[Key]) -> NDArray[np.bool_]:
    """Which groups are of an area, for each key that is one (groups,)."""
    placed = np.ones(table.num_rows, bool)
    for at, key in enumerate(keys):
        if isinstance(key, ByPlace):
            column = table.column(at)
            placed &= column.is_valid().to_numpy(zero_copy_only=False)
    return placed


def _margins(table: "pa.Table", keys: int) -> list[NDArray[np.int64]]:
    """For every key, which groups add up to one of the table without it: their lines (groups,)."""
    codes = []
    for at in range(keys):
        column = table.column(at).combine_chunks().dictionary_encode(null_encoding="encode")
        codes.append(column.indices.to_numpy(zero_copy_only=False).astype(np.int64))
    lines = []
    for left_out in range(keys):
        others = [code for at, code in enumerate(codes) if at != left_out]
        if not others:
            lines.append(np.zeros(table.num_rows, np.int64))
            continue
        lines.append(np.unique(np.stack(others), axis=1, return_inverse=True)[1].reshape(-1))
    return lines


def _beside(
    line: NDArray[np.int64],
    size: NDArray[np.int64],
    shown: NDArray[np.bool_],
    least: int,
    *,
    apart: bool,
) -> NDArray[np.int64]:
    """In each line in which what is withheld could be had by subtraction, the smallest group that
    is still shown."""
    if not line.size:
        return np.empty(0, np.int64)
    count = int(line.max()) + 1
    hidden = np.bincount(line, ~shown, count)
    withheld = np.where(shown, 0, size)
    heads = np.zeros(count)
    (np.add if apart else np.maximum).at(heads, line, withheld)
    weak = (hidden > 0) & ((hidden < 2) | (heads < least))
    order = np.lexsort((np.arange(len(line)), size, line))
    order = order[shown[order] & weak[line[order]]]
    first = np.unique(line[order], return_index=True)[1]
    found: NDArray[np.int64] = order[first]
    return found


def _ints(table: "pa.Table", name: str) -> NDArray[np.int64]:
    column = table.column(f"quanyu:{name}").to_numpy(zero_copy_only=False)
    found: NDArray[np.int64] = column.astype(np.int64)
    return found
