"""Observations sent as data arrays (CreateObservations, 18-088, 11): whole columns at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

from quanyu.kernel import Invalid, QuanyuError, ResourceId, now
from quanyu.streams.documents import Given
from quanyu.streams.flagging import flagged
from quanyu.streams.intake import Intake, Known
from quanyu.streams.names import name_of
from quanyu.streams.observations import Key, Observation, observation_schema
from quanyu.streams.received import observation_of

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 200_000
_FEW = 16
"""Rows from which columns are less work than each row by itself."""
_Piece: TypeAlias = "Observation | pa.Table"
ERROR = "error"
_PLAIN = frozenset({"phenomenonTime", "resultTime", "result", "resultQuality"})
_KNOWN = frozenset({*_PLAIN, "validTime", "parameters", "FeatureOfInterest/id", "id", "@iot.id"})


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of each row sent, in order: the id of its observation, or ``None``."""

    ids: list[Any]
    kept: int


def take_arrays(intake: Intake, resource: ResourceId, sent: Any) -> Taken:
    """Take in arrays of observations; durable on return.

    A row that is wrong is told by ``None`` and does no harm to others. Raises :class:`Invalid` for
    what is no array of observations at all.
    """
    groups = sent if isinstance(sent, list) else [sent]
    intake.learn(resource, [one for group in groups if (one := _datastream(group)) is not None])
    ids: list[Any] = []
    kept = 0
    waiting: list[_Piece] = []
    pairs: list[tuple[int, int]] = []
    for number, group in enumerate(groups):
        if not isinstance(group, Mapping):
            raise _no_array(number)
        rows = group.get("dataArray")
        names = group.get("components")
        if not isinstance(rows, list) or not isinstance(names, list):
            raise _no_array(number)
        if len(ids) + len(rows) > MOST_ROWS:
            raise Invalid(
                "more than {most} observations in one request",
                field="dataArray",
                mend="send fewer at once",
                most=MOST_ROWS,
            )
        _check_names(names, number)
        try:
            found = _take(intake, resource, (group, waiting, pairs), names, rows)
        except QuanyuError as error:
            if error.status >= 500:
                raise
            found = [None] * len(rows)
        kept += sum(1 for one in found if one is not None)
        ids.extend(found)
    intake.pair(resource, pairs)
    _keep(intake, waiting)
    return Taken(ids, kept)


def _take(
    intake: Intake,
    resource: ResourceId,
    into: tuple[Mapping[str, Any], list[_Piece], list[tuple[int, int]]],
    names: Sequence[str],
    rows: Sequence[Any],
) -> list[Any]:
    """Ids of the rows of a group, which wait to be kept with those of the others, as the pairs of
    its datastream and feature wait to be noted."""
    group, waiting, pairs = into
    given = _datastream(group)
    if given is None:
        raise Invalid(
            "{entity} needs {name}", field="Datastream", entity="dataArray", name="Datastream"
        )
    known = intake.known(resource, given)
    if known.feature is not None:
        pairs.append((known.number, known.feature))
    if known.checks is not None:  # rows of these are kept at once
        intake.pair(resource, pairs)
    if not rows:
        return []
    plain = len(rows) >= _FEW and set(names) <= _PLAIN and len(set(names)) == len(names)
    plain = plain and not known.values
    table = _columns(known, names, rows) if plain else None
    if table is None:
        return _by_row(intake, resource, (known, {"@iot.id": given}, waiting), names, rows)
    if known.checks is None:
        waiting.append(table)
    else:  # its tests look at what is kept around a value
        intake.observations.append(_flagged(intake, known, table))
    starts = table["start"].cast("int64").to_pylist()
    return [f"{known.number}~{start}~" for start in starts]


def _datastream(group: Any) -> Given | None:
    """The id of the datastream that a group is of."""
    of = (
        (group.get("Datastream") or group.get("MultiDatastream"))
        if isinstance(group, Mapping)
        else None
    )
    given = of.get("@iot.id") if isinstance(of, Mapping) else None
    return given if isinstance(given, str | int) else None


def _columns(known: Known, names: Sequence[str], rows: Sequence[Any]) -> "pa.Table | None":
    """A table of the rows when all of them are plain: instants and numbers; else ``None``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        if "result" not in columns or any(isinstance(one, bool) for one in columns["result"]):
            return None
        moment = pa.timestamp("us", tz="UTC")
        size = len(rows)
        found = {"number": pa.array(columns["result"], pa.float64())}
        if found["number"].null_count:
            return None
        if "phenomenonTime" in columns:
            found["start"] = pc.cast(pa.array(columns["phenomenonTime"], pa.string()), moment)
        else:
            found["start"] = pa.array([now()] * size, moment)
        if "resultTime" in columns:
            found["result_time"] = pc.cast(pa.array(columns["resultTime"], pa.string()), moment)
        if "resultQuality" in columns:
            found["quality"] = pa.array(columns["resultQuality"], pa.string())
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return None
    if found["start"].null_count or not _zoned(columns):
        return None
    found["datastream"] = pa.array([known.number] * size, pa.int64())
    found["feature"] = pa.array([known.feature] * size, pa.int64())
    found["key"] = pa.array([""] * size, pa.string())
    schema = observation_schema()
    order = [name for name in schema.names if name in found]
    return pa.table(
        [found[name] for name in order], schema=pa.schema([schema.field(n) for n in order])
    )


def _zoned(columns: Mapping[str, Sequence[Any]]) -> bool:
    """Whether every time names an instant: Arrow takes one without an offset for UTC."""
    times = [*columns.get("phenomenonTime", ()), *columns.get("resultTime", ())]
    return all(one is None or one[-1:] == "Z" or one[-6:-5] in {"+", "-"} for one in times)


def _by_row(
    intake: Intake,
    resource: ResourceId,
    of: tuple[Known, Mapping[str, Any], list[_Piece]],
    names: Sequence[str],
    rows: Sequence[Any],
) -> list[Any]:
    """Rows one by one: those that are right are taken in together."""
    known, datastream, waiting = of
    found: list[Observation | None] = []
    for row in rows:
        try:
            found.append(_observation(intake, resource, (known, datastream), names, row))
        except QuanyuError as error:
            if error.status >= 500:
                raise
            found.append(None)
    good = [one for one in found if one is not None]
    if good and known.checks is not None:
        intake.observations.append(_flagged(intake, known, table_of_observations(good)))
    else:
        waiting.extend(good)
    return [
        None if one is None else name_of(Key(one.datastream, one.start, one.key)) for one in found
    ]


def _keep(intake: Intake, waiting: list[_Piece]) -> None:
    """Take in what waits, all of it or nothing, in its order: of two of one identity the later
    counts."""
    import pyarrow as pa

    tables: list[pa.Table] = []
    for single, group in groupby(waiting, lambda one: isinstance(one, Observation)):
        pieces: list[Any] = list(group)
        tables += [table_of_observations(pieces)] if single else pieces
    if tables:
        intake.observations.append(pa.concat_tables(tables, promote_options="default"))


def _flagged(intake: Intake, known: Known, table: "pa.Table") -> "pa.Table":
    if known.checks is None:
        return table
    return flagged(table, {known.number: known.checks}, intake.observations)


def _observation(
    intake: Intake,
    resource: ResourceId,
    of: tuple[Known, Mapping[str, Any]],
    names: Sequence[str],
    row: Any,
) -> Observation:
    known, datastream = of
    if not isinstance(row, list) or len(row) != len(names):
        raise Invalid("a row has a value for each component", field="dataArray")
    document = {
        ("@iot.id" if name == "id" else name): value
        for name, value in zip(names, row, strict=True)
        if value is not None or name == "result"
    }
    feature = document.pop("FeatureOfInterest/id", None)
    if feature is None and "@iot.id" not in document:
        return observation_of(
            document,
            datastream=known.number,
            received=now(),
            feature=known.feature,
            values=known.values,
        )
    document["MultiDatastream" if known.values else "Datastream"] = {
        "@iot.id": datastream["@iot.id"]
    }
    if feature is not None:
        document["FeatureOfInterest"] = {"@iot.id": feature}
    return intake.prepare(resource, document)


def table_of_observations(found: Sequence[Observation]) -> "pa.Table":
    """Observations as a table that the store takes in."""
    import pyarrow as pa

    schema = observation_schema()
    names = [name for name in schema.names if name not in {"received", "seq"}]
    arrays = [
        pa.array([getattr(one, name) for one in found], schema.field(name).type) for name in names
    ]
    return pa.table(arrays, schema=pa.schema([schema.field(name) for name in names]))


def _check_names(names: Sequence[Any], number: int) -> None:
    for name in names:
        if name not in _KNOWN:
            raise Invalid(
                "a data array has no component {name}",
                field=f"[{number}].components",
                mend="use some of: {known}",
                name=str(name)[:60],
                known=", ".join(sorted(_KNOWN)),
            )


def _no_array(number: int) -> Invalid:
    return Invalid(
        "this is no data array",
        field=f"[{number}]",
        mend="send Datastream, components and dataArray, a list of lists",
    )
