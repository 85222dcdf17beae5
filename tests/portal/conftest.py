"""The town of the web's tests, seen through a real browser."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))

from town import PASSWORD, Town, found_town, serve_town

CHROMIUM = "/usr/bin/chromium"
# WebGL by the processor; the pages around it without a graphics card, not with one acted.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu-compositing",
    "--disable-gpu-rasterization",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-quic",
]
LOCALES = {"zh": "zh-CN", "en": "en-GB"}

Opened = Callable[..., Page]


@pytest.fixture(scope="session")
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
    """Such a browser after signing in through the form."""
    opened: list[httpx.Client] = []

    def enter(who: str) -> httpx.Client:
        headers = {"accept": "text/html", "accept-language": "en"}
        client = httpx.Client(
            base_url=city.url, headers=headers, timeout=30, follow_redirects=True, verify=False
        )
        opened.append(client)
        answer = client.post("/sign-in", data={"login": who, "password": PASSWORD, "back": "/"})
        assert answer.status_code == 200
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
        for _ in range(100):
            found = client.get(f"/log/receipts/{use}")
            if found.status_code == 200:
                return found.text
            time.sleep(0.2)
    raise AssertionError("the use was not sequenced")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, drawing with the processor."""
    if not shutil.which("chromium"):
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def opened(browser: Browser, city: Town) -> Iterator[Opened]:
    """Open a page of the town in a language and width, perhaps signed in.

    A request for another host, an error on the page or in its console fails the test.
    """
    contexts = []
    amiss: list[str] = []

    def open_page(
        path: str, language: str = "zh", width: int = 1440, who: str = "", scheme: str = "light"
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 860},
            locale=LOCALES[language],
            color_scheme="dark" if scheme == "dark" else "light",
            base_url=city.url,
        )
        contexts.append(context)
        if who:
            form = {"login": who, "password": PASSWORD, "back": "/"}
            context.request.post("/sign-in", form=form)
        page = context.new_page()
        page.on("pageerror", lambda error: amiss.append(str(error)))
        page.on("console", lambda m: amiss.append(m.text) if m.type == "error" else None)
        page.on(
            "response", lambda r: amiss.append(f"{r.status} {r.url}") if r.status >= 500 else None
        )
        page.on("request", lambda r: _check_host(r.url, city.url, amiss))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not amiss


def _check_host(url: str, own: str, amiss: list[str]) -> None:
    if not url.startswith((own, "data:", "blob:")):
        amiss.append(f"a request to another host: {url}")
