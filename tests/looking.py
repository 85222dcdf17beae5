"""Looking at pages: the browser, and what every page owes.

axe finds nothing on a page, and it is no wider than its window.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from town import PASSWORD, Town

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from browser import CHROMIUM, FLAGS

LOCALES = {"zh": "zh-CN", "en": "en-GB"}
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]
OF_WORDS = [
    "aria-command-name", "aria-dialog-name", "aria-input-field-name", "aria-meter-name",
    "aria-progressbar-name", "aria-toggle-field-name", "aria-tooltip-name", "aria-treeitem-name",
    "button-name", "document-title", "empty-heading", "empty-table-header", "frame-title",
    "html-has-lang", "html-lang-valid", "image-alt", "image-redundant-alt", "input-button-name",
    "input-image-alt", "label", "label-title-only", "landmark-unique", "link-name", "object-alt",
    "role-img-alt", "select-name", "summary-name", "svg-img-alt", "valid-lang",
]  # fmt: skip
"""Rules of axe that what is said in a language can break."""
OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""Rules of axe that look at colours, element by element, which takes them longest."""
WIDE, NARROW = 1440, 360
PATIENCE = 90_000
"""Milliseconds for which pages are waited for, on a machine that has other things to do."""
_LOOKS = 300
_FRAMED = ("/", "/console", "/desk", "/desk/supplier", "/desk/consumer")
"""Pages whose frame is looked at with them: a stranger's and a member's."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, drawing with the processor: where there is one, that without a frame."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        expect.set_options(timeout=PATIENCE)
        yield opened
        opened.close()


class Windows:
    """The windows of one test: an error in one of them, or in its console, is kept as amiss."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._opened: list[BrowserContext] = []
        self.amiss: list[str] = []

    def open(
        self,
        town: Town,
        path: str,
        language: str = "zh",
        width: int = WIDE,
        *,
        login: str = "",
        moving: bool = False,
    ) -> Page:
        """Open a page of a node in a window of its own, perhaps as a member.

        A request for another host is amiss too. Unless ``moving``, charts and maps come to what
        they show at once, as for everybody who asks for less motion.
        """
        window = self._browser.new_context(
            viewport={"width": width, "height": 860},
            locale=LOCALES[language],
            reduced_motion="no-preference" if moving else "reduce",
            base_url=town.url,
        )
        window.set_default_timeout(PATIENCE)
        self._opened.append(window)
        if login:
            kept = session_of(town, login)
            window.add_cookies(
                [{"name": name, "value": kept[name], "url": town.url} for name in kept]
            )
        page = window.new_page()
        page.on("pageerror", lambda error: self.amiss.append(str(error)))
        page.on("console", lambda m: self.amiss.append(m.text) if m.type == "error" else None)
        page.on("response", lambda r: self._note(r.status >= 500, f"{r.status} {r.url}"))
        page.on("request", lambda r: self._note(_is_elsewhere(r.url, town.url), f"away: {r.url}"))
        page.goto(path)
        return page

    def _note(self, wrong: bool, said: str) -> None:
        if wrong:
            self.amiss.append(said)

    def close(self) -> None:
        """Close them all."""
        for window in self._opened:
            window.close()


_SESSIONS: dict[tuple[Path, str], dict[str, str]] = {}


def session_of(town: Town, login: str) -> dict[str, str]:
    """The cookies of a member who signed in by the form: once at each node, as it takes long."""
    of = town.folder, login
    if of not in _SESSIONS:
        form = {"login": login, "password": PASSWORD, "back": "/about"}
        answer = httpx.post(f"{town.url}/sign-in", data=form, verify=False, timeout=60)
        assert answer.status_code == 303, answer.text
        _SESSIONS[of] = dict(answer.cookies)
    return _SESSIONS[of]


def _is_elsewhere(url: str, own: str) -> bool:
    return not url.startswith((own, "data:", "blob:"))


def looked_over(
    page: Page, path: str, language: str = "zh", *, dark: bool = False
) -> list[tuple[str, ...]]:
    """Open a page and look at it; what is wrong with it, by its path and language.

    What a language cannot change is looked at in Chinese.
    """
    page.goto(path)
    drawn(page)
    whole = language == "zh"
    return well(page, path if whole else f"{path} in {language}", whole=whole, dark=dark)


def well(page: Page, name: str, *, whole: bool = True, dark: bool = False) -> list[tuple[str, ...]]:
    """What is wrong with a page as it stands, wide and narrow.

    Not ``whole`` is of its words alone: whether they name everything, and have room. ``dark``
    looks at its contrast in the dark too.
    """
    found = found_by_axe(page, name) if whole else unnamed(page, name)
    if dark:
        page.emulate_media(color_scheme="dark")
        found += poor_contrast(page, f"{name} in the dark", within=_within(name))
        page.emulate_media(color_scheme="light")
    first = page.viewport_size or {"width": WIDE, "height": 860}
    found += too_wide(page, name)
    page.set_viewport_size({**first, "width": WIDE if first["width"] < WIDE else NARROW})
    found += too_wide(page, name)
    page.set_viewport_size(first)
    return found


def found_by_axe(page: Page, name: str, *, colours: bool = True) -> list[tuple[str, ...]]:
    """What axe finds on a page as it stands.

    The frame around a page is the same on every page: its colours are looked at where a stranger
    and where a member begins.
    """
    options = {
        "resultTypes": ["violations"],
        "runOnly": RULES,
        "rules": {rule: {"enabled": False} for rule in OF_COLOURS},
    }
    found = _said(page, name, options)
    if colours:
        found += poor_contrast(page, name, within=_within(name))
    return found


def unnamed(page: Page, name: str) -> list[tuple[str, ...]]:
    """What has no words of its own on a page, by the rules of axe that read them."""
    return _said(page, name, {"resultTypes": ["violations"], "runOnly": OF_WORDS})


def _within(name: str) -> str | None:
    return None if name in _FRAMED else "#main"


def poor_contrast(page: Page, name: str, within: str | None = None) -> list[tuple[str, ...]]:
    """Text of a page, or of one of its elements, that does not stand out from its ground, or a link
    from the text around it.

    Of siblings that differ in their words alone the first are enough: their colours are the same.
    """
    options = {"resultTypes": ["violations"], "runOnly": OF_COLOURS}
    page.evaluate(_PUT_AWAY, _ALIKE)
    try:
        return _said(page, name, options, within)
    finally:
        page.evaluate(_PUT_BACK)


_ALIKE = 3
_PUT_AWAY = """(most) => {
  const state = "current|selected|pressed|expanded|disabled|hidden|invalid|busy";
  const ofStyle = new RegExp(
    `^(class|style|type|role|hidden|open|disabled|checked|lang|dir|aria-(${state})|data-.*)$`);
  const forms = new Map();
  const form = (one) => {
    if (!forms.has(one)) {
      const said = [...one.attributes].filter((each) => ofStyle.test(each.name));
      const whole = [one.tagName, ...said.map((each) => each.name + "=" + each.value),
        "(", ...[...one.children].map(form), ")"].join(" ");
      forms.set(one, whole);
    }
    return forms.get(one);
  };
  const thinOut = (parent) => {
    const seen = new Map();
    for (const one of parent.children) {
      const nth = (seen.get(form(one)) ?? 0) + 1;
      seen.set(form(one), nth);
      if (nth <= most) thinOut(one);
      else if (one instanceof HTMLElement) {
        one.dataset.putAway = one.style.display;
        one.style.display = "none";
      }
    }
  };
  thinOut(document.body);
}"""
_PUT_BACK = """() => {
  for (const one of document.querySelectorAll("[data-put-away]")) {
    one.style.display = one.dataset.putAway;
    delete one.dataset.putAway;
  }
}"""


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
    width = page.evaluate("innerWidth")
    return [(name, f"too wide for {width}", str(over))]


def drawn(page: Page) -> None:
    """Wait for the page's own marks that its map and its charts have nothing left to draw."""
    for name in ("#map", "#preview"):
        if page.locator(name).count():
            page.wait_for_selector(f'{name}[data-ready="true"]')
    waiting = page.locator('[data-chart]:not([data-ready="true"])')
    expect(waiting).to_have_count(0)


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
