"""Questions about what a datastream says of all its observations, and about results in parts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from stream_world import STREAM, World, datastream, thing, world

from quanyu.kernel import Invalid, NotFound
from quanyu.spacetime import Column, Restriction
from quanyu.streams import Do, take_arrays

WEATHER = {
    "@iot.id": "weather",
    "name": "weather",
    "description": "heat and moisture",
    "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_ComplexObservation",
    "multiObservationDataTypes": ["OM_Measurement", "OM_Measurement"],
    "unitOfMeasurements": [
        {"name": "degree", "symbol": "°C", "definition": "ucum:Cel"},
        {"name": "percent", "symbol": "%", "definition": "ucum:%"},
    ],
    "Sensor": {
        "@iot.id": "s",
        "name": "s",
        "description": "s",
        "encodingType": "x",
        "metadata": "",
    },
    "ObservedProperties": [
        {"@iot.id": "heat", "name": "heat", "definition": "x", "description": "heat"},
        {"@iot.id": "moisture", "name": "moisture", "definition": "x", "description": "moisture"},
    ],
}


def day(number: int) -> str:
    return f"2026-01-{number:02}T00:00:00Z"


def observation(first: int, last: int | None = None, result: Any = 1) -> dict[str, Any]:
    when = day(first) if last is None else f"{day(first)}/{day(last)}"
    return {"result": result, "phenomenonTime": when, "resultTime": day(last or first)}


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("questions")) as made:
        early = datastream("early", Observations=[observation(1), observation(5)])
        late = datastream("late", Observations=[observation(7), observation(9, 10)])
        whole = datastream("whole", Observations=[observation(1), observation(12)])
        made.make("Things", thing("west", early, datastream("empty"), x=5))
        made.make("Things", thing("east", late, whole, x=15))
        made.make("Things", thing("roof", MultiDatastreams=[WEATHER], x=25))
        yield made


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (f"phenomenonTime gt {day(6)}", ["late"]),
        (f"phenomenonTime ge {day(7)}", ["late"]),
        (f"phenomenonTime lt {day(6)}", ["early"]),
        (f"phenomenonTime le {day(5)}", ["early"]),
        (f"phenomenonTime eq {day(1)}/{day(5)}", ["early"]),
        (f"phenomenonTime ne {day(1)}/{day(5)}", ["empty", "late", "whole"]),
        (f"resultTime eq {day(7)}/{day(10)}", ["late"]),
        ("phenomenonTime eq null", ["empty"]),
        ("phenomenonTime ne null", ["early", "late", "whole"]),
        ("phenomenonTime gt null", []),
        (f"during(phenomenonTime,{day(1)}/{day(11)})", ["early", "late"]),
        (f"overlaps(phenomenonTime,{day(6)}/{day(8)})", ["late", "whole"]),
        (f"before(phenomenonTime,{day(6)})", ["early"]),
        (f"after(phenomenonTime,{day(6)})", ["late"]),
        (f"meets(phenomenonTime,{day(5)}/{day(6)})", ["early"]),
        (f"starts(phenomenonTime,{day(1)}/{day(3)})", ["early", "whole"]),
        (f"finishes(phenomenonTime,{day(2)}/{day(5)})", ["early"]),
        (f"not overlaps(phenomenonTime,{day(6)}/{day(8)})", ["early", "empty"]),
        ("st_within(observedArea,geography'POLYGON((0 0,10 0,10 10,0 10,0 0))')", ["early"]),
        ("geo.distance(observedArea,geography'POINT(15 5)') lt 1", ["late", "whole"]),
        (f"Observations/result eq 1 and phenomenonTime gt {day(6)}", ["late"]),
    ],
)
def test_datastreams_are_found_by_their_times_and_area(
    stream: World, asked: str, found: list[str]
) -> None:
    page = stream.ask("Datastreams", filter=asked, orderby="id", count="true")
    assert [one["name"] for one in page["value"]] == found
    assert page["@iot.count"] == len(found)


def test_things_are_found_by_the_times_of_their_datastreams(stream: World) -> None:
    found = stream.values("Things", filter=f"Datastreams/phenomenonTime gt {day(6)}")
    assert [one["name"] for one in found] == ["east"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (f"during(phenomenonTime,{day(9)}/{day(10)})", 1),
        (f"overlaps(phenomenonTime,{day(10)}/{day(12)})", 2),
        (f"before(resultTime,{day(2)})", 2),
    ],
)
def test_observations_know_the_same_functions(stream: World, asked: str, found: int) -> None:
    assert stream.ask("Observations", filter=asked, count="true")["@iot.count"] == found


def test_datastreams_are_ordered_by_their_times_page_by_page(stream: World) -> None:
    def names(**given: str) -> list[str]:
        return [one["name"] for one in stream.values("Datastreams", **given)]

    assert names(orderby="phenomenonTime") == ["early", "whole", "late", "empty"]
    assert names(orderby="resultTime desc") == ["late", "early", "whole", "empty"]
    first = stream.ask("Datastreams", orderby="phenomenonTime desc", top="3")
    token = first["@iot.nextLink"].rpartition("skiptoken=")[2]
    assert names(orderby="phenomenonTime desc", top="3", skiptoken=token) == ["empty"]
    assert names(orderby="phenomenonTime", top="1", skip="2") == ["late"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"filter": "phenomenonTime gt 5"}, "$filter"),
        ({"filter": "during(name,'x')"}, "$filter"),
        ({"filter": "year(phenomenonTime) eq 2026"}, "$filter"),
        ({"filter": "during(phenomenonTime)"}, "$filter"),
        ({"orderby": "phenomenonTime,name"}, "$orderby"),
        ({"orderby": "observedArea"}, "$orderby"),
    ],
)
def test_what_cannot_be_asked_is_refused(stream: World, given: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        stream.ask("Datastreams", **given)
    assert caught.value.field == field


def test_times_of_all_are_not_told_where_some_are_hidden(stream: World) -> None:
    part = Restriction(interval=(datetime(2026, 1, 6, tzinfo=UTC), None))
    region = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}
    shown = ("datastream", "datastream_name", "result")
    asked = f"phenomenonTime lt {day(31)}"
    area = "st_within(observedArea,geography'POLYGON((0 0,90 0,90 10,0 10,0 0))')"
    for restriction in (part, Restriction(region=region)):
        for one in (asked, area, "phenomenonTime ne null"):
            assert stream.values("Datastreams", restriction, filter=one) == []
        page = stream.values("Datastreams", restriction, orderby="phenomenonTime desc")
        names = [one["name"] for one in page]
        assert names == [one for one in ("early", "empty", "late", "whole") if one in names]
    hidden = Restriction(columns=tuple(map(Column, shown)))
    for given in ({"filter": asked}, {"filter": area}, {"orderby": "phenomenonTime"}):
        with pytest.raises(Invalid):
            stream.ask("Datastreams", hidden, **given)


def test_a_multidatastream_holds_several_results_at_once(stream: World) -> None:
    rows = [[day(1), [20, 40]], [day(2), [25, 35]], [day(3), [30, None]]]
    sent = {"MultiDatastream": {"@iot.id": "weather"}, "components": ["phenomenonTime", "result"]}
    taken = take_arrays(stream.intake, STREAM, {**sent, "dataArray": [*rows, [day(4), 5]]})
    assert (taken.kept, taken.ids[-1]) == (3, None)
    one = {"MultiDatastream": {"@iot.id": "weather"}, "result": [18, 90], "phenomenonTime": day(5)}
    stream.make("Observations", one)
    path = "MultiDatastreams('weather')/Observations"

    def results(**given: str) -> list[Any]:
        found = stream.values(path, orderby="phenomenonTime", **given)
        return [each["result"] for each in found]

    assert results() == [[20, 40], [25, 35], [30, None], [18, 90]]
    assert results(filter="result[0] gt 19") == [[20, 40], [25, 35], [30, None]]
    assert results(filter="result/1 lt 41 and result[0] lt 25") == [[20, 40]]
    whole = stream.ask("MultiDatastreams('weather')", expand="ObservedProperties,Observations")
    assert [each["name"] for each in whole["ObservedProperties"]] == ["heat", "moisture"]
    assert len(whole["Observations"]) == 4
    arrays = stream.values(path, resultFormat="dataArray", select="result")
    assert [20, 40] in [row[0] for row in arrays[0]["dataArray"]]
    assert "[18,90]" in stream.text(path, resultFormat="CSV").replace('"', "")
    found = stream.values("ObservedProperties", filter="MultiDatastreams/name eq 'weather'")
    assert {each["name"] for each in found} == {"heat", "moisture"}
    assert stream.values("Datastreams", filter="name eq 'weather'") == []


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"result": 5}, "result"),
        ({"result": [1]}, "result"),
        ({"result": [1, 2, 3]}, "result"),
    ],
)
def test_a_result_has_a_value_for_each_property(stream: World, sent: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        stream.make("Observations", {"MultiDatastream": {"@iot.id": "weather"}, **sent})
    assert caught.value.field == field


def test_a_multidatastream_is_whole_or_not_at_all(stream: World) -> None:
    short = {**WEATHER, "@iot.id": "short", "multiObservationDataTypes": ["OM_Measurement"]}
    units = [WEATHER["unitOfMeasurements"][0], {"name": "x", "symbol": "x", "definition": "ucum:x"}]
    tested = {**WEATHER, "@iot.id": "tested", "properties": {"qartod": {"spike_test": {"a": 1}}}}
    for wrong in (short, {**WEATHER, "@iot.id": "short", "unitOfMeasurements": units}, tested):
        with pytest.raises(Invalid):
            stream.make("Things", thing("half", MultiDatastreams=[wrong]))
        with pytest.raises(NotFound):
            stream.ask("Things('half')")
    for changed in (units, WEATHER["unitOfMeasurements"][:1]):
        with pytest.raises(Invalid):
            stream.do(Do.UPDATE, "MultiDatastreams('weather')", {"unitOfMeasurements": changed})


def test_a_multidatastream_out_of_the_region_is_not_there(stream: World) -> None:
    west = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}
    hidden = Restriction(region=west)
    assert stream.values("MultiDatastreams", hidden) == []
    for path in ("MultiDatastreams('weather')", "MultiDatastreams('weather')/Observations"):
        with pytest.raises(NotFound):
            stream.ask(path, hidden)
    found = stream.values("Observations", hidden, filter="result[0] gt 0")
    assert found == []
    columns = Restriction(columns=tuple(map(Column, ("thing", "sensor", "phenomenon_time"))))
    assert "MultiDatastream" not in stream.text("Things", columns)
    with pytest.raises(Invalid):
        stream.ask("Observations", columns, filter="result[0] gt 0")
