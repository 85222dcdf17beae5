"""Observations and things out of files from the command line: all of a file, or nothing of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quanyu.catalogue import resource
from quanyu.kernel import NotFound, load_settings, open_control

Run = Callable[..., Any]
GOOD = "at,pm25\n2026-05-01T00:00:00+08:00,17\n2026-05-01T01:00:00+08:00,19\n"
NEW = ("--thing", "embassy", "--new", "pm25=ug/m3")
OPEN = ("--access", "open", "--licence", "CC-BY-4.0")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    folder = tmp_path_factory.mktemp("streams") / "city"
    run("init", "--dir", folder, "--title-zh", "某市", "--title-en", "Some City")
    return folder


def stands(city: Path, slug: str) -> bool:
    control = open_control(load_settings(dir=city))
    try:
        with control.read() as session:
            resource(session, slug)
    except NotFound:
        return False
    finally:
        control.close()
    return True


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (GOOD.replace("19", "much"), NEW, ("pm25: row 2 of pm25 is no number: much", "missing")),
        (GOOD.replace("2026-05-01T01", "soon"), NEW, ("at: row 2 has a time", "ISO 8601")),
        (GOOD.replace("2026-05-01T01:00:00+08:00", ""), NEW, ("at: row 2 has no time", "leave")),
        (GOOD + "1,2,3\n", NEW, ("file: ", "#4")),
        ("", NEW, ("file: ",)),
        ("at,pm25\n", (*NEW, "--time", "when"), ("no column when", "it has these: at, pm25")),
        (GOOD, (*NEW, "--zone", "Mars/X"), ("zone: ", "Asia/Shanghai")),
        (GOOD, ("--thing", "embassy", "--new", "pm25=no unit"), ("unit", "UCUM")),
        (GOOD, ("--new", "pm25=ug/m3"), ("thing: ", "--thing")),
        (GOOD, ("--map", "pm25=dst_0"), ("map: there is no datastream dst_0",)),
        (GOOD, (), ("map: ", "name columns")),
        (GOOD, ("--datastream", "which"), ("no column which", "it has these: at, pm25")),
        (GOOD, ("--datastream", "at", "--result", "pm25"), ("at: row 1 names", "make it first")),
    ],
    ids=[
        "number",
        "time",
        "none",
        "ragged",
        "empty",
        "column",
        "zone",
        "unit",
        "thing",
        "map",
        "nothing",
        "which",
        "id",
    ],
)
def test_a_faulty_file_leaves_nothing_behind(
    run: Run, city: Path, tmp_path: Path, *, text: str, options: tuple[str, ...], said: tuple[str]
) -> None:
    file = tmp_path / "air.csv"
    file.write_text(text)
    time = () if "--time" in options else ("--time", "at")
    load = ("streams", "load", file, "--stream", "faulty", *time, *options, *OPEN)
    told = run(*load, "--dir", city, expect=2).stderr
    assert told.count("\n") == 1
    assert all(part in told for part in said), told
    assert not stands(city, "faulty")


def test_a_good_file_makes_the_stream_and_a_faulty_one_then_adds_nothing(
    run: Run, city: Path, tmp_path: Path
) -> None:
    file = tmp_path / "air.csv"
    file.write_text(GOOD)
    load = ("streams", "load", file, "--stream", "air", "--time", "at", *NEW, *OPEN)
    assert run(*load, "--dir", city).stdout.startswith("2 observations of 2 rows")
    assert stands(city, "air")
    file.write_text("at,pm25,so2\n2026-05-02T00:00:00Z,21,some\n")
    run(*load, "--new", "so2=ug/m3", "--dir", city, expect=2)
    figures = ("streams", "statistics", "--stream", "air", "--by", "Datastream,year")
    groups = json.loads(run(*figures, "--json", "--dir", city).stdout)["groups"]
    assert [one["count"] for one in groups] == [2]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("l-1,power,power,no unit,\n", "UCUM"),
        ("l-1,power,power,,\n", "unit: row 1 lacks a value"),
        ("l-1,power,power,W,p\nl-1,heat,heat,W,p\n", "there is already Datastream p"),
    ],
    ids=["unit", "nothing", "twice"],
)
def test_a_faulty_file_of_things_leaves_no_stream(
    run: Run, city: Path, tmp_path: Path, rows: str, said: str
) -> None:
    file = tmp_path / "lamps.csv"
    file.write_text(f"thing,name,observed_property,unit,datastream\n{rows}")
    load = ("streams", "load-things", file, "--stream", "dark", "--dir", city)
    told = run(*load, expect=2).stderr
    assert said in told
    assert told.count("\n") == 1
    assert not stands(city, "dark")
