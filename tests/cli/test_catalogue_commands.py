"""Kinds, the sheet and products on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_entries_of_any_kind_come_from_files(run: Run, node: Path, tmp_path: Path) -> None:
    assert "urn:quanyu:schema:scene:1" in run("kind", "list", "--dir", node).stdout
    file = tmp_path / "scene.json"
    document = json.loads(run("kind", "example", "scene").stdout)
    file.write_text(json.dumps(document))
    refused = run("kind", "register", file, "--dir", node, expect=2)
    assert "attributes/format" in refused.stderr
    document["attributes"] = {"format": "3dtiles-1.1", "lod": ["LOD2"]}
    file.write_text(json.dumps(document))
    run("kind", "register", file, "--dry-run", "--dir", node)
    said = json.loads(run("kind", "register", file, "--dir", node, "--json").stdout)
    assert (said["slug"], said["state"]) == ("my-scene", "draft")
    for bad in ("{", "[]", '{"kind": "cloud"}'):
        file.write_text(bad)
        run("kind", "register", file, "--dir", node, expect=2)


def test_the_sheet_goes_out_and_in_again(run: Run, node: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "catalogue.xlsx"
    run("sheet", "export", sheet, "--dir", node)
    said = json.loads(run("sheet", "import", sheet, "--dir", node, "--json").stdout)
    assert said["new"] == said["changed"] == 0
    assert said["rejects"] == []
    lines = "信息资源名称,信息资源代码,共享类型\n路灯,209/1,无条件共享\n井盖,209/2,乱写\n"
    other = tmp_path / "more.csv"
    other.write_text(lines)
    run("sheet", "import", other, "--take", "--dir", node, expect=2)
    done = run("sheet", "import", other, "--take", "--good-ones", "--dir", node).stdout
    assert "1 new" in done
    run("sheet", "export", tmp_path / "catalogue.pdf", "--dir", node, expect=2)


def test_a_product_is_added_and_delisted(run: Run, node: Path, tmp_path: Path) -> None:
    file = tmp_path / "product.json"
    document = {"title": {"en": "Index", "zh": ""}, "delivery": "api", "sources": ["shops"]}
    file.write_text(json.dumps(document))
    assert "listed" in run("product", "add", file, "--list", "--dir", node).stdout
    found = json.loads(run("product", "list", "--dir", node, "--json").stdout)
    assert found[0]["title"] == "Index"
    assert "delisted" in run("product", "delist", found[0]["id"], "--dir", node).stdout
    file.write_text(json.dumps(document | {"sources": ["nothing"]}))
    run("product", "add", file, "--dir", node, expect=2)


def test_rights_are_shown_as_they_are_applied_for(run: Run, node: Path, tmp_path: Path) -> None:
    own = json.loads(run("rights", "show", "shops", "--own", "--dir", node).stdout)
    assert [one["kind"] for one in own] == ["holding", "processing", "operation"]
    file = tmp_path / "rights.json"
    file.write_text(json.dumps(own))
    taken = run("rights", "apply", "shops", file, "--reason", "as it was", "--dir", node)
    assert taken.stdout.startswith("app_")
    # What stands on other resources too is no list to apply with.
    file.write_text(run("rights", "show", "shops", "--json", "--dir", node).stdout)
    refused = run("rights", "apply", "shops", file, "--dir", node, expect=2)
    assert "rights.0.operation" in refused.stderr
    assert "--own" in refused.stderr
