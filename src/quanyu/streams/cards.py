"""A thing at a glance: where it is, what it observes, the newest values and a chart of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from quanyu.kernel import NotFound
from quanyu.spacetime import Unit
from quanyu.streams.asked import Options
from quanyu.streams.documents import Given
from quanyu.streams.entities import OBSERVATION
from quanyu.streams.expanding import Budget, documents_of_entities, documents_of_observations
from quanyu.streams.expressions import ALL, Call, Expression, Value, all_of
from quanyu.streams.filtering import given
from quanyu.streams.flagging import declared_checks
from quanyu.streams.flags_seen import qualities, quality_member
from quanyu.streams.listing import entities_page
from quanyu.streams.observations import Selection, latest_of
from quanyu.streams.odata import parse_expand
from quanyu.streams.qartod import Flag
from quanyu.streams.resolving import Collection, entity_in
from quanyu.streams.visibility import Sight

if TYPE_CHECKING:
    import pyarrow as pa

MOST_DATASTREAMS = 50
MOST_DOUBTFUL = 200
_INSIDE = (
    "Locations($top=5),Datastreams($top=50;$expand=ObservedProperty,Sensor),"
    "MultiDatastreams($top=50)"
)


class Span(StrEnum):
    """How far back a chart goes."""

    DAY = "day"
    WEEK = "week"
    YEAR = "year"


_STEPS = {
    Span.DAY: (timedelta(days=1), Unit.HOUR),
    Span.WEEK: (timedelta(days=7), Unit.HOUR),
    Span.YEAR: (timedelta(days=365), Unit.DAY),
}


@dataclass(frozen=True, slots=True)
class Plotted:
    """A datastream as its document, its newest observation, and means by time with their start.

    ``doubtful`` are observations that are flagged suspect or failed, each with its time, value and
    flag: the newest of the span.
    """

    document: dict[str, Any]
    latest: dict[str, Any] | None
    means: tuple[tuple[datetime, float], ...]
    doubtful: tuple[tuple[datetime, float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A thing as its document (its places inside), and its datastreams."""

    thing: dict[str, Any]
    datastreams: tuple[Plotted, ...]


def facility_card(sight: Sight, identifier: Given, span: Span, base: str) -> Card:
    """The card of a thing; charts end with the newest observation. Raises :class:`NotFound`."""
    kind = sight.scope.types.get("Thing")
    if kind is None:
        raise NotFound("there is no {entity} {id}", entity="Thing", id=str(identifier)[:80])
    at = entity_in(sight, Collection(kind), identifier)
    wanted = tuple(
        (name, inner) for name, inner in parse_expand(_INSIDE) if name in kind.navigations
    )
    wanted = tuple((name, _possible(sight, name, inner)) for name, inner in wanted)
    options = Options(expand=wanted)
    document = documents_of_entities(sight, kind, [at.number], options, base, Budget())[at.number]
    numbers, documents = _datastreams(sight, Collection(kind, at), document)
    newest = newest_of(sight, numbers, base)
    means = _means(sight, numbers, span, newest)
    doubtful = _doubtful(sight, numbers, span, newest)
    plotted = tuple(
        Plotted(
            one,
            newest.get(number, (None, None))[1],
            tuple(means.get(number, ())),
            tuple(doubtful.get(number, ())),
        )
        for number, one in zip(numbers, documents, strict=True)
    )
    return Card(document, plotted)


def newest_of(
    sight: Sight, numbers: Sequence[int], base: str
) -> dict[int, tuple[datetime, dict[str, Any]]]:
    """The newest observation of each datastream that may be seen, with its start."""
    table = _newest(sight, numbers)
    documents = documents_of_observations(sight, table, Options(), base, Budget())
    starts, of = table["start"].to_pylist(), table["datastream"].to_pylist()
    return {
        number: (start, document)
        for number, start, document in zip(of, starts, documents, strict=True)
    }


def _newest(sight: Sight, numbers: Sequence[int]) -> "pa.Table":
    where = given(sight)
    if where == ALL:
        return latest_of(sight.stands(list(numbers)))
    return sight.observations.select(
        Selection(datastreams=list(numbers), where=where, order=(("start", True),), each=1)
    )


def _possible(sight: Sight, name: str, options: Options) -> Options:
    """Options without what may not be seen."""
    kind = sight.kind(sight.kind("Thing").navigations[name].target)
    inner = tuple((one, more) for one, more in options.expand if one in kind.navigations)
    return replace(options, expand=inner)


def _datastreams(
    sight: Sight, at: Collection, document: dict[str, Any]
) -> tuple[list[int], list[dict[str, Any]]]:
    """Numbers and documents of the datastreams of a thing, which are taken out of its own."""
    numbers: list[int] = []
    documents: list[dict[str, Any]] = []
    for name in ("Datastreams", "MultiDatastreams"):
        inside = document.pop(name, [])
        navigation = at.kind.navigations.get(name)
        if not inside or navigation is None:
            continue
        collection = Collection(sight.kind(navigation.target), at.of, navigation)
        page = entities_page(sight, collection, Options(top=MOST_DATASTREAMS))
        numbers += page.numbers
        documents += inside
    return numbers, documents


def _means(
    sight: Sight,
    numbers: Sequence[int],
    span: Span,
    newest: dict[int, tuple[datetime, dict[str, Any]]],
) -> dict[int, list[tuple[datetime, float]]]:
    """Means by time; none where results are only given coarsely, or times not at all."""
    kind = sight.kind(OBSERVATION)
    told = {"result", "phenomenonTime"} <= set(kind.properties)
    if not newest or not told or sight.scope.result_step is not None:
        return {}
    where = given(sight)
    asked = _within(numbers, span, newest, None if where == ALL else where)
    table = sight.observations.aggregate(asked, _STEPS[span][1], ("mean",))
    found: dict[int, list[tuple[datetime, float]]] = {}
    for row in table.to_pylist():
        if row["mean"] is not None:
            found.setdefault(row["datastream"], []).append((row["start"], row["mean"]))
    return found


def _doubtful(
    sight: Sight,
    numbers: Sequence[int],
    span: Span,
    newest: dict[int, tuple[datetime, dict[str, Any]]],
) -> dict[int, list[tuple[datetime, float, int]]]:
    """Flagged observations of the datastreams that declare tests, as far as flags may be seen."""
    kind, flags = sight.kind(OBSERVATION), sight.scope.flags
    if not newest or flags == frozenset() or "resultQuality" not in kind.properties:
        return {}
    tested = [*declared_checks(sight.session, numbers)]
    if not tested:
        return {}
    code = quality_member(sight.scope, ("DQ_Result", "code"), "number")
    where = all_of(given(sight), Call("ge", (code, Value(int(Flag.SUSPECT)))))
    asked = _within(tested, span, newest, where)
    asked = replace(asked, order=(("start", True),), each=MOST_DOUBTFUL)
    table = sight.observations.select(asked)
    columns = (table[name].to_pylist() for name in ("datastream", "start", "number", "quality"))
    found: dict[int, list[tuple[datetime, float, int]]] = {}
    for number, start, value, text in zip(*columns, strict=True):
        seen = qualities(sight.scope, [text])[0]
        if value is not None:
            found.setdefault(number, []).append((start, value, seen["DQ_Result"]["code"]))
    return found


def _within(
    numbers: Sequence[int],
    span: Span,
    newest: dict[int, tuple[datetime, dict[str, Any]]],
    where: Expression | None,
) -> Selection:
    """The span of a chart: it ends with the newest observation."""
    last = max(start for start, _ in newest.values())
    return Selection(
        datastreams=list(numbers),
        start=last - _STEPS[span][0],
        end=last + timedelta(microseconds=1),
        where=where,
    )
