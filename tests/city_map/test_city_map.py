"""The city map in a real browser: layers, picking, time, comparison, projects, the table, links."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import shapely
from playwright.sync_api import Page, expect
from town import Town, bring_in, collection, found_town, put_on_show, serve_town

from looking import found_by_axe, unnamed
from quanyu import app as composition
from quanyu.catalogue import Access, refresh_dataset
from quanyu.cli.demo_model import write_model
from quanyu.cli.demo_relief import Ground, ground_of, on_plane, write_relief
from quanyu.land import DeclarationDraft, Role, declare
from quanyu.spacetime import IngestOptions, Store, ingest

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
X, Y = 24.94, 60.17
CLOSE = f"at={X},{Y},16.5,0,0"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town with a model, a relief, building sites in time, parcels and farmland besides."""
    town = found_town(tmp_path_factory.mktemp("city-map"))
    control = town.control()
    store = composition.open_store(town.settings, control)
    provider = town.callers["provider"]

    def show(slug: str, source: Path, **options: Any) -> None:
        version = ingest(store, str(source), slug, IngestOptions(**options)).version
        with control.begin() as session:
            if version.number == 1:
                put_on_show(session, version, Access.OPEN, provider)
            else:
                refresh_dataset(session, version, provider)
        store.view(slug).prepare()

    ground = ground_of((X - 0.004, Y - 0.002, X + 0.004, Y + 0.002))
    show("model", houses(ground, town.folder))
    write_relief(ground, town.folder / "relief.tif")
    show("relief", town.folder / "relief.tif", bands=("elevation",), datetime="2025-06-01")
    for known in (sites(20.0), sites(30.0)):
        source = write(town.folder / "sites.geojson", known)
        show("sites", source, id_column="id", valid_from="from", valid_to="to")
    for slug, role in (("parcels", Role.PARCELS), ("farmland", Role.FARMLAND)):
        show(slug, write(town.folder / f"{slug}.geojson", square(slug, 0.002)), id_column="id")
        with control.begin() as session:
            columns = {"number" if role is Role.PARCELS else "name": "name"}
            draft = DeclarationDraft(role=role, dataset=slug, columns=columns)
            declare(session, draft, town.callers["node"])
    store.close()
    control.close()
    stop = serve_town(town, workers=1)
    yield town
    stop()


def houses(ground: Ground, folder: Path) -> Path:
    path = folder / "model.city.json"
    shape = on_plane(shapely.box(X - 0.0005, Y - 0.0003, X + 0.0005, Y + 0.0003))
    write_model(ground, ["town-hall"], np.array([shape], dtype=object), np.array([24.0]), path)
    return path


def square(name: str, half: float, **more: Any) -> dict[str, Any]:
    shape = shapely.box(X - half, Y - half / 2, X + half, Y + half / 2)
    return collection([feature(shape, id=f"{name}-1", name=f"{name} one", **more)])


def feature(shape: Any, **said: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": said}


def sites(height: float) -> dict[str, Any]:
    """A site that was planned until mid-2025 and is built since; the height known of it."""
    shape = shapely.box(X - 0.0012, Y - 0.0006, X + 0.0012, Y + 0.0006)
    return collection([
        feature(shape, id="s-plan", name="Plan", height=1.0, **holds("2024-01-01", "2025-06-01")),
        feature(shape, id="s-built", name="New house", height=height, **holds("2025-06-01", None)),
    ])  # fmt: skip


def holds(first: str, last: str | None) -> dict[str, str | None]:
    return {"from": first, "to": last}


def write(path: Path, features: dict[str, Any]) -> Path:
    path.write_text(json.dumps(features))
    return path


def drawn(page: Page) -> None:
    page.wait_for_selector('#map[data-ready="true"]')


def press_middle(page: Page, east: int = 0, north: int = 0) -> None:
    box = page.locator("#map canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2 + east, box["y"] + box["height"] / 2 - north)


def test_a_card_tells_everything_and_its_link_shows_the_same(opened: Opened) -> None:
    page = opened(f"/map?layers=sites,parcels&{CLOSE}", "en")
    drawn(page)
    page.locator('input[value="parcels"]').uncheck()
    drawn(page)
    press_middle(page)
    card = page.locator("#card")
    expect(card.locator("h2")).to_have_text("New house")
    expect(card).to_contain_text("Farmland")
    expect(card).to_contain_text(re.compile("N35[A-Z]"))
    expect(card.get_by_role("link", name="History")).to_be_visible()
    query = parse_qs(urlsplit(page.url).query)
    assert query["pick"] == ["sites/s-built"]
    assert query["layers"] == ["sites"]
    page.goto(page.url)
    expect(page.locator("#card h2")).to_have_text("New house")
    assert not page.locator('input[value="parcels"]').is_checked()
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()


def test_what_stands_is_picked_in_three_dimensions(opened: Opened) -> None:
    page = opened(f"/map?view=3d&layers=model&at={X},{Y},17.5,0,40", "en", width=900)
    page.wait_for_selector('#map[data-solid="ready"]')
    drawn(page)
    card = page.locator("#card")
    for _ in range(40):  # the solid is drawn a moment after it came
        press_middle(page, north=20)
        if card.is_visible():
            break
        page.wait_for_timeout(1_000)
    expect(card.locator("h2")).to_contain_text("town-hall")
    expect(card.get_by_role("link", name="CityJSON")).to_be_visible()
    with page.expect_response(re.compile("terrarium/.*png")) as asked:
        page.get_by_role("button", name="Terrain").click()
    assert asked.value.ok
    assert "terrain=1" in page.url


def test_another_day_draws_and_lists_what_was(opened: Opened) -> None:
    page = opened(f"/map?layers=sites&table=sites&{CLOSE}", "en")
    rows = page.locator("#table tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("New house")
    drawn(page)
    before = page.locator("#map").screenshot()
    page.get_by_role("button", name="Time").click()
    page.locator("#time input.date").fill("2024-06-01")
    expect(rows).to_contain_text("Plan")
    drawn(page)
    assert page.locator("#map").screenshot() != before
    assert "when=2024-06-01" in page.url


def test_two_times_are_compared(opened: Opened) -> None:
    page = opened(f"/map?layers=sites&compare=2024-06-01&differ=sites&{CLOSE}", "en")
    said = page.locator(".differences-list")
    expect(said).to_contain_text("added: 1")
    expect(said).to_contain_text("removed: 1")
    known = page.locator(".time-choice").first.locator(".known select")
    expect(known.locator("option")).to_have_count(2)  # now, and before version 2
    page.get_by_role("button", name="Swipe").click()
    page.wait_for_selector('.swipe-map[data-ready="true"]')
    page.get_by_label("Where the two maps meet").press("ArrowLeft")
    assert "swipe=0.49" in page.url


def test_a_drawn_project_gets_its_report(opened: Opened) -> None:
    page = opened(f"/map?layers=parcels,farmland&{CLOSE}", "en", who="consumer")
    drawn(page)
    page.get_by_role("button", name="Check a project").click()
    page.get_by_role("button", name="Draw", exact=True).click()
    for east, north in ((-60, -40), (60, -40), (0, 50)):
        press_middle(page, east, north)
    page.get_by_role("button", name="Close the shape").click()
    page.select_option("#p-use", "0701")
    page.get_by_role("button", name="Check", exact=True).click()
    report = page.locator(".report")
    expect(report.locator(".verdict")).to_contain_text("Does not comply")
    expect(report.get_by_role("link", name="PDF")).to_have_attribute(
        "href", re.compile(r"^/land/checks/\w+/report.pdf$")
    )
    assert "report=" in page.url


def test_the_table_and_the_map_speak_of_the_same(opened: Opened) -> None:
    page = opened(f"/map?layers=trees&table=trees&at={X},{Y},13,0,0", "en")
    drawn(page)
    rows = page.locator("#table tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="More rows").click()
    expect(rows).to_have_count(100)
    page.get_by_label("Filter (CQL2 text)").fill("rings > 67")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#table caption")).to_have_text(
        re.compile(r"^Trees: \d+ features in view$")
    )
    rings = [int(row.locator("td").nth(4).inner_text()) for row in rows.all()]
    assert rings
    assert set(rings) <= {68, 69}
    page.get_by_role("button", name="rings").click()
    head = page.locator("#table th", has_text="rings")
    expect(head).to_have_attribute("aria-sort", "ascending")
    rows.first.get_by_role("button").click()
    expect(page.locator("#card h2")).to_contain_text("Tree")
    expect(page.locator('#table tr[aria-selected="true"]')).to_have_count(1)


def test_a_stranger_sees_open_layers_only(opened: Opened, city: Town) -> None:
    def slugs(page: Page) -> set[str]:
        boxes = page.locator('input[name="layer"]').all()
        return {str(one.get_attribute("value")) for one in boxes}

    page = opened("/map", "en")
    drawn(page)
    assert slugs(page) == {"trees", "changing", "model", "relief", "sites", "parcels", "farmland"}
    assert "secrets" not in page.content()
    page = opened(f"/map?as={city.agreement}&layers=secrets,buildings", "en", who="consumer")
    drawn(page)
    assert "buildings" in slugs(page)
    assert "secrets" not in slugs(page)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing_with_all_open(opened: Opened, language: str) -> None:
    address = f"/map?layers=sites,trees&table=sites&when=2025-07-01&pick=sites/s-built&{CLOSE}"
    found = []
    for more in ("&view=3d", "&compare=2024-06-01&differ=sites"):
        page = opened(address + more, language, who="consumer")
        drawn(page)
        expect(page.locator("#card .facts").first).to_be_visible()
        page.locator(".layer .more").first.click()
        page.wait_for_selector(".layer-more .legend", state="attached")
        found += found_by_axe(page, more) if language == "zh" else unnamed(page, more)
    assert not found


def test_points_with_heights_have_tiles(tmp_path: Path, city: Town) -> None:
    control = city.control()
    store: Store = composition.open_store(city.settings, control)
    points = [shapely.Point(X + n / 1e4, Y, float(n)) for n in range(9)]
    features = collection(feature(point, id=f"p{n}") for n, point in enumerate(points))
    bring_in(store, tmp_path, "heights", features)
    view = store.view("heights")
    view.prepare()
    assert view.tile(14, 9327, 4742)
    store.close()
    control.close()
