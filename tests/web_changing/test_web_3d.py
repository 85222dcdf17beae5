"""3D Tiles and 3D GeoVolumes: what stands is shown as it stands, to those who may see it."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import laspy
import numpy as np
import pytest
from pyproj import CRS, Transformer
from read_gltf import read_glb
from town import BELIEVED, MIDDLE, PURPOSE, bring_in, buildings, grid, put_on_show, term, visible

from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.spacetime import IngestOptions, ingest

sys.path.insert(0, str(Path(__file__).parents[1] / "spacetime_cityobjects"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import front
from city_models import building, cube, model

ROOT = Path(__file__).resolve().parents[2]
VOLUMES = "/ogc/3dgeovolumes"
DELFT = ROOT.parent / "shared" / "data" / "real" / "cityjson" / "delft.json"


@pytest.fixture(scope="module")
def volumes(town):
    """An open model and a guarded one, with a house, its part, and what their surfaces mean."""
    vertices, shell = cube()
    beyond = [[x + 40_000, y, z] for x, y, z in vertices]
    second = [[[i + 8 for i in ring] for ring in face] for face in shell]
    means = {
        "surfaces": [{"type": "GroundSurface"}, {"type": "RoofSurface"}, {"type": "WallSurface"}],
        "values": [[0, 1, 2, 2, 2, 2]],
    }
    objects = {
        "h": building(shell, attributes={"name": "一号", "owner": "Ann", "storeys": 3}),
        "g": building(second, attributes={"name": "二号", "owner": "Bob"}),
    }
    objects["h"]["geometry"][0]["semantics"] = means
    path = town.folder / "stands.city.json"
    path.write_text(json.dumps(model(objects, vertices + beyond)))
    control = town.control()
    store = composition.open_store(town.settings, control)
    for slug, access in (("stands", Access.OPEN), ("stands-guarded", Access.RESTRICTED)):
        version = ingest(store, path, slug, IngestOptions()).version
        with control.begin() as session:
            put_on_show(session, version, access, town.callers["provider"])
        store.view(slug).prepare()
    store.close()
    control.close()
    return town


def tree(client, slug, **params):
    answer = client.get(f"{VOLUMES}/collections/{slug}/3dtiles/tileset.json", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json+3dtiles"
    return answer.json()


def nodes(document):
    waiting = [document["root"]]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.get("children", [])


def tiles(client, slug, **params):
    """Every tile of a collection, and the box that is said of it."""
    for node in nodes(tree(client, slug, **params)):
        url = f"{VOLUMES}/collections/{slug}/3dtiles/{node['content']['uri']}"
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "model/gltf-binary"
        yield read_glb(answer.content), node["boundingVolume"]["region"]


def checked(town, slug, who=None):
    """What the glTF validator and loaders.gl make of a collection."""
    front.install(front.GLTF, "the glTF validator and loaders.gl")
    address = f"{town.url}{VOLUMES}/collections/{slug}/3dtiles/tileset.json"
    if who is not None:
        address += f"?purpose={PURPOSE}"
    said = [f"Bearer {town.tokens[who]}"] if who else []
    done = subprocess.run(
        ["node", front.GLTF / "check.mjs", address, *said],
        capture_output=True, text=True, timeout=120, check=False, env=front.environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["problems"] == []
    assert found["version"] == "1.1"
    return found


def test_a_house_stands_where_and_as_it_is(volumes, anybody):
    ((found, region),) = tiles(anybody, "stands")
    assert sorted(found.ids) == ["g", "h"]
    by_id = {one["id"]: one for one in found.features}
    assert by_id["h"]["name"] == "一号"
    assert by_id["h"]["storeys"] == 3
    assert by_id["g"]["storeys"] is None
    assert set(found.triangles) == {"roof", "wall", "ground"}
    assert [len(found.triangles[name]) for name in ("roof", "wall", "ground")] == [4, 16, 4]
    footprint = anybody.get("/ogc/features/collections/stands/items/h").json()
    ring = np.array(footprint["geometry"]["coordinates"][0][0])
    corners = found.of("h")
    assert np.allclose(corners[:, :2].min(axis=0), ring[:, :2].min(axis=0), atol=2e-8)
    assert np.allclose(corners[:, :2].max(axis=0), ring[:, :2].max(axis=0), atol=2e-8)
    assert np.allclose([corners[:, 2].min(), corners[:, 2].max()], [0, 9], atol=0.002)
    west, south, east, north = np.degrees(region[:4])
    low, high = region[4:]
    least, most = found.places.min(axis=0), found.places.max(axis=0)
    assert (least >= (west, south, low)).all()
    assert (most <= (east, north, high)).all()


def test_meanings_go_before_slopes_and_surfaces_look_outwards(volumes, anybody):
    ((found, _),) = tiles(anybody, "stands")
    x, y, z = found.places.T
    metres = np.column_stack([x * 68_000, y * 111_000, z])
    for fid in ("h", "g"):
        middle = metres[found.owners == found.ids.index(fid)].mean(axis=0)
        for triangles in found.triangles.values():
            mine = triangles[found.owners[triangles[:, 0]] == found.ids.index(fid)]
            a, b, c = (metres[mine[:, at]] for at in range(3))
            outwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), (a + b + c) / 3 - middle)
            assert (outwards > 0).all()


def test_levels_of_detail(volumes, anybody):
    ((flat, _),) = tiles(anybody, "stands", lod=0)
    assert set(flat.triangles) == {"ground"}
    assert np.ptp(flat.places[:, 2]) < 0.002
    ((block, _),) = tiles(anybody, "stands", lod=1)
    assert np.isclose(np.ptp(block.places[:, 2]), 9, atol=0.002)
    refused = anybody.get(f"{VOLUMES}/collections/stands/3dtiles/0.glb", params={"lod": "fine"})
    assert refused.status_code == 400
    assert refused.json()["field"] == "lod"
    assert anybody.get(f"{VOLUMES}/collections/stands/3dtiles/7.glb").status_code == 404


def test_blocks_are_as_high_as_their_storeys(volumes, provider):
    seen = {}
    for found, _ in tiles(provider, "buildings"):
        for number, one in enumerate(found.features):
            corners = found.places[found.owners == number]
            assert np.isclose(np.ptp(corners[:, 2]), 3 * one["levels"], atol=0.002)
            seen[one["id"]] = one
    assert len(seen) == 300


def test_clients_read_it(volumes, town):
    found = checked(town, "stands")
    assert found["type"] == "glTF" or found["type"] == "glb"
    assert found["features"]["h"]["name"] == "一号"
    assert found["features"]["h"]["storeys"] == 3
    narrowed = checked(town, "buildings", "consumer")
    shown = {f"b{n:04d}" for n, x, _ in grid(300, 20) if visible(n, x)}
    assert set(narrowed["features"]) == shown
    assert set(narrowed["properties"]) == {"id", "name", "levels", "owner"}


def test_a_published_model_is_read_by_clients(volumes, town):
    if not DELFT.exists():
        pytest.skip(f"no real data at {DELFT}")
    control = town.control()
    store = composition.open_store(town.settings, control)
    version = ingest(store, DELFT, "delft", IngestOptions()).version
    with control.begin() as session:
        put_on_show(session, version, Access.OPEN, town.callers["provider"])
    store.close()
    control.close()
    found = checked(town, "delft")
    assert len(found["features"]) == version.rows == 570
    assert found["tiles"] > 1
    assert found["refine"] == 1 or found["refine"] == "ADD"


def test_an_agreement_narrows_what_stands(town, consumer):
    names, texts = set(), b""
    places = {number: x for number, x, _ in grid(300, 20)}
    for found, region in tiles(consumer, "buildings", purpose=PURPOSE):
        assert np.degrees(region[2]) <= MIDDLE + 1e-6
        assert (found.places[:, 0] <= MIDDLE + 1e-7).all()
        schema = found.document["extensions"]["EXT_structural_metadata"]["schema"]
        properties = schema["classes"]["feature"]["properties"]
        names |= {said["name"] for said in properties.values()}
        texts += json.dumps(found.features).encode()
        for one in found.features:
            number = int(one["id"][1:])
            assert visible(number, places[number])
            assert one["owner"] == f"****{number:04d}"[:8]
    assert names == {"id", "name", "levels", "owner"}
    assert b"040100" not in texts
    assert b"owner-" not in texts


def test_hidden_solids_are_blocks_and_hidden_heights_are_flat(volumes, town, consumer):
    plain = town.agree(
        "stands-guarded", "consumer", term("quanyu:columns", "isNoneOf", ["lod_geometry", "owner"])
    )
    ((found, _),) = tiles(consumer, "stands-guarded", agreement=plain)
    assert {len(v) for v in found.triangles.values()} == {4, 16}
    assert "owner" not in found.features[0]
    shown = json.dumps(found.document)
    assert "owner" not in shown
    assert "lod_geometry" not in shown
    flat = town.agree(
        "stands-guarded", "consumer",
        term("quanyu:columns", "isNoneOf", ["lod_geometry", "height", "lods", "storeys"]),
    )  # fmt: skip
    ((found, _),) = tiles(consumer, "stands-guarded", agreement=flat)
    assert np.ptp(found.places[:, 2]) < 0.002
    for agreement in (plain, flat):
        town.end(agreement, "provider")
        answer = consumer.get(
            f"{VOLUMES}/collections/stands-guarded/3dtiles/0.glb", params={"agreement": agreement}
        )
        assert answer.status_code in {401, 403}


def test_a_region_clips_and_takes_the_solid_away(volumes, town, consumer, provider):
    ((whole, _),) = tiles(provider, "stands-guarded")
    edge = float(np.median(whole.of("h")[:, 0]))
    west = {
        "type": "Polygon",
        "coordinates": [[[4, 51], [edge, 51], [edge, 53], [4, 53], [4, 51]]],
    }
    agreement = town.agree("stands-guarded", "consumer", term("spatial", "isPartOf", west))
    ((found, region),) = tiles(consumer, "stands-guarded", agreement=agreement)
    assert found.ids == ["h"]
    assert found.places[:, 0].max() <= edge + 2e-8
    assert np.degrees(region[2]) <= edge + 1e-6
    town.end(agreement, "provider")


def test_strangers_get_nothing(volumes, anybody, stranger):
    for client in (anybody, stranger):
        for slug in ("buildings", "stands-guarded", "secrets"):
            for path in ("", "/3dtiles/tileset.json", "/3dtiles/0.glb"):
                answer = client.get(f"{VOLUMES}/collections/{slug}{path}")
                assert answer.status_code in {401, 403, 404}
        listed = client.get(f"{VOLUMES}/collections").json()["collections"]
        assert not {"buildings", "stands-guarded", "secrets"} & {one["id"] for one in listed}


def test_tiles_are_drawn_anew_for_a_new_version(volumes, town, anybody):
    control = town.control()
    store = composition.open_store(town.settings, control)
    for count in (3, 5):
        version = bring_in(store, town.folder, "growing", buildings(count))
        with control.begin() as session:
            put_on_show(session, version, Access.OPEN, town.callers["provider"])
        if count == 3:
            assert sum(len(found.ids) for found, _ in tiles(anybody, "growing")) == 3
    store.close()
    control.close()
    assert tree(anybody, "growing", version=1)["extras"]["version"] == 1
    time.sleep(BELIEVED)
    assert sum(len(found.ids) for found, _ in tiles(anybody, "growing")) == 5


def test_the_list(volumes, anybody, consumer):
    found = anybody.get(f"{VOLUMES}/collections").json()
    by_id = {one["id"]: one for one in found["collections"]}
    assert "stands" in by_id
    assert "trees" not in by_id
    container = by_id["stands"]
    assert container["collectionType"] == "3d-container"
    content = container["content"][0]
    assert content["type"] == "application/json+3dtiles"
    assert anybody.get(content["href"]).json()["asset"]["version"] == "1.1"
    one = anybody.get(f"{VOLUMES}/collections/stands").json()
    box = one["extent"]["spatial"]["bbox"][0]
    assert len(box) == 6
    assert np.allclose([box[2], box[5]], [0, 9], atol=0.02)
    west, south, _, east, north, _ = box
    near = {"bbox": f"{west},{south},20,{east},{north},30"}
    assert not {"stands"} & {
        c["id"] for c in anybody.get(f"{VOLUMES}/collections", params=near).json()["collections"]
    }
    assert anybody.get(f"{VOLUMES}/collections/stands", params=near).status_code == 404
    near["bbox"] = f"{west},{south},{east},{north}"
    assert anybody.get(f"{VOLUMES}/collections/stands", params=near).status_code == 200
    declared = anybody.get(f"{VOLUMES}/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-geovolumes-1/1.0/conf/core" in declared
    linked = anybody.get("/ogc/features/collections/stands").json()["links"]
    assert any(link["type"] == "application/json+3dtiles" for link in linked)
    assert anybody.get(f"{VOLUMES}/collections/trees").status_code == 404


def test_each_tile_is_a_use_with_its_rows(volumes, provider, consumer):
    document = tree(consumer, "buildings", purpose=PURPOSE)
    url = f"{VOLUMES}/collections/buildings/3dtiles/{document['root']['content']['uri']}"
    answer = consumer.get(url)
    assert answer.headers["quanyu-use"].startswith("use_")
    assert 'rel="receipt"' in answer.headers["link"]
    same = consumer.get(url, headers={"if-none-match": answer.headers["etag"]})
    assert same.status_code == 304
    assert answer.content[:4] == b"glTF"


def laz(client, slug, **params):
    answer = client.get(f"/data/{slug}.laz", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.laszip"
    return laspy.read(io.BytesIO(answer.content))


def places(points):
    """Points in an order of their own: millimetres, class and colour."""
    metres = np.column_stack([points.x, points.y, points.z])
    found = np.column_stack([np.rint(metres * 1000), points.classification, points.red])
    return found[np.lexsort(found.T)]


def test_a_point_cloud_streams_within_the_agreement(volumes, town, consumer, provider, anybody):
    header = laspy.LasHeader(point_format=7, version="1.4")
    header.scales, header.offsets = [0.001] * 3, [85_000, 446_000, 0]
    header.add_crs(CRS.from_epsg(28992))
    made = laspy.LasData(header)
    lot = np.random.default_rng(3)
    made.x, made.y = (start + lot.random(60_000) * 400 for start in (85_000, 446_000))
    made.z = lot.random(60_000) * 20
    made.classification = lot.integers(1, 7, 60_000)
    made.red = made.green = made.blue = lot.integers(256, 65_535, 60_000)
    made.write(town.folder / "cloud.laz")
    control = town.control()
    store = composition.open_store(town.settings, control)
    version = ingest(store, town.folder / "cloud.laz", "cloud", IngestOptions()).version
    with control.begin() as session:
        put_on_show(session, version, Access.RESTRICTED, town.callers["provider"])
    store.close()
    control.close()
    whole = list(tiles(provider, "cloud"))
    assert len(whole) > 1
    assert sum(len(found.ids) for found, _ in whole) == 60_000
    for found, region in whole:
        assert found.document["meshes"][0]["primitives"][0]["mode"] == 0
        assert "COLOR_0" in found.document["meshes"][0]["primitives"][0]["attributes"]
        least, most = found.places.min(axis=0), found.places.max(axis=0)
        assert (least >= (*np.degrees(region[:2]), region[4])).all()
        assert (most <= (*np.degrees(region[2:4]), region[5])).all()
    errors = [node["geometricError"] for node in nodes(tree(provider, "cloud"))]
    assert errors[0] == max(errors) > 0
    edge = float(np.median(whole[0][0].places[:, 0]))
    west = [[[4, 51], [edge, 51], [edge, 53], [4, 53], [4, 51]]]
    agreement = town.agree(
        "cloud", "consumer", term("quanyu:columns", "isNoneOf", ["red", "gps_time"]),
        term("quanyu:rows", "isPartOf", "classification = 2"),
        term("spatial", "isPartOf", {"type": "Polygon", "coordinates": west}),
    )  # fmt: skip
    seen = 0
    for found, _ in tiles(consumer, "cloud", agreement=agreement):
        seen += len(found.ids)
        assert (found.places[:, 0] <= edge + 1e-8).all()
        assert {one["classification"] for one in found.features} == {2}
        assert not {"red", "gps_time"} & set(found.features[0])
    assert 0 < seen < 60_000 / 6
    # The same as files: points as they came in, and no more of them than in tiles.
    given = laz(provider, "cloud")
    assert given.header.parse_crs().to_epsg() == 28992
    assert (places(given) == places(made)).all()
    links = provider.get("/ogc/features/collections/cloud").json()["links"]
    assert any(one["href"].endswith("/data/cloud.laz") for one in links)
    middle = float(np.median(given.x))
    corner = given.x < middle
    box = Transformer.from_crs(28992, "OGC:CRS84", always_xy=True).transform_bounds(
        given.x.min(), given.y.min(), middle, given.y.max()
    )
    part = laz(provider, "cloud", bbox=",".join(map(str, box)), properties="classification")
    assert abs(len(part) - corner.sum()) < 0.02 * 60_000
    assert part.point_format.id == 6
    degrees = laz(provider, "cloud", crs="http://www.opengis.net/def/crs/EPSG/0/4326")
    assert np.degrees(region[0]) - 0.01 < degrees.x.min() < degrees.x.max() < 4.5
    narrowed = laz(consumer, "cloud", agreement=agreement)
    assert len(narrowed) == seen
    assert set(np.unique(narrowed.classification)) == {2}
    assert not (np.asarray(narrowed.gps_time) != 0).any()
    names = set(narrowed.point_format.dimension_names)
    assert "red" not in names
    assert {"green", "blue"} <= names
    assert anybody.get("/data/cloud.laz").status_code == 403
    refused = provider.get("/data/buildings.laz")
    assert (refused.status_code, refused.json()["field"]) == (400, "f")
    town.end(agreement, "provider")
    assert anybody.get(f"{VOLUMES}/collections/cloud/3dtiles/0.glb").status_code in {401, 403, 404}
