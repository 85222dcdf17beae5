"""Rules, alerts, duty and the wall in a browser: accessible, within their width, live."""

import os
import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import Page, Route
from town import Town

from looking import NARROW, found_by_axe, looked_over, too_wide, well
from quanyu import app as composition
from quanyu.kernel import LocalText, iso, now
from quanyu.operations import Memory, RuleState, judge_new, keep_rule, observed, parse_rule
from quanyu.streams import DatastreamDraft
from streaming import observe, published_stream

Opened = Callable[..., Page]
ROOT = "/sensorthings/stations/v1.1"
THINGS = f"{ROOT}/Things"
SHOTS = os.environ.get("QUANYU_TEST_SHOTS")
RULE = {
    "id": "heavy",
    "title": {"zh": "重度污染", "en": "Heavy pollution"},
    "stream": "stations",
    "severity": "critical",
    "when": {"kind": "threshold", "above": 150, "for": "1h"},
}
WRITTEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC\+8")
"""An instant as every page writes it."""


@pytest.fixture(scope="module")
def rule(city: Town) -> str:
    """A stream of the town with one firing alert; the key of its rule."""
    provider = city.callers["provider"]
    drafts = [
        DatastreamDraft(
            thing=f"station-{n}",
            name="PM2.5",
            observed_property="PM2.5",
            unit="ug/m3",
            thing_name=f"Station {n}",
            place=(24.93 + n / 100, 60.17),
        )
        for n in (1, 2, 3)
    ]
    title = LocalText(zh="监测站", en="Stations")
    control = city.control()
    with control.begin() as session:
        _, (number, *_) = published_stream(session, provider, "stations", title, drafts)
        kept = keep_rule(session, provider, parse_rule(RULE), RuleState.LIVE)
    store = composition.open_observations(city.settings, control)
    source, memory = observed(control, store), Memory()
    judge_new(control, source, memory, "Asia/Shanghai", newest=store.newest())
    begin = now() - timedelta(hours=30)
    values = [60.0] * 24 + [180.0] * 6
    observe(store, [(number, begin + timedelta(hours=h), one) for h, one in enumerate(values)])
    judge_new(control, source, memory, "Asia/Shanghai")
    store.close()
    control.close()
    return kept.key


def sound(page: Page, name: str) -> None:
    """Accessible, within its widths; a picture where they are asked for."""
    assert not well(page, name)
    pictured(page, name)


def pictured(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.mark.browser
def test_a_rule_is_tried_and_an_alert_taken_on(opened: Opened, rule: str) -> None:
    page = opened(f"/rules/{rule}/edit", "zh", who="provider")
    page.click("button[value=test]")
    page.wait_for_selector("#series .chart-drawing[data-ready=true]")
    assert page.locator("#result + .figures .value").first.inner_text() == "1"
    sound(page, "rule-edit")
    sound(opened("/duty", "zh", who="provider"), "duty-zh")
    desk = opened("/duty", "en", who="provider")
    assert not well(desk, "duty-en", whole=False)
    page = opened("/wall", "zh", 1920, who="provider")
    page.wait_for_selector("#wall-map[data-ready=true]")
    assert page.locator("[data-figure='open.critical']").inner_text() == "1"
    assert not found_by_axe(page, "wall") + too_wide(page, "wall")
    pictured(page, "wall")
    # Taken on elsewhere: the wall follows by itself.
    desk.get_by_role("button", name="Acknowledge").first.click()
    desk.wait_for_load_state()
    page.wait_for_selector("body[data-followed]")
    assert page.locator("[data-figure='firing']").inner_text() == "0"
    page = opened("/alerts", "zh", 390, who="provider")
    sound(page, "alerts")
    page.locator("tbody a").first.click()
    page.wait_for_load_state()
    sound(page, "alert")


@pytest.mark.browser
def test_figures_of_a_stream_are_drawn_for_who_may_have_them(opened: Opened, rule: str) -> None:
    path = "/resources/stations/figures"
    for language, width, of in (("zh", 390, "together"), ("en", 1280, "apart")):
        page = opened(f"{path}?of={of}", language, width, who="provider")
        for drawing in page.locator("[data-chart]").all():
            drawing.scroll_into_view_if_needed()
        page.wait_for_selector(".chart-drawing[data-ready=true]")
        sound(page, f"figures-{of}")
    page = opened(path, "en", who="stranger")
    assert not page.locator("[data-chart]").count()
    assert "agreement.none" in page.locator(".note.bad").inner_text()
    sound(page, "figures-refused")


def first_event(city: Town, who: str) -> str:
    """How the orders that somebody may know of stand, as the first event says."""
    with city.client(who) as client, client.stream("GET", "/api/work-orders/events") as answer:
        return next(line for line in answer.iter_lines() if line.startswith("id:"))


@pytest.mark.browser
def test_the_wall_and_the_board_follow_what_happens(opened: Opened, rule: str, city: Town) -> None:
    wall = opened("/wall", "en", who="provider")
    wall.wait_for_selector("#wall-map[data-ready=true]")
    board = opened("/work-orders", "en", who="provider")
    wall.evaluate("window.kept = true")
    assert "Station 2" not in wall.locator("#wall-list").inner_text()
    begin = now() - timedelta(hours=2)
    sent = [[iso(begin + timedelta(hours=hour)), 200 + hour] for hour in range(3)]
    with city.client("provider") as client:
        found = client.get(f"{THINGS}('station-2')/Datastreams").json()["value"]
        array = {
            "Datastream": {"@iot.id": found[0]["@iot.id"]},
            "components": ["phenomenonTime", "result"],
            "dataArray": sent,
        }
        answer = client.post(f"{ROOT}/CreateObservations", json=[array])
        assert answer.status_code == 201, answer.text
        wall.wait_for_selector("#wall-list >> text=Station 2")
        assert wall.evaluate("window.kept")  # written into the page that is open
        times = wall.locator(".wall time").all_inner_texts()
        assert len(times) > 1
        assert all(WRITTEN.fullmatch(one) for one in times)
        before = first_event(city, "provider"), first_event(city, "stranger")
        order = {"category": "sensor", "title": {"zh": "检修二号站", "en": "Mend station two"}}
        assert client.post("/api/work-orders", json=order).status_code == 201
    board.wait_for_selector(".order-board >> text=Mend station two")
    # Others hear nothing of it, not even that something moved.
    assert first_event(city, "provider") != before[0]
    assert first_event(city, "stranger") == before[1]
    events = f"{city.url}/api/work-orders/events"
    assert httpx.get(events, verify=False, timeout=30).status_code == 401


@pytest.mark.browser
def test_a_facility_says_its_times_in_the_zone_of_the_node(
    opened: Opened, rule: str, city: Town
) -> None:
    page = opened("/facilities/stations/station-1", "en", who="provider")
    first = page.locator("[data-at]").first
    assert WRITTEN.fullmatch(first.inner_text())
    assert WRITTEN.fullmatch(page.locator("details tbody th").first.text_content() or "")
    drawing = page.locator(".chart-drawing[data-ready=true]").first
    drawing.hover()
    drawing.locator("text", has_text="UTC+8").wait_for()
    with city.client("provider") as client:
        found = client.get(f"{THINGS}('station-1')/Datastreams").json()["value"]
        sent = {
            "phenomenonTime": iso(now()),
            "result": 61,
            "Datastream": {"@iot.id": found[0]["@iot.id"]},
        }
        assert client.post(f"{ROOT}/Observations", json=sent).status_code == 201
    page.wait_for_selector("body[data-followed]")
    assert WRITTEN.fullmatch(first.inner_text())


@pytest.mark.browser
def test_a_file_is_seen_on_its_way(opened: Opened, rule: str, city: Town) -> None:
    with city.client("provider") as client:
        found = client.get(f"{THINGS}('station-3')/Datastreams").json()["value"]
    page = opened("/streams/stations/load", "zh", NARROW, who="provider")
    page.fill("#time", "at")
    page.fill("#columns", f"value={found[0]['@iot.id']}")
    rows = "".join(f"2020-01-01T00:{n // 60:02}:{n % 60:02}Z,{n}\n" for n in range(600))
    file = {"name": "past.csv", "mimeType": "text/csv", "buffer": f"at,value\n{rows}".encode()}
    page.set_input_files("#file", file)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/streams/stations/load", hold)
    page.evaluate("window.kept = true")
    page.click("#load button")
    page.wait_for_selector("#sent-text >> text=/发送|导入/")
    sound(page, "load-on-its-way")
    held[0].continue_()
    page.wait_for_selector(".note.info >> text=600")
    assert page.evaluate("window.kept")
    sound(page, "load")


@pytest.mark.browser
def test_pages_of_operations_are_sound(opened: Opened, rule: str) -> None:
    page = opened("/on-call/new", "zh", who="provider")
    page.locator(".rule-fields button:visible:has-text('保存')").click()
    page.wait_for_selector(".week")
    found = found_by_axe(page, "/on-call")
    for path in (
        "/rules/new?kind=composite&stream=stations",
        "/facilities/stations/station-1",
        "/on-call/duty/edit",
        "/resources/stations/subscriptions",
    ):
        found += looked_over(page, path)
        pictured(page, path.split("?")[0].replace("/", "-"))
    assert not found
