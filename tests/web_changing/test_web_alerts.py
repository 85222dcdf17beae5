"""Rules and alerts over real HTTP: put, tried, raised by the running server, seen by who may."""

import html
import re
import threading
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from town import Town, term

from quanyu import app as composition
from quanyu.kernel import LocalText, now
from quanyu.streams import DatastreamDraft
from streaming import observe, published_stream

OM_MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
RULE = """
id: heat
title: {zh: 过热, en: Too hot}
stream: pumps
severity: major
when: {kind: threshold, above: 80, clear_below: 70, for: 1h}
escalate: [{to: everybody}]
"""


class Pumps:
    """A stream of the town with one rule, and what was seen of it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        drafts = [
            DatastreamDraft(
                thing=f"pump-{n}",
                name=f"heat of pump {n}",
                observed_property="heat",
                unit="Cel",
                place=(24.9 + n / 50, 60.17),
            )
            for n in (1, 2)
        ]
        title = LocalText(zh="泵站", en="Pumps")
        control = town.control()
        with control.begin() as session:
            _, self.numbers = published_stream(
                session, town.callers["provider"], "pumps", title, drafts
            )
        control.close()
        self.begin = now().replace(microsecond=0) - timedelta(hours=6)

    def put(self, rows: list[tuple[int, int, float]]) -> None:
        """Observations of pump, hour and value."""
        control = self.town.control()
        store = composition.open_observations(self.town.settings, control)
        observe(
            store,
            [(self.numbers[n - 1], self.begin + timedelta(hours=h), value) for n, h, value in rows],
        )
        store.close()
        control.close()


@pytest.fixture(scope="module")
def pumps(town: Town) -> Pumps:
    made = Pumps(town)
    with town.client("provider") as client:
        live = client.put("/api/rules?state=live", content=RULE)
        assert live.status_code == 200
        kept = live.json()["rules"][0]
        assert (kept["version"], kept["state"]) == (1, "live")
        assert client.put("/api/rules", content=RULE).json()["rules"][0]["version"] == 1
        # What has never been judged is judged from where observations stand: let that be first.
        time.sleep(2)
        made.put([(1, h, 60 + 10.0 * h) for h in range(6)] + [(2, h, 50.0) for h in range(6)])
        assert wait(lambda: open_alerts(client)), "the server raises within seconds"
    return made


def wait(true: Any, seconds: float = 90.0) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if true():
            return True
        time.sleep(0.2)
    return False


def open_alerts(client: httpx.Client, **asked: str) -> list[dict[str, Any]]:
    answer = client.get("/api/alerts", params={"limit": "20", **asked})
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["alerts"]
    return found


def test_what_was_raised_is_what_the_back_test_says(town: Town, pumps: Pumps) -> None:
    with town.client("provider") as client:
        (one,) = open_alerts(client)
        assert (one["thing"], one["severity"], one["state"]) == ("pump-1", "major", "firing")
        start = (pumps.begin - timedelta(days=1)).isoformat()
        made = client.post("/api/rules/back-test", params={"start": start}, content=RULE).json()
        assert made["raised"] == 1
        assert made["episodes"][0]["beganAt"] == one["beganAt"]
        assert made["observations"] == 12
        page = client.get("/alerts", params={"f": "json"}).json()
        assert page["figures"]["open"]["major"] == 1


def test_strangers_see_nothing_and_change_nothing(town: Town, pumps: Pumps) -> None:
    with town.client("provider") as client:
        (one,) = open_alerts(client)
    for who in (None, "stranger", "consumer"):
        with town.client(who) as client:
            assert open_alerts(client) == []
            assert client.get(f"/api/alerts/{one['id']}").status_code == 404
            assert client.get(f"/alerts/{one['id']}").status_code == 404
            assert client.get("/api/rules").json() == {"rules": []}
            assert client.get(f"/api/rules/{one['rule']}").status_code == 404
            figures = client.get("/api/alerts/figures").json()
            assert (figures["firing"], figures["raised"], figures["changedAt"]) == (0, 0, None)
            wall = client.get("/wall", params={"f": "json"}).json()
            assert (wall["alerts"], wall["facilities"]) == ([], [])
            denied = {401} if who is None else {403, 404}
            for method, path, body in (
                ("PUT", "/api/rules", RULE),
                ("POST", "/api/rules/back-test", RULE),
                ("PUT", f"/api/rules/{one['rule']}/state?state=removed", ""),
                ("POST", f"/api/alerts/{one['id']}/acknowledge", "{}"),
            ):
                answer = client.request(method, path, content=body)
                assert answer.status_code in denied, (who, path, answer.text)
    with town.client() as client:
        for path in ("/api/silences", "/api/on-call", "/duty", "/on-call", "/rules/new"):
            assert client.get(path).status_code == 401


def test_an_agreement_shows_the_alerts_of_what_it_lets_read(town: Town, pumps: Pumps) -> None:
    with town.client("provider") as client:
        (seen,) = open_alerts(client)
    east = {
        "type": "Polygon",
        "coordinates": [[[24.93, 60], [25, 60], [25, 61], [24.93, 61], [24.93, 60]]],
    }
    west = {
        "type": "Polygon",
        "coordinates": [[[24, 60], [24.93, 60], [24.93, 61], [24, 61], [24, 60]]],
    }
    for region, ids in ((east, []), (west, [seen["id"]])):
        narrowed = town.agree("pumps", "consumer", term("spatial", "isPartOf", region))
        with town.client("consumer") as client:
            assert [one["id"] for one in open_alerts(client)] == ids
            status = 200 if ids else 404
            assert client.get(f"/api/alerts/{seen['id']}").status_code == status
            assert client.get("/api/alerts/figures").json()["firing"] == 0
            assert client.get("/wall", params={"f": "json"}).json()["facilities"] == []
        town.end(narrowed, "provider")
    whole = town.agree("pumps", "consumer")
    with town.client("consumer") as client:
        (one,) = open_alerts(client)
        assert client.get(f"/alerts/{one['id']}").status_code == 200
        taken = client.post(f"/api/alerts/{one['id']}/acknowledge", json={})
        assert (taken.status_code, taken.json()["rule"]) == (403, "alerts.act")
    town.end(whole, "provider")
    with town.client("consumer") as client:
        assert open_alerts(client) == []


@pytest.mark.parametrize(
    ("asked", "body", "field"),
    [
        ("GET /api/alerts?state=loud", "", "state"),
        ("GET /api/alerts?colour=red", "", "colour"),
        ("PUT /api/rules?state=loud", RULE, "state"),
        ("PUT /api/rules", RULE.replace("above: 80", "above: high"), "when.above"),
        ("PUT /api/rules", "a: [", "rules"),
        ("POST /api/rules/back-test?start=soon", RULE, "start"),
        ("POST /api/silences", '{"matcher": {}, "endsAt": "2099-01-01T00:00:00Z"}', "matcher"),
        ("POST /api/silences", '{"matcher": {"thing": "x"}, "endsAt": "soon"}', "endsAt"),
        ("PUT /api/on-call/duty", '{"rotations": []}', "rotations"),
    ],
)
def test_what_is_wrong_is_named(
    town: Town, pumps: Pumps, asked: str, body: str, field: str
) -> None:
    method, path = asked.split()
    with town.client("provider") as client:
        answer = client.request(method, path, content=body)
        assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_pages_answer_in_both_languages(town: Town, pumps: Pumps) -> None:
    with town.client("provider") as client:
        (one,) = open_alerts(client)
        paths = ("/wall", "/alerts", f"/alerts/{one['id']}", "/rules", f"/rules/{one['rule']}",
                 f"/rules/{one['rule']}/edit", "/rules/new?kind=composite", "/duty",
                 "/on-call", "/on-call/new",
                 "/resources/pumps/subscriptions")  # fmt: skip
        for path in paths:
            for language in ("zh", "en"):
                answer = client.get(
                    path, headers={"accept": "text/html", "accept-language": language}
                )
                assert answer.status_code == 200, path


def test_what_changes_is_told_and_taken_on(town: Town, pumps: Pumps) -> None:
    with town.client("provider") as client:
        (one,) = open_alerts(client)
        heard: list[str] = []

        def listen() -> None:
            with town.client("provider") as ear, ear.stream("GET", "/api/alerts/events") as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                for line in answer.iter_lines():
                    if line.startswith("id:"):
                        heard.append(line)
                    if len(heard) == 2:
                        return

        ear = threading.Thread(target=listen, daemon=True)
        ear.start()
        assert wait(lambda: heard)
        taken = client.post(f"/api/alerts/{one['id']}/acknowledge", json={"note": "on my way"})
        assert taken.json()["state"] == "acknowledged"
        ear.join(10)
        assert len(set(heard)) == 2
        end = (now() + timedelta(hours=1)).isoformat()
        quiet = client.post(
            "/api/silences",
            json={"matcher": {"thing": "pump-1"}, "endsAt": end, "reason": "repairs"},
        )
        assert quiet.status_code == 201
        with town.client("stranger") as other:
            assert other.delete(f"/api/silences/{quiet.json()['id']}").status_code == 404
        assert client.delete(f"/api/silences/{quiet.json()['id']}").status_code == 200
        pumps.put([(1, 6, 20.0)])
        assert wait(lambda: not open_alerts(client))
        assert [a["id"] for a in open_alerts(client, state="resolved")] == [one["id"]]


FENCE = """
id: in-the-park
title: {zh: 进入公园, en: In the park}
stream: pumps
watch: {things: [cart-1]}
when:
  kind: geofence
  area:
    type: Polygon
    coordinates: [[[24.94, 60.17], [24.96, 60.17], [24.96, 60.19], [24.94, 60.19], [24.94, 60.17]]]
"""
OUTSIDE, INSIDE = [24.90, 60.18], [24.95, 60.18]


def location(place: list[float]) -> dict[str, Any]:
    return {
        "name": "position",
        "description": "where it is",
        "encodingType": "application/geo+json",
        "location": {"type": "Point", "coordinates": place},
    }


def feature(place: list[float]) -> dict[str, Any]:
    return {
        "name": "position",
        "description": "where it was",
        "encodingType": "application/geo+json",
        "feature": {"type": "Point", "coordinates": place},
    }


def test_what_moves_into_an_area_and_out_again_raises_and_resolves(
    town: Town, pumps: Pumps
) -> None:
    """By features of interest that are said, and by the place that the thing has."""
    thing = {
        "@iot.id": "cart-1",
        "name": "Cart 1",
        "description": "a street sweeper",
        "Locations": [location(OUTSIDE)],
        "Datastreams": [
            {
                "name": "speed",
                "description": "speed",
                "observationType": OM_MEASUREMENT,
                "unitOfMeasurement": {
                    "name": "metre per second",
                    "symbol": "m/s",
                    "definition": "m/s",
                },
                "Sensor": {
                    "name": "receiver",
                    "description": "satellite receiver",
                    "encodingType": "text/html",
                    "metadata": "none",
                },
                "ObservedProperty": {
                    "name": "speed",
                    "definition": "http://qudt.org/vocab/quantitykind/Speed",
                    "description": "speed",
                },
            }
        ],
    }
    root = "/sensorthings/pumps/v1.1"
    begin = now() - timedelta(minutes=30)
    with town.client("provider") as client:
        assert client.put("/api/rules?state=live", content=FENCE).status_code == 200
        made = client.post(f"{root}/Things", json=thing)
        assert made.status_code == 201
        where = client.get(f"{made.headers['location']}/Datastreams").json()["value"][0]
        observations = f"{where['@iot.selfLink']}/Observations"

        def seen(minute: int, place: list[float] | None) -> None:
            said: dict[str, Any] = {
                "phenomenonTime": (begin + timedelta(minutes=minute)).isoformat(),
                "result": 3.0,
            }
            if place is not None:
                said["FeatureOfInterest"] = feature(place)
            assert client.post(observations, json=said).status_code == 201

        def moves(place: list[float]) -> None:
            where_now = f"{made.headers['location']}/Locations"
            assert client.post(where_now, json=location(place)).status_code == 201

        def of_cart(state: str = "firing") -> list[dict[str, Any]]:
            return open_alerts(client, state=state, thing="cart-1")

        seen(0, OUTSIDE)
        seen(1, INSIDE)
        assert wait(of_cart)
        (first,) = of_cart()
        assert (first["thingName"], first["state"]) == ("Cart 1", "firing")
        seen(2, OUTSIDE)
        assert wait(lambda: of_cart("resolved"))
        assert of_cart() == []
        # Without a feature an observation is of where the thing stands.
        moves(INSIDE)
        seen(3, None)
        assert wait(of_cart)
        (second,) = of_cart()
        assert second["id"] != first["id"]
        moves(OUTSIDE)
        seen(4, None)
        assert wait(lambda: not of_cart())
        assert {one["id"] for one in of_cart("resolved")} == {first["id"], second["id"]}


FORM = {
    "was": "threshold",
    "when.kind": "threshold",
    "id": "by-form",
    "title.zh": "过热（表单）",
    "title.en": "Too hot (form)",
    "stream": "pumps",
    "severity": "critical",
    "watch.observed_property": "heat",
    "when.above": "80",
    "when.clear_below": "70",
    "when.for": "1",
    "when.for.unit": "h",
    "escalate[0].to": "everybody",
    "escalate[1].to": "steward",
    "escalate[1].after": "30",
    "escalate[1].after.unit": "m",
    "work_order.category": "sensor",
    "work_order.priority": "high",
}
HOOK = "https://hooks.invalid/observations"
PAGE = {"accept": "text/html", "accept-language": "en"}


def send(client: httpx.Client, **changed: str) -> httpx.Response:
    return client.post("/rules/edit", data={**FORM, **changed}, headers=PAGE)


def test_a_rule_is_written_in_fields_tried_and_kept(town: Town, pumps: Pumps) -> None:
    with town.client("provider") as client:
        begun = client.get("/rules/new?kind=threshold&stream=pumps", headers=PAGE).text
        assert 'name="when.above"' in begun
        assert "heat of pump 1" in begun
        assert "Cel" in begun
        tried = send(client, do="test", since=(pumps.begin - timedelta(days=1)).date().isoformat())
        assert tried.status_code == 200
        assert "What it would have raised" in tried.text
        kept = send(client, do="draft")
        assert kept.status_code == 303
        found = client.get(f"/api{kept.headers['location']}").json()
        assert found["state"] == "draft"
        assert found["rule"] == {
            "id": "by-form",
            "title": {"zh": "过热（表单）", "en": "Too hot (form)"},
            "stream": "pumps",
            "severity": "critical",
            "watch": {"observed_property": "heat"},
            "when": {"kind": "threshold", "above": 80, "clear_below": 70, "for": "1h"},
            "escalate": [{"to": "everybody"}, {"to": "steward", "after": "30m"}],
            "work_order": {"category": "sensor", "priority": "high"},
        }
        editor = client.get(f"{kept.headers['location']}/edit", headers=PAGE).text
        assert 'id="when.above" name="when.above" value="80"' in editor
        # The same rule as YAML is the same version.
        text = editor.split('<textarea id="text"')[1].split(">", 1)[1].split("</textarea>")[0]
        yaml_way = {"way": "yaml", "text": html.unescape(text), "do": "draft"}
        again = client.post("/rules/edit", data=yaml_way, headers=PAGE)
        assert again.headers["location"] == kept.headers["location"]
        assert client.get(f"/api{kept.headers['location']}").json()["version"] == found["version"]


def test_a_fault_is_shown_at_its_field_and_nothing_is_kept(town: Town, pumps: Pumps) -> None:
    with town.client("provider") as client:
        before = client.get("/api/rules").json()
        for changed, field in (
            ({"when.above": "high"}, "when.above"),
            ({"when.clear_below": "90"}, "when.clear_below"),
            ({"when.for": "soon"}, "when.for"),
            ({"work_order.category": "nothing"}, "work_order.category"),
        ):
            answer = send(client, do="live", **changed)
            assert answer.status_code == 400
            assert f'href="#{field}"' in answer.text
            where = answer.text.index(f'id="{field}" name="{field}"')
            assert "aria-invalid" in answer.text[where : where + 200], field
        assert client.get("/api/rules").json() == before
        # Another kind of condition has other fields, and what was said else stays.
        other = send(client, do="show", **{"when.kind": "missing"})
        assert other.status_code == 200
        assert 'name="when.above"' not in other.text
        assert "by-form" in other.text
        bad = client.post(
            "/rules/edit", data={"way": "yaml", "text": "a: [", "do": "live"}, headers=PAGE
        )
        assert (bad.status_code, "aria-invalid" in bad.text) == (400, True)
    for who, statuses in ((None, {401}), ("stranger", {403, 404}), ("consumer", {403, 404})):
        with town.client(who) as client:
            for wish in ("test", "live"):
                assert send(client, do=wish).status_code in statuses
            if who is not None:
                shown = send(client, do="show").text
                assert "heat of pump 1" not in shown


def calendar_of(client: httpx.Client, name: str) -> dict[str, Any]:
    kept = client.get("/api/on-call").json()["calendars"]
    (found,) = [one["calendar"] for one in kept if one["name"] == name]
    return dict(found)


def turns_of(page: str) -> list[str]:
    """The turns that the form shows, as rotation and place."""
    found = re.findall(r'<select [^>]*name="rotations\[(\d)\]\.members\[(\d+)\]"', page)
    return [".".join(one) for one in found]


def fields_of(page: str) -> dict[str, str]:
    """The fields of the first form as a browser would send them."""
    form = page[page.index('class="rule-fields"') : page.index('name="way"')]
    found = {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r'<input [^>]*name="([^"]+)"[^>]* value="([^"]*)"', form)
    }
    for name, options in re.findall(r'<select [^>]*name="([^"]+)".*?>(.*?)</select>', form):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return {name: value for name, value in found.items() if "weekdays" not in name}


def test_a_calendar_is_kept_in_fields_and_changed_by_hand(town: Town, pumps: Pumps) -> None:
    member = town.callers["provider"].member
    said = {
        "name": "pumps",
        "zone": "Asia/Shanghai",
        "rotations[0].members[0]": str(member),
        "rotations[0].first": "2026-01-05",
        "rotations[0].at": "09:00",
        "rotations[0].days": "7",
        "rotations[0].until": "18:00",
    }
    with town.client("provider") as client:
        wrong = client.post("/on-call", data={**said, "rotations[0].at": "9h"}, headers=PAGE)
        assert wrong.status_code == 400
        assert 'href="#rotations[0].at"' in wrong.text
        assert client.post("/on-call", data=said, headers=PAGE).status_code == 303
        assert calendar_of(client, "pumps")["rotations"][0]["members"] == [member]
        page = client.get("/on-call?week=2026-02-04", headers=PAGE).text
        assert "2026-02-02" in page
        assert "nobody" in page
        edit = client.get("/on-call/pumps/edit", headers=PAGE).text
        assert 'value="18:00"' in edit
        assert turns_of(edit) == ["0.0", "0.1", "1.0", "2.0", "3.0"]
        more = client.post("/on-call", data={**fields_of(edit), "add": "0"}, headers=PAGE)
        assert more.status_code == 200
        assert turns_of(more.text) == ["0.0", "0.1", "0.2", "1.0", "2.0", "3.0"]
        assert turns_of(
            client.post("/on-call", data={**fields_of(more.text), "add": "1"}, headers=PAGE).text
        ) == ["0.0", "0.1", "0.2", "1.0", "1.1", "2.0", "3.0"]
        again = {**fields_of(more.text), "rotations[0].members[2]": str(member)}
        assert client.post("/on-call", data=again, headers=PAGE).status_code == 303
        assert calendar_of(client, "pumps")["rotations"][0]["members"] == [member, member]
        assert client.post("/on-call", data=said, headers=PAGE).status_code == 303
        begin = now() + timedelta(days=1)
        form = {"member": str(member), "starts_at": begin.strftime("%Y-%m-%dT%H:%M"), "note": "节"}
        end = (begin + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M")
        refused = client.post("/on-call/pumps/take-over", data=form, headers=PAGE)
        assert (refused.status_code, "aria-invalid" in refused.text) == (400, True)
        taken = client.post("/on-call/pumps/take-over", data={**form, "ends_at": end}, headers=PAGE)
        assert taken.status_code == 303
        found = re.search(
            r"/on-call/hand-overs/([^/]+)/end", client.get("/on-call", headers=PAGE).text
        )
        assert found
        with town.client("stranger") as other:
            assert other.get("/on-call/pumps/edit").status_code == 404
            assert other.post("/on-call/pumps/take-over", data=form).status_code == 404
            assert other.post(f"/on-call/hand-overs/{found[1]}/end").status_code == 404
            assert other.delete(f"/api/on-call/overrides/{found[1]}").status_code == 404
            assert other.get("/api/on-call").json() == {
                "calendars": [],
                "overrides": [],
                "daysOff": [],
            }
        with town.client() as anybody:
            for path in ("/on-call/pumps/edit", "/on-call/new"):
                assert anybody.get(path).status_code == 401
            assert anybody.post(f"/on-call/hand-overs/{found[1]}/end").status_code == 401
        (change,) = client.get("/api/on-call").json()["overrides"]
        assert (change["id"], change["note"]) == (found[1], "节")
        assert client.post(f"/on-call/hand-overs/{found[1]}/end").status_code == 303
        assert client.delete(f"/api/on-call/overrides/{found[1]}").status_code == 404
        assert found[1] not in client.get("/on-call", headers=PAGE).text


def test_webhooks_on_a_stream_have_a_page(town: Town, pumps: Pumps) -> None:
    page = "/resources/pumps/subscriptions"
    with town.client("provider") as client:
        bad = client.post(page, data={"url": "ftp://nowhere"}, headers=PAGE)
        assert (bad.status_code, "aria-invalid" in bad.text) == (400, True)
        made = client.post(page, data={"url": HOOK}, headers=PAGE)
        assert made.status_code == 200
        assert made.headers["cache-control"] == "no-store"
        assert "whsec_" in made.text
        shown = client.get(page, headers=PAGE)
        assert "whsec_" not in shown.text
        (one,) = client.get(page, params={"f": "json"}).json()["subscriptions"]
        assert (one["url"], one["state"]) == (HOOK, "active")
        # Nobody listens there: it says since when it fails.
        pumps.put([(2, 7, 51.0)])

        def stands() -> dict[str, Any]:
            found: dict[str, Any] = client.get(page, params={"f": "json"}).json()
            (it,) = found["subscriptions"]
            return dict(it)

        assert wait(lambda: stands()["state"] == "waiting")
        assert stands()["failing"]
        assert "Failing since" in client.get(page, headers=PAGE).text
        for who, statuses in ((None, {401}), ("stranger", {403, 404}), ("consumer", {403, 404})):
            with town.client(who) as other:
                for change in ("pause", "resume", "remove"):
                    answer = other.post(f"{page}/{one['id']}/{change}")
                    assert answer.status_code in {401, 404}, (who, answer.text)
                assert other.post(page, data={"url": HOOK}).status_code in statuses
                seen = other.get(page, params={"f": "json"})
                assert seen.status_code in {401, 404} or seen.json()["subscriptions"] == []
        assert client.post(f"{page}/{one['id']}/pause").status_code == 303
        assert (stands()["state"], stands()["failing"]) == ("paused", None)
        pumps.put([(2, 8, 52.0)])
        time.sleep(1.5)
        assert stands()["state"] == "paused"
        assert client.post(f"{page}/{one['id']}/resume").status_code == 303
        assert wait(lambda: stands()["state"] == "waiting")
        assert client.post(f"{page}/{one['id']}/elsewhere").status_code == 404
        assert client.post(f"{page}/{one['id']}/remove").status_code == 303
        assert client.get(page, params={"f": "json"}).json()["subscriptions"] == []
        assert client.get("/resources/trees/subscriptions").status_code == 404


def test_days_off_are_declared_and_what_is_left_open_is_warned_of(town: Town, pumps: Pumps) -> None:
    member = str(town.callers["provider"].member)
    turns = {"rotations": [{"members": [member], "first": "2026-01-05"}]}
    first = now().date() + timedelta(days=3)
    said = {"member": member, "first": first.isoformat()}
    form = {**said, "last": (first + timedelta(days=1)).isoformat()}
    with town.client("provider") as client:
        calendar = client.put("/api/on-call/away", json=turns).json()
        assert calendar["gaps"] == []
        assert "Nobody is called by away" not in client.get("/duty", headers=PAGE).text
        for who, status in ((None, 401), ("stranger", 404)):
            with town.client(who) as other:
                assert other.post("/api/on-call/away/days-off", json=said).status_code == status
        wrong = client.post("/api/on-call/away/days-off", json={**said, "first": "soon"})
        assert (wrong.status_code, wrong.json()["field"]) == (400, "first")
        refused = client.post("/on-call/away/days-off", data={**form, "last": ""}, headers=PAGE)
        assert (refused.status_code, "aria-invalid" in refused.text) == (400, True)
        assert client.post("/on-call/away/days-off", data=form, headers=PAGE).status_code == 303
        (off,) = client.get("/api/on-call").json()["daysOff"]
        assert (off["member"], off["first"], off["substitute"]) == (member, form["first"], None)
        for path in ("/on-call", "/duty"):
            assert "Nobody is called by away" in client.get(path, headers=PAGE).text
        duty = client.get("/duty", params={"f": "json"}).json()["onCall"]
        (mine,) = [one for one in duty if one["calendar"] == "away"]
        assert mine["now"]["member"] == member
        assert mine["next"]["member"] is None
        assert mine["gaps"] == [mine["next"]]
        for who, status in ((None, 401), ("stranger", 404)):
            with town.client(who) as other:
                gone = other.delete(f"/api/on-call/days-off/{off['id']}")
                assert gone.status_code == status
        ended = client.post(f"/on-call/days-off/{off['id']}/end", headers=PAGE)
        assert ended.status_code == 303
        left = client.get("/api/on-call").json()
        assert left["daysOff"] == []
        again = client.post("/api/on-call/away/days-off", json=said)
        assert again.status_code == 201
        assert len(again.json()["gaps"]) == 1
        (off,) = client.get("/api/on-call").json()["daysOff"]
        assert client.delete(f"/api/on-call/days-off/{off['id']}").status_code == 204


def test_an_alert_names_the_work_order_it_led_to_to_who_may_know_of_it(
    town: Town, pumps: Pumps
) -> None:
    changed = (("id: heat", "id: hot"), ("Too hot", "Far too hot"), (", for: 1h", ""))
    rule = RULE + "watch: {things: [pump-2]}\ngroup_wait: 0s\nwork_order: {category: sensor}\n"
    for old, new in changed:
        rule = rule.replace(old, new)
    with town.client("provider") as client:
        key = client.put("/api/rules?state=live", content=rule).json()["rules"][0]["key"]
        time.sleep(2)  # as the first rule: judged from where observations stand
        pumps.put([(2, 9, 99.0)])  # after what other tests have put

        def ordered() -> list[dict[str, Any]]:
            return [one for one in open_alerts(client, rule=key) if one["workOrder"]]

        assert wait(ordered, 60)
        (one,) = ordered()
        path = f"/alerts/{one['id']}"
        order = client.get(f"/api/work-orders/{one['workOrder']}").json()
        told = client.get(f"/api{path}").json()
        assert (told["workOrderTitle"], told["workOrderState"]) == (order["title"], order["state"])
        page = html.unescape(client.get(path, headers=PAGE).text)
        assert f'href="/work-orders/{order["id"]}">{order["title"]["en"]}</a>' in page
        assert "To be accepted" in page
    whole = town.agree("pumps", "consumer")
    with town.client("consumer") as client:  # sees the alert, not what is done about it
        told = client.get(f"/api{path}").json()
        assert (told["workOrderTitle"], told["workOrderState"]) == (None, None)
        page = client.get(path, headers=PAGE)
        assert page.status_code == 200
        assert "/work-orders/wo" not in page.text
        assert order["title"]["en"] not in html.unescape(page.text)
    town.end(whole, "provider")
