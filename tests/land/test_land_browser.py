"""The land pages in a real browser: drawn on the map, accessible, as wide as the window."""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright
from town import PASSWORD, Town

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist", "--disable-background-networking", "--disable-quic",
    "--disable-gpu-compositing", "--disable-gpu-rasterization",
]  # fmt: skip


@pytest.fixture(scope="module")
def page(land: Town) -> Iterator[Page]:
    """A browser in Chinese, signed in; an error on a page fails the test."""
    if not shutil.which("chromium"):
        pytest.skip("no Chromium: apt-get install chromium")
    amiss: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = browser.new_context(
            base_url=land.url, locale="zh-CN", viewport={"width": 1280, "height": 900}
        )
        context.set_default_timeout(60_000)
        form = {"login": "provider", "password": PASSWORD, "back": "/"}
        context.request.post("/sign-in", form=form)
        opened = context.new_page()
        opened.on("pageerror", lambda error: amiss.append(str(error)))
        opened.on("console", lambda m: amiss.append(m.text) if m.type == "error" else None)
        yield opened
        browser.close()
    assert not amiss


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
    _sound(page)
    page.set_viewport_size({"width": 390, "height": 800})
    assert _fits(page)
    page.set_viewport_size({"width": 1280, "height": 900})


def test_pages_are_accessible_and_fit(page: Page) -> None:
    paths = ("/land", "/land/roles", "/land/classes", "/land/checks")
    for path in paths:
        page.goto(path)
        _sound(page)
    # Once for all, as every change of the window draws its map anew.
    page.set_viewport_size({"width": 390, "height": 800})
    for path in paths:
        page.goto(path)
        assert _fits(page), path
    page.set_viewport_size({"width": 1280, "height": 900})


def _sound(page: Page) -> None:
    # Told are faults alone: to list every element that is well takes most of the time.
    options = {
        "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"],
        "resultTypes": ["violations"],
    }
    found = Axe().run(page, options=options)
    assert not [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]]


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"))
