"""What the documentation says is true: its commands run, its reference is what the program has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.mark.timeout(660)
def test_the_tutorial_runs_as_it_is_written(tmp_path: Path, quanyu_command: Path) -> None:
    blocks = re.findall(
        r"^```sh\n(.*?)^```", (DOCS / "tutorial.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    script = tmp_path / "tutorial.sh"
    script.write_text("set -euo pipefail\n" + "\n".join(blocks), "utf-8")
    places = [quanyu_command.parent, Path(sys.executable).parent, os.environ["PATH"]]
    path = os.pathsep.join(map(str, places))
    done = subprocess.run(
        ["bash", script], cwd=tmp_path, env=os.environ | {"PATH": path},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "refused, as it should be" in done.stdout
    assert "that column does not exist for you" in done.stdout
    assert "The receipt is genuine." in done.stdout
    assert "Street trees" in done.stdout
    assert '"change":"updated","id":"2"' in done.stdout
    assert '"change":"updated","id":"1"' not in done.stdout


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda p: str(p.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_reference_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools")
    monkeypatch.setattr("sys.argv", ["reference.py", "--check"])
    import reference

    reference.main()  # exits where a page is stale, and says which


def test_every_room_says_what_it_is_for() -> None:
    for room in sorted((ROOT / "src" / "quanyu").iterdir()):
        if (room / "__init__.py").exists():
            assert (room / "README.md").exists(), room.name
