"""Pages in a real browser: accessible, fitting, drawn; receipts checked there."""

import base64
import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from town import Town

from looking import drawn, found_by_axe, looked_over, too_wide

pytestmark = pytest.mark.browser

ANYBODY = (
    "/",
    "/search?q=tree",
    "/resources/trees",
    "/resources/buildings",
    "/map",
    "/place",
    "/place?id=trees/t0045&radius=300",
    "/evidence",
    "/evidence/0",
    "/verify",
    "/sign-in",
    "/parties",
    "/about",
    "/processes",
    "/processes/isochrone",
    "/prices",
    "/what-if",
    "/products",
    "/rights",
    "/rights/trees",
    "/resources/trees/grading",
    "/operations",
    "/health-board",
    "/resources/trees/health",
)
OF_STANDARDS = (
    "/ogc/features?f=html",
    "/ogc/features/collections?f=html",
    "/ogc/features/collections/trees?f=html",
    "/ogc/features/collections/trees/items?f=html",
    "/ogc/features/collections/trees/items/t0001?f=html",
    "/ogc/features/collections/trees/queryables?f=html",
    "/ogc/features/conformance?f=html",
    "/ogc/tiles/collections/trees/tiles?f=html",
    "/ogc/records?f=html",
    "/ogc/records/collections/catalogue/items?f=html",
    "/api.html",
)
MEMBERS = (
    "/processes/buffer",
    "/jobs",
    "/agreements",
    "/statements",
    "/contributions",
    "/tokens",
    "/publish",
    "/request/buildings",
    "/agreements/{agreement}",
    "/agreements/{agreement}/why",
    "/console",
    "/algorithms",
    "/runs",
    "/negotiations",
)
LOOKED_AT = (
    ("", ANYBODY),
    ("", OF_STANDARDS),
    ("consumer", MEMBERS),
    ("provider", ("/offers", "/offers/new?resource=buildings")),
    ("node", ("/payments", "/grading", "/audit")),
)
DARK = ("/", "/search?q=tree", "/resources/trees", "/evidence/0", "/map")
Opened = Callable[..., Page]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("who", "paths"), LOOKED_AT)
def test_pages_are_for_everybody(
    opened: Opened, city: Town, language: str, who: str, paths: tuple[str, ...]
) -> None:
    page = opened("/about", language, who=who)
    found = []
    for path in (one.format(agreement=city.agreement) for one in paths):
        found += looked_over(page, path, language, dark=language == "zh" and path in DARK)
    assert not found


def test_what_is_wrong_is_found(opened: Opened) -> None:
    page = opened("/about", "zh")
    page.evaluate("document.querySelector('#main h1').style.color = '#eee'")
    page.evaluate("document.querySelector('.brand').style.color = '#eee'")
    page.evaluate("document.querySelector('#main').insertAdjacentHTML('beforeend', '<img src>')")
    page.evaluate(
        """() => {
          const list = document.querySelector("#main").appendChild(document.createElement("ul"));
          for (let n = 0; n < 9; n++) list.appendChild(document.createElement("li")).append("row");
          list.lastChild.style.color = "#eee";
        }"""
    )
    found = {(rule, len(nodes)) for _, rule, *nodes in found_by_axe(page, "/about")}
    assert found == {("image-alt", 1), ("color-contrast", 2)}
    assert page.locator("#main li:visible").count() >= 9
    whole = {rule: nodes for _, rule, *nodes in found_by_axe(page, "/")}
    assert any("brand" in node or "span" in node for node in whole["color-contrast"])


def colours(page: Page, selector: str) -> int:
    """How many colours a picture of an element has, in steps of 16."""
    picture = base64.b64encode(page.locator(selector).screenshot()).decode()
    return int(
        page.evaluate(
            """async (data) => {
              const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
              const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
              const canvas = new OffscreenCanvas(image.width, image.height);
              const context = canvas.getContext("2d");
              context.drawImage(image, 0, 0);
              const pixels = context.getImageData(0, 0, image.width, image.height).data;
              const seen = new Set();
              for (let i = 0; i < pixels.length; i += 4)
                seen.add((pixels[i] >> 4) * 256 + (pixels[i + 1] >> 4) * 16 + (pixels[i + 2] >> 4));
              return seen.size;
            }""",
            picture,
        )
    )


def test_map_draws_and_tells_the_same_in_a_table(opened: Opened, city: Town) -> None:
    page = opened(f"/map?as={city.agreement}&layers=buildings", "en", who="consumer", moving=True)
    drawn(page)
    with_data = colours(page, "#map canvas")
    page.uncheck('input[value="buildings"]')
    page.wait_for_timeout(500)
    drawn(page)
    assert with_data > max(3, colours(page, "#map canvas"))
    page.check('input[value="buildings"]')
    drawn(page)
    page.get_by_text("Table of what the map shows").first.click()
    page.select_option("#table-layer", "buildings")
    caption = page.locator("#table caption")
    expect(caption).to_contain_text("features in view")
    header = page.locator("#table thead")
    expect(header).to_contain_text("levels")
    expect(header).not_to_contain_text("phone")
    page.locator("#table tbody button").first.click()
    expect(page.locator("#card")).to_be_visible()


def test_a_place_is_asked_drawn_and_told(opened: Opened) -> None:
    page = opened("/place", "zh")
    page.fill("#q", "Tree 45")
    page.fill("#radius", "40")
    page.get_by_role("button", name="查询").click()
    page.wait_for_url("**/place?q=Tree+45*")
    drawn(page)
    expect(page.locator("#where")).to_have_text("Tree 45")
    assert page.locator("section article.card h3").first.inner_text() == "Tree 45"
    assert colours(page, "#preview") > 3
    # A cell of a grid leads on to what is in it.
    page.locator("dl.facts a[href*='grid=h3']").click()
    page.wait_for_url("**/place?cell=*")
    expect(page.locator("section article.card h3", has_text="Tree 45")).to_have_count(1)


def test_map_address_holds_its_state(opened: Opened, city: Town) -> None:
    page = opened(f"/map?as={city.agreement}", "en", who="consumer", moving=True)
    drawn(page)
    page.click("#tall")
    page.wait_for_timeout(1200)
    drawn(page)
    address = page.url
    assert "view=3d" in address
    assert "at=" in address
    page.goto(address)
    drawn(page)
    expect(page.locator("#tall")).to_have_attribute("aria-pressed", "true")
    assert page.locator("a[hreflang]").first.get_attribute("href").count("view=3d") == 1


def test_browser_checks_receipts(opened: Opened, receipt: str) -> None:
    page = opened("/verify", "en")
    page.fill("#text", receipt)
    page.click("#check")
    page.wait_for_selector('#outcome[data-ready="good"]')
    expect(page.locator("#browser")).to_contain_text("The receipt is genuine")
    for change in ("leaf", "proof", "checkpoint", "size"):
        broken = json.loads(receipt)
        if change == "leaf":
            broken["leaf"] = broken["leaf"].replace('"face":"features"', '"face":"download"')
        elif change == "proof":
            broken["proof"] = broken["proof"][:-1]
        elif change == "size":
            broken["size"] += 1
        else:
            broken["checkpoint"] = broken["checkpoint"].replace("\n", "\n1", 1)
        page.fill("#text", json.dumps(broken))
        page.click("#check")
        page.wait_for_selector('#outcome[data-ready="bad"]')
        expect(page.locator("#browser")).to_contain_text("The receipt is not genuine")
        page.fill("#text", receipt)
        page.click("#check")
        page.wait_for_selector('#outcome[data-ready="good"]')


def test_text_and_colours_stay_as_chosen(opened: Opened) -> None:
    page = opened("/", "en")
    page.get_by_title("Display").click()
    page.get_by_role("button", name="Large and simple").click()
    assert page.locator("html").get_attribute("data-text") == "simple"
    assert page.url.endswith("/")


MIDDLES = """() => [".brand", ".nav", ".tools"].map((name) => {
  const { top, bottom } = document.querySelector(name).getBoundingClientRect();
  return (top + bottom) / 2;
})"""
"""How far down the middles of the parts of the header are, in pixels."""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_header_is_one_line_where_there_is_room(opened: Opened, language: str) -> None:
    page = opened("/about", language, 1280, who="provider")
    middles = page.evaluate(MIDDLES)
    assert max(middles) - min(middles) < 3
    page.set_viewport_size({"width": 1024, "height": 800})
    brand, menu, tools = page.evaluate(MIDDLES)
    assert abs(brand - tools) < 3
    assert menu > brand + 20  # a line of its own
    assert not too_wide(page, "the header")


def test_skip_link_leads_to_the_content(opened: Opened) -> None:
    page = opened("/", "en")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
