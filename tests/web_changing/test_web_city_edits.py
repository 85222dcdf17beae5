"""City objects edited over HTTP as CityJSON: whole families, their solids, and what follows."""

import copy
import json
import sys
from pathlib import Path

import pytest
from town import put_on_show, term

from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.spacetime import IngestOptions, ingest

sys.path.insert(0, str(Path(__file__).parents[1] / "spacetime_cityobjects"))

from city_models import building, cube, meaning, model

ITEMS = "/ogc/features/collections/street/items"
CITYJSON = "application/city+json"


@pytest.fixture(scope="module")
def street(town):
    """A house with an annexe, and one that stands apart; the consumer sees no solids."""
    vertices, shell = cube()
    annexe, tall = cube(x=10_000, height=4_000)
    apart, _ = cube(x=40_000)
    at = [[[[i + n for i in ring] for ring in face] for face in shell] for n in (0, 8, 16)]
    objects = {
        "house": building(at[0], children=["annexe"], attributes={"name": "一号", "height": "9"}),
        "annexe": building(at[1], parents=["house"]) | {"type": "BuildingPart"},
        "apart": building(at[2], attributes={"name": "二号"}),
    }
    path = town.folder / "street.city.json"
    path.write_text(json.dumps(model(objects, vertices + annexe + apart)))
    control = town.control()
    store = composition.open_store(town.settings, control)
    version = ingest(store, path, "street", IngestOptions()).version
    with control.begin() as session:
        put_on_show(session, version, Access.RESTRICTED, town.callers["provider"])
    store.close()
    control.close()
    blind = term("quanyu:columns", "isNoneOf", ["lod_geometry"])
    town.agree("street", "consumer", blind)
    assert tall == shell
    return town


def read(client, fid):
    answer = client.get(f"{ITEMS}/{fid}", params={"f": "cityjson"})
    assert answer.status_code == 200, answer.text
    return answer.json(), answer.headers["etag"]


def send(client, method, path, document, tag=None, **params):
    headers = {"content-type": CITYJSON} | ({"if-match": tag} if tag else {})
    body = document if isinstance(document, bytes) else json.dumps(document)
    return client.request(method, path, content=body, headers=headers, params=params)


def raised(document, metres):
    """The document with what is above its floors lifted."""
    found = copy.deepcopy(document)
    lift = round(metres / found["transform"]["scale"][2])
    found["vertices"] = [[x, y, z + lift if z > 0 else z] for x, y, z in found["vertices"]]
    return found


def test_a_roof_is_raised_seen_in_every_view_and_lowered_by_undo(street, provider):
    before, tag = read(provider, "house")
    assert set(before["CityObjects"]) == {"house", "annexe"}
    same = send(provider, "PUT", f"{ITEMS}/house", before, tag)
    assert (same.status_code, same.headers["quanyu-version"]) == (204, "1"), same.text
    done = send(provider, "PUT", f"{ITEMS}/house", raised(before, 5), tag)
    assert done.status_code == 204, done.text
    assert "quanyu-collisions" not in done.headers  # an annexe stands in no stranger
    after, newer = read(provider, "house")
    assert newer != tag
    assert meaning(after) == meaning(raised(before, 5))
    rows = {one["id"]: one["properties"] for one in provider.get(ITEMS).json()["features"]}
    assert (rows["house"]["height"], rows["annexe"]["height"]) == (14.0, 9.0)
    assert rows["apart"]["height"] == 9.0
    tileset = provider.get("/ogc/3dgeovolumes/collections/street/3dtiles/tileset.json")
    assert tileset.status_code == 200, tileset.text
    assert max(_tops(tileset.json()["root"])) > 13
    undone = provider.post("/data/street/versions/2/undo", json={})
    assert undone.status_code in {200, 201}, undone.text
    assert meaning(read(provider, "house")[0]) == meaning(before)


def _tops(tile):
    if "region" in tile["boundingVolume"]:
        yield tile["boundingVolume"]["region"][5]
    for child in tile.get("children", ()):
        yield from _tops(child)


def test_a_family_comes_and_goes_together(street, provider):
    vertices, shell = cube(x=80_000)
    far = [[[i + 8 for i in ring] for ring in face] for face in shell]
    objects = {"new": building(shell, children=["wing"], attributes={"name": "三号"}),
               "wing": building(far, parents=["new"]) | {"type": "BuildingPart"}}  # fmt: skip
    wing, _ = cube(x=85_000, size=2_000)
    made = send(provider, "POST", ITEMS, model(objects, vertices + wing))
    assert made.status_code == 201, made.text
    assert made.headers["location"].endswith("/items/new")
    assert "quanyu-collisions" not in made.headers  # a wing may stand in its own house
    again = send(provider, "POST", ITEMS, model(objects, vertices + wing))
    assert (again.status_code, again.json()["field"]) == (409, "id")
    alone, tag = read(provider, "new")
    assert set(alone["CityObjects"]) == {"new", "wing"}
    # Somebody takes the wing away: who still holds the older state may not bring it back.
    gone = provider.delete(f"{ITEMS}/wing", headers={"if-match": "*"})
    assert gone.status_code == 204
    stale = send(provider, "PUT", f"{ITEMS}/new", alone, tag)
    assert (stale.status_code, stale.json()["field"]) == (412, "If-Match")
    _, tag = read(provider, "new")
    assert send(provider, "PUT", f"{ITEMS}/new", alone, tag).status_code == 204
    assert provider.delete(f"{ITEMS}/new", headers={"if-match": "*"}).status_code == 204
    left = {one["id"] for one in provider.get(ITEMS).json()["features"]}
    assert left == {"house", "annexe", "apart"}


def test_solids_that_stand_in_others_are_told_or_refused(street, provider):
    vertices, shell = cube(x=41_000, size=5_000)
    document = model({"inside": building(shell)}, vertices)
    refused = send(provider, "POST", ITEMS, document, collisions="refuse")
    assert (refused.status_code, refused.json()["rule"]) == (409, "edit.collision")
    told = send(provider, "POST", ITEMS, document)
    assert told.status_code == 201
    assert told.json()["collisions"][0]["other"] == "apart"
    assert provider.delete(f"{ITEMS}/inside", headers={"if-match": "*"}).status_code == 204


def broken():
    vertices, shell = cube()
    whole = model({"house": building(shell)}, vertices)
    yield "a damaged document", b'{"type": "CityJSON", ', "source", None
    yield (
        "two objects",
        model({"house": building(shell), "other": building(shell)}, vertices),
        "CityObjects",
        "2",
    )
    yield "another object", model({"other": building(shell)}, vertices), "CityObjects", "other"
    yield (
        "a vertex that is not there",
        model({"house": building([[[0, 3, 2, 99]]])}, vertices),
        "CityObjects",
        "house",
    )
    yield (
        "a parent that is not there",
        model({"house": building(shell, parents=["nowhere"])}, vertices),
        "CityObjects",
        "nowhere",
    )
    yield (
        "another system",
        whole | {"metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/4547"}},
        "metadata.referenceSystem",
        None,
    )
    yield (
        "an unknown attribute",
        model({"house": building(shell, attributes={"colour": "red"})}, vertices),
        "properties",
        "colour",
    )
    yield "a vertex far away", model({"house": building(shell)}, [[1 << 50] * 3] * 8), \
        "CityObjects", None  # fmt: skip
    yield "no vertices", model({"house": building(shell)}, []), "CityObjects", "house"


@pytest.mark.parametrize(("document", "field", "named"), [b[1:] for b in broken()],
                         ids=[b[0] for b in broken()])  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_changes(street, provider, document, field, named):
    before, _ = read(provider, "house")
    answer = send(provider, "PUT", f"{ITEMS}/house", document, "*")
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert problem["field"].startswith(field), problem
    assert named is None or named in problem["detail"], problem
    assert read(provider, "house")[0] == before


def test_what_follows_from_the_shape_is_not_set_by_hand(street, provider):
    answer = provider.patch(
        f"{ITEMS}/apart",
        json={"properties": {"height": 3}},
        headers={"if-match": "*", "content-type": "application/merge-patch+json"},
    )
    assert (answer.status_code, answer.json()["field"]) == (400, "properties.height")


def test_who_may_not_edit_is_refused(street, provider, consumer, anybody, stranger):
    document, _ = read(provider, "apart")
    for client in (anybody, stranger, consumer):
        for method, path in (("PUT", f"{ITEMS}/apart"), ("POST", ITEMS)):
            answer = send(client, method, path, document, "*" if method == "PUT" else None)
            assert answer.status_code in {401, 403, 404}, (method, answer.text)
    assert read(provider, "apart")[0] == document
    plain = send(provider, "POST", "/ogc/features/collections/trees/items", document)
    assert (plain.status_code, plain.json()["field"]) == (400, "CityObjects")
