"""OGC API – EDR: values at places are those that the agreement shows, in every form."""

import csv
import io
from typing import Any

import httpx
import numpy as np
import pytest
import shapely
from town import EAST, MIDDLE, NORTH, SOUTH, WEST, grid, visible

ONE = "/ogc/edr/collections"


def ask(client: httpx.Client, slug: str, query: str, **given: Any) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return client.get(f"{ONE}/{slug}/{query}", params=named)


def values(answer: httpx.Response, name: str) -> list[float]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/prs.coverage+json"
    return [v for one in answer.json()["coverages"] for v in one["ranges"][name]["values"]]


def test_collections_say_what_can_be_asked(anybody: httpx.Client) -> None:
    listed = anybody.get(ONE).json()["collections"]
    assert "trees" in {one["id"] for one in listed}
    trees = next(one for one in listed if one["id"] == "trees")
    assert set(trees["parameter_names"]) == {"height", "rings"}
    assert set(trees["data_queries"]) == {"position", "radius", "area", "cube", "trajectory"}
    from owslib.ogcapi.edr import EnvironmentalDataRetrieval

    service = EnvironmentalDataRetrieval(f"{anybody.base_url}/ogc/edr")
    assert "trees" in [one["id"] for one in service.collections()["collections"]]
    data = service.query_data("trees", "position", coords="POINT(24.93 60.17)")
    assert data


def test_a_position_finds_the_nearest_place_and_the_area_that_holds_it(
    anybody: httpx.Client, provider: httpx.Client
) -> None:
    number, x, y = grid(400, 20)[137]
    near = ask(anybody, "trees", "position", coords=f"POINT({x + 1e-4} {y})")
    assert values(near, "height") == [3.0 + number % 20]
    domain = near.json()["coverages"][0]["domain"]
    assert domain["domainType"] == "Point"
    assert domain["axes"]["x"]["values"] == [pytest.approx(x, abs=1e-6)]
    inside = ask(provider, "buildings", "position", coords=f"POINT({x} {y})")
    assert inside.status_code in (200, 204)
    number, x, y = grid(300, 20)[44]
    assert values(
        ask(provider, "buildings", "position", coords=f"POINT({x + 5e-4} {y})"), "levels"
    ) == [1 + number % 12]
    assert ask(provider, "buildings", "position", coords="POINT(24.901 60.1501)").status_code == 204
    assert ask(anybody, "trees", "position", coords="POINT(0 0)").status_code == 204


def test_radius_and_area_agree_with_distances(anybody: httpx.Client) -> None:
    import pyproj

    _, x, y = grid(400, 20)[190]
    far = [
        pyproj.Geod(ellps="WGS84").inv(x, y, round(a, 6), round(b, 6))[2]
        for _, a, b in grid(400, 20)
    ]
    metres = sorted(far)[9] + 1
    found = ask(anybody, "trees", "radius", coords=f"POINT({x} {y})", within=metres / 1000,
                within_units="km")  # fmt: skip
    assert abs(len(values(found, "height")) - sum(one <= metres for one in far)) <= 1
    area = shapely.Polygon([(WEST, SOUTH), (MIDDLE, SOUTH), (WEST, NORTH)])
    within = sum(
        area.intersects(shapely.Point(round(a, 6), round(b, 6))) for _, a, b in grid(400, 20)
    )
    table = ask(anybody, "trees", "area", coords=area.wkt, f="csv", parameter_name="rings")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert (len(rows), [*rows[0]]) == (within, ["x", "y", "id", "datetime", "rings"])
    shown = ask(anybody, "trees", "area", coords=area.wkt, f="geojson").json()
    assert len(shown["features"]) == within


def test_a_cube_is_of_means(anybody: httpx.Client) -> None:
    answer = ask(anybody, "trees", "cube", bbox=f"{WEST},{SOUTH},{EAST},{NORTH}",
                 resolution_x=4, resolution_y=2)  # fmt: skip
    found = answer.json()
    assert found["domain"]["domainType"] == "Grid"
    assert found["ranges"]["height"]["shape"] == [2, 4]
    assert found["ranges"]["count"]["values"] == [50] * 8
    expected = np.zeros((2, 4))
    for number, x, y in grid(400, 20):
        row, column = int((y - SOUTH) / (NORTH - SOUTH) * 2), int((x - WEST) / (EAST - WEST) * 4)
        expected[row, column] += (3.0 + number % 20) / 50
    assert found["ranges"]["height"]["values"] == pytest.approx(expected.ravel().tolist())


def test_a_path_has_a_value_at_each_vertex(anybody: httpx.Client) -> None:
    places = [grid(400, 20)[at] for at in (0, 7, 21)]
    path = ", ".join(f"{x} {y}" for _, x, y in places)
    found = ask(anybody, "trees", "trajectory", coords=f"LINESTRING({path})").json()
    assert found["domain"]["domainType"] == "Trajectory"
    assert found["ranges"]["height"]["values"] == [3.0 + number % 20 for number, *_ in places]


def test_values_are_those_of_the_agreement(consumer: httpx.Client) -> None:
    box = f"POLYGON(({WEST} {SOUTH},{EAST} {SOUTH},{EAST} {NORTH},{WEST} {NORTH},{WEST} {SOUTH}))"
    shown = [n for n, x, _ in grid(300, 20) if visible(n, x)]
    found = ask(consumer, "buildings", "area", coords=box)
    assert sorted(values(found, "levels")) == sorted(1 + n % 12 for n in shown)
    cube = ask(consumer, "buildings", "cube", bbox=f"{WEST},{SOUTH},{EAST},{NORTH}").json()
    assert sum(cube["ranges"]["count"]["values"]) == len(shown)
    assert max(v for v in cube["ranges"]["levels"]["values"] if v is not None) <= 6
    _, x, y = next(one for one in grid(300, 20) if not visible(one[0], one[1]))
    hidden = ask(consumer, "buildings", "position", coords=f"POINT({x} {y})")
    assert hidden.status_code == 204
    for name in ("phone", "nothing"):
        refused = ask(consumer, "buildings", "area", coords=box, parameter_name=name)
        assert (refused.status_code, refused.json()["field"]) == (400, "parameter-name")
    assert found.headers["quanyu-use"]


@pytest.mark.parametrize("query", ["position", "radius", "area", "cube", "trajectory"])
def test_strangers_are_refused_values(
    anybody: httpx.Client, stranger: httpx.Client, query: str
) -> None:
    for client in (anybody, stranger):
        for slug in ("buildings", "secrets"):
            answer = ask(client, slug, query)
            assert answer.status_code in (401, 403, 404)


@pytest.mark.parametrize(
    ("query", "given", "field"),
    [
        ("position", {}, "coords"),
        ("position", {"coords": "POINT(200 0)"}, "coords"),
        ("position", {"coords": "POINT(nan 0)"}, "coords"),
        ("position", {"coords": "POINT EMPTY"}, "coords"),
        ("position", {"coords": "LINESTRING(0 0, 1 1)"}, "coords"),
        ("position", {"coords": "MULTIPOINT(" + ",".join(["(1 1)"] * 101) + ")"}, "coords"),
        ("position", {"coords": "x" * 60_000}, "coords"),
        ("position", {"coords": "POINT(1 1)", "f": "xml"}, "f"),
        ("position", {"coords": "POINT(1 1)", "datetime": "yesterday"}, "datetime"),
        ("position", {"coords": "POINT(1 1)", "crs": "EPSG:3857"}, "crs"),
        ("radius", {"coords": "POINT(1 1)"}, "within"),
        ("radius", {"coords": "POINT(1 1)", "within": "-4"}, "within"),
        ("radius", {"coords": "POINT(1 1)", "within": 4, "within-units": "li"}, "within-units"),
        ("radius", {"coords": "POINT(1 90)", "within": 4}, "coords"),
        ("area", {"coords": "POLYGON((0 0, 1 1, 0 1, 1 0, 0 0))"}, "coords"),
        ("cube", {}, "bbox"),
        ("cube", {"bbox": "1,1,1,2"}, "bbox"),
        ("cube", {"bbox": "0,0,1,1", "resolution-x": 4096, "resolution-y": 4096}, "resolution-x"),
        ("trajectory", {"coords": "LINESTRING M(0 0 1e300, 1 1 1e301)"}, "coords"),
        ("trajectory", {"coords": "POINT(1 1)"}, "coords"),
    ],
)  # fmt: skip
def test_bad_questions_name_the_field(
    anybody: httpx.Client, query: str, given: dict[str, Any], field: str
) -> None:
    answer = anybody.get(f"{ONE}/trees/{query}", params=given)
    assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text
