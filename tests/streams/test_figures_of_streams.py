"""Figures of a stream from the command line and on its page: by the same gate as over the
network."""

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streaming_node import SLUG, Streaming, agree, found, policy

from quanyu.cli.local import asking

Run = Callable[..., "subprocess.CompletedProcess[str]"]
MEASURES = "count,mean:result,min:result,max:result"


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Streaming:
    made = found(tmp_path_factory.mktemp("figures"))
    for who, token in made.tokens.items():
        (made.folder / who).write_text(token)
    return made


@pytest.fixture(scope="module")
def run(quanyu_command: Path, streaming: Streaming) -> Run:
    def quanyu(*arguments: object, expect: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [str(quanyu_command), *map(str, arguments), "--dir", str(streaming.folder)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == expect, f"{done.stdout}\n{done.stderr}"
        return done

    return quanyu


@pytest.fixture(scope="module")
def figures(run: Run, streaming: Streaming) -> Run:
    """The command as a party, of two days of the node: 1 to 48 and 101 to 148."""
    rows = ["at,which,value"]
    for hour in range(48):
        at = f"2026-03-{hour // 24 + 1:02}T{hour % 24:02}:00:00+08:00"
        rows += [f"{at},{one},{hour + 1 + 100 * place}" for place, one in enumerate(streaming.ids)]
    file = streaming.folder / "hours.csv"
    file.write_text("\n".join(rows))
    run("streams", "load", file, "--stream", SLUG, "--time", "at", "--datastream", "which",
        "--result", "value")  # fmt: skip

    def statistics(who: str | None, *arguments: object, expect: int = 0) -> object:
        token = () if who is None else ("--token-file", streaming.folder / who)
        return run(
            "streams", "statistics", "--stream", SLUG, *token, *arguments, expect=expect
        )  # fmt: skip

    return statistics


def test_figures_are_a_table_csv_and_json(figures: Run) -> None:
    asked = ("--by", "day", "--measure", MEASURES)
    told = json.loads(figures("provider", *asked, "--json").stdout)
    assert (told["unit"], told["timeZone"]) == ("ug/m3", "Asia/Shanghai")
    hours = json.loads(figures("provider", "--by", "hour", "--json").stdout)
    assert "timeZone" not in hours
    assert hours["groups"][0]["hour"] == "2026-02-28T16:00:00Z"
    assert [row["count"] for row in told["groups"]] == [48, 48]
    assert [row["mean_result"] for row in told["groups"]] == [62.5, 86.5]
    assert [(row["min_result"], row["max_result"]) for row in told["groups"]] == [
        (1, 124),
        (25, 148),
    ]
    rows = list(csv.DictReader(io.StringIO(figures("provider", *asked, "--csv").stdout)))
    assert [row["day"] for row in rows] == [row["day"] for row in told["groups"]]
    assert [float(row["mean_result"]) for row in rows] == [62.5, 86.5]
    table = figures("provider", *asked).stdout.splitlines()
    assert table[0].split() == ["day", "count", "mean_result", "min_result", "max_result"]
    assert table[1].split() == ["2026-03-01T00:00:00+08:00", "48", "62.5", "1", "124"]
    assert table[-1] == "2 rows, in ug/m3, times of Asia/Shanghai"


def test_datastreams_apart_and_chosen(figures: Run, streaming: Streaming) -> None:
    late = "phenomenonTime ge 2026-03-02T00:00:00+08:00"
    said = figures("provider", "--by", "Datastream,day", "--filter", late, "--json").stdout
    assert {row["Datastream"]: row["mean_result"] for row in json.loads(said)["groups"]} == {
        streaming.ids[0]: 36.5,
        streaming.ids[1]: 136.5,
    }


def test_a_use_is_counted_within_its_agreement_and_has_a_receipt(
    run: Run, figures: Run, streaming: Streaming
) -> None:
    once = {"leftOperand": "count", "operator": "lteq", "rightOperand": 1}
    agree(streaming, "reader", policy(once))
    used = re.fullmatch(r"use (use_\w+)\n", figures("reader", "--measure", "count").stderr)
    assert used is not None
    receipt = streaming.folder / "receipt.json"
    run("receipt", used[1], receipt, "--token-file", streaming.folder / "reader")
    assert used[1] in receipt.read_text()
    refused = figures("reader", "--measure", "count", expect=2).stderr
    assert refused.startswith("quanyu: ")
    assert refused.count("\n") == 1
    assert f"[{streaming.agreements['reader']}#" in refused


@pytest.mark.parametrize("who", [None, "stranger"])
def test_a_stranger_is_refused_in_one_line(figures: Run, who: str | None) -> None:
    done = figures(who, expect=2)
    assert done.stdout == ""
    assert re.fullmatch(r"quanyu: [ -~]+ \[agreement.none\]\n", done.stderr)


def test_what_is_wrong_is_named(figures: Run) -> None:
    assert figures("provider", "--by", "fortnight", expect=2).stderr.startswith("quanyu: by: ")
    wrong = figures("provider", "--measure", "median:result", expect=2).stderr
    assert wrong.startswith("quanyu: measure: ")


Look = Callable[..., dict[str, Any]]


@pytest.fixture
def look(figures: Run, streaming: Streaming) -> Iterator[Look]:
    """The page with charts as JSON, for a party."""
    assert figures
    with asking(streaming.folder) as ask:

        def page(who: str | None, **given: str) -> dict[str, Any]:
            body = bytearray()
            token = None if who is None else streaming.tokens[who]
            path = f"/resources/{SLUG}/figures"
            ask(path, {"f": "json", **given}, token=token, write=body.extend)
            said: dict[str, Any] = json.loads(bytes(body))
            return said

        yield page


def test_the_page_draws_what_there_is(look: Look) -> None:
    said = look("provider")
    assert said["refusal"] is None
    assert said["properties"] == ["PM2.5"]
    assert (said["start"], said["end"], said["by"]) == ("2026-02-24", "2026-03-02", "hour")
    assert said["datastreams"] == 2
    [together] = said["figures"]
    assert len(together["spans"]) == 48
    assert together["spans"][0] | {"start": ""} == {
        "start": "",
        "count": 2,
        "mean": 51,
        "min": 1,
        "max": 101,
    }
    apart = look("provider", of="apart", start="2026-03-02", end="2026-03-02", by="day")
    assert [[span["mean"] for span in one["spans"]] for one in apart["figures"]] == [
        [36.5],
        [136.5],
    ]
    assert apart["figures"][0]["spans"][0]["start"] == "2026-03-02T00:00:00+08:00"
    assert apart["timeZone"] == "Asia/Shanghai"
    assert [one["name"] for one in apart["figures"]] == ["station 0 · pm25", "station 1 · pm25"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"property": "noise"}, "property"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-03-02", "end": "2026-03-01"}, "end"),
        ({"by": "minute", "start": "2026-03-01", "end": "2026-03-02"}, "by"),
        ({"by": "fortnight"}, "by"),
    ],
)
def test_what_cannot_be_drawn_is_said(look: Look, given: dict[str, str], field: str) -> None:
    said = look("provider", **given)
    assert said["figures"] == []
    assert said["refusal"]["field"] == field


def test_the_page_shows_what_the_agreement_gives_and_nothing_else(
    look: Look, streaming: Streaming
) -> None:
    for who in (None, "stranger"):
        said = look(who)
        assert said["figures"] == said["properties"] == []
        assert said["refusal"]["rule"] == "agreement.none"
        assert said["datastreams"] is None
    rows = {
        "leftOperand": "quanyu:rows",
        "operator": "isPartOf",
        "rightOperand": "result < 50 AND thing <> 'station 1'",
    }
    agree(streaming, "partial", policy(rows))
    said = look("partial", of="apart", by="day", start="2026-03-01", end="2026-03-02")
    [one] = said["figures"]
    assert one["datastream"] == streaming.ids[0]
    assert [span["max"] for span in one["spans"]] == [24, 48]
    assert said["datastreams"] == 1
    assert said["use"]


def test_no_more_datastreams_are_drawn_than_can_be_read(
    run: Run, look: Look, streaming: Streaming
) -> None:
    file = streaming.folder / "many.csv"
    rows = [f"many {n},level,water level,m,many-{n}" for n in range(11)]
    file.write_text("\n".join(["thing,name,observed_property,unit,datastream", *rows]))
    run("streams", "load-things", file, "--stream", SLUG)
    first = look("provider", of="apart", property="water level")
    assert first["datastreams"] == 11
    assert len(first["figures"]) == 8
    second = look("provider", of="apart", property="water level", after=first["next"])
    assert len(second["figures"]) == 3
    drawn = {one["datastream"] for one in first["figures"] + second["figures"]}
    assert drawn == {f"many-{n}" for n in range(11)}
