"""The negotiation room, the contract and a transfer in a browser, from both sides."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from test_negotiation_pages import until
from town import Town, policy, term
from two_nodes import Nodes

from looking import NARROW, WIDE, Windows, chromium, well
from quanyu.agreements import create_offer

SHOTS = os.environ.get("QUANYU_TEST_SHOTS")
Opened = Callable[..., Page]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open a page of a node as a member; an error on it or in its console fails the test."""
    with chromium() as browser:
        windows = Windows(browser)

        def open_page(town: Town, login: str, path: str, language: str, width: int = WIDE) -> Page:
            return windows.open(town, path, language, width, login=login)

        yield open_page
        windows.close()
    assert not windows.amiss


def sound(page: Page, name: str) -> None:
    """Accessible, within its widths; a picture where they are asked for."""
    assert not well(page, name)
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

    room = opened(provider, "first", theirs, "en", NARROW)
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
    centre = opened(provider, "first", "/agreements", "zh")
    assert centre.locator(f"a[href='/agreements/{done['agreement']}']").count()
    sound(centre, "contracts-zh")
    contract = opened(provider, "first", f"/agreements/{done['agreement']}", "en")
    assert contract.locator(".timeline li").count() >= 2
    assert done["contract"]["number"] in contract.inner_text("main")
    assert contract.locator(".stages [aria-current=step]").count() == 1
    sound(contract, "contract-en")
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
    sound(opened(consumer, "first", moved, "en"), "transfer-file-en")
    for language in ("zh", "en"):
        listed = opened(consumer, "first", "/negotiations", language)
        assert listed.locator(f"a[href='{mine}']").count()
        sound(listed, f"negotiations-{language}")
