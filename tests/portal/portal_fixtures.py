"""Fixtures of pages: whoever imports ``city`` has a town of its own, and looks at it in a browser
with scripts or without."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page
from town import Town, found_town, serve_town

from looking import WIDE, Windows, chromium, session_of

Opened = Callable[..., Page]


@pytest.fixture(scope="package")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A served town."""
    made = found_town(tmp_path_factory.mktemp("portal"))
    stop = serve_town(made, workers=1)
    yield made
    stop()


@pytest.fixture
def reader(city: Town) -> Iterator[httpx.Client]:
    """A browser without scripts, in English."""
    headers = {"accept": "text/html", "accept-language": "en"}
    with httpx.Client(base_url=city.url, headers=headers, timeout=30, verify=False) as client:
        yield client


@pytest.fixture
def signed_in(city: Town) -> Iterator[Callable[[str], httpx.Client]]:
    """Such a browser of somebody who has signed in through the form."""
    opened: list[httpx.Client] = []

    def enter(who: str) -> httpx.Client:
        headers = {"accept": "text/html", "accept-language": "en"}
        client = httpx.Client(
            base_url=city.url,
            headers=headers,
            cookies=session_of(city, who),
            timeout=30,
            follow_redirects=True,
            verify=False,
        )
        opened.append(client)
        return client

    yield enter
    for client in opened:
        client.close()


@pytest.fixture
def receipt(city: Town) -> str:
    """The receipt of a fresh use under the agreement."""
    with city.client("consumer") as client:
        answer = client.get("/ogc/features/collections/buildings/items")
        use = answer.headers["quanyu-use"]
        for _ in range(450):
            found = client.get(f"/log/receipts/{use}")
            if found.status_code == 200:
                return found.text
            time.sleep(0.2)
    raise AssertionError("the use was not sequenced")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for each file: while it is open, no test here has an event loop of its own."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def opened(browser: Browser, city: Town) -> Iterator[Opened]:
    """Open a page of the town in a language and width, perhaps signed in.

    A request for another host, an error on the page or in its console fails the test.
    """
    windows = Windows(browser)

    def open_page(
        path: str, language: str = "zh", width: int = WIDE, *, who: str = "", moving: bool = False
    ) -> Page:
        return windows.open(city, path, language, width, login=who, moving=moving)

    yield open_page
    windows.close()
    assert not windows.amiss
