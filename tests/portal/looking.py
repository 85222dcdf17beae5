"""What every page owes: axe finds nothing on it, and it is no wider than its window."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

RULES = ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]
WIDE, NARROW = 1440, 360
_LOOKS = 30
_FRAMED = ("/", "/console")
"""Pages whose frame is looked at with them: a stranger's and a member's."""


def looked_over(page: Page, path: str, language: str = "zh") -> list[tuple[str, ...]]:
    """Open a page, look at it wide and narrow; what is wrong with it.

    Colours are the same in every language, and to compare them takes longest: once is enough.
    """
    page.goto(path)
    drawn(page)
    found = found_by_axe(page, path, colours=language == "zh")
    found += too_wide(page, path)
    page.set_viewport_size({"width": NARROW, "height": 860})
    found += too_wide(page, path)
    page.set_viewport_size({"width": WIDE, "height": 860})
    return found


def found_by_axe(page: Page, name: str, *, colours: bool = True) -> list[tuple[str, ...]]:
    """What axe finds on a page as it stands.

    The frame around a page is the same on every page: its colours are looked at where a stranger
    and where a member begins.
    """
    options = {
        "resultTypes": ["violations"],
        "runOnly": RULES,
        "rules": {"color-contrast": {"enabled": False}},
    }
    found = _said(page, name, options)
    if colours:
        found += poor_contrast(page, name, within=None if name in _FRAMED else "#main")
    return found


def poor_contrast(page: Page, name: str, within: str | None = None) -> list[tuple[str, ...]]:
    """Text of a page, or of one of its elements, that does not stand out from its ground."""
    options = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
    return _said(page, name, options, within)


def too_wide(page: Page, name: str) -> list[tuple[str, ...]]:
    """Whether a page must be scrolled sideways, once charts had time to follow the window."""
    over = 0
    for _ in range(_LOOKS):
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if over <= 0:
            return []
        page.wait_for_timeout(100)
    return [(name, "too wide", str(over))]


def drawn(page: Page) -> None:
    """Wait for the page's own marks that its map and its charts have nothing left to draw."""
    for name in ("#map", "#preview"):
        if page.locator(name).count():
            page.wait_for_selector(f'{name}[data-ready="true"]', timeout=60_000)
    waiting = page.locator('[data-chart]:not([data-ready="true"])')
    expect(waiting).to_have_count(0, timeout=30_000)


def _said(
    page: Page, name: str, options: dict[str, object], within: str | None = None
) -> list[tuple[str, ...]]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate(
        "async ([within, options]) => (await axe.run(within ?? document, options)).violations",
        [within, options],
    )
    return [
        (name, item["id"], *(node["html"][:150] for node in item["nodes"][:3])) for item in found
    ]
