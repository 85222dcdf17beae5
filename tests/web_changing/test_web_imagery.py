"""Imagery over HTTP: tiles, maps, coverages, statistics, STAC; and attacks on what is hidden.

The consumer's agreement hides the band ``swir16``, everything east of the middle and all scenes
before 2024. Values east of the middle are 60 000, those of the hidden band 54 321.
"""

import json
from typing import Any

import httpx
import numpy as np
import pystac
import pystac_client
import pytest
import rasterio
from rasterio.io import MemoryFile
from scenes import BANDS, BEYOND, HIDDEN, SCENES, write_scene
from town import EAST, MIDDLE, NORTH, SOUTH, WEST, Town, collection, put_on_show, term, west_half

from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.spacetime import IngestOptions, ingest

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
SLUG = "scenes"
COVERAGE = f"/ogc/coverages/collections/{SLUG}/coverage"
STATISTICS = f"/ogc/coverages/collections/{SLUG}/statistics"
MAP = f"/ogc/maps/collections/{SLUG}/map"
TILES = f"/ogc/tiles/collections/{SLUG}/map/tiles"
OLD, FIRST, NEWEST = sorted(SCENES)
ALL = f"{WEST},{SOUTH},{EAST},{NORTH}"
EASTERN = f"{MIDDLE + 0.005},{SOUTH + 0.005},{EAST - 0.005},{NORTH - 0.005}"
WESTERN = f"{WEST + 0.005},{SOUTH + 0.005},{MIDDLE - 0.005},{NORTH - 0.005}"


def tile_of(lon: float, lat: float, z: int) -> str:
    x = int((lon + 180) / 360 * 2**z)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z)
    return f"{TILES}/WebMercatorQuad/{z}/{y}/{x}"


WEST_TILE = tile_of(WEST + 0.02, (SOUTH + NORTH) / 2, 14)
EAST_TILE = tile_of(EAST - 0.01, (SOUTH + NORTH) / 2, 14)


@pytest.fixture(scope="module")
def imagery(town: Town) -> str:
    """Three scenes and two collections of zones; the agreement's id."""
    control = town.control()
    store = composition.open_store(town.settings, control)
    provider = town.callers["provider"]
    for name in SCENES:
        version = ingest(store, write_scene(town.folder, name), SLUG).version
    zones = town.folder / "zones.geojson"
    zones.write_text(json.dumps(collection([_zone("west", WEST, MIDDLE), _zone("east", MIDDLE,
                                                                              EAST)])))  # fmt: skip
    areas = ingest(store, zones, "quarters", IngestOptions(id_column="name")).version
    with control.begin() as session:
        put_on_show(session, version, Access.RESTRICTED, provider)
        put_on_show(session, areas, Access.RESTRICTED, provider)
    store.close()
    control.close()
    return town.agree(
        SLUG,
        "consumer",
        term("quanyu:columns", "isNoneOf", ["swir16"]),
        term("spatial", "isPartOf", west_half()),
        term("quanyu:interval", "isPartOf", "2024-01-01T00:00:00Z/.."),
    )


def _zone(name: str, west: float, east: float) -> dict[str, Any]:
    inset = 0.004
    w, s, e, n = west + inset, SOUTH + inset, east - inset, NORTH - inset
    ring = [[w, s], [e, s], [e, n], [w, n], [w, s]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"name": name},
    }


def raster(answer: httpx.Response) -> Any:
    """The values of a GeoTIFF or picture, masked (bands, rows, columns)."""
    assert answer.status_code == 200, answer.text
    with MemoryFile(answer.content) as file, file.open() as source:
        return source.read(masked=True)


FACES = (
    WEST_TILE,
    TILES,
    f"{TILES}/WebMercatorQuad/tilejson.json",
    MAP,
    f"{MAP}?scene={NEWEST}&width=64",
    f"/ogc/maps/collections/{SLUG}",
    COVERAGE,
    f"/ogc/coverages/collections/{SLUG}",
    f"/ogc/coverages/collections/{SLUG}/schema",
    f"{STATISTICS}?expression=ndvi",
    f"/data/{SLUG}/scenes/{NEWEST}.tif",
    f"/stac/collections/{SLUG}/items/{NEWEST}",
)


@pytest.mark.parametrize("path", FACES)
def test_a_stranger_is_refused_on_every_face(
    imagery: str, stranger: httpx.Client, anybody: httpx.Client, path: str
) -> None:
    for client in (stranger, anybody):
        answer = client.get(path)
        assert answer.status_code == 403, (path, answer.status_code)
    assert stranger.get(f"/stac/search?collections={SLUG}").json()["features"] == []


def test_tiles_show_scenes_and_leave_a_receipt(imagery: str, provider: httpx.Client) -> None:
    answer = provider.get(WEST_TILE, params={"rescale": "0,60000", "bands": "red"})
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["quanyu-use"]
    values = raster(answer)
    assert values[0].compressed().min() == round(1_500 / 60_000 * 255 - 0.5)
    jpeg = provider.get(WEST_TILE, params={"f": "jpeg"})
    assert jpeg.content[:3] == b"\xff\xd8\xff"
    webp = provider.get(WEST_TILE, params={"f": "webp"})
    assert webp.content[8:12] == b"WEBP"
    assert provider.get(tile_of(10.0, 50.0, 14)).status_code == 204


def test_older_scenes_show_where_they_are_asked_for(imagery: str, provider: httpx.Client) -> None:
    for name, (red, nir) in SCENES.items():
        day = f"{name[4:8]}-06-01"
        answer = provider.get(
            COVERAGE, params={"datetime": day, "properties": "red,nir", "bbox": WESTERN}
        )
        values = raster(answer)
        assert (values[0] == red).all()
        assert (values[1] == nir).all()


def test_a_coverage_is_the_pixels_of_the_scene(imagery: str, provider: httpx.Client) -> None:
    answer = provider.get(COVERAGE, params={"scene": NEWEST})
    with MemoryFile(answer.content) as file, file.open() as made:
        assert made.crs.to_epsg() == 32635
        assert made.descriptions == BANDS
        assert made.nodata == 0
        values = made.read()
    assert set(np.unique(values[2])) == {1_500, BEYOND}
    half = raster(provider.get(COVERAGE, params={"scene": NEWEST, "scale-factor": "2"}))
    assert abs(half.shape[1] - values.shape[1] / 2) <= 1
    sized = raster(provider.get(COVERAGE, params={"scale-size": "Lon(30),Lat(20)", "bbox": ALL}))
    assert sized.shape[1:] == (20, 30)
    said = provider.get(
        COVERAGE,
        params={
            "f": "covjson", "properties": "red", "crs": "EPSG:4326",
            "subset": f"Lat({SOUTH + 0.01}:{SOUTH + 0.02}),Lon({WEST + 0.01}:{WEST + 0.02})",
        },
    ).json()  # fmt: skip
    assert said["type"] == "Coverage"
    assert set(said["ranges"]["red"]["values"]) == {1_500.0}


def test_the_file_of_a_scene_comes_whole_and_by_ranges(
    imagery: str, provider: httpx.Client
) -> None:
    path = f"/data/{SLUG}/scenes/{NEWEST}.tif"
    whole = provider.get(path)
    with MemoryFile(whole.content) as file, file.open() as made:
        assert made.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert made.overviews(1)
    part = provider.get(path, headers={"range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]


def test_a_map_has_the_size_and_place_that_are_asked_for(
    imagery: str, provider: httpx.Client
) -> None:
    for crs in ("EPSG:3857", "EPSG:32635", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"):
        params = {"bbox": WESTERN, "width": "120", "height": "80", "crs": crs, "bands": "red"}
        values = raster(provider.get(MAP, params=params | {"rescale": "0,60000"}))
        assert values.shape[1:] == (80, 120)
        assert set(np.unique(values[0].compressed())) == {6}
    far = {"bbox": "10,50,11,51", "width": "8", "height": "8"}
    clear = raster(provider.get(MAP, params=far))
    assert (clear[3] == 0).all()
    blue = raster(provider.get(MAP, params=far | {"bgcolor": "0x0000FF"}))
    assert blue[:, 0, 0].tolist() == [0, 0, 255]


def test_band_mathematics_by_zone_is_what_it_should_be(
    imagery: str, town: Town, provider: httpx.Client
) -> None:
    found = provider.get(STATISTICS, params={"expression": "ndvi", "zones": "quarters"}).json()
    figures = {one["zone"]: one for one in found["zones"]}
    assert figures["west"]["mean"] == pytest.approx(0.25)
    assert figures["west"]["std"] == pytest.approx(0.0, abs=1e-9)
    assert figures["east"]["mean"] == pytest.approx(0.0)
    change = provider.get(
        STATISTICS,
        params={
            "expression": "(nir - red) / (nir + red)", "datetime": "2025-06-01", "f": "csv",
            "difference-from": "2024-06-01", "zones": "quarters", "threshold": "-0.3",
        },
    )  # fmt: skip
    head, *rows = change.text.split()
    assert head == "zone,count,mean,min,max,std,above"
    west = next(row for row in rows if row.startswith("west")).split(",")
    assert float(west[2]) == pytest.approx(-0.25)
    assert float(west[6]) == 1.0
    posted = provider.post(
        STATISTICS, params={"expression": "red"}, json=_zone("own", WEST, MIDDLE)
    ).json()
    assert posted["zones"][0]["mean"] == pytest.approx(1_500)
    # Two thousandths of a degree inside of the edges: the count is the area in pixels.
    metres = 0.032 * np.cos(np.radians((SOUTH + NORTH) / 2)) * 111_412 * 0.032 * 111_412
    assert posted["zones"][0]["count"] == pytest.approx(metres / 64, rel=0.01)


def test_zones_are_those_that_the_caller_may_read(imagery: str, consumer: httpx.Client) -> None:
    answer = consumer.get(STATISTICS, params={"expression": "ndvi", "zones": "quarters"})
    assert answer.status_code == 403
    assert answer.json()["rule"]


def test_stac_gives_scenes_as_items(imagery: str, town: Town) -> None:
    headers = {"authorization": f"Bearer {town.tokens['provider']}"}
    client = pystac_client.Client.open(f"{town.url}/stac", headers=headers)
    search = client.search(collections=[SLUG], limit=2)
    items = list(search.items())
    assert [item.id for item in items] == [NEWEST, FIRST, OLD]
    item = items[0]
    assert item.properties["proj:code"] == "EPSG:32635"
    assert item.properties["gsd"] == 8
    data = item.assets["data"]
    assert [band["name"] for band in data.extra_fields["bands"]] == list(BANDS)
    assert data.extra_fields["proj:shape"]
    assert {"data", "thumbnail", "tiles"} <= set(item.assets)
    for asset in item.assets.values():
        assert httpx.get(asset.href, headers=headers, timeout=30, verify=False).status_code == 200
    assert pystac.Item.from_dict(item.to_dict()).datetime is not None
    day = client.search(collections=[SLUG], datetime="2024-01-01/2024-12-31")
    assert [item.id for item in day.items()] == [FIRST]
    before = {"timestamp": "2021-01-01T00:00:00Z"}
    asked = client.search(filter={"op": "<", "args": [{"property": "datetime"}, before]})
    assert [item.id for item in asked.items()] == [OLD]
    text = client.search(method="GET", filter=f"id = '{FIRST}'", filter_lang="cql2-text")
    assert [item.id for item in text.items()] == [FIRST]
    rising = client.search(collections=[SLUG], sortby="+datetime", fields="id,properties.gsd")
    said = list(rising.items_as_dicts())
    assert [one["id"] for one in said] == [OLD, FIRST, NEWEST]
    assert said[0]["properties"] == {"gsd": 8.0}
    assert "assets" not in said[0]
    away = client.search(intersects={"type": "Point", "coordinates": [10.0, 50.0]})
    assert not [one for one in away.items() if one.collection_id == SLUG]
    here = client.search(ids=[OLD], bbox=[WEST, SOUTH, EAST, NORTH])
    assert [item.id for item in here.items()] == [OLD]
    of = client.get_collection(SLUG)
    assert of is not None
    assert len(list(of.get_items())) == 3


# Attacks


def test_the_hidden_band_does_not_exist(imagery: str, consumer: httpx.Client) -> None:
    values = raster(consumer.get(COVERAGE))
    assert len(values) == len(BANDS) - 1
    assert not (values == HIDDEN).any()
    for path in (
        f"{COVERAGE}?properties=swir16",
        f"{WEST_TILE}?bands=swir16",
        f"{WEST_TILE}?expression=swir16",
        f"{WEST_TILE}?expression=ndbi",
        f"{MAP}?expression=red%2Bswir16*0",
        f"{STATISTICS}?expression=swir16",
        f"{STATISTICS}?expression=where(swir16%3E5,1,0)",
    ):
        answer = consumer.get(path)
        assert answer.status_code == 400, path
        unknown = consumer.get(path.replace("swir16", "nothing"))
        assert unknown.status_code == 400
        if "ndbi" not in path:
            said = answer.json()["detail"].replace("swir16", "nothing")
            assert said == unknown.json()["detail"]
    item = consumer.get(f"/stac/collections/{SLUG}/items/{NEWEST}").json()
    assert "swir16" not in json.dumps(item)
    whole = consumer.get(f"/data/{SLUG}/scenes/{NEWEST}.tif").content
    with MemoryFile(whole) as file, file.open() as made:
        assert made.descriptions == BANDS[:-1]
        assert not (made.read() == HIDDEN).any()
    schema = consumer.get(f"/ogc/coverages/collections/{SLUG}/schema").json()
    assert "swir16" not in schema["properties"]


def test_no_pixel_from_beyond_the_edge_is_in_any_answer(
    imagery: str, consumer: httpx.Client
) -> None:
    for params in (
        {},
        {"bbox": ALL},
        {"scale-factor": "7"},
        {"scale-factor": "40"},
        {"bbox": ALL, "crs": "EPSG:3857"},
        {"bbox": ALL, "crs": "EPSG:3067", "scale-size": "E(33),N(21)"},
        {"bbox": ALL, "crs": "EPSG:4490"},
        {"bbox": "-179,-85,179,85", "scale-size": "Lon(400),Lat(400)"},
    ):
        answer = consumer.get(COVERAGE, params={**params, "properties": "red"})
        values = raster(answer)
        seen = set(np.unique(values.compressed()))
        assert seen <= {1_500}, (params, seen)
        assert seen or "-179" in params.get("bbox", ""), params
    assert raster(consumer.get(COVERAGE, params={"bbox": EASTERN})).mask.all()
    for z in range(8, 18):
        for lon in (MIDDLE - 0.0005, MIDDLE + 0.0005, EAST - 0.01):
            path = tile_of(lon, (SOUTH + NORTH) / 2, z)
            answer = consumer.get(path, params={"bands": "red", "rescale": "0,60000"})
            if answer.status_code == 204:
                continue
            values = raster(answer)
            shown = values.data[0][values.data[-1] > 0] if len(values) == 4 else values.data[0]
            assert shown.max(initial=0) <= 6, (z, lon)
    picture = raster(
        consumer.get(MAP, params={"bbox": ALL, "width": "97", "bands": "red", "rescale": "0,60000"})
    )
    assert picture.data[0][picture.data[3] > 0].max() <= 6
    with MemoryFile(consumer.get(f"/data/{SLUG}/scenes/{NEWEST}.tif").content) as file:
        with file.open() as made:
            assert made.bounds.right < made.bounds.left + 2_400
            assert set(np.unique(made.read(3))) == {0, 1_500}
            levels = len(made.overviews(1))
        for level in range(levels):
            with rasterio.open(file.name, overview_level=level) as smaller:
                assert set(np.unique(smaller.read(3))) <= {0, 1_500}


def test_statistics_do_not_reach_beyond_the_edge(imagery: str, consumer: httpx.Client) -> None:
    posted = consumer.post(
        STATISTICS,
        params={"expression": "red"},
        json=collection([_zone("w", WEST, MIDDLE), _zone("e", MIDDLE, EAST)]),
    ).json()["zones"]
    assert posted[0]["max"] == 1_500
    assert posted[1]["count"] == 0
    assert posted[1]["mean"] is None
    whole = consumer.get(STATISTICS, params={"expression": "red"}).json()["zones"][0]
    assert whole["max"] == 1_500
    # What a map stretches itself to must not tell of hidden pixels either.
    own = raster(consumer.get(MAP, params={"bands": "red", "width": "64"}))
    other = raster(
        consumer.get(MAP, params={"bands": "red", "width": "64", "rescale": "1500,1501"})
    )
    assert (own.data == other.data).all()


def test_scenes_outside_of_the_interval_are_not_there(imagery: str, consumer: httpx.Client) -> None:
    found = consumer.get(f"/stac/search?collections={SLUG}&limit=100").json()
    assert {one["id"] for one in found["features"]} == {FIRST, NEWEST}
    for one in found["features"]:
        assert one["bbox"][2] <= MIDDLE + 1e-9
        assert "proj:shape" not in one["assets"]["data"]
    for path in (
        f"/stac/collections/{SLUG}/items/{OLD}",
        f"/data/{SLUG}/scenes/{OLD}.tif",
        f"{MAP}?scene={OLD}",
        f"{WEST_TILE}?scene={OLD}",
        f"{COVERAGE}?scene={OLD}",
        f"{STATISTICS}?expression=red&scene={OLD}",
        f"{COVERAGE}?datetime=2020-01-01/2020-12-31",
    ):
        assert consumer.get(path).status_code == 404, path
    assert consumer.get(f"{WEST_TILE}?datetime=2020-06-01").status_code == 204
    assert consumer.get(f"/stac/search?ids={OLD}").json()["features"] == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{MAP}?width=100000", "width"),
        (f"{MAP}?width=0", "width"),
        (f"{MAP}?bbox=1,2,3", "bbox"),
        (f"{MAP}?bbox=2,2,2,2", "bbox"),
        (f"{MAP}?crs=EPSG:999999", "crs"),
        (f"{MAP}?bgcolor=zzz", "bgcolor"),
        (f"{MAP}?f=exe", "f"),
        (f"{MAP}?colormap=__import__", "colormap"),
        (f"{MAP}?rescale=5,1", "rescale"),
        (f"{MAP}?bands=red,nir", "bands"),
        (f"{MAP}?expression=__import__('os').system('id')", "expression"),
        (f"{MAP}?expression=red.data", "expression"),
        (f"{MAP}?expression=[red for red in (1,)]", "expression"),
        (f"{MAP}?expression=1", "expression"),
        (f"{MAP}?expression=red**" + "(red**" * 60 + "2" + ")" * 60, "expression"),
        (f"{COVERAGE}?scale-factor=0", "scale-factor"),
        (f"{COVERAGE}?scale-factor=0.001", "scale-factor"),
        (f"{COVERAGE}?scale-size=Lon(90000),Lat(90000)", "scale-factor"),
        (f"{COVERAGE}?subset=Lat(1:2)", "subset"),
        (f"{COVERAGE}?subset=Height(1:2)", "subset"),
        (f"{STATISTICS}?expression=red&zones={SLUG}", "zones"),
        (f"{STATISTICS}", "expression"),
        (f"{STATISTICS}?expression=red&threshold=nan", "threshold"),
        ("/stac/search?token=AAAA", "token"),
        ("/stac/search?sortby=nothing", "sortby"),
        ("/stac/search?filter=nothing%20and", "filter"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    imagery: str, provider: httpx.Client, path: str, field: str
) -> None:
    answer = provider.get(path)
    assert answer.status_code == 400, (path, answer.status_code, answer.text)
    assert answer.json()["field"] == field, answer.text


def test_rows_that_are_no_scenes_have_no_pictures(provider: httpx.Client) -> None:
    for path in ("/ogc/maps/collections/trees/map", "/ogc/coverages/collections/trees/coverage"):
        assert provider.get(path).status_code == 404


def test_a_coarser_grid_is_all_that_an_agreement_of_one_gives(imagery: str, town: Town) -> None:
    agreement = town.agree(
        SLUG, "stranger", term("quanyu:grid", "gteq", 200), term("spatial", "isPartOf", west_half())
    )
    with town.client("stranger") as client:
        whole = client.get(f"/data/{SLUG}/scenes/{NEWEST}.tif").content
        with MemoryFile(whole) as file, file.open() as made:
            assert made.res == (200.0, 200.0)
            assert set(np.unique(made.read(3))) <= {0, 1_500}
        finer = raster(client.get(COVERAGE, params={"scale-factor": "0.1", "properties": "red"}))
        assert set(np.unique(finer.compressed())) == {1_500}
        town.end(agreement, "provider")
        for path in (WEST_TILE, MAP, COVERAGE, f"/data/{SLUG}/scenes/{NEWEST}.tif"):
            assert client.get(path).status_code == 403, path
