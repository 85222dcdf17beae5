"""A node made and fed by the command line alone."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def run(quanyu_command: Path) -> Run:
    """Run the command line and check its exit code."""

    def quanyu(*arguments: object, expect: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [str(quanyu_command), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == expect, f"{done.stdout}\n{done.stderr}"
        return done

    return quanyu


@pytest.fixture(scope="session")
def shops_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty shops in GBK, one row with a coordinate that is none."""
    path = tmp_path_factory.mktemp("source") / "shops.csv"
    rows = [f"{i},店铺{i},{116.3 + i / 1000:.4f},{39.9 + i / 2000:.4f},{i * 10}" for i in range(40)]
    rows[7] = "7,店铺7,东经,39.9,70"
    path.write_text("编号,名称,经度,纬度,面积\n" + "\n".join(rows) + "\n", "gb18030")
    return path


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory, run: Run, shops_csv: Path) -> Path:
    """A node with one open dataset, ``shops``."""
    folder = tmp_path_factory.mktemp("node") / "city"
    said = run("init", "--dir", folder, "--title-zh", "某市", "--title-en", "Some City").stdout
    assert "Sign in as admin with" in said
    run(
        "add", shops_csv, "--dataset", "shops", "--title-zh", "店铺", "--title-en", "Shops",
        "--licence", "CC0-1.0", "--access", "open", "--yes", "--dir", folder,
    )  # fmt: skip
    return folder
