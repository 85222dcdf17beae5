"""The command line from end to end: what it says, what it refuses, what it leaves behind."""

import json
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from quanyu.cli.local import ask

COMMANDS = (
    "init", "serve", "demo", "add", "generate city", "search", "query", "export", "receipt", "key",
    "verify", "party add", "party list", "party member", "token issue", "token list",
    "token revoke", "agreement offer", "agreement request", "agreement approve",
    "agreement refuse", "agreement suspend", "agreement resume", "agreement end",
    "agreement list", "doctor",
)  # fmt: skip

Run = Callable[..., Any]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(run: Run, command: str) -> None:
    said = run(*command.split(), "--help").stdout
    assert f"quanyu {command}" in said.split("Example")[-1]


def test_a_second_init_is_refused(run: Run, node: Path) -> None:
    assert "holds a node already" in run("init", "--dir", node, expect=2).stderr


def test_a_folder_without_a_node_is_named_with_the_mend(run: Run, tmp_path: Path) -> None:
    said = run("doctor", "--dir", tmp_path / "none", "--json", expect=1).stdout
    findings = {f["check"]: f for f in json.loads(said)}
    assert not findings["control store"]["ok"]
    error = run("search", "x", "--dir", tmp_path / "none", expect=2).stderr
    assert error.startswith("quanyu: dir: ")
    assert "quanyu init" in error
    assert error.count("\n") == 1


def test_a_row_that_cannot_be_read_is_kept_with_its_line(
    run: Run, node: Path, shops_csv: Path
) -> None:
    said = run("add", shops_csv, "--dataset", "again", "--json", "--dir", node).stdout
    (report,) = json.loads(said)
    assert (report["rows"], report["rejects"]) == (39, 1)
    (reject,) = map(json.loads, Path(report["rejects_file"]).read_text("utf-8").splitlines())
    assert reject["line"] == 9
    assert "东经" in reject["raw"]


def test_the_plan_is_shown_before_anything_is_committed(
    run: Run, node: Path, shops_csv: Path
) -> None:
    (plan,) = json.loads(
        run("add", shops_csv, "--dataset", "unseen", "--plan", "--json", "--dir", node).stdout
    )
    assert plan["encoding"].lower().startswith("gb")
    assert {f["name"]: f["type"] for f in plan["fields"]}["面积"] == "integer"
    assert plan["rows"] == 40  # the line of the names is none
    run("query", "unseen", "--dir", node, expect=2)


def test_without_yes_and_without_a_terminal_nothing_is_changed(
    run: Run, node: Path, shops_csv: Path
) -> None:
    run("add", shops_csv, "--dataset", "unseen", "--dir", node, expect=1)
    run("query", "unseen", "--dir", node, expect=2)


def test_search_finds_in_both_languages(run: Run, node: Path) -> None:
    for words in ("店铺", "shops"):
        found = json.loads(run("search", words, "--json", "--dir", node).stdout)
        assert [hit["properties"]["title"] for hit in found["features"]]


def test_query_answers_within_what_is_asked(run: Run, node: Path) -> None:
    done = run(
        "query", "shops", "--filter", "面积 >= 100 AND 面积 < 130", "--limit", 10, "--dir", node
    )
    names = [f["properties"]["名称"] for f in json.loads(done.stdout)["features"]]
    assert sorted(names) == ["店铺10", "店铺11", "店铺12"]


def test_query_names_an_unknown_property(run: Run, node: Path) -> None:
    error = run("query", "shops", "--filter", "no_such = 1", "--dir", node, expect=2).stderr
    assert error.startswith("quanyu: filter: ")
    assert "面积" in error


def test_export_writes_the_whole_collection_or_nothing(
    run: Run, node: Path, tmp_path: Path
) -> None:
    target = tmp_path / "shops.parquet"
    run("export", "shops", target, "--dir", node)
    assert pq.read_metadata(target).num_rows == 39
    run("export", "shops", target, "--dir", node, expect=2)
    run("export", "nothing", tmp_path / "x.csv", "--dir", node, expect=2)
    run("export", "shops", tmp_path / "x.xyz", "--dir", node, expect=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shops.parquet"]


def test_adding_again_makes_a_new_version_and_keeps_what_was_said(
    run: Run, node: Path, tmp_path: Path
) -> None:
    source = tmp_path / "lamps.geojson"
    feature = {
        "type": "Feature",
        "properties": {"watt": 40},
        "geometry": {"type": "Point", "coordinates": [116.3, 39.9]},
    }
    source.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    first = json.loads(
        run(
            "add",
            source,
            "--title-zh",
            "路灯",
            "--title-en",
            "Street lamps",
            "--json",
            "--dir",
            node,
        ).stdout
    )
    second = json.loads(run("add", source, "--json", "--dir", node).stdout)
    assert [first[0]["version"], second[0]["version"]] == [1, 2]
    assert first[0]["code"] == second[0]["code"]
    found = json.loads(run("search", "路灯", "--json", "--dir", node).stdout)
    assert [hit["properties"]["title"] for hit in found["features"]] == ["Street lamps"]


def test_a_token_is_shown_once_and_fails_once_revoked(run: Run, node: Path, tmp_path: Path) -> None:
    party = json.loads(
        run("party", "add", "university", "--zh", "某大学", "--json", "--dir", node).stdout
    )["id"]
    run("party", "member", party, "li.hua", "--role", "consumer", "--dir", node)
    token = json.loads(run("token", "issue", "li.hua", "--json", "--dir", node).stdout)
    secret = tmp_path / "token"
    secret.write_text(token["token"])
    run("query", "shops", "--token-file", secret, "--dir", node)
    assert token["token"] not in run("token", "list", "li.hua", "--json", "--dir", node).stdout
    run("token", "revoke", "li.hua", token["id"], "--dir", node)
    run("query", "shops", "--token-file", secret, "--dir", node, expect=2)


def test_a_wrong_credit_code_is_named(run: Run, node: Path) -> None:
    error = run(
        "party", "add", "enterprise", "--zh", "某企业", "--credit-code", "91110000000000000X",
        "--dir", node, expect=2,
    ).stderr  # fmt: skip
    assert error.startswith("quanyu: credit_code: ")


def test_doctor_finds_a_sound_node_sound(run: Run, node: Path) -> None:
    findings = json.loads(run("doctor", "--json", "--dir", node).stdout)
    assert all(finding["ok"] for finding in findings), findings


def test_the_same_seed_makes_the_same_city(run: Run, node: Path, tmp_path: Path) -> None:
    exports = []
    for turn in range(2):
        run("generate", "city", "--buildings", 200, "--points", 500, "--seed", 3, "--dir", node)
        target = tmp_path / f"{turn}.csv"
        run("export", "generated-points", target, "--dir", node)
        exports.append(target.read_bytes())
    assert exports[0] == exports[1]
    assert exports[0].count(b"\n") == 501


def test_a_port_in_use_is_refused(run: Run, node: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = run("serve", "--dir", node, "--port", port, expect=2).stderr
    assert error.startswith("quanyu: port: ")


@pytest.mark.parametrize(
    "path",
    ["/ogc/features/collections", "/ogc/records/collections/catalogue/items", "/", "/search"],
)
def test_pages_show_an_entry_that_has_no_abstract(node: Path, path: str) -> None:
    body = bytearray()
    assert ask(node, path, {"f": "html", "lang": "zh"}, write=body.extend).status == 200
    assert "店铺".encode() in body


def test_a_month_that_is_not_over_is_said_before_anything_is_metered(run: Run, node: Path) -> None:
    """What the log has grown by stays to be metered."""

    def stands() -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(node / "control.sqlite")) as store:
            return [*store.execute("SELECT name, reached FROM market_meter ORDER BY name")]

    before = stands()
    said = run("settle", "2999-01", "--dir", node, expect=2)
    assert "is not over yet" in said.stderr
    assert said.stderr.strip().count("\n") == 0
    assert stands() == before


@pytest.mark.parametrize(
    ("words", "field", "mend"),
    [
        (["quer"], "quer", "use query"),
        (["streams", "lod"], "lod", "use load"),
        (["query"], "collection", "see quanyu query --help"),
        (["query", "shops", "more"], "more", "see quanyu query --help"),
        (["query", "shops", "--limt", "3"], "--limt", "use --limit"),
        (["query", "shops", "--limit", "many"], "--limit", "see quanyu query --help"),
        (["query", "shops", "--bbox"], "--bbox", "--help"),
        (["query", "shops", "--format", "dwg"], "--format", "see quanyu query --help"),
        (["streams", "flag"], "--stream", "see quanyu streams flag --help"),
        (["party", "add", "club"], "kind", "see quanyu party add --help"),
        (["party", "add", "university"], "zh", "give --zh or --en"),
    ],
)
def test_words_that_no_command_takes_are_named_in_one_line(
    run: Run, words: list[str], field: str, mend: str
) -> None:
    said = run(*words, expect=2)
    assert said.stdout == ""
    assert said.stderr.startswith(f"quanyu: {field}: ")
    assert said.stderr.count("\n") == 1
    assert mend in said.stderr


def test_a_group_without_a_command_shows_its_help(run: Run) -> None:
    done = run("streams", expect=2)
    assert "load-things" in done.stdout + done.stderr


def test_errors_of_the_gate_and_of_the_command_line_are_in_one_language(
    run: Run, node: Path
) -> None:
    for words in (
        ["query", "nothing"],
        ["query", "shops", "--filter", "height >"],
        ["streams", "statistics", "--stream", "nothing"],
        ["query", "shops", "--limit", "0"],
    ):
        said = run(*words, "--dir", node, expect=2).stderr
        assert said.startswith("quanyu: ")
        assert said.count("\n") == 1
        assert not any("\u3400" <= letter <= "\u9fff" for letter in said)
