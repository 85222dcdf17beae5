"""An analyst sends an algorithm, the provider's steward releases it, in a browser."""

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Page
from town import Town

from looking import NARROW, well
from quanyu.compute import isolation_here

pytestmark = pytest.mark.skipif(not isolation_here().whole, reason="bubblewrap or seccomp missing")
Opened = Callable[..., Page]
SHOTS = os.environ.get("QUANYU_TEST_SHOTS")
CODE = """def run(data, least):
    shown = data.filter(data["levels"].combine_chunks().to_numpy() >= least)
    found = shown.group_by("levels").aggregate([([], "count_all")])
    return {"groups": found.rename_columns(["levels", "n"]), "total": shown.num_rows}
"""
DESCRIPTION = {
    "id": "levels-of-houses",
    "title": "Houses by levels 房屋层数",
    "description": "How many houses have how many levels.",
    "version": "1.0.0",
    "inputs": {
        "data": {"schema": {"contentMediaType": "application/vnd.apache.arrow.file"}},
        "least": {"schema": {"title": "Least levels", "type": "integer", "default": 1}},
    },
    "outputs": {
        "groups": {
            "schema": {
                "type": "array",
                "items": {"properties": {"levels": {"type": "integer"}, "n": {"type": "integer"}}},
            },
            "x-quanyu-groups": {"by": ["levels"], "count": "n"},
        },
        "total": {"schema": {"type": "integer"}},
    },
}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    description, code = tmp_path / "levels.json", tmp_path / "levels.py"
    description.write_bytes(orjson.dumps(DESCRIPTION))
    code.write_text(CODE)
    return description, code


def sound(page: Page, name: str) -> None:
    """Accessible, within its widths; a picture where they are asked for."""
    assert not well(page, name)
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_an_algorithm_is_sent_run_and_released(
    city: Town, opened: Opened, files: tuple[Path, Path]
) -> None:
    page = opened("/algorithms", "zh", who="consumer")
    page.set_input_files("#description", files[0])
    page.set_input_files("#code", files[1])
    page.click("form.fields button")
    page.wait_for_url("**/algorithms/levels-of-houses")
    sound(page, "algorithm-zh")
    page.fill("#collection", "buildings")
    page.fill("[id='inputs.least']", "1")
    page.fill("#agreement", city.agreement)
    page.click("form.fields button")
    page.wait_for_url("**/runs/run_*")
    page.wait_for_selector(".note.info")
    sound(page, "run-waiting-zh")
    run = page.url.partition("/runs/")[2]

    desk = opened("/desk/supplier", "en", width=NARROW, who="provider")
    desk.locator(f"a[href='/runs/{run}']").first.click()
    desk.wait_for_selector("#findings")
    sound(desk, "run-judge-en-narrow")
    desk.fill("#reasons", "Sums only, no single house.")
    desk.click("button[value=release]")
    desk.wait_for_selector(".badge.ok")
    sound(desk, "run-released-en-narrow")

    told = opened(f"/runs/{run}", "zh", who="consumer")
    assert told.locator("#out-groups").count() == 1
    sound(told, "run-released-zh")
    for path, name in (("/algorithms", "algorithms"), ("/runs", "runs")):
        sound(opened(path, "zh", who="consumer"), f"{name}-zh")
        assert not well(opened(path, "en", who="consumer"), f"{name}-en", whole=False)
