"""No question to a stream returns what its restriction hides: whatever is asked, the answer is that
of a stream in which the hidden things are not there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, settings
from hypothesis import given as generate
from hypothesis import strategies as st

from migrated import migrated
from quanyu.kernel import Invalid, NotFound, Refused, ResourceId
from quanyu.spacetime import Column, Mask, Restriction, Unit
from quanyu.streams import (
    Change,
    Do,
    Intake,
    Observations,
    Streams,
    answer,
    change,
    documents_of,
    figures_of,
    query_options,
    target_of_path,
)

ALL, SHADOW = ResourceId("res_all"), ResourceId("res_shadow")
BASE = "http://here"
WEST = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}
ROWS = {
    "op": "and",
    "args": [
        {"op": "<", "args": [{"property": "result"}, 50]},
        {"op": "<>", "args": [{"property": "datastream_name"}, "secret"]},
        {"op": "not", "args": [{"op": "=", "args": [{"property": "thing_name"}, "ghost"]}]},
    ],
}
SECRET = "HIDDEN"
NARROW = Restriction(region=WEST, rows=ROWS)


def station(number: int, x: float, streams: dict[str, list[float]], name: str = "") -> Any:
    hidden = x > 10 or name == "ghost"
    mark = SECRET if hidden else "plain"
    return {
        "@iot.id": f"station-{number}",
        "name": name or f"station {number} {mark}",
        "description": mark,
        "properties": {"floor": number, "note": mark},
        "Locations": [
            {
                "@iot.id": f"place-{number}",
                "name": f"place {mark}",
                "description": mark,
                "encodingType": "application/geo+json",
                "location": {"type": "Point", "coordinates": [x, 5]},
            }
        ],
        "Datastreams": [
            {
                "@iot.id": f"stream-{number}-{what}",
                "name": what,
                "description": SECRET if what == "secret" else mark,
                "observationType": "OM_Measurement",
                "unitOfMeasurement": {"name": what, "symbol": "Cel", "definition": "ucum:Cel"},
                "Sensor": {
                    "@iot.id": f"sensor-{number}-{what}",
                    "name": f"sensor {SECRET if hidden or what == 'secret' else number}",
                    "description": "a sensor",
                    "encodingType": "text/plain",
                    "metadata": "x",
                },
                "ObservedProperty": {
                    "@iot.id": f"property-{number}-{what}",
                    "name": what,
                    "definition": "x",
                    "description": "x",
                },
                "Observations": [
                    {
                        "@iot.id": f"o-{number}-{what}-{at}",
                        "result": result,
                        "phenomenonTime": f"2026-01-0{1 + at}T00:00:00Z",
                        "resultQuality": "good" if at % 2 else "poor",
                    }
                    for at, result in enumerate(results)
                ],
            }
            for what, results in streams.items()
        ],
    }


EVERYTHING = [
    station(1, 2, {"heat": [1, 20, 60], "secret": [3]}),
    station(2, 8, {"heat": [5, 7], "noise": [70, 80]}),
    station(3, 15, {"heat": [2, 3]}),
    station(4, 12, {"noise": [9]}),
    station(5, 3, {"heat": [4]}, "ghost"),
]
ALLOWED = [
    station(1, 2, {"heat": [1, 20]}),
    station(2, 8, {"heat": [5, 7], "noise": []}),
]


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    folder: Path = tmp_path_factory.mktemp("streams")
    control = migrated(folder / "control.sqlite")
    observations = Observations(control, folder, str(folder / "tables"))
    intake = Intake(control, observations)
    for resource, things in ((ALL, EVERYTHING), (SHADOW, ALLOWED)):
        for thing in things:
            change(control, intake, resource, Change(Do.CREATE, "Things", thing), "party")
    yield Streams(control, observations)
    observations.close()
    control.close()


def ask(
    streams: Streams, resource: ResourceId, restriction: Restriction, path: str, **given: str
) -> Any:
    """An answer as values, without what follows from numbers inside."""
    options = {f"${name}": text for name, text in given.items()}
    with streams.sight(resource, restriction) as sight:
        try:
            found = answer(
                sight,
                target_of_path(sight, path),
                query_options(options),
                (BASE, f"{BASE}/{path}", options),
            )
        except NotFound as error:
            return f"not found: {error.detail}"
        except Invalid as error:
            return f"invalid: {error.field}: {error.detail}"
    text = found.body.decode()
    if text and found.media_type.endswith("json"):
        return plain(json.loads(text))
    return re.sub(r"(?<=\d)\.0(?=[,\]])", "", text)  # 2 and 2.0 are one number, in CSV too


MADE = ("phenomenonTime", "resultTime", "observedArea")


def plain(value: Any) -> Any:
    """Without ids that are made here, and without what a datastream tells of all observations."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = MADE if "observationType" in value else ()
    return {
        name: plain(one)
        for name, one in value.items()
        if name not in made
        and not name.endswith(("Link", "nextLink"))
        and not (
            name in {"@iot.id", "id", "time"} and str(one).startswith(("hlo_", "foi_", "2026"))
        )
    }


PATHS = (
    "Things",
    "Locations",
    "HistoricalLocations",
    "Datastreams",
    "Sensors",
    "ObservedProperties",
    "Observations",
    "FeaturesOfInterest",
    "Things('station-1')/Datastreams",
    "Things('station-3')",
    "Things('station-5')/name",
    "Datastreams('stream-1-secret')",
    "Datastreams('stream-1-heat')/Observations",
    "Datastreams('stream-2-noise')/Observations",
    "Sensors('sensor-3-heat')/Datastreams",
    "Locations('place-4')/location/$value",
    "Locations('place-1')/Things",
    "Observations('o-1-heat-2')",
    "Observations('o-1-heat-1')/FeatureOfInterest",
    "Observations('o-3-heat-0')/result/$value",
    "Things/$count",
    "Observations/$count",
    "Sensors/$ref",
)
FILTERS = (
    None,
    "contains(name,'HIDDEN')",
    "name ne 'x'",
    "not contains(description,'HIDDEN')",
    "properties/floor gt 1",
    "Datastreams/name eq 'secret'",
    "Datastreams/Observations/result gt 30",
    "Datastreams/Observations/result gt 5",
    "Observations/result ge 60",
    "Thing/name eq 'ghost'",
    "Thing/Locations/name eq 'place HIDDEN'",
    "Things/Datastreams/Sensor/name ne 'x'",
    "st_within(location,geography'POLYGON((11 0,20 0,20 10,11 10,11 0))')",
    "geo.distance(location,geography'POINT(15 5)') lt 4",
    "geo.intersects(feature,geography'POLYGON((0 0,20 0,20 10,0 10,0 0))')",
    "Observations/FeatureOfInterest/name eq 'place HIDDEN'",
    "result gt 3",
    "result gt 3 or Datastream/name eq 'secret'",
    "not (Datastream/Thing/name eq 'station 1 plain')",
    "Datastream/Thing/Locations/name ne 'place plain'",
    "FeatureOfInterest/name eq 'place HIDDEN' or result eq 1",
    "id ne 'station-1'",
    "Thing/name ne Sensor/name",
    "day(phenomenonTime) eq 1",
    "resultQuality eq 'good'",
)
ORDERS = (None, "name desc", "id", "result desc", "Thing/name", "Datastream/name desc,result")
EXPANDS = (
    None,
    "Datastreams",
    "Datastreams/Observations",
    "Datastreams($expand=Observations($count=true;$top=1;$orderby=result desc),Sensor;$count=true)",
    "Things($expand=Locations)",
    "Thing/Datastreams",
    "Observations($filter=result gt 2)",
    "Datastream($expand=Thing/Locations,ObservedProperty),FeatureOfInterest",
    "Locations,HistoricalLocations/Locations",
)
FORMS = (None, "CSV", "dataArray", "GeoJSON")


@settings(max_examples=60)
@example(
    path="Observations",
    filter_=None,
    order=None,
    expand=None,
    form="dataArray",
    top=None,
    skip=None,
    count=None,
    select="name,description",
)
@example(
    path="Locations",
    filter_=None,
    order=None,
    expand=None,
    form="CSV",
    top=None,
    skip=None,
    count=None,
    select=None,
)
@generate(
    path=st.sampled_from(PATHS),
    filter_=st.sampled_from(FILTERS),
    order=st.sampled_from(ORDERS),
    expand=st.sampled_from(EXPANDS),
    form=st.sampled_from(FORMS),
    top=st.sampled_from((None, "1", "2", "0")),
    skip=st.sampled_from((None, "1")),
    count=st.sampled_from((None, "true")),
    select=st.sampled_from((None, "id", "name,description", "result")),
)
def test_a_restricted_stream_is_one_in_which_the_rest_is_not_there(
    streams: Streams, path: str, filter_: str | None, **rest: str | None
) -> None:
    said = {
        "filter": filter_,
        "orderby": rest["order"],
        "expand": rest["expand"],
        "resultFormat": rest["form"],
        "top": rest["top"],
        "skip": rest["skip"],
        "count": rest["count"],
        "select": rest["select"],
    }
    given = {name: text for name, text in said.items() if text is not None}
    found = ask(streams, ALL, NARROW, path, **given)
    assert SECRET not in json.dumps(found)
    if rest["form"] == "CSV" and ("foi_" in str(found) or "observationType" in str(found)):
        return  # ids that were made, and what datastreams tell of all observations, as text
    assert found == ask(streams, SHADOW, Restriction(), path, **given)


HIDE = Restriction(
    columns=tuple(
        Column(name)
        for name in (
            *("thing", "datastream", "datastream_name", "observed_property", "unit"),
            *("phenomenon_time", "result"),
        )
    )
)


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("Things", {"filter": "startswith(name,'station')"}),
        ("Things", {"orderby": "name"}),
        ("Things", {"orderby": "properties/floor"}),
        ("Things('station-1')/name", {}),
        ("Things('station-1')/name/$value", {}),
        ("Things", {"expand": "Locations"}),
        ("Datastreams", {"expand": "Sensor"}),
        ("Datastreams", {"filter": "Sensor/name eq 'x'"}),
        ("Datastreams", {"orderby": "Sensor/name"}),
        ("Observations", {"filter": "resultQuality eq 'good'"}),
        ("Observations", {"orderby": "resultQuality"}),
        ("Observations", {"filter": "Datastream/Thing/name eq 'x'"}),
        ("Observations", {"filter": "FeatureOfInterest/name eq 'x'"}),
        ("Observations", {"expand": "FeatureOfInterest"}),
        ("Sensors", {}),
        ("Locations", {}),
        ("HistoricalLocations", {}),
        ("FeaturesOfInterest/$count", {}),
        ("Datastreams('stream-1-heat')/Sensor", {}),
        ("Datastreams('stream-1-heat')/observedArea", {}),
        ("Things('station-1')/Locations", {}),
        ("Observations('o-1-heat-0')/resultQuality", {}),
    ],
)
def test_a_hidden_field_cannot_even_be_asked_about(
    streams: Streams, path: str, given: dict[str, str]
) -> None:
    found = ask(streams, ALL, HIDE, path, **given)
    assert str(found).startswith(("not found", "invalid"))


@pytest.mark.parametrize("form", [None, "CSV", "GeoJSON", "dataArray"])
@pytest.mark.parametrize("path", ["Things", "Datastreams", "Observations"])
def test_a_hidden_field_is_in_no_form(streams: Streams, path: str, form: str | None) -> None:
    given = {} if form is None else {"resultFormat": form}
    text = json.dumps(ask(streams, ALL, HIDE, path, **given))
    assert "station 1" not in text
    assert '"good"' not in text
    assert "good" not in text
    assert "coordinates" not in text
    assert "Sensor" not in text


def test_ids_of_observations_do_not_tell_a_hidden_time(streams: Streams) -> None:
    hide = Restriction(columns=(Column("result"), Column("datastream")))
    for form in ("JSON", "CSV", "dataArray", "GeoJSON"):
        text = json.dumps(
            ask(streams, ALL, hide, "Observations", top="2", orderby="result", resultFormat=form)
        )
        assert "o-1-heat" not in text
        assert "1767225600000000" not in text
        assert "skiptoken" not in text
    assert str(ask(streams, ALL, hide, "Observations", orderby="id")).startswith("invalid")
    assert str(ask(streams, ALL, hide, "Observations('o-1-heat-0')")).startswith("not found")


def test_results_are_rounded_wherever_they_are_asked_about(streams: Streams) -> None:
    columns = tuple(Column(name) for name in ("datastream", "phenomenon_time", "thing"))
    rounded = Restriction(columns=(*columns, Column("result", Mask.ROUND, 10)))
    path = "Datastreams('stream-1-heat')/Observations"
    found = ask(streams, ALL, rounded, path)
    assert [one["result"] for one in found["value"]] == [0, 20, 60]
    exact = ask(streams, ALL, rounded, path, filter="result eq 1", count="true")
    assert exact["@iot.count"] == 0
    assert ask(streams, ALL, rounded, path, filter="result eq 0", count="true")["@iot.count"] == 1


def test_what_cannot_be_applied_gives_nothing(streams: Streams) -> None:
    for restriction in (
        Restriction(columns=(Column("thing_name", Mask.HASH),)),
        Restriction(rows={"op": "=", "args": [{"property": "owner"}, "x"]}),
        Restriction(rows={"op": "casei", "args": [{"property": "thing_name"}]}),
    ):
        with pytest.raises(Invalid) as caught, streams.sight(ALL, restriction):
            pass
        assert caught.value.field == "restriction"


def test_places_are_coarse_on_a_grid(streams: Streams) -> None:
    coarse = Restriction(grid_m=200_000)
    found = ask(streams, ALL, coarse, "Locations('place-1')")
    assert found["location"]["coordinates"] != [2, 5]
    near = "geo.distance(location,geography'POINT(2 5)') lt 0.001"
    assert ask(streams, ALL, coarse, "Locations", filter=near)["value"] == []
    area = ask(streams, ALL, coarse, "Datastreams('stream-1-heat')/observedArea")
    assert area == ""


def test_an_interval_bounds_observations_and_history(streams: Streams) -> None:
    from datetime import UTC, datetime

    first = datetime(2026, 1, 2, tzinfo=UTC)
    within = Restriction(interval=(first, datetime(2026, 1, 2, 12, tzinfo=UTC)))
    found = ask(streams, ALL, within, "Observations", expand="Datastream")
    assert {one["phenomenonTime"] for one in found["value"]} == {"2026-01-02T00:00:00Z"}
    assert ask(streams, ALL, within, "HistoricalLocations")["value"] == []
    assert ask(streams, ALL, within, "Datastreams('stream-1-heat')/phenomenonTime") == ""


@pytest.mark.parametrize("apart", [True, False])
def test_figures_are_those_of_what_is_given(streams: Streams, *, apart: bool) -> None:
    """Neither hidden datastreams nor hidden observations are in a figure."""
    found = []
    for resource, restriction in ((ALL, NARROW), (SHADOW, Restriction())):
        with streams.sight(resource, restriction) as sight:
            made = figures_of(sight, None, Unit.DAY, ["count", "sum", "max"], apart=apart)
        kept = ["start", "count", "sum", "max"]
        found.append((sorted(map(str, made.table.select(kept).to_pylist())), made.unit))
    assert found[0] == found[1]
    assert found[0][0]


def test_figures_are_refused_where_results_are_hidden_or_rounded(streams: Streams) -> None:
    shown = (Column("datastream"), Column("phenomenon_time"))
    for columns in (shown, (*shown, Column("result", Mask.ROUND, 10))):
        with (
            streams.sight(ALL, Restriction(columns=columns)) as sight,
            pytest.raises(Refused, match="hides or rounds"),
        ):
            figures_of(sight, None, Unit.DAY, ["mean"], apart=False)
    bare = Restriction(columns=(Column("result"), Column("phenomenon_time")))
    with streams.sight(ALL, bare) as sight, pytest.raises(Refused, match="datastreams apart"):
        figures_of(sight, None, Unit.DAY, ["mean"], apart=True)


def test_new_rows_are_told_only_to_whom_they_are_given(streams: Streams) -> None:
    with streams.sight(ALL, NARROW) as sight:
        rows, _ = sight.observations.changes(0, 1_000)
        told = documents_of(sight, rows, BASE)
    assert sorted(one["result"] for _, one in told) == [1, 5, 7, 20]
    with streams.sight(ALL) as sight:
        assert len(documents_of(sight, rows, BASE)) == 12
