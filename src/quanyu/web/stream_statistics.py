"""Statistics of observations by time: ``/sensorthings/{slug}/statistics``.

``by`` is a unit of time, or ``Datastream`` and one: figures of all observations together, or of
each datastream. Days and longer spans are those of the node's time zone, which the answer names.
``measure`` is a list of ``count`` and ``{function}:result``, ``$filter`` chooses the observations,
and ``unit`` is the code of UCUM that figures together are in.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime import MOST_GROUPS, Unit
from quanyu.streams import Figures, Sight, csv_of, figures_of, query_options
from quanyu.web import parameters
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.serve_stream import serve_stream
from quanyu.web.serve_use import Answer
from quanyu.web.statistics_parameters import items

_FORMS = offer("json", "csv")
_KNOWN = frozenset({"by", "measure", "$filter", "unit"})
_DATASTREAM = "Datastream"
_UNITS = {one.value: one for one in Unit if one not in {Unit.HOUR_OF_DAY, Unit.DAY_OF_WEEK}}
_FUNCTIONS = ("mean", "min", "max", "sum", "stddev")


async def statistics(request: Request) -> Response:
    """Figures of spans of time, in order."""
    given = parameters.read(request)
    parameters.check_known(given, _KNOWN | parameters.COMMON)
    form = representation(request, _FORMS, given.get("f"))
    every, apart = _by(given)
    functions = _functions(given)
    chosen = {name: value for name, value in given.items() if name == "$filter"}
    asked = query_options(chosen).options.filter

    def work(sight: Sight) -> Answer:
        found = figures_of(
            sight, asked, every, functions, apart=apart, unit=given.get("unit") or None
        )
        if found.table.num_rows > MOST_GROUPS:
            raise TooLarge("there are more than {most} groups", field="by", most=MOST_GROUPS)
        names = [every.value, *("count" if f == "count" else f"{f}_result" for f in functions)]
        table = found.table.rename_columns([_DATASTREAM, *names] if apart else names)
        if found.zone is not None:
            table = _told_in_zone(table, every.value)
        body = csv_of(table.to_pydict()) if form == "csv" else _json(table, found)
        return Answer(media_type=MEDIA_TYPES[form], body=body, rows=table.num_rows)

    return await serve_stream(request, request.path_params["slug"], work, given, "statistics")


def _by(given: Mapping[str, str]) -> tuple[Unit, bool]:
    """The unit of time, and whether datastreams are apart; raises ``Invalid``."""
    named = items(given, "by")
    units = [_UNITS[one] for one in named if one in _UNITS]
    others = [one for one in named if one not in _UNITS and one != _DATASTREAM]
    if others or len(units) != 1 or named.count(_DATASTREAM) > 1:
        raise Invalid(
            "figures of observations are by one unit of time, and by Datastream too if so asked",
            field="by",
            mend="give one of {known}, such as by=hour or by=Datastream,hour",
            known=", ".join(_UNITS),
        )
    return units[0], _DATASTREAM in named


def _functions(given: Mapping[str, str]) -> list[str]:
    """What to compute, ``count`` when nothing is named; raises ``Invalid``."""
    known = {"count": "count", **{f"{one}:result": one for one in _FUNCTIONS}}
    named = list(dict.fromkeys(items(given, "measure") or ["count"]))
    wrong = [one for one in named if one not in known]
    if wrong:
        raise Invalid(
            "“{name}” is no figure known here",
            field="measure",
            mend="use these: {names}",
            name=wrong[0][:40],
            names=", ".join(known),
        )
    return [known[one] for one in named]


def _told_in_zone(table: Any, name: str) -> Any:
    """Times as texts with the offset of their zone, RFC 3339."""
    import pyarrow as pa

    starts = table[name].combine_chunks().dictionary_encode()  # alike in many datastreams
    told = [one.isoformat().replace("+00:00", "Z") for one in starts.dictionary.to_pylist()]
    place = table.column_names.index(name)
    return table.set_column(place, name, pa.array(told, pa.string()).take(starts.indices))


def _json(table: Any, found: Figures) -> bytes:
    rows = table.to_pylist()
    document: dict[str, Any] = {"groups": rows, "numberReturned": len(rows)}
    if found.unit is not None:
        document["unit"] = found.unit
    if found.zone is not None:
        document["timeZone"] = found.zone
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def routes() -> list[Route]:
    """Routes of statistics of streams."""
    return [Route("/sensorthings/{slug}/statistics", statistics)]
