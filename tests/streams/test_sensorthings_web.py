"""SensorThings over HTTP, by the client that its users have, and by hand."""

import csv
import hashlib
import io
import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import frost_sta_client as sta
import httpx
import pytest
from requests.auth import AuthBase
from streaming_node import SLUG, Streaming, found, free_port, policy

from quanyu.agreements import create_offer
from quanyu.kernel import Invalid, Owed, load_settings, open_control
from warm import warm_quanyu

# The client calls parts of a library that that one will drop.
pytestmark = pytest.mark.filterwarnings("ignore:furl.pathstr is deprecated:DeprecationWarning")


class Served:
    """The node of :mod:`streaming_node` behind a real server."""

    def __init__(self, streaming: Streaming, port: int) -> None:
        self.streaming = streaming
        self.url = f"http://127.0.0.1:{port}"
        self.root = f"{self.url}/sensorthings/{SLUG}/v1.1"

    def client(self, who: str | None = "provider") -> httpx.Client:
        headers = {"accept-language": "en"}
        if who is not None:
            headers["authorization"] = f"Bearer {self.streaming.tokens[who]}"
        return httpx.Client(base_url=self.root, headers=headers, timeout=30, verify=False)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    streaming = found(tmp_path_factory.mktemp("sensorthings"))
    port = free_port()
    log = (streaming.folder / "server.log").open("wb")
    process = subprocess.Popen(
        [warm_quanyu(), "serve", "--dir", streaming.folder, "--port", str(port), "--workers", "1"],
        stdout=log,
        stderr=log,
    )
    made = Served(streaming, port)
    for _ in range(600):
        try:
            if httpx.get(f"{made.url}/readyz", verify=False).status_code == 200:
                break
        except httpx.HTTPError:
            time.sleep(0.1)
    yield made
    process.terminate()
    process.wait(20)
    log.close()


@pytest.fixture(scope="module")
def provider(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


class Bearer(AuthBase):
    """A token, as the client of SensorThings sends credentials."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: Any) -> Any:
        request.headers["authorization"] = f"Bearer {self.token}"
        return request


class Handler(sta.service.auth_handler.AuthHandler):
    """What the client asks for credentials."""

    def __init__(self, token: str) -> None:
        super().__init__("", "")
        self.token = token

    def add_auth_header(self) -> Bearer:
        return Bearer(self.token)


@pytest.fixture(scope="module")
def frost(served: Served) -> sta.SensorThingsService:
    return sta.SensorThingsService(served.root, Handler(served.streaming.tokens["provider"]))


def test_the_clients_of_others_work_both_ways(
    frost: sta.SensorThingsService, provider: httpx.Client
) -> None:
    place = sta.Location(
        name="bridge",
        description="a bridge",
        encoding_type="application/geo+json",
        location={"type": "Point", "coordinates": [24.9, 60.1]},
    )
    thing = sta.Thing(name="gauge", description="a gauge", properties={"material": "steel"})
    thing.locations = [place]
    frost.create(thing)
    sensor = sta.Sensor(
        name="probe", description="a probe", encoding_type="text/plain", metadata="probe"
    )
    seen = sta.ObservedProperty(name="level", definition="http://x/level", description="level")
    unit = sta.UnitOfMeasurement(name="metre", symbol="m", definition="ucum:m")
    datastream = sta.Datastream(
        name="level of water",
        description="level",
        observation_type="http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        unit_of_measurement=unit,
        thing=thing,
        sensor=sensor,
        observed_property=seen,
    )
    frost.create(datastream)
    whole = frost.datastreams().find(datastream.id)
    for hour, result in enumerate([1.5, 2.5, 3.5]):
        # The client sends the whole datastream inside each observation.
        one = sta.Observation(
            phenomenon_time=datetime(2026, 5, 1, hour, tzinfo=UTC),
            result=result,
            datastream=whole,
        )
        frost.create(one)
        assert frost.observations().find(one.id).result == result
    listed = whole.get_observations().query().filter("result gt 2").orderby("result", "desc")
    assert [one.result for one in listed.top(1).list()] == [3.5, 2.5]
    frost.create(
        sta.Observation(
            phenomenon_time=datetime(2026, 5, 1, 9, tzinfo=UTC), result=9, datastream=datastream
        )
    )
    expanded = frost.things().query().filter("name eq 'gauge'").expand("Locations,Datastreams")
    again = next(iter(expanded.list()))
    assert again.properties == {"material": "steel"}
    assert again.locations.entities[0].location["coordinates"] == [24.9, 60.1]
    again.description = "a better gauge"
    frost.update(again)
    frost.patch(again, [{"op": "add", "path": "/properties/height", "value": 3}])
    found_again = frost.things().find(thing.id)
    assert found_again.description == "a better gauge"
    assert found_again.properties == {"material": "steel", "height": 3}
    array = sta.model.ext.data_array_value.DataArrayValue()
    array.datastream = whole
    array.components = {
        array.Property.PHENOMENON_TIME,
        array.Property.RESULT,
    }
    for hour in range(10, 13):
        array.add_observation(
            sta.Observation(phenomenon_time=datetime(2026, 5, 1, hour, tzinfo=UTC), result=hour)
        )
    document = sta.model.ext.data_array_document.DataArrayDocument()
    document.add_data_array_value(array)
    made = frost.observations().create(document)
    assert len(made) == 3
    count = provider.get(f"/Datastreams('{whole.id}')/Observations/$count")
    assert count.text == "7"
    frost.delete(thing)
    assert provider.get(f"/Datastreams('{whole.id}')").status_code == 404


@pytest.mark.parametrize("who", [None, "stranger"])
@pytest.mark.parametrize("path", ["", "/Things", "/Datastreams", "/Observations?$count=true"])
def test_a_stranger_reads_nothing(served: Served, who: str | None, path: str) -> None:
    with served.client(who) as client:
        assert client.get(path or served.root).status_code in {401, 403}


@pytest.mark.parametrize("who", [None, "stranger"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/Things"),
        ("POST", "/Observations"),
        ("POST", "/CreateObservations"),
        ("PATCH", "/Things('station 0')"),
        ("PUT", "/Things('station 0')"),
        ("DELETE", "/Things('station 0')"),
    ],
)
def test_a_stranger_writes_nothing(served: Served, who: str | None, method: str, path: str) -> None:
    with served.client(who) as client:
        assert client.request(method, path, json={}).status_code in {401, 403}


def test_what_is_read_leaves_a_receipt_or_is_counted(provider: httpx.Client) -> None:
    answer = provider.get("/Datastreams?$top=1")
    assert "quanyu-agreement" in answer.headers
    assert answer.headers["quanyu-use"].startswith("use_")


def test_the_services_that_one_may_read_are_listed(served: Served) -> None:
    for who, count in (("provider", 1), ("stranger", 0)):
        with served.client(who) as client:
            listed = client.get(f"{served.url}/sensorthings").json()["value"]
        assert len(listed) == count


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("$filter=name eq", "$filter"),
        ("$filter=name eq 5", "$filter"),
        ("$filter=colour eq 'red'", "$filter"),
        ("$filter=bogus(name)", "$filter"),
        ("$orderby=colour", "$orderby"),
        ("$expand=Colours", "$expand"),
        ("$top=-1", "$top"),
        ("$count=maybe", "$count"),
        ("$resultFormat=xml", "$resultFormat"),
        ("$colour=red", "$colour"),
        ("$skiptoken=x", "$skiptoken"),
        ("$filter=" + "(" * 3000 + "1 eq 1" + ")" * 3000, None),
        ("$filter=" + " or ".join(["name eq 'x'"] * 3000), "$filter"),
    ],
)
def test_a_bad_query_names_its_option(
    provider: httpx.Client, query: str, field: str | None
) -> None:
    name, _, value = query.partition("=")
    answer = provider.get("/Things", params={name: value})
    if field is None:
        assert answer.status_code in {200, 400}
        return
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field


def test_a_row_that_is_wrong_does_no_harm_to_the_others(
    served: Served, provider: httpx.Client
) -> None:
    datastream = served.streaming.ids[0]
    sent = [
        {
            "Datastream": {"@iot.id": datastream},
            "components": ["phenomenonTime", "result"],
            "dataArray": [["2026-02-01T00:00:00Z", 1], ["never", 2], ["2026-02-01T02:00:00Z", 3]],
        },
        {"Datastream": {"@iot.id": "none"}, "components": ["result"], "dataArray": [[1]]},
    ]
    links = provider.post("/CreateObservations", json=sent).json()
    assert [link == "error" for link in links] == [False, True, False, True]
    assert provider.get(links[2]).json()["result"] == 3


def test_late_and_duplicate_observations_are_in_their_place(
    served: Served, provider: httpx.Client
) -> None:
    here = f"/Datastreams('{served.streaming.ids[1]}')/Observations"
    for at, result in (("03", 3), ("01", 1), ("02", 2), ("01", 10)):
        sent = {"phenomenonTime": f"2026-03-{at}T00:00:00Z", "result": result}
        assert provider.post(here, json=sent).status_code == 201
    found_there = provider.get(here, params={"$orderby": "phenomenonTime"}).json()["value"]
    assert [one["result"] for one in found_there] == [10, 2, 3]


def test_pages_go_on_where_they_ended(served: Served, provider: httpx.Client) -> None:
    datastream = served.streaming.ids[0]
    rows = [[f"2026-04-{1 + at // 24:02}T{at % 24:02}:00:00Z", at % 7] for at in range(200)]
    sent = [
        {
            "Datastream": {"@iot.id": datastream},
            "components": ["phenomenonTime", "result"],
            "dataArray": rows,
        }
    ]
    assert provider.post("/CreateObservations", json=sent).status_code == 201
    for order in ("phenomenonTime desc", "result", "result desc,phenomenonTime", "length(result)"):
        link = f"/Datastreams('{datastream}')/Observations"
        params: dict[str, str] | None = {
            "$orderby": order,
            "$top": "60",
            "$filter": "phenomenonTime ge 2026-04-01T00:00:00Z",
        }
        seen: list[Any] = []
        while link:
            page = provider.get(link, params=params).json()
            seen += [one["@iot.id"] for one in page["value"]]
            link, params = page.get("@iot.nextLink", ""), None
        assert (len(seen), len(set(seen))) == (200, 200)


def test_a_thing_keeps_the_id_that_its_client_gave(provider: httpx.Client) -> None:
    thing = {"@iot.id": "lamp/7 'old'", "name": "lamp", "description": "a lamp"}
    made = provider.post("/Things", json=thing)
    assert provider.get(made.headers["location"]).json()["@iot.id"] == "lamp/7 'old'"
    assert provider.post("/Things", json=thing).status_code == 409
    whole = provider.post("/Things", json=thing | {"@iot.id": 77})
    assert whole.headers["location"].endswith("/Things(77)")
    assert provider.get("/Things(77)/@iot.id").json() == {"@iot.id": 77}


CSV = "at,a,b\n2026-06-01T00:00:00Z,1,10\n2026-06-01T01:00:00Z,NA,20\n2026-06-01T02:00:00Z,3,30\n"


def send_file(client: httpx.Client, url: str, text: str, **fields: str) -> httpx.Response:
    return client.post(url, files={"file": ("past.csv", text)}, data={"time": "at", **fields})


def test_a_file_of_the_past_is_taken_in_whole_or_not_at_all(
    served: Served, provider: httpx.Client
) -> None:
    url = f"{served.url}/sensorthings/{SLUG}/files"
    one, two = served.streaming.ids
    columns = f"a={one}\nb={two}"
    june = {"$filter": "phenomenonTime ge 2026-06-01T00:00:00Z", "$orderby": "phenomenonTime"}

    def results(datastream: str) -> list[Any]:
        found_there = provider.get(f"/Datastreams('{datastream}')/Observations", params=june)
        return [row["result"] for row in found_there.json()["value"]]

    for wrong, field, said in (
        (CSV.replace(",20", ",x"), "b", "row 2"),
        (CSV.replace("2026-06-01T02", "2026-06-31T02"), "at", "row 3"),
        (CSV.replace("at,", "when,"), "map", "no column at"),
    ):
        answer = send_file(provider, url, wrong, map=columns)
        assert answer.status_code == 400
        assert answer.json()["field"] == field
        assert said in answer.json()["detail"]
    assert send_file(provider, url, CSV, map="a=none").status_code == 404
    assert send_file(provider, url, CSV, map=columns, colour="red").json()["field"] == "colour"
    assert (
        provider.post(url, content=b"a,b", headers={"content-type": "text/csv"}).status_code == 415
    )
    assert provider.post(url, data={"map": columns}, files={"x": ("", b"")}).status_code == 400
    for who in (None, "stranger"):
        with served.client(who) as client:
            assert send_file(client, url, CSV, map=columns).status_code in {401, 403}
    assert (results(one), results(two)) == ([], [])
    answer = send_file(provider, url, CSV, map=columns)
    assert answer.json() == {"rows": 3, "observations": 5, "missing": 1, "replaced": 0}
    assert (results(one), results(two)) == ([1, 3], [10, 20, 30])
    page = f"{served.url}/streams/{SLUG}/load"
    html = {"accept": "text/html"}
    assert 'enctype="multipart/form-data"' in provider.get(page, headers=html).text
    provider.headers["accept"] = "text/html"
    again = send_file(provider, page, CSV, map=columns)
    bad = send_file(provider, page, CSV.replace(",20", ",x"), map=columns)
    del provider.headers["accept"]
    assert "5 observations of 3 rows" in again.text
    assert bad.status_code == 400
    assert "row 2 of b is no number: x" in bad.text
    assert columns.replace("\n", "") in bad.text.replace("\n", "").replace("\r", "")
    # Who gave which file, and what became of it, stands in the log; a refused one changed nothing.
    control = open_control(load_settings(dir=served.streaming.folder))
    with control.read() as session:
        leaves = [
            (row.kind, json.loads(row.body))
            for row in session.query(Owed).order_by(Owed.number)
            if row.kind.startswith("stream.load")
        ]
    control.close()
    assert [kind for kind, _ in leaves] == ["stream.load-begun", "stream.loaded"] * 2
    assert {leaf["sha256"] for _, leaf in leaves} == {hashlib.sha256(CSV.encode()).hexdigest()}
    first = leaves[1][1]
    assert first["by"]
    for _, leaf in leaves[1::2]:
        counts = {name: leaf[name] for name in ("rows", "observations", "missing", "whole")}
        assert counts == {"rows": 3, "observations": 5, "missing": 1, "whole": True}
        assert leaf["by"] == first["by"]
    assert first["replaced"] == 0
    with served.client("stranger") as client:
        assert client.get(page, headers=html).status_code in {401, 403, 404}
        assert send_file(client, page, CSV, map=columns).status_code in {401, 403, 404}


@pytest.mark.parametrize("method", ["PATCH", "PUT", "POST", "DEEP"])
def test_a_unit_that_is_none_of_ucum_is_refused_however_it_is_sent(
    served: Served, provider: httpx.Client, method: str
) -> None:
    here = f"/Datastreams('{served.streaming.ids[0]}')"
    whole = provider.get(here).json()
    whole = {name: value for name, value in whole.items() if "@iot" not in name}
    unit = {"name": "micro", "symbol": "µg/m³", "definition": "ucum:µg/m³"}
    wrong = {**whole, "unitOfMeasurement": unit}
    if method == "POST":
        answer = provider.post("/Things('station 0')/Datastreams", json=wrong)
    elif method == "DEEP":
        thing = {"name": "t", "description": "t", "Datastreams": [wrong]}
        answer = provider.post("/Things", json=thing)
    else:
        sent = {"unitOfMeasurement": unit} if method == "PATCH" else wrong
        answer = provider.request(method, here, json=sent)
    assert answer.status_code == 400
    assert answer.json()["field"].endswith("unitOfMeasurement.definition")
    assert provider.get(here).json()["unitOfMeasurement"] == whole["unitOfMeasurement"]


def test_multidatastreams_go_both_ways_with_the_clients_of_others(
    frost: sta.SensorThingsService, provider: httpx.Client
) -> None:
    unit = {"name": "degree", "symbol": "°C", "definition": "ucum:Cel"}
    sensor = {"name": "s", "description": "s", "encodingType": "text/plain", "metadata": "s"}
    sent = {
        "@iot.id": "weather",
        "name": "weather",
        "description": "heat and dew point",
        "unitOfMeasurements": [unit, unit],
        "multiObservationDataTypes": ["OM_Measurement", "OM_Measurement"],
        "observationType": "OM_ComplexObservation",
        "Thing": {"name": "mast", "description": "a mast"},
        "Sensor": sensor,
        "ObservedProperties": [
            {"name": name, "definition": "http://x", "description": name}
            for name in ("heat", "dew point")
        ],
    }
    # The client itself cannot send units of a list; it reads them.
    assert provider.post("/MultiDatastreams", json=sent).status_code == 201
    multi = frost.multi_datastreams().find("weather")
    assert multi.name == "weather"
    here = f"/MultiDatastreams('{multi.id}')/Observations"
    at = "2026-07-01T00:00:00Z"
    assert provider.post(here, json={"result": [20, 11], "phenomenonTime": at}).status_code == 201
    short = provider.post(here, json={"result": [20], "phenomenonTime": at})
    assert (short.status_code, short.json()["field"]) == (400, "result")
    listed = frost.multi_datastreams().query().expand("ObservedProperties,Observations").list()
    again = next(one for one in listed if one.id == multi.id)
    assert [one.name for one in again.observed_properties] == ["heat", "dew point"]
    assert [one.result for one in again.observations] == [[20, 11]]
    counted = provider.get(here, params={"$filter": "result[1] lt 12", "$count": "true"}).json()
    assert counted["@iot.count"] == 1


def test_flags_are_in_the_answers_of_all_ways(served: Served, provider: httpx.Client) -> None:
    here = f"/Datastreams('{served.streaming.ids[1]}')"
    tests = {"gross_range_test": {"fail_span": [0, 500]}}
    assert provider.patch(here, json={"properties": {"qartod": tests}}).status_code == 200
    time.sleep(0.3)  # what is known of a datastream is believed for a quarter of a second
    at = "2026-08-01T00:00:0{}Z"
    sent = {"phenomenonTime": at.format(0), "result": 501}
    observed = {"Datastream": {"@iot.id": served.streaming.ids[1]}, **sent}
    for path in ("/Observations", "/Observations", f"{here}/Observations"):
        body = observed if path == "/Observations" else sent
        assert provider.post(path, json=body).status_code == 201
    url = f"{served.url}/sensorthings/{SLUG}/files"
    text = f"at,a\n{at.format(1)},502\n"
    assert send_file(provider, url, text, map=f"a={served.streaming.ids[1]}").status_code == 200
    asked = {"$filter": "resultQuality/DQ_Result/code eq 4", "$orderby": "phenomenonTime"}
    found_there = provider.get(f"{here}/Observations", params=asked).json()["value"]
    assert [one["result"] for one in found_there] == [501, 502]
    flags = {"code": 4, "gross_range_test": 4}
    assert found_there[0]["resultQuality"] == {"nameOfMeasure": "QARTOD", "DQ_Result": flags}
    wrong = provider.patch(here, json={"properties": {"qartod": {"range": 1}}})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "properties.qartod.range")


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ({"column": "result", "mask": "hash"}, "masked by “hash”"),
        ({"column": "result", "mask": "keep-last-4"}, "masked by “keep-last-4”"),
        ({"column": "result", "mask": "mark", "step": 1}, "masked by “mark”"),
        ({"column": "thing_name", "mask": "round", "step": 1}, "“thing_name” of a stream"),
        ({"column": "colour", "mask": "hash"}, "no column “colour”"),
        ({"column": "result", "mask": "round", "step": 5}, None),
    ],
)
def test_a_mask_that_a_stream_cannot_apply_is_refused_when_it_is_offered(
    served: Served, mask: dict[str, object], said: str | None
) -> None:
    one = {"@type": "@json", "@value": mask}
    offered = policy({"leftOperand": "quanyu:mask", "operator": "eq", "rightOperand": one})
    control = open_control(load_settings(dir=served.streaming.folder))
    try:
        with control.begin() as session:
            if said is None:
                assert create_offer(session, served.streaming.callers["provider"], SLUG, offered)
                return
            with pytest.raises(Invalid) as caught:
                create_offer(session, served.streaming.callers["provider"], SLUG, offered)
            assert said in str(caught.value)
    finally:
        control.close()


def observing(
    provider: httpx.Client, thing: int, symbol: str, code: str, *given: float, **more: Any
) -> str:
    """A new datastream with an observation at each quarter of an hour of a night in 2024."""
    sent = {
        **more,
        "name": f"temperature in {symbol}",
        "description": "temperature",
        "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        "unitOfMeasurement": {"name": symbol, "symbol": symbol, "definition": code},
        "Thing": {"@iot.id": thing},
        "Sensor": {
            "name": "probe",
            "description": "probe",
            "encodingType": "text/plain",
            "metadata": "p",
        },
        "ObservedProperty": {
            "name": f"temperature {thing}",
            "definition": "http://x/temperature",
            "description": "temperature",
        },
    }
    where = provider.post("/Datastreams", json=sent).headers["location"]
    name = str(provider.get(where).json()["@iot.id"])
    rows = [[f"2024-02-01T{n // 4:02}:{n % 4 * 15:02}:00Z", value] for n, value in enumerate(given)]
    array = {"components": ["phenomenonTime", "result"], "dataArray": rows}
    sent_too = provider.post(
        "/CreateObservations", json=[{"Datastream": {"@iot.id": name}, **array}]
    )
    assert sent_too.status_code == 201
    return name


def test_figures_by_time_of_all_datastreams_are_in_one_unit(
    served: Served, provider: httpx.Client
) -> None:
    url = f"{served.url}/sensorthings/{SLUG}/statistics"
    thing = {"@iot.id": 4001, "name": "two", "description": "two thermometers"}
    assert provider.post("/Things", json=thing).status_code == 201
    first = observing(provider, 4001, "°C", "ucum:Cel", 10, 20, 30, 40, 50)
    second = observing(provider, 4001, "K", "ucum:K", 283.15, 293.15, 303.15, 313.15)
    night = "phenomenonTime ge 2024-02-01T00:00:00Z and phenomenonTime lt 2024-02-02T00:00:00Z"
    mine = f"Datastream/Thing/id eq 4001 and {night}"

    def asked(**more: str) -> httpx.Response:
        return provider.get(url, params={"by": "hour", "$filter": mine, **more})

    everything = "count,mean:result,min:result,max:result,sum:result"
    together = asked(measure=everything, unit="Cel").json()
    assert together["unit"] == "Cel"
    assert together["groups"] == [
        {
            "hour": "2024-02-01T00:00:00Z",
            "count": 8,
            "mean_result": pytest.approx(25),
            "min_result": pytest.approx(10),
            "max_result": pytest.approx(40),
            "sum_result": pytest.approx(200),
        },
        {
            "hour": "2024-02-01T01:00:00Z",
            "count": 1,
            "mean_result": pytest.approx(50),
            "min_result": pytest.approx(50),
            "max_result": pytest.approx(50),
            "sum_result": pytest.approx(50),
        },
    ]
    fahrenheit = asked(measure="mean:result,stddev:result", unit="[degF]").json()
    assert fahrenheit["groups"][0]["mean_result"] == pytest.approx(77)
    assert fahrenheit["groups"][1]["stddev_result"] is None
    apart = asked(by="Datastream,day", measure="mean:result").json()
    assert "unit" not in apart
    means = {row["Datastream"]: row["mean_result"] for row in apart["groups"]}
    assert means == {first: pytest.approx(30), second: pytest.approx(298.15)}
    text = asked(measure="count", f="csv")
    assert text.headers["content-type"].startswith("text/csv")
    assert text.text.splitlines()[0] == "hour,count"

    other = {"Datastream": {"@iot.id": served.streaming.ids[0]}, "result": 5}
    sent = {**other, "phenomenonTime": "2024-02-03T00:00:00Z"}
    assert provider.post("/Observations", json=sent).status_code == 201
    days = "phenomenonTime ge 2024-02-01T00:00:00Z and phenomenonTime lt 2024-02-05T00:00:00Z"
    mixed = provider.get(url, params={"by": "day", "measure": "mean:result", "$filter": days})
    assert mixed.status_code == 400
    assert mixed.json()["field"] == "$filter"
    assert "ug/m3" in mixed.json()["detail"]
    counted = provider.get(url, params={"by": "day", "measure": "count", "$filter": night})
    assert [row["count"] for row in counted.json()["groups"]] == [9]
    for name, wrong in (
        ("by", "fortnight"),
        ("by", "hour,day"),
        ("by", "hour-of-day"),
        ("measure", "median:result"),
        ("colour", "red"),
    ):
        answer = asked(**{name: wrong})
        assert answer.status_code == 400
        assert answer.json()["field"] == name
    for who in (None, "stranger"):
        with served.client(who) as client:
            assert client.get(url, params={"by": "hour"}).status_code in {401, 403}


def test_figures_as_csv_keep_spreadsheets_from_formulas(
    served: Served, provider: httpx.Client
) -> None:
    thing = {"@iot.id": 4002, "name": "three", "description": "a thermometer"}
    assert provider.post("/Things", json=thing).status_code == 201
    for name in ("=1+cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "plain"):
        observing(provider, 4002, "°C", "ucum:Cel", -5, **{"@iot.id": name})
    answer = provider.get(
        f"{served.url}/sensorthings/{SLUG}/statistics",
        params={
            "by": "Datastream,day",
            "measure": "min:result",
            "$filter": "Datastream/Thing/id eq 4002",
            "f": "csv",
        },
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sorted(row["Datastream"] for row in rows) == [
        "'-2+3",
        "'=1+cmd|' /C calc'!A0",
        "'@SUM(1)",
        "plain",
    ]
    # Numbers and times are what they are.
    assert {row["min_result"] for row in rows} == {"-5.0"}
    assert {row["day"] for row in rows} == {"2024-02-01T00:00:00+08:00"}


def test_figures_need_an_agreement(served: Served, provider: httpx.Client) -> None:
    url = f"{served.url}/sensorthings/{SLUG}/statistics"
    assert provider.get(url, params={"by": "year"}).status_code == 200
    with served.client("partial") as client:
        assert client.get(url, params={"by": "year"}).status_code == 403
