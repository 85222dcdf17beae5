"""What the values of a view are like: how complete, how distinct, how spread, how they lie.

Computed from the same rows that every other question is asked of, so a profile never tells more
than its restriction allows. Properties that are *guarded* (they could harm somebody) show no value
that fewer than ``least`` rows share, and neither ends nor quantiles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from quanyu.spacetime.encode import text_value
from quanyu.spacetime.engine import Engine, identifier
from quanyu.spacetime.model import FID, GEOMETRY, Field, FieldType
from quanyu.spacetime.questions import Source

LEAST = 5
"""Fewest rows that must share a value of a guarded property for it to be shown."""

_TOP = 10
_BINS = 20
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_EXACT_ROWS = 1_000_000
_TIMEOUT_S = 300.0
_LARGEST = 1e150
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_TIMES = (FieldType.DATE, FieldType.DATETIME)
_TEXTS = (FieldType.STRING, FieldType.BINARY, FieldType.JSON)
_CATEGORIES = (FieldType.STRING, FieldType.BOOLEAN, FieldType.INTEGER)


@dataclass(frozen=True, slots=True)
class Bin:
    """A column of a histogram: values above ``low`` (the first: from it on) up to ``high``.

    Times are RFC 3339. ``count`` is ``None`` where fewer than ``least`` were suppressed.
    """

    low: Any
    high: Any
    count: int | None


@dataclass(frozen=True, slots=True)
class Common:
    """A value and how many rows have it."""

    value: Any
    count: int


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """The values of a property.

    count     rows that have one; ``missing`` have none.
    invalid   numbers that are not finite, texts of nothing but blanks, JSON that cannot be read.
    distinct  different values; ``exact`` says whether it was counted or estimated (HyperLogLog).
    quantiles at 5, 25, 50, 75 and 95 per cent, between values where there is none (numbers).
    lengths   least, mean and greatest number of characters (of bytes for binary).
    guarded   small counts are suppressed.
    """

    name: str
    type: FieldType
    unit: str | None
    count: int
    missing: int
    invalid: int
    distinct: int
    exact: bool
    least: Any = None
    most: Any = None
    mean: float | None = None
    deviation: float | None = None
    quantiles: tuple[float, ...] = ()
    lengths: tuple[int, float, int] | None = None
    common: tuple[Common, ...] = ()
    histogram: tuple[Bin, ...] = ()
    guarded: bool = False

    @property
    def complete(self) -> float:
        """Share of rows that have a value, 1 when there are no rows."""
        rows = self.count + self.missing
        return self.count / rows if rows else 1.0

    @property
    def unique(self) -> bool:
        """Whether no two rows share a value, as far as it was counted exactly."""
        return self.exact and self.count > 0 and self.distinct == self.count


@dataclass(frozen=True, slots=True)
class GeometryProfile:
    """Shapes: how many are missing, empty, invalid (OGC 06-103r4, 6.1); their types and points."""

    missing: int
    empty: int
    invalid: int
    points: int
    types: tuple[Common, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A version through a restriction. ``repeated`` rows equal another one in all but their id,
    ``None`` where there were too many rows to tell."""

    dataset: str
    version: int
    rows: int
    repeated: int | None
    rejects: int
    fields: tuple[FieldProfile, ...]
    geometry: GeometryProfile | None
    least: int
    made_at: datetime

    @property
    def complete(self) -> float:
        """Share of cells that have a value."""
        cells = sum(f.count + f.missing for f in self.fields)
        return sum(f.count for f in self.fields) / cells if cells else 1.0

    @property
    def conform(self) -> float:
        """Share of values that can be read as what they are said to be."""
        values = sum(f.count for f in self.fields)
        return 1 - sum(f.invalid for f in self.fields) / values if values else 1.0


def profile(
    engine: Engine, source: Source, guarded: frozenset[str], least: int
) -> tuple[int, int | None, tuple[FieldProfile, ...], GeometryProfile | None]:
    """Rows, repeated rows, properties and shapes of ``source``, in a few passes of the engine."""
    relation = source.relation
    rows = int(engine.rows(f"SELECT count(*) FROM {source.sql}", source.params)[0][0])
    exact = rows <= _EXACT_ROWS
    figures = _figures(engine, source, exact)
    bins = _histograms(engine, source, figures)
    profiles = []
    for field, figure in zip(relation.fields, figures, strict=True):
        found = replace(
            figure,
            common=_common(engine, source, field, figure, rows),
            histogram=bins.get(field.name, ()),
        )
        profiles.append(_guard(found, least) if field.name in guarded else found)
    shapes = _shapes(engine, source) if relation.has_geometry else None
    return rows, _repeated(engine, source) if exact else None, tuple(profiles), shapes


def _figures(engine: Engine, source: Source, exact: bool) -> list[FieldProfile]:
    """One pass over all properties."""
    parts: list[str] = []
    fields = source.relation.fields
    for field in fields:
        parts += _aggregates(field, exact)
    if not parts:
        return []
    sql = f"SELECT {', '.join(parts)} FROM {source.sql}"
    row = iter(engine.rows(sql, source.params, _TIMEOUT_S)[0])
    return [_figure(field, [next(row) for _ in range(_WIDTH)], exact) for field in fields]


_WIDTH = 11


def _aggregates(field: Field, exact: bool) -> list[str]:
    column, value = identifier(field.name), text_value(field)
    distinct = f"count(DISTINCT {value})" if exact else f"approx_count_distinct({value})"
    numeric, timed, texts = (field.type in kinds for kinds in (_NUMBERS, _TIMES, _TEXTS))
    real = f"CAST({value} AS DOUBLE)"
    length = f"octet_length({column})" if field.type is FieldType.BINARY else f"length({column})"
    wrong = {
        FieldType.NUMBER: f"NOT isfinite({column})",
        FieldType.STRING: f"trim({column}) = ''",
        FieldType.JSON: f"NOT json_valid({column})",
    }.get(field.type, "FALSE")
    ordered = numeric or timed or field.type is FieldType.STRING
    return [
        f"count({column})",
        f"count(*) - count({column})",
        f"count(*) FILTER (WHERE {column} IS NOT NULL AND {wrong})",
        distinct,
        f"min({value})" if ordered else "NULL",
        f"max({value})" if ordered else "NULL",
        *(
            # Where sums or squares could leave the range of doubles there are no such figures.
            f"CASE WHEN max(abs({real})) < {_LARGEST} THEN {figure} FILTER"
            f" (WHERE abs({real}) < {_LARGEST}) END"
            if numeric
            else "NULL"
            for figure in (
                f"avg({real})",
                f"stddev_samp({real})",
                f"quantile_cont({real}, {list(_QUANTILES)})",
            )
        ),
        f"min({length})" if texts else "NULL",
        f"[avg({length}), max({length})]" if texts else "NULL",
    ]


def _figure(field: Field, row: Sequence[Any], exact: bool) -> FieldProfile:
    count, missing, invalid, distinct, least, most, mean, deviation, quantiles, short, long = row
    return FieldProfile(
        name=field.name,
        type=field.type,
        unit=field.unit,
        count=count,
        missing=missing,
        invalid=invalid,
        distinct=distinct,
        exact=exact,
        least=least,
        most=most,
        mean=_finite(mean),
        deviation=_finite(deviation),
        quantiles=tuple(quantiles or ()),
        lengths=None if short is None else (short, float(long[0]), int(long[1])),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _histograms(
    engine: Engine, source: Source, figures: Sequence[FieldProfile]
) -> dict[str, tuple[Bin, ...]]:
    """A second pass: how many values are in each of some equal bins."""
    params = dict(source.params)
    parts: list[str] = []
    edges: dict[str, list[float]] = {}
    for field, figure in zip(source.relation.fields, figures, strict=True):
        low, high = _ends(figure)
        if low is None or high is None or not low < high:
            continue
        step = (high - low) / _BINS
        if figure.type is FieldType.INTEGER:
            step = max(1.0, math.ceil((high - low) / _BINS))
        count = min(_BINS, math.ceil((high - low) / step)) if step else 0
        found = [low, *(low + step * n for n in range(1, count)), high]
        if not count or any(not a < b for a, b in pairwise(found)):
            continue  # the range is too narrow for doubles to tell bins apart
        name = f"p_bins{len(edges)}"
        params[name] = found[1:]
        edges[field.name] = found
        parts.append(f"map_entries(histogram({_real(field)}, ${name}::DOUBLE[]))")
    if not parts:
        return {}
    row = engine.rows(f"SELECT {', '.join(parts)} FROM {source.sql}", params, _TIMEOUT_S)[0]
    kinds = {figure.name: figure.type for figure in figures}
    return {
        name: _bins(kinds[name], found, cell or [])
        for (name, found), cell in zip(edges.items(), row, strict=True)
    }


def _bins(kind: FieldType, edges: Sequence[float], cell: Sequence[Any]) -> tuple[Bin, ...]:
    counts = {entry["key"]: int(entry["value"]) for entry in cell}
    said = [_said(kind, edge) for edge in edges]
    return tuple(
        Bin(low, high, counts.get(edge, 0))
        for low, high, edge in zip(said, said[1:], edges[1:], strict=False)
    )


def _said(kind: FieldType, edge: float) -> Any:
    if kind not in _TIMES:
        return edge
    moment = datetime.fromtimestamp(edge, UTC)
    return moment.date().isoformat() if kind is FieldType.DATE else _iso(moment)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _real(field: Field) -> str:
    """SQL of a value as a real number; of a time, seconds since 1970."""
    column = identifier(field.name)
    if field.type in _TIMES:
        return f"epoch({column}::TIMESTAMPTZ)"
    return f"CAST({text_value(field)} AS DOUBLE)"


def _ends(figure: FieldProfile) -> tuple[float | None, float | None]:
    if figure.type in _NUMBERS and figure.mean is not None:
        return float(figure.least), float(figure.most)
    if figure.type in _TIMES and figure.least is not None:
        try:
            return _seconds(figure.least), _seconds(figure.most)
        except (ValueError, OverflowError):  # a year that Python cannot hold: drawn without bins
            return None, None
    return None, None


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _common(
    engine: Engine, source: Source, field: Field, figure: FieldProfile, rows: int
) -> tuple[Common, ...]:
    """Most common values, where some value comes more than once."""
    if field.type not in _CATEGORIES or not rows or figure.distinct >= figure.count:
        return ()
    value = text_value(field)
    sql = (
        f"SELECT {value}, count(*) FROM {source.sql} WHERE {identifier(field.name)} IS NOT NULL"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $p_top"
    )
    found = engine.rows(sql, {**source.params, "p_top": _TOP}, _TIMEOUT_S)
    return tuple(Common(value, count) for value, count in found if count > 1)


def _guard(found: FieldProfile, least: int) -> FieldProfile:
    """What may be told of a property that could harm somebody."""
    return replace(
        found,
        least=None,
        most=None,
        mean=found.mean if found.count >= least else None,
        deviation=None,
        quantiles=(),
        lengths=None,
        common=tuple(one for one in found.common if one.count >= least),
        # The ends of the bins are the ends of the values.
        histogram=(),
        guarded=True,
    )


def _repeated(engine: Engine, source: Source) -> int:
    names = [f.name for f in source.relation.fields]
    if source.relation.has_geometry:
        names.append(GEOMETRY)
    if not names:
        return 0
    row = ", ".join(identifier(name) for name in names)
    # Two hashes of unlike order: 128 bits, so that chance makes no rows equal.
    back = ", ".join(identifier(name) for name in (FID, *names[::-1])[1:])
    sql = f"SELECT count(*) - count(DISTINCT (hash({row}), hash('', {back}))) FROM {source.sql}"
    return int(engine.rows(sql, source.params, _TIMEOUT_S)[0][0])


def _shapes(engine: Engine, source: Source) -> GeometryProfile:
    shape = f"ST_GeomFromWKB({GEOMETRY})"
    sql = (
        f"SELECT count(*) FILTER (WHERE {GEOMETRY} IS NULL),"
        f" count(*) FILTER (WHERE ST_IsEmpty({shape})),"
        f" count(*) FILTER (WHERE NOT ST_IsValid({shape})),"
        f" coalesce(sum(ST_NPoints({shape})), 0) FROM {source.sql}"
    )
    missing, empty, invalid, points = engine.rows(sql, source.params, _TIMEOUT_S)[0]
    kinds = engine.rows(
        f"SELECT CAST(ST_GeometryType({shape}) AS VARCHAR), count(*) FROM {source.sql}"
        f" WHERE {GEOMETRY} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1",
        source.params,
        _TIMEOUT_S,
    )
    types = tuple(Common(str(kind), count) for kind, count in kinds)
    return GeometryProfile(missing, empty, invalid, int(points), types)
