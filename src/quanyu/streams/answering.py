"""An answer to a request for entities: documents, values, links or a count."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
import sqlalchemy as sa

from quanyu.kernel import Invalid, NotFound
from quanyu.streams.asked import Options
from quanyu.streams.entities import OBSERVATION, EntityType
from quanyu.streams.expanding import (
    Budget,
    documents_of_entities,
    documents_of_observations,
)
from quanyu.streams.expressions import among, dialect_of
from quanyu.streams.forms import (
    csv_of,
    data_array,
    data_array_text,
    feature_of,
    features_of,
    placed_options,
)
from quanyu.streams.listing import (
    MOST_TOP,
    Rows,
    entities_count,
    entities_page,
    observations_of,
    observations_page,
)
from quanyu.streams.observation_json import Text, arrays_text, objects_text
from quanyu.streams.querying import Query, ResultFormat
from quanyu.streams.rendering import Shown, observation_columns
from quanyu.streams.resolving import Collection, Entity, Target, names_shown
from quanyu.streams.tables import DatastreamRow
from quanyu.streams.visibility import Sight

MOST_IN_ARRAY = 100_000
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
CSV = "text/csv; charset=utf-8"
GEOJSON = "application/geo+json"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: its bytes, how many entities are in it; ``next`` is the address of the next page
    where the form cannot say it itself."""

    body: bytes
    rows: int = 1
    media_type: str = JSON
    status: int = 200
    next: str | None = None


def answer(
    sight: Sight, target: Target, query: Query, where: tuple[str, str, Mapping[str, str]]
) -> Answered:
    """What a target answers to a query.

    ``where``: the root's address, that of the request without its query, and its parameters as they
    were sent, for links.
    Raises :class:`Invalid` naming the option, :class:`NotFound`.
    """
    at, base = target.at, where[0]
    if isinstance(at, Entity):
        if target.property:
            return _property(sight, target, at, base)
        return _entity(sight, at, query, base, ref=target.form == "ref")
    if target.form == "count":
        return _count(sight, at, query)
    if at.kind.name == OBSERVATION:
        return _observations(sight, at, query, where, ref=target.form == "ref")
    return _entities(sight, at, query, where, ref=target.form == "ref")


def document_of(sight: Sight, at: Entity, options: Options, base: str) -> dict[str, Any]:
    """The document of one entity."""
    budget = Budget()
    if at.observed is not None:
        return documents_of_observations(sight, at.observed, options, base, budget)[0]
    found = documents_of_entities(sight, at.kind, [at.number], options, base, budget)
    return found[at.number]


_Where = tuple[str, str, Mapping[str, str]]


def _entity(sight: Sight, at: Entity, query: Query, base: str, *, ref: bool) -> Answered:
    if ref:
        document = document_of(sight, at, Options(select=(("@iot.selfLink",),)), base)
        return Answered(orjson.dumps({"@iot.selfLink": document.get("@iot.selfLink")}))
    options = query.options
    if query.form is ResultFormat.GEOJSON:
        shown, place = placed_options(sight, at.kind, options)
        document = document_of(sight, at, shown, base)
        return Answered(orjson.dumps(feature_of(document, place)), media_type=GEOJSON)
    document = document_of(sight, at, options, base)
    if query.form is ResultFormat.CSV:
        return Answered(csv_of([document]), media_type=CSV)
    return Answered(orjson.dumps(document))


def _property(sight: Sight, target: Target, at: Entity, base: str) -> Answered:
    name, *rest = target.property
    name = "@iot.id" if name == "id" else name
    document = document_of(sight, at, Options(select=((name,),)), base)
    value = document.get(name)
    for step in rest:
        value = _member(value, step)
    if value is None:
        if rest:
            raise NotFound("there is nothing at {path}", path="/".join(target.property)[:120])
        return Answered(b"", status=204)
    if target.form == "value":
        if isinstance(value, str):
            return Answered(value.encode(), media_type=TEXT)
        plain = not isinstance(value, dict | list)
        return Answered(orjson.dumps(value), media_type=TEXT if plain else JSON)
    return Answered(orjson.dumps({(rest or [name])[-1]: value}))


def _member(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None


def _count(sight: Sight, at: Collection, query: Query) -> Answered:
    asked = query.options.filter
    if at.kind.name == OBSERVATION:
        count = sight.observations.count(observations_of(sight, at, asked))
    else:
        count = entities_count(sight, at, asked)
    return Answered(str(count).encode(), media_type=TEXT)


def _entities(sight: Sight, at: Collection, query: Query, where: _Where, *, ref: bool) -> Answered:
    base, here, given = where
    if query.form is ResultFormat.DATA_ARRAY:
        raise Invalid(
            "only observations come as data arrays",
            field="$resultFormat",
            mend="ask for Observations",
        )
    options = query.options
    page = entities_page(sight, at, options, query.token)
    following = None
    if page.next is not None:
        following = _next(here, given, {"$skiptoken": page.next})
    place: tuple[str, ...] = ()
    if ref:
        options = Options(select=(("@iot.selfLink",),))
    elif query.form is ResultFormat.GEOJSON:
        options, place = placed_options(sight, at.kind, options)
    found = documents_of_entities(sight, at.kind, page.numbers, options, base, Budget())
    documents = [found[number] for number in page.numbers]
    return _collected(query, documents, page.count, following, place)


def _observations(
    sight: Sight, at: Collection, query: Query, where: _Where, *, ref: bool
) -> Answered:
    base, here, given = where
    array = query.form is ResultFormat.DATA_ARRAY
    page = observations_page(
        sight, at, query.options, query.token, MOST_IN_ARRAY if array else MOST_TOP
    )
    following = _following(page, query, here, given)
    options = query.options
    if array:
        return _array(sight, page, options, base, following)
    if query.form is ResultFormat.CSV and not options.expand and not ref:
        shown = Shown(base, options.select)
        columns = observation_columns(sight, page.table, shown, ids=names_shown(sight))
        return Answered(csv_of(columns), page.table.num_rows, CSV, next=following)
    place: tuple[str, ...] = ()
    if ref:
        options = Options(select=(("@iot.selfLink",),))
    elif query.form is ResultFormat.GEOJSON:
        options, place = placed_options(sight, at.kind, options)
    if query.form is ResultFormat.JSON and not options.expand:
        shown = Shown(base, options.select)
        text = objects_text(sight, page.table, shown, ids=names_shown(sight))
        if text is not None:
            body = _around(text, page.count, following)
            return Answered(body, page.table.num_rows, next=following)
    documents = documents_of_observations(sight, page.table, options, base, Budget())
    return _collected(query, documents, page.count, following, place)


def _following(page: Rows, query: Query, here: str, given: Mapping[str, str]) -> str | None:
    if page.next is not None:
        return _next(here, given, {"$skiptoken": page.next})
    if page.more:
        return _next(here, given, {"$skip": str(query.options.skip + page.table.num_rows)})
    return None


def _array(
    sight: Sight, page: Rows, options: Options, base: str, following: str | None
) -> Answered:
    names = names_shown(sight)
    links = _datastream_links(sight, page, base) if names else {}
    shown = Shown(base, options.select)
    arrays = arrays_text(sight, page.table, shown, ids=names)
    if arrays is not None:
        text = data_array_text(arrays, page.table["datastream"], links)
        return Answered(_around(text, page.count, following), page.table.num_rows, next=following)
    columns = observation_columns(sight, page.table, shown, ids=names)
    groups = data_array(columns, page.table["datastream"].to_pylist(), links)
    return Answered(_document(groups, page.count, following), page.table.num_rows, next=following)


def _datastream_links(sight: Sight, page: Rows, base: str) -> dict[int, tuple[str, str]]:
    """Under which name and at which address the datastream of each row is."""
    import pyarrow.compute as pc

    numbers = pc.unique(page.table["datastream"]).to_pylist()
    known = (sight.known.get(("link", base, one)) for one in numbers)
    found = {one: link for one, link in zip(numbers, known, strict=True) if link is not None}
    for name in ("Datastream", "MultiDatastream"):
        left = [one for one in numbers if one not in found]
        kind = sight.scope.types.get(name)
        if not left or kind is None:
            continue
        select = Options(select=(("@iot.selfLink",),))
        for number, document in documents_of_entities(
            sight, kind, _only(sight, kind, left), select, base, Budget()
        ).items():
            found[number] = (name, document["@iot.selfLink"])
            sight.learn(("link", base, number), found[number])
    return found


def _only(sight: Sight, kind: EntityType, numbers: list[int]) -> list[int]:
    query = sa.select(DatastreamRow.number).where(
        among(DatastreamRow.number, numbers, dialect_of(sight.session)),
        DatastreamRow.multi.is_(bool(kind.multi)),
    )
    return list(sight.session.scalars(query))


def _collected(
    query: Query,
    documents: list[dict[str, Any]],
    count: int | None,
    following: str | None,
    place: tuple[str, ...],
) -> Answered:
    rows = len(documents)
    if query.form is ResultFormat.CSV:
        return Answered(csv_of(documents), rows, CSV, next=following)
    if query.form is ResultFormat.GEOJSON:
        found = features_of(documents, place)
        if count is not None:
            found["@iot.count"] = count
        if following is not None:
            found["@iot.nextLink"] = following
        return Answered(orjson.dumps(found), rows, GEOJSON, next=following)
    return Answered(_document(documents, count, following), rows, next=following)


def _document(value: list[Any], count: int | None, following: str | None) -> bytes:
    return _around(orjson.dumps(value)[1:-1], count, following)


def _around(inside: Text, count: int | None, following: str | None) -> bytes:
    """A collection's document around the text of what is in it."""
    found: dict[str, Any] = {}
    if count is not None:
        found["@iot.count"] = count
    if following is not None:
        found["@iot.nextLink"] = following
    return b"".join((orjson.dumps({**found, "value": []})[:-2], inside, b"]}"))


def _next(here: str, given: Mapping[str, str], more: Mapping[str, str]) -> str:
    kept = {name: text for name, text in given.items() if name not in {"$skip", "$skiptoken"}}
    said = "&".join(
        f"{name}={quote(text, safe='$()/:,;=@')}" for name, text in {**kept, **more}.items()
    )
    return f"{here}?{said}"
