"""Make the pictures in ``docs/pictures`` from the demo city, in a real browser."""

import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import orjson
from browser import CHROMIUM, FLAGS
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
QUANYU = Path(sys.executable).parent / "quanyu"
PAGES = {
    "home": "/",
    "results": "/search?q=helsinki",
    "health": "/search?sort=sickness",
    "resource": "/resources/helsinki-buildings",
    "map": "/map?view=3d&layers=helsinki-landuse,helsinki-streets,generated-model"
    "&at=24.94520,60.17070,15.9,-24,60",
    "map-compare": "/map?layers=helsinki-landuse,helsinki-streets,generated-sites"
    "&at=24.94340,60.17160,15.4,0,0&compare=2024-06-01&differ=generated-sites",
}
DESKS = {
    "desk-bureau": ("bureau", "/desk/bureau"),
    "desk-reviewer": ("reviewer", "/desk/reviewer"),
    "desk-supplier": ("department", "/desk/supplier"),
    "desk-consumer": ("university", "/desk/consumer"),
    "asset": ("bureau", "/assets/helsinki-facilities/heating-network"),
    "facility": ("department", "/facilities/weather-replay"),
    "rule": ("bureau", "/rules"),
    "statement": ("department", "/statements"),
}
"""Pages that one signs in for, each with the example account that sees it."""
THEN = {
    "facility": ("main table a",),
    "rule": ("a[href^='/rules/rul_']", "a[href$='/edit']", "button[name=do][value=test]"),
    "statement": ("a[href^='/statements/STM-']",),
}
"""What is pressed on the page before its picture: the first facility, a rule tried on history, the
newest statement."""
WALL = ("wall", "/wall")
"""For a large screen: a picture of its own size."""
WITH_MAP = ("resource", "map", "map-compare", "wall")
SETTLE_MS = {"map": 8_000, "map-compare": 5_000, "facility": 3_000}
"""Solids and answers come after the map itself."""
_LARGEST = 300_000
WIDE = {"width": 1440, "height": 900}
LARGE = {"width": 1920, "height": 1080}


def main() -> None:
    """Start a demo in a folder of its own, photograph it in both languages, stop it."""
    PICTURES.mkdir(exist_ok=True)
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [QUANYU, "demo", "--dir", folder + "/city", "--port", str(port), "--no-browser"],
            stdout=subprocess.DEVNULL,
        )
        try:
            base = f"http://127.0.0.1:{port}"
            wait(base, server)
            accounts = orjson.loads(Path(folder, "city", "demo.json").read_bytes())["examples"]
            photograph(base, {one["login"]: one for one in accounts})
        finally:
            server.terminate()
            server.wait(30)


def photograph(base: str, accounts: dict[str, dict[str, Any]]) -> None:
    """Every picture of the demo at ``base``, in both languages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for language in ("zh", "en"):
            page = page_in(browser, language, WIDE)
            for name, path in PAGES.items():
                shoot(page, base, name, path, language)
            shoot(page_in(browser, language, LARGE), base, *WALL, language)
            for name, (login, path) in DESKS.items():
                page = page_in(browser, language, WIDE)
                sign_in(page, base, accounts[login])
                shoot(page, base, name, path, language)
        browser.close()


def page_in(browser: Browser, language: str, size: dict[str, int]) -> Page:
    """A page whose fields speak the language too."""
    locale = "zh-CN" if language == "zh" else "en-GB"
    return browser.new_page(
        viewport={"width": size["width"], "height": size["height"]}, locale=locale
    )


def sign_in(page: Page, base: str, account: dict[str, Any]) -> None:
    """As one of the demo's example accounts."""
    page.goto(f"{base}/sign-in", wait_until="networkidle")
    page.fill("#login", account["login"])
    page.fill("#password", account["password"])
    page.press("#password", "Enter")
    page.wait_for_url(f"{base}/")


def shoot(page: Page, base: str, name: str, path: str, language: str) -> None:
    """One picture, once the page has nothing left to draw."""
    joint = "&" if "?" in path else "?"
    page.goto(f"{base}{path}{joint}lang={language}", wait_until="networkidle")
    if name in WITH_MAP:
        page.wait_for_selector('[data-ready="true"]', timeout=60_000)
    page.wait_for_timeout(SETTLE_MS.get(name, 800))  # charts grow for a moment
    for selector in THEN.get(name, ()):
        page.locator(selector).first.click()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(SETTLE_MS.get(name, 800))
    target = PICTURES / f"{name}-{language}.png"
    page.screenshot(path=target)
    make_small(target)
    print(target)


def make_small(picture: Path) -> None:
    """Keep a large one in 256 colours: a third of the bytes, and little that the eye misses."""
    if picture.stat().st_size <= _LARGEST:
        return
    with Image.open(picture) as found:
        small = found.convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


def wait(base: str, server: "subprocess.Popen[bytes]") -> None:
    """Until the node answers; it makes its city first."""
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{base}/readyz", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass  # it does not listen yet
        time.sleep(0.3)
    sys.exit("shots: the demo did not start")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
