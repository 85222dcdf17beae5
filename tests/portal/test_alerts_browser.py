"""Rules, alerts, duty and the wall in a browser: accessible, within their width, live."""

import os
from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pytest
from playwright.sync_api import Page
from town import Town

from quanyu import app as composition
from quanyu.catalogue import Access, Kind, ResourceDraft, publish, register
from quanyu.kernel import LocalText, now
from quanyu.operations import Memory, RuleState, judge_new, keep_rule, observed, parse_rule
from quanyu.streams import DatastreamDraft, ensure_datastreams

from .looking import NARROW, found_by_axe, too_wide

Opened = Callable[..., Page]
SHOTS = os.environ.get("QUANYU_TEST_SHOTS")
RULE = {
    "id": "heavy",
    "title": {"zh": "重度污染", "en": "Heavy pollution"},
    "stream": "stations",
    "severity": "critical",
    "when": {"kind": "threshold", "above": 150, "for": "1h"},
}


@pytest.fixture(scope="module")
def rule(city: Town) -> str:
    """A stream of the town with one firing alert; the key of its rule."""
    provider = city.callers["provider"]
    assert provider.party is not None
    draft = ResourceDraft(
        slug="stations",
        kind=Kind.STREAM,
        title=LocalText(zh="监测站", en="Stations"),
        abstract=LocalText(zh="监测站", en="Stations"),
        provider=provider.party,
        licence="by-agreement",
        access=Access.SHARED,
    )
    control = city.control()
    with control.begin() as session:
        of = publish(session, register(session, draft, provider).id, provider, reviewed=False)
        (number,) = ensure_datastreams(
            session,
            of.id,
            [
                DatastreamDraft(
                    thing="station-1",
                    name="PM2.5",
                    observed_property="PM2.5",
                    unit="ug/m3",
                    thing_name="Station 1",
                    place=(24.94, 60.17),
                )
            ],
        )
        kept = keep_rule(session, provider, parse_rule(RULE), RuleState.LIVE)
    store = composition.open_observations(city.settings, control)
    source, memory = observed(control, store), Memory()
    judge_new(control, source, memory, "Asia/Shanghai", newest=store.newest())
    begin = now() - timedelta(hours=30)
    starts = [begin + timedelta(hours=hour) for hour in range(30)]
    store.append(
        pa.table(
            {
                "datastream": pa.array([number] * 30, pa.int64()),
                "start": pa.array(starts, pa.timestamp("us", "UTC")),
                "number": pa.array([60.0] * 24 + [180.0] * 6, pa.float64()),
            }
        )
    )
    judge_new(control, source, memory, "Asia/Shanghai")
    store.close()
    control.close()
    return kept.key


def sound(page: Page, name: str) -> None:
    """Accessible, within its width; a picture where they are asked for."""
    assert not found_by_axe(page, name) + too_wide(page, name)
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.mark.browser
def test_a_rule_is_tried_and_an_alert_taken_on(opened: Opened, rule: str) -> None:
    page = opened(f"/rules/{rule}/edit", "zh", who="provider")
    page.click("button[value=test]")
    page.wait_for_selector("#series .chart-drawing[data-ready=true]")
    assert page.locator("#result + .figures .value").first.inner_text() == "1"
    sound(page, "rule-edit")
    for language, width in (("zh", 390), ("en", 1440)):
        page = opened("/duty", language, width, who="provider")
        sound(page, f"duty-{language}-{width}")
    page = opened("/wall", "zh", 1920, who="provider")
    page.wait_for_selector("#wall-map[data-ready=true]")
    assert page.locator("[data-figure='open.critical']").inner_text() == "1"
    sound(page, "wall")
    # Taken on elsewhere: the wall follows by itself.
    desk = opened("/duty", "en", who="provider")
    desk.get_by_role("button", name="Acknowledge").first.click()
    desk.wait_for_load_state()
    page.wait_for_selector("body[data-followed]", timeout=60_000)
    assert page.locator("[data-figure='firing']").inner_text() == "0"
    page = opened("/alerts", "zh", 390, who="provider")
    sound(page, "alerts")
    page.locator("tbody a").first.click()
    page.wait_for_load_state()
    sound(page, "alert")


@pytest.mark.browser
def test_pages_of_operations_are_sound(opened: Opened, rule: str) -> None:
    page = opened("/on-call/new", "zh", who="provider")
    page.locator(".rule-fields button:has-text('保存')").click()
    page.wait_for_selector(".week")
    found = found_by_axe(page, "/on-call")
    for path in (
        "/rules/new?kind=composite&stream=stations",
        "/facilities/stations/station-1",
        "/on-call/duty/edit",
        "/resources/stations/subscriptions",
    ):
        page.goto(path)
        page.set_viewport_size({"width": NARROW, "height": 860})
        found += found_by_axe(page, path) + too_wide(page, path)
    assert not found
