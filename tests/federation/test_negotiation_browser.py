"""The negotiation room, the contract and a transfer in a browser, from both sides."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from test_negotiation_pages import until
from town import PASSWORD, Town, policy, term
from two_nodes import Nodes

from quanyu.agreements import create_offer

FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-quic"]
SHOTS = os.environ.get("QUANYU_TEST_SHOTS")
LOCALES = {"zh": "zh-CN", "en": "en-GB"}
Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not shutil.which("chromium"):
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield made
        made.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Open a page of a node as a member; an error on it or in its console fails the test."""
    contexts, amiss = [], []

    def open_page(town: Town, login: str, path: str, language: str, width: int = 1280) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 860},
            locale=LOCALES[language],
            base_url=town.url,
        )
        contexts.append(context)
        context.request.post("/sign-in", form={"login": login, "password": PASSWORD, "back": "/"})
        page = context.new_page()
        page.on("pageerror", lambda error: amiss.append(str(error)))
        page.on("console", lambda m: amiss.append(m.text) if m.type == "error" else None)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not amiss


def sound(page: Page, name: str) -> None:
    """Accessible, within its width; a picture where they are asked for."""
    options = {
        "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"],
        "resultTypes": ["violations"],
    }
    found = Axe().run(page, options=options)
    wrong = [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]]
    assert not wrong, name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), name
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_two_sides_negotiate_in_their_rooms(nodes: Nodes, opened: Opened) -> None:
    provider, consumer = nodes.provider, nodes.consumer
    control = provider.control()
    with control.begin() as session:
        offer = create_offer(
            session,
            provider.callers["first"],
            "trees",
            policy(term("count", "lteq", 500), term("quanyu:columns", "isNoneOf", ["rings"])),
        )
    control.close()
    page = opened(consumer, "first", "/negotiations/new?peer=provider.test", "zh")
    sound(page, "negotiation-new-zh")
    chosen = page.locator("form", has=page.locator("option", has_text=offer.id))
    chosen.locator("[name=offer]").select_option(offer.id)
    chosen.locator("[name=statement]").fill("规划公交站点")
    chosen.locator("button").click()
    page.wait_for_url("**/negotiations/neg_*")
    mine = "/negotiations/" + page.url.rpartition("/")[2]
    theirs = "/negotiations/" + until(consumer, "first", mine, "REQUESTED")["their_pid"]
    until(provider, "first", theirs, "REQUESTED")

    room = opened(provider, "first", theirs, "en", 390)
    room.get_by_text("Propose other terms").click()
    room.fill("#terms", '{"permission": [{"action": "read"}, {"action": "reproduce"}]}')
    sound(room, "room-provider-counter-en-narrow")
    room.click("button[value=counter]")
    until(consumer, "first", mine, "OFFERED")

    # What changed is marked, and not by colour alone.
    page.goto(mine)
    assert page.locator(".thread ins").count() >= 1
    assert page.locator(".thread del").count() >= 1
    assert page.locator(".thread ins .sr").first.inner_text().strip()
    sound(page, "room-consumer-differences-zh")
    page.click("button[value=accept]")
    for login in ("first", "second"):
        until(provider, login, theirs, "ACCEPTED")
        desk = opened(provider, login, theirs, "en")
        sound(desk, f"room-approve-{login}-en")
        desk.click("button[value=approve]")
        desk.wait_for_load_state()
    until(consumer, "first", mine, "FINALIZED")
    done = until(provider, "first", theirs, "FINALIZED")

    # The contract centre: a list, and a contract with its course, its number and its paper.
    for width, name in ((1280, "wide"), (390, "narrow")):
        centre = opened(provider, "first", "/agreements", "zh", width)
        assert centre.locator(f"a[href='/agreements/{done['agreement']}']").count()
        sound(centre, f"contracts-zh-{name}")
        contract = opened(provider, "first", f"/agreements/{done['agreement']}", "en", width)
        assert contract.locator(".timeline li").count() >= 2
        assert done["contract"]["number"] in contract.inner_text("main")
        assert contract.locator(".stages [aria-current=step]").count() == 1
        sound(contract, f"contract-en-{name}")
    page.goto(mine)
    with page.expect_download() as download:
        page.locator("a[href$='contract.pdf']").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")
    sound(page, "room-finalized-zh")

    # A file is sent for and comes.
    page.locator("details:has(#file) summary").click()
    page.select_option("#file", "csv")
    page.click("button[value=push]")
    page.wait_for_url("**/transfers/trf_*")
    moved = "/transfers/" + page.url.rpartition("/")[2]
    until(consumer, "first", moved, "COMPLETED")
    page.reload()
    with page.expect_download() as download:
        page.locator("a[href$='/data']").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 61
    sound(page, "transfer-file-zh")
    sound(opened(consumer, "first", moved, "en", 390), "transfer-file-en-narrow")
    for language, width in (("zh", 390), ("en", 1280)):
        listed = opened(consumer, "first", "/negotiations", language, width)
        assert listed.locator(f"a[href='{mine}']").count()
        sound(listed, f"negotiations-{language}-{width}")
