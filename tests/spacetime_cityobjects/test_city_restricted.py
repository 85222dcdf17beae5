"""An agreement that narrows the shape of things takes the finer shape away too."""

import json

import pytest
from city_models import building, cube, meaning, model

from quanyu.kernel import Invalid
from quanyu.spacetime import Bbox, Column, Mask, Restriction


@pytest.fixture
def street(city):
    """Four houses in a row, 10 m wide, 20 m apart; the third has a part that overhangs."""
    vertices, objects = [], {}
    for number in range(4):
        corners, shell = cube(x=number * 20_000)
        shell = [[[i + len(vertices) for i in ring] for ring in face] for face in shell]
        vertices += corners
        objects[f"h{number}"] = building(shell, attributes={"storeys": 3, "owner": "Ann"})
    start = len(vertices)
    corners, shell = cube(x=48_000, size=6_000, height=12_000)
    vertices += corners
    shell = [[[i + start for i in ring] for ring in face] for face in shell]
    part = building(shell, parents=["h2"]) | {"type": "BuildingPart"}
    objects |= {"p": part}
    objects["h2"]["children"] = ["p"]
    given = model(objects, vertices)
    assert city.take(given).rejects == 0
    return city


def area(box: Bbox):
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def half(city, share: float):
    """The western part of all there is."""
    west, south, east, north = city.store.version("city").bbox
    middle = west + (east - west) * share
    return area((west - 1, south - 1, middle, north + 1))


def test_everything_is_seen_without_narrowing(street):
    found = street.model()
    assert set(found["CityObjects"]) == {"h0", "h1", "h2", "h3", "p"}
    assert found["CityObjects"]["h2"]["children"] == ["p"]
    rows = street.rows()
    assert "lod_geometry" not in rows["h0"]["properties"]
    assert rows["h0"]["properties"]["lods"] == "2"
    assert rows["h0"]["properties"]["height"] == 9.0
    assert "lod_geometry" not in street.give("csv").decode()


def test_a_hidden_column_leaves_blocks_over_the_footprint(street):
    seen = Restriction(columns=(Column("type"), Column("parents"), Column("height")))
    found = street.model(restriction=seen)
    house = found["CityObjects"]["h0"]
    assert house["geometry"][0]["lod"] == "1"
    assert "attributes" not in house
    assert "LoD" not in json.dumps(found)
    bare = street.model(restriction=Restriction(columns=(Column("type"),)))
    assert bare["CityObjects"]["h0"]["geometry"][0]["lod"] == "0"
    # Without the column of parents nobody is below anybody, and a part cannot be called one.
    assert bare["CityObjects"]["p"]["type"] == "Building"
    none = street.model(restriction=Restriction(columns=()))
    assert {thing["type"] for thing in none["CityObjects"].values()} == {"GenericCityObject"}


def test_boxes_do_not_tell_of_hidden_heights(street):
    seen = Restriction(columns=(Column("type"),))
    view = street.store.view("city", seen)
    high = (-180.0, -90.0, 5.0, 180.0, 90.0, 100.0)
    from quanyu.spacetime import Query

    assert view.count(Query(bbox=high)) == 0
    assert street.store.view("city").count(Query(bbox=high)) == 5


def test_a_grid_takes_solids_away(street):
    found = street.model(restriction=Restriction(grid_m=100.0))
    for thing in found["CityObjects"].values():
        assert thing["geometry"][0]["type"] == "MultiPoint"
    assert len(set(map(tuple, found["vertices"]))) <= 2


def test_a_region_takes_solids_away_that_reach_out_of_it(street):
    inside = street.model(restriction=Restriction(region=half(street, 0.9)))
    assert set(inside["CityObjects"]) == {"h0", "h1", "h2", "h3", "p"}
    lods = {key: thing["geometry"][0]["lod"] for key, thing in inside["CityObjects"].items()}
    assert lods == {"h0": "2", "h1": "2", "h2": "2", "p": "2", "h3": "1"}
    # Cut within the part that hangs over: neither it nor what holds it is given in full.
    cut = street.model(restriction=Restriction(region=half(street, 0.72)))
    lods = {key: thing["geometry"][0]["lod"] for key, thing in cut["CityObjects"].items()}
    assert lods == {"h0": "2", "h1": "2", "h2": "2", "p": "1"}
    east = max(v[0] for v in cut["vertices"])
    whole = max(v[0] for v in street.model()["vertices"])
    assert east < whole * 0.73


def test_a_mask_on_the_geometry_is_refused(street):
    with pytest.raises(Invalid):
        street.model(
            restriction=Restriction(columns=(Column("lod_geometry", Mask.HASH),), salt="00")
        )


def test_hidden_parents_are_not_referred_to(street):
    others = {"op": "<>", "args": [{"property": "fid"}, "h2"]}
    found = street.model(restriction=Restriction(rows=others))
    assert "h2" not in json.dumps(found)
    part = found["CityObjects"]["p"]
    assert part["type"] == "Building"
    assert "parents" not in part
    lines = street.features(restriction=Restriction(rows=others))
    assert [line["id"] for line in lines[1:]].count("p") == 1


def test_a_family_is_given_whole(street):
    only = {"op": "=", "args": [{"property": "fid"}, "p"]}
    assert set(street.model(filter=only)["CityObjects"]) == {"p", "h2"}
    line = street.features(filter=only)[1]
    assert line["id"] == "h2"
    assert set(line["CityObjects"]) == {"h2", "p"}
    assert meaning(street.model())["h2"]["children"] == ["p"]


def test_relatives(street):
    view = street.store.view("city")
    assert view.relatives("h2") == ((), ("p",))
    assert view.relatives("p") == (("h2",), ())
    assert street.store.view("city", Restriction(columns=())).relatives("p") is None
