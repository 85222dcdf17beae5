"""The land pages in a real browser: drawn on the map, accessible, as wide as the window."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from town import Town

from looking import Windows, chromium, looked_over, well

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(land: Town) -> Iterator[Page]:
    """A page in Chinese, signed in; an error on it fails the test."""
    with chromium() as browser:
        windows = Windows(browser)
        opened = windows.open(land, "/land", login="provider")
        yield opened
        windows.close()
    assert not windows.amiss


def test_a_project_is_drawn_checked_and_shown(page: Page) -> None:
    page.goto("/land")
    page.wait_for_selector('#land-map[data-ready="true"]')
    page.click("#draw-start")
    box = page.locator("#land-map canvas").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for right, down in ((-40, -30), (40, -30), (40, 30), (-40, 30)):
        page.mouse.click(middle[0] + right, middle[1] + down)
        page.wait_for_timeout(350)  # two clicks at once would be a double click
    page.click("#draw-end")
    drawn: dict[str, Any] = json.loads(page.input_value("#geometry"))
    assert drawn["type"] == "Polygon"
    assert len(drawn["coordinates"][0]) == 5
    page.fill("#use", "0701")
    page.fill("#name", "画出来的项目")
    page.get_by_role("button", name="审查", exact=True).click()
    page.wait_for_url("**/land/checks/chk_*")
    page.wait_for_selector('#land-map[data-ready="true"]')
    expect(page.locator("h1")).to_have_text("画出来的项目")
    assert page.locator("article.finding").count() == 11
    assert not well(page, "check")


def test_pages_are_accessible_and_fit(page: Page) -> None:
    found = []
    for path in ("/land", "/land/roles", "/land/classes", "/land/checks"):
        found += looked_over(page, path)
    assert not found
