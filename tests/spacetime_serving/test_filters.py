# ruff: noqa: E501 - a case on one line is read best
"""CQL2: all examples of the standard are read; a filter selects what plain Python selects."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import shapely
from small_city import FIELDS, Town

from quanyu.kernel import Invalid
from quanyu.spacetime import ALL, CRS84, Format, Query, parse_filter

EXAMPLES = json.loads((Path(__file__).parent / "data" / "cql2_examples.json").read_text())[
    "examples"
]
DAY = datetime(2021, 6, 1, tzinfo=UTC)


def test_every_example_of_the_standard_is_read() -> None:
    assert len(EXAMPLES) == 229
    for name, text in EXAMPLES.items():
        assert parse_filter(text, None, "cql2-json" if name.endswith("json") else "cql2-text")


def _ids(town: Town, name: str, text: str, crs: str = CRS84) -> set[str]:
    view = town.store.view(name)
    query = Query(filter=parse_filter(text, view.fields), filter_crs=crs, limit=ALL)
    found = json.loads(b"".join(view.write(query, Format.GEOJSON)))["features"]
    assert view.count(query) == len(found)
    return {feature["id"] for feature in found}


def _some(value: object) -> bool:
    return value is not None


WINDOW = shapely.box(24.93, 60.16, 24.96, 60.18)
CASES = {
    "floors = 5": lambda r, s: r["floors"] == 5,
    "floors <> 5": lambda r, s: _some(r["floors"]) and r["floors"] != 5,
    "value BETWEEN 20 AND 40.5": lambda r, s: _some(r["value"]) and 20 <= r["value"] <= 40.5,
    "NOT value BETWEEN 20 AND 40": lambda r, s: _some(r["value"]) and not 20 <= r["value"] <= 40,
    "floors IN (1, 2, 3)": lambda r, s: r["floors"] in (1, 2, 3),
    "floors NOT IN (1, 2)": lambda r, s: _some(r["floors"]) and r["floors"] not in (1, 2),
    "name IS NULL": lambda r, s: r["name"] is None,
    "name IS NOT NULL AND open": lambda r, s: _some(r["name"]) and r["open"] is True,
    "name LIKE 'Kau%'": lambda r, s: (r["name"] or "").startswith("Kau"),
    "name LIKE '100\\%%'": lambda r, s: (r["name"] or "").startswith("100%"),
    "name LIKE 'o''N_il%'": lambda r, s: (r["name"] or "").startswith("o'Neil"),
    "CASEI(name) LIKE CASEI('STRASSE%') OR name LIKE '学校%'": lambda r, s: (
        r["name"] or ""
    ).startswith(("学校", "Straße")),
    "ACCENTI(CASEI(name)) LIKE ACCENTI(CASEI('ÄPFEL%'))": lambda r, s: (
        (r["name"] or "").lower().startswith(("äpfel", "apfel"))
    ),
    "floors * 2 + 1 > 41": lambda r, s: _some(r["floors"]) and r["floors"] * 2 + 1 > 41,
    "floors % 4 = 1": lambda r, s: _some(r["floors"]) and r["floors"] > 0 and r["floors"] % 4 == 1,
    "floors div 7 = 2": lambda r, s: _some(r["floors"]) and int(r["floors"] / 7) == 2,
    "value / 0 > 1": lambda r, s: False,
    "value ^ 200 > 0 AND floors ^ 2 = 9": lambda r, s: (
        _some(r["value"]) and r["value"] != 0 and r["floors"] in (3, -3)
    ),
    "built > DATE('1970-01-01')": lambda r, s: _some(r["built"]) and r["built"] > date(1970, 1, 1),
    "built < '1930-05-01'": lambda r, s: _some(r["built"]) and r["built"] < date(1930, 5, 1),
    "T_AFTER(seen, TIMESTAMP('2021-06-01T00:00:00Z'))": lambda r, s: (
        _some(r["seen"]) and r["seen"] > DAY
    ),
    "T_DURING(seen, INTERVAL('2021-06-01', '..'))": lambda r, s: False,
    "T_INTERSECTS(seen, INTERVAL('2021-06-01', '..'))": lambda r, s: (
        _some(r["seen"]) and r["seen"] >= DAY
    ),
    "T_INTERSECTS(INTERVAL(valid_from, valid_to), TIMESTAMP('2021-06-01T00:00:00Z'))": lambda r, s: (
        (r["valid_from"] is None or r["valid_from"] <= DAY)
        and (r["valid_to"] is None or r["valid_to"] >= DAY)
    ),
    "A_CONTAINS(tags, ('t1'))": lambda r, s: '"t1"' in (r["tags"] or ""),
    "A_OVERLAPS(tags, ('t1', 't2'))": lambda r, s: any(
        t in (r["tags"] or "") for t in ('"t1"', '"t2"')
    ),
    "S_INTERSECTS(geometry, BBOX(24.93, 60.16, 24.96, 60.18))": lambda r, s: (
        _some(s) and s.intersects(WINDOW)
    ),
    "S_WITHIN(geometry, POLYGON((24.93 60.16, 24.96 60.16, 24.96 60.18, 24.93 60.18, 24.93 60.16)))": (
        lambda r, s: _some(s) and s.within(WINDOW)
    ),
    "NOT S_DISJOINT(geometry, BBOX(24.93, 60.16, 24.96, 60.18))": lambda r, s: (
        _some(s) and s.intersects(WINDOW)
    ),
    "S_CONTAINS(BBOX(24.93, 60.16, 24.96, 60.18), geometry)": lambda r, s: (
        _some(s) and WINDOW.contains(s)
    ),
    "S_OVERLAPS(geometry, BBOX(24.93, 60.16, 24.96, 60.18))": lambda r, s: (
        _some(s) and s.overlaps(WINDOW)
    ),
    "fid = 'f7'": lambda r, s: r["fid"] == "f7",
    "TRUE": lambda r, s: True,
}


@pytest.mark.parametrize("text", CASES)
def test_a_filter_selects_what_it_says(town: Town, text: str) -> None:
    data, shapes = town.data["areas"], town.shapes["areas"]
    # An interval during an unbounded one has no upper bound to be within of.
    wanted = {
        fid
        for k, fid in enumerate(data["fid"])
        if CASES[text]({name: values[k] for name, values in data.items()}, shapes[k])
    }
    if text.startswith("T_DURING"):
        wanted = {f for k, f in enumerate(data["fid"]) if data["seen"][k] and data["seen"][k] > DAY}
    assert _ids(town, "areas", text) == wanted


def test_coordinates_in_a_filter_are_in_its_crs(town: Town) -> None:
    lon_lat = "S_INTERSECTS(geometry, BBOX(24.93, 60.16, 24.96, 60.18))"
    lat_lon = "S_INTERSECTS(geometry, BBOX(60.16, 24.93, 60.18, 24.96))"
    epsg = "http://www.opengis.net/def/crs/EPSG/0/4326"
    assert _ids(town, "areas", lat_lon, epsg) == _ids(town, "areas", lon_lat)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("height = 3", "height"),
        ("casei(floors) = 'a'", "a number"),
        ("floors = 'five'", "cannot be compared"),
        ("avg(floors) > 3", "avg"),
        ("pg_sleep(10) = 1", "pg_sleep"),
        ("read_parquet('/etc/passwd') = 1", "read_parquet"),
        ("seen > 'yesterday'", "yesterday"),
        ("floors", "a filter is"),
        ("geometry = 3", "cannot be compared"),
        ("S_INTERSECTS(name, BBOX(0,0,1,1))", "a geometry"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(town: Town, text: str, said: str) -> None:
    view = town.store.view("areas")
    with pytest.raises(Invalid, match=said) as refused:
        view.page(Query(filter=parse_filter(text)))
    assert refused.value.field == "filter"
    assert refused.value.mend


@pytest.mark.parametrize(
    "text",
    [
        "(" * 3000 + "a=1" + ")" * 3000,
        "not " * 5000 + "a = 1",
        "-" * 9000 + "1 = a",
        "a=1" + "^1" * 4900,
        "a=1" + "^-a" * 3300,
        "a" + "=a" * 4900,
        "x" * 30_000,
        "",
        "a =",
        "'",
        "a = 1; DROP TABLE areas",
    ],
)
def test_no_text_ends_the_process(text: str) -> None:
    with pytest.raises(Invalid):
        parse_filter(text)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"op":5}', '{"a":1}', "3", '{"op":"not","args":[' * 500]
)
def test_json_that_is_no_filter(text: str) -> None:
    with pytest.raises(Invalid):
        parse_filter(text, FIELDS, "cql2-json")
    with pytest.raises(Invalid):
        parse_filter("a=1", FIELDS, "sql")  # type: ignore[arg-type]
