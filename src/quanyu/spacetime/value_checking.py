"""Checks of values as SQL: most of them are counted together in one pass over the rows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from quanyu.kernel import iso, now
from quanyu.spacetime.engine import Engine, identifier, own
from quanyu.spacetime.filters import compile_filter
from quanyu.spacetime.model import FID, GEOMETRY, Field, FieldType
from quanyu.spacetime.questions import Source
from quanyu.spacetime.value_checks import Checked, CheckKind, ValueCheck

if TYPE_CHECKING:
    import pyarrow as pa

Other = Callable[[str, tuple[str, ...]], "pa.Table"]
"""Columns of another dataset, by its name: text keys ``k0``, ``k1`` … and distinct rows."""

_TIMEOUT_S = 300.0
_TIMES = own("times")
_JOINED = (CheckKind.REFERENCE, CheckKind.AGREES)
Parts = tuple[str, str]
"""SQL of which rows a check is about, and of which of those are wrong."""


def run_checks(
    engine: Engine, source: Source, checks: Sequence[ValueCheck], other: Other
) -> list[Checked]:
    """The outcome of each check over all rows of ``source``, in the order given.

    Checks of single rows share one pass; uniqueness, and what other datasets say, take one each.
    Every check must suit the source (:func:`~quanyu.spacetime.value_checks.check_suits`).
    """
    params = dict(source.params)
    columns: list[str] = []
    for place, check in enumerate(checks):
        columns += _aggregates(check, place, source, params)
    row = iter(engine.rows(f"SELECT {', '.join(columns)} FROM {source.sql}", params, _TIMEOUT_S)[0]
               if columns else ())  # fmt: skip
    found: list[Checked] = []
    for check in checks:
        if check.kind is CheckKind.UNIQUE:
            found.append(_unique(engine, source, check))
        elif check.kind in _JOINED:
            found.append(_joined(engine, source, check, other))
        else:
            found.append(_outcome(check, next(row), next(row)))
    return found


def wrong_rows(
    engine: Engine, source: Source, check: ValueCheck, other: Other, limit: int
) -> list[dict[str, Any]]:
    """Up to ``limit`` rows that fail, by their ids: ``fid`` and the values of the columns concerned
    as texts; nothing for a check of the whole."""
    if not check.of_rows:
        return []
    params = {**source.params, "p_limit": limit}
    shown = [FID, *(name for name in sorted(check.touches) if name not in (FID, GEOMETRY))]
    columns = ", ".join(f"CAST(s.{identifier(name)} AS VARCHAR)" for name in shown)
    arrow: pa.Table | None = None
    if check.kind is CheckKind.UNIQUE:
        keys = ", ".join(identifier(name) for name in check.columns)
        chosen = f"(SELECT *, count(*) OVER (PARTITION BY {keys}) AS {_TIMES} FROM {source.sql})"
        where = f"{_all_there(check.columns)} AND {_TIMES} > 1"
    elif check.kind in _JOINED:
        arrow = other(check.dataset, check.theirs)
        chosen, where = source.sql, _apart(check, params)
    else:
        about, wrong = _parts(check, 0, source, params)
        chosen, where = source.sql, f"({about}) AND ({wrong})"
    sql = f"SELECT {columns} FROM {chosen} AS s WHERE {where} ORDER BY s.{FID} LIMIT $p_limit"
    if arrow is None:
        rows = engine.rows(sql, params, _TIMEOUT_S)
    else:
        table = engine.table(sql, params, _TIMEOUT_S, arrow=arrow)
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return [dict(zip(shown, row, strict=True)) for row in rows]


def keys_of(engine: Engine, source: Source, columns: Sequence[str]) -> "pa.Table":
    """Distinct values of columns as text, named ``k0``, ``k1`` …: what others are compared with."""
    named = ", ".join(
        f"CAST({identifier(name)} AS VARCHAR) AS k{place}" for place, name in enumerate(columns)
    )
    return engine.table(
        f"SELECT DISTINCT {named} FROM {source.sql} WHERE {_all_there(columns)}",
        source.params,
        _TIMEOUT_S,
    )


def _aggregates(check: ValueCheck, place: int, source: Source, params: dict[str, Any]) -> list[str]:
    """Two aggregates: of how many rows it is told, and how many of them are wrong."""
    if check.kind is CheckKind.UNIQUE or check.kind in _JOINED:
        return []
    if check.kind is CheckKind.ROWS:
        return ["count(*)", "0"]
    if check.kind is CheckKind.RECENT:
        moment = f"epoch_ms(max({identifier(check.columns[0])})::TIMESTAMPTZ)"
        return [f"count({identifier(check.columns[0])})", moment]
    about, wrong = _parts(check, place, source, params)
    return [
        f"count(*) FILTER (WHERE {about})",
        f"count(*) FILTER (WHERE ({about}) AND ({wrong}))",
    ]


def _outcome(check: ValueCheck, first: Any, second: Any) -> Checked:
    if check.kind is CheckKind.ROWS:
        low = check.least is not None and first < check.least
        high = check.most is not None and first > check.most
        return Checked(1, int(low or high), int(first))
    if check.kind is CheckKind.RECENT:
        if second is None:
            return Checked(1, 1)
        newest = datetime.fromtimestamp(second / 1000, UTC)
        late = (now() - newest).total_seconds() > check.age_s
        return Checked(1, int(late), iso(newest))
    return Checked(int(first), int(second))


def _parts(check: ValueCheck, place: int, source: Source, params: dict[str, Any]) -> Parts:
    fields = {one.name: one for one in source.relation.fields}
    return _PARTS[check.kind](check, f"p_c{place}", fields, params)


def _present(check: ValueCheck, _name: str, fields: Mapping[str, Field], _p: Any) -> Parts:
    missing = []
    for name in check.columns:
        column = identifier(name)
        missing.append(f"{column} IS NULL")
        if name in fields and fields[name].type is FieldType.STRING:
            missing.append(f"trim({column}) = ''")
    return "TRUE", "coalesce(" + " OR ".join(missing) + ", TRUE)"


def _range(check: ValueCheck, name: str, fields: Mapping[str, Field], params: Any) -> Parts:
    column, kind = identifier(check.columns[0]), fields[check.columns[0]].type
    cast = {FieldType.DATE: "DATE", FieldType.DATETIME: "TIMESTAMPTZ"}.get(kind, "DOUBLE")
    wrong = []
    for end, value, sign in (("least", check.least, "<"), ("most", check.most, ">")):
        if value is not None:
            params[f"{name}_{end}"] = value
            wrong.append(f"{column} {sign} CAST(${name}_{end} AS {cast})")
    if kind is FieldType.NUMBER:
        wrong.append(f"NOT isfinite({column})")
    return f"{column} IS NOT NULL", " OR ".join(wrong)


def _pattern(check: ValueCheck, name: str, _fields: Mapping[str, Field], params: Any) -> Parts:
    column = identifier(check.columns[0])
    params[name] = check.pattern
    return f"{column} IS NOT NULL", f"NOT regexp_full_match(CAST({column} AS VARCHAR), ${name})"


def _codes(check: ValueCheck, name: str, _fields: Mapping[str, Field], params: Any) -> Parts:
    column = identifier(check.columns[0])
    params[name] = [_text(value) for value in check.values]
    listed = f"list_contains(${name}::VARCHAR[], CAST({column} AS VARCHAR))"
    return f"{column} IS NOT NULL", f"NOT {listed}"


def _shape(_check: ValueCheck, _name: str, _fields: Mapping[str, Field], _p: Any) -> Parts:
    shape = f"ST_GeomFromWKB({GEOMETRY})"
    wrong = f"{GEOMETRY} IS NULL OR ST_IsEmpty({shape}) OR NOT ST_IsValid({shape})"
    return "TRUE", f"coalesce({wrong}, TRUE)"


def _inside(check: ValueCheck, name: str, _fields: Mapping[str, Field], params: Any) -> Parts:
    ends = dict(zip(("w", "s", "e", "n"), check.bbox or (), strict=True))
    params |= {f"{name}_{end}": float(value) for end, value in ends.items()}
    inside = f"xmin >= ${name}_w AND xmax <= ${name}_e AND ymin >= ${name}_s AND ymax <= ${name}_n"
    return "xmin IS NOT NULL", f"NOT ({inside})"


def _condition(check: ValueCheck, name: str, fields: Mapping[str, Field], params: Any) -> Parts:
    assert check.condition is not None  # noqa: S101 - it suits, so it has one
    found = compile_filter(check.condition, list(fields.values()), geometry=True, prefix=name)
    params |= found.params
    return f"({found.sql}) IS NOT NULL", f"NOT {found.sql}"


_PARTS = {
    CheckKind.PRESENT: _present,
    CheckKind.RANGE: _range,
    CheckKind.PATTERN: _pattern,
    CheckKind.CODES: _codes,
    CheckKind.SHAPE: _shape,
    CheckKind.INSIDE: _inside,
    CheckKind.CONDITION: _condition,
}


def _unique(engine: Engine, source: Source, check: ValueCheck) -> Checked:
    keys = ", ".join(identifier(name) for name in check.columns)
    sql = (
        "SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (WHERE n > 1), 0) FROM"
        f" (SELECT count(*) AS n FROM {source.sql} WHERE {_all_there(check.columns)}"
        f" GROUP BY {keys})"
    )
    checked, failing = engine.rows(sql, source.params, _TIMEOUT_S)[0]
    return Checked(int(checked), int(failing))


def _joined(engine: Engine, source: Source, check: ValueCheck, other: Other) -> Checked:
    params = dict(source.params)
    wrong = _apart(check, params)
    about = _all_there(check.columns)
    if check.kind is CheckKind.AGREES:
        about = (
            f"EXISTS (SELECT 1 FROM arrow_table AS o WHERE {_keys(check, len(check.columns) - 1)})"
        )
    sql = (
        f"SELECT count(*) FILTER (WHERE {about}), count(*) FILTER (WHERE {wrong})"
        f" FROM (SELECT * FROM {source.sql}) AS s"
    )
    table = engine.table(sql, params, _TIMEOUT_S, arrow=other(check.dataset, check.theirs))
    checked, failing = (column[0].as_py() for column in table.columns)
    return Checked(int(checked), int(failing))


def _apart(check: ValueCheck, params: dict[str, Any]) -> str:
    """SQL of rows ``s`` that the other dataset does not hold, or says otherwise of."""
    if check.kind is CheckKind.REFERENCE:
        same = _keys(check, len(check.columns))
        there = _all_there(check.columns)
        return f"{there} AND NOT EXISTS (SELECT 1 FROM arrow_table AS o WHERE {same})"
    last = len(check.columns) - 1
    value = f"s.{identifier(check.columns[last])}"
    differs = f"CAST({value} AS VARCHAR) <> o.k{last}"
    if check.tolerance:
        params["p_tolerance"] = check.tolerance
        differs = f"abs(CAST({value} AS DOUBLE) - TRY_CAST(o.k{last} AS DOUBLE)) > $p_tolerance"
    same = _keys(check, last)
    return f"EXISTS (SELECT 1 FROM arrow_table AS o WHERE {same} AND {differs})"


def _keys(check: ValueCheck, count: int) -> str:
    return " AND ".join(
        f"o.k{place} = CAST(s.{identifier(name)} AS VARCHAR)"
        for place, name in enumerate(check.columns[:count])
    )


def _all_there(columns: Sequence[str]) -> str:
    return " AND ".join(f"{identifier(name)} IS NOT NULL" for name in columns)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
