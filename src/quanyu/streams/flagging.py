"""Flags of quality on observations that come in, kept in ``resultQuality``.

They are written as one element of ISO 19157: ``nameOfMeasure`` is QARTOD, ``DQ_Result`` holds the
flag of each test and all together under ``code``, ``given`` is what the client itself said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.streams.expressions import among, dialect_of
from quanyu.streams.observations import Observation, Observations, Selection, observation_schema
from quanyu.streams.observations.model import EPOCH
from quanyu.streams.qartod import (
    GROSS_RANGE,
    Array,
    Checks,
    Flag,
    checks_of,
    flags_of,
    gross_range,
    together,
)
from quanyu.streams.tables import DatastreamRow

if TYPE_CHECKING:
    import pyarrow as pa

MARK = '{"nameOfMeasure":"QARTOD"'
"""How the text of a flagged observation's quality begins."""
_FLAGS = frozenset(map(int, Flag))
_MOST_NEAR = 100_000
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Near:
    """Observations around those that come: times in microseconds, values; in order of time."""

    times: Array
    values: Array


def declared_checks(session: Session, numbers: Sequence[int]) -> dict[int, Checks]:
    """The tests of those datastreams that declare some."""
    query = select(DatastreamRow.number, DatastreamRow.properties).where(
        among(DatastreamRow.number, numbers, dialect_of(session)), DatastreamRow.multi.is_(False)
    )
    said = {number: checks_of(properties) for number, properties in session.execute(query)}
    return {number: checks for number, checks in said.items() if checks is not None}


def flagged_one(
    one: Observation, checks: Checks | None, observations: Observations | None
) -> Observation:
    """An observation with its flags; ``observations`` may be missing where it is tested alone."""
    if checks is None:
        return one
    if checks.alone:
        code = Flag.NOT_EVALUATED if one.number is None else gross_range(checks, one.number)
        return replace(one, quality=_text(((GROSS_RANGE, int(code)),), one.quality))
    if observations is None:
        raise ValueError("what lies around is needed")
    import pyarrow as pa

    schema = observation_schema()
    names = ("datastream", "start", "number", "quality")
    columns = [pa.array([getattr(one, name)], schema.field(name).type) for name in names]
    table = flagged(pa.table(columns, names=names), {one.datastream: checks}, observations)
    return replace(one, quality=table["quality"][0].as_py())


def flagged(
    table: "pa.Table", checks: Mapping[int, Checks], observations: Observations
) -> "pa.Table":
    """Observations with their flags, of those datastreams that declare tests.

    Neighbours are those in the table and those that are kept: what came before its neighbour is
    tested without it.
    """
    import pyarrow as pa

    if not checks or not len(table):
        return table
    series = np.asarray(table["datastream"])
    concerned = [one for one in np.unique(series).tolist() if one in checks]
    if not concerned:
        return table
    times = np.asarray(table["start"].cast(pa.int64()))
    values = _values(table)
    own = table["quality"].to_pylist() if "quality" in table.column_names else [None] * len(table)
    newest = observations.latest([one for one in concerned if not checks[one].alone])
    last = dict(
        zip(
            newest["datastream"].to_pylist(),
            zip(
                newest["start"].cast(pa.int64()).to_pylist(), _values(newest).tolist(), strict=True
            ),
            strict=True,
        )
    )
    for number in concerned:
        mine = np.flatnonzero(series == number)
        mine = mine[np.argsort(times[mine], kind="stable")]
        around = last.get(number)
        if around is not None and _moved(checks[number], times[mine], values[mine], around):
            near = _Near(np.array([around[0]]), np.array([around[1]]))
        else:
            near = _near(observations, checks[number], number, times[mine], around)
        found = _among(checks[number], times[mine], values[mine], near)
        for place, text in zip(mine.tolist(), _texts(found, [own[p] for p in mine]), strict=True):
            own[place] = text
    column = pa.array(own, pa.string())
    if "quality" in table.column_names:
        place = table.column_names.index("quality")
        return table.set_column(place, observation_schema().field("quality"), column)
    return table.append_column(observation_schema().field("quality"), column)


def element_of(text: str | None) -> dict[str, Any] | None:
    """The element that a text of quality is, when it is one of flags."""
    if text is None or not text.startswith(MARK):
        return None
    try:
        element = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    result = element.get("DQ_Result")
    if (
        not isinstance(result, dict)
        or not all(one in _FLAGS for one in result.values())
        or "code" not in result
    ):
        return None
    found: dict[str, Any] = element
    return found


def own_quality(text: str | None) -> str | None:
    """What a client said of itself, without flags."""
    element = element_of(text)
    if element is None:
        return text
    given = element.get("given")
    return given if given is None or isinstance(given, str) else orjson.dumps(given).decode()


def quality_value(text: str | None) -> Any:
    """Quality as JSON: what is kept as text is an object or a list, or a client's own words."""
    if text is None or text[:1] not in {"[", "{"}:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def flag_of(text: str | None) -> Flag | None:
    """The flag of all tests together; ``None`` where there is none."""
    element = element_of(text)
    return None if element is None else Flag(element["DQ_Result"]["code"])


def _moved(checks: Checks, times: Array, values: Array, last: tuple[int, float]) -> bool:
    """Whether one new value is so far from the latest that nothing before decides of it."""
    one = len(times) == 1 and last[0] < times[0]
    return one and checks.flat is not None and bool(abs(values[0] - last[1]) >= checks.flat[0])


def _near(
    observations: Observations,
    checks: Checks,
    number: int,
    times: Array,
    last: tuple[int, float] | None,
) -> _Near:
    """What is kept around the times: as far back as the tests look, and one behind."""
    nothing = _Near(np.empty(0, np.int64), np.empty(0))
    if checks.alone or last is None:
        return nothing
    behind = last[0] < times[0]
    newest = _Near(np.array([last[0]]), np.array([last[1]]))
    if behind and not checks.window:
        return newest
    first, until = (EPOCH + int(one) * _INSTANT for one in (times[0], times[-1]))
    since = first - checks.window * _INSTANT

    def kept(limit: int, *, down: bool = True, **span: Any) -> "pa.Table":
        order = (("start", down),)
        return observations.select(
            Selection(datastreams=[number], order=order, limit=limit, **span)
        )

    # Where a test looks back, what comes before is looked for as far back again, and no further.
    bound: dict[str, Any] = {"start": since - checks.window * _INSTANT} if checks.window else {}
    parts = [kept(1, end=since, **bound), kept(_MOST_NEAR, start=since, end=until + _INSTANT)]
    if not behind:
        parts.append(kept(1, down=False, start=until + _INSTANT))
    import pyarrow as pa

    whole = pa.concat_tables(parts)
    found = np.asarray(whole["start"].cast(pa.int64()))
    known = _values(whole)
    there = ~np.isin(found, times)  # what comes takes the place of what is kept
    found, known = found[there], known[there]
    if behind and not len(found):
        return newest
    order = np.argsort(found, kind="stable")
    return _Near(found[order], known[order])


def _among(checks: Checks, times: Array, values: Array, near: _Near) -> dict[str, Array]:
    """Flags of what comes, tested among what is kept."""
    if not len(near.times):
        return flags_of(checks, times, values)
    all_times = np.concatenate([near.times, times])
    order = np.argsort(all_times, kind="stable")
    flags = flags_of(checks, all_times[order], np.concatenate([near.values, values])[order])
    mine = np.empty(len(order), np.int64)
    mine[order] = np.arange(len(order))
    places = mine[len(near.times) :]
    return {name: found[places] for name, found in flags.items()}


def _texts(flags: Mapping[str, Array], own: Sequence[str | None]) -> list[str]:
    """The texts of flags: each combination is written once where clients said nothing."""
    names = list(flags)
    codes = np.stack([flags[name] for name in names], axis=1)
    kinds, which = np.unique(codes, axis=0, return_inverse=True)
    made = [tuple(zip(names, kind, strict=True)) for kind in kinds.tolist()]
    plain = [_text(one, None) for one in made]
    return [
        plain[kind] if said is None else _text(made[kind], said)
        for kind, said in zip(which.reshape(-1).tolist(), own, strict=True)
    ]


@lru_cache(maxsize=4096)
def _text(flags: tuple[tuple[str, int], ...], own: str | None) -> str:
    code = int(together({name: np.array([flag]) for name, flag in flags})[0])
    element: dict[str, Any] = {
        "nameOfMeasure": "QARTOD",
        "DQ_Result": {"code": code, **dict(flags)},
    }
    given = own_quality(own)
    if given is not None:
        element["given"] = quality_value(given)
    return orjson.dumps(element).decode()


def _values(table: "pa.Table") -> Array:
    import pyarrow as pa

    if "number" not in table.column_names:
        return np.full(len(table), np.nan)
    found = table["number"].cast(pa.float64()).combine_chunks()
    return np.asarray(found.fill_null(np.nan)).astype(float)
