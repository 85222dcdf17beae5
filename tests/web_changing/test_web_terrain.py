"""Terrain over HTTP: meshes and pictures are the heights of the raster; attacks on what is hidden.

The consumer's agreement hides everything east of the middle, where the ground is 500 m higher.
"""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import numpy as np
import pytest
import rasterio
from playwright.sync_api import Route
from pyproj import Transformer
from rasterio.transform import from_origin
from read_terrain import read_mesh, read_picture
from town import EAST, MIDDLE, NORTH, SOUTH, WEST, Town, grid, put_on_show, term, west_half

from looking import chromium
from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.spacetime import ingest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import front

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
SLUG = "ground"
TERRAIN = f"/ogc/3dgeovolumes/collections/{SLUG}/terrain"
ZOOM = 13
PIXEL = 2 * np.pi * 6_378_137 / (256 << ZOOM)
HALF = np.pi * 6_378_137
RISE = 500.0
"""East of the middle the ground is higher by that."""
NORMALS = {"accept": "application/vnd.quantized-mesh;extensions=octvertexnormals,*/*;q=0.01"}


def pixels() -> tuple[int, int, int, int]:
    """The pixels of the world at the zoom that the town lies in: left, top, right, bottom."""
    into = Transformer.from_crs("OGC:CRS84", "EPSG:3857", always_xy=True)
    left, bottom, right, top = into.transform_bounds(WEST, SOUTH, EAST, NORTH)
    return (int((left + HALF) // PIXEL), int((HALF - top) // PIXEL),
            int((right + HALF) // PIXEL) + 1, int((HALF - bottom) // PIXEL) + 1)  # fmt: skip


def heights() -> np.ndarray:
    """The raster: hills in the west, hills on a plateau in the east."""
    left, top, right, bottom = pixels()
    x, y = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
    hills = 50 + 30 * np.sin(x / 40) * np.cos(y / 55)
    lon = (x + 0.5) / (256 << ZOOM) * 360 - 180
    return np.where(lon < MIDDLE, hills, hills + RISE).astype(np.float32)


def height_at(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """The raster between the middles of its pixels."""
    left, top, _, _ = pixels()
    x = (lon + 180) / 360 * (256 << ZOOM) - left - 0.5
    y = (0.5 - np.arcsinh(np.tan(np.radians(lat))) / (2 * np.pi)) * (256 << ZOOM) - top - 0.5
    values = heights().astype(float)
    c, r = np.floor(x).astype(int), np.floor(y).astype(int)
    inside = (c >= 0) & (r >= 0) & (c < values.shape[1] - 1) & (r < values.shape[0] - 1)
    c, r = np.where(inside, c, 0), np.where(inside, r, 0)
    p, q = x - c, y - r
    found = ((1 - q) * ((1 - p) * values[r, c] + p * values[r, c + 1])
             + q * ((1 - p) * values[r + 1, c] + p * values[r + 1, c + 1]))  # fmt: skip
    return np.where(inside, found, np.nan)


@pytest.fixture(scope="module")
def ground(town: Town) -> Town:
    """A raster of heights, restricted; the agreement of the consumer over the west."""
    left, top, right, bottom = pixels()
    path = town.folder / "dem_20240601.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=right - left, height=bottom - top, count=1,
        dtype="float32", crs="EPSG:3857", nodata=-9999,
        transform=from_origin(left * PIXEL - HALF, HALF - top * PIXEL, PIXEL, PIXEL),
    ) as out:  # fmt: skip
        out.write(heights(), 1)
    control = town.control()
    store = composition.open_store(town.settings, control)
    version = ingest(store, path, SLUG).version
    with control.begin() as session:
        put_on_show(session, version, Access.RESTRICTED, town.callers["provider"])
    store.close()
    control.close()
    town.agree(SLUG, "consumer", term("spatial", "isPartOf", west_half()))
    return town


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int]:
    """The mesh at a place."""
    return int((lon + 180) * 2**z / 180), int((lat + 90) * 2**z / 180)


def picture_at(lon: float, lat: float, z: int, encoding: str = "terrarium") -> str:
    x = int((lon + 180) / 360 * 2**z)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z)
    return f"{TERRAIN}/{encoding}/{z}/{x}/{y}.png"


LAT = (SOUTH + NORTH) / 2
IN_WEST, IN_EAST = (WEST + MIDDLE) / 2, (MIDDLE + EAST) / 2


def layer(client: httpx.Client, **params: str) -> dict[str, Any]:
    answer = client.get(f"{TERRAIN}/layer.json", params=params)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def mesh(client: httpx.Client, z: int, x: int, y: int, **headers: str) -> Any:
    answer = client.get(f"{TERRAIN}/{z}/{x}/{y}.terrain", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/vnd.quantized-mesh")
    return read_mesh(answer.content, z, x, y)


def test_a_stranger_is_refused_on_every_face(
    ground: Town, stranger: httpx.Client, anybody: httpx.Client
) -> None:
    x, y = tile_at(IN_WEST, LAT, 10)
    for path in (
        f"{TERRAIN}/layer.json",
        f"{TERRAIN}/0/0/0.terrain",
        f"{TERRAIN}/10/{x}/{y}.terrain",
        f"{TERRAIN}/terrarium/tilejson.json",
        picture_at(IN_WEST, LAT, 12),
        picture_at(IN_WEST, LAT, 12, "mapbox"),
    ):
        for client in (stranger, anybody):
            assert client.get(path).status_code == 403, path


def test_collections_say_where_their_terrain_is(ground: Town, provider: httpx.Client) -> None:
    for document in (
        provider.get(f"/ogc/features/collections/{SLUG}").json(),
        provider.get(f"/ogc/3dgeovolumes/collections/{SLUG}").json(),
        *[one for one in provider.get("/ogc/3dgeovolumes/collections").json()["collections"]
          if one["id"] == SLUG],
    ):  # fmt: skip
        links = {one["href"]: one for one in document["links"] if "/terrain/" in one["href"]}
        assert {href.rpartition("/terrain/")[2] for href in links} == {
            "layer.json", "terrarium/tilejson.json",
        }  # fmt: skip
        for href, one in links.items():
            assert provider.get(href).headers["content-type"].split(";")[0] == one["type"]
        assert any(one["rel"].endswith("/tilesets-coverage") for one in links.values())
    trees = provider.get("/ogc/features/collections/trees").json()
    assert "/terrain/" not in json.dumps(trees)
    for path in ("layer.json", "0/0/0.terrain", "terrarium/tilejson.json"):
        answer = provider.get(f"/ogc/3dgeovolumes/collections/trees/terrain/{path}")
        assert answer.status_code == 404


def test_pictures_are_the_raster(ground: Town, provider: httpx.Client) -> None:
    said = provider.get(f"{TERRAIN}/terrarium/tilejson.json").json()
    assert (said["encoding"], said["maxzoom"], said["tileSize"]) == ("terrarium", ZOOM, 256)
    assert said["standardNames"] == ["surface_altitude"]
    assert said["bounds"] == pytest.approx([WEST, SOUTH, EAST, NORTH], abs=2e-4)
    left, top, _, _ = pixels()
    values = heights()
    x, y = left // 256 + 1, top // 256 + 1  # a tile that lies wholly within
    inside = values[y * 256 - top :, x * 256 - left :][:256, :256]
    assert inside.shape[0] > 100
    assert inside.shape[1] > 100
    for encoding, off in (("terrarium", 1 / 512), ("mapbox", 0.05)):
        answer = provider.get(f"{TERRAIN}/{encoding}/{ZOOM}/{x}/{y}.png")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["quanyu-use"]
        found = read_picture(answer.content, encoding)
        near = found[: inside.shape[0], : inside.shape[1]]
        assert np.abs(near - inside).max() <= off + 1e-4
        webp = provider.get(f"{TERRAIN}/{encoding}/{ZOOM}/{x}/{y}.webp")
        assert (read_picture(webp.content, encoding) == found).all()
    # Deeper than the raster the ground goes evenly from pixel to pixel, without steps.
    deep = read_picture(provider.get(picture_at(IN_WEST, LAT, ZOOM + 3)).content, "terrarium")
    assert 0 < np.abs(np.diff(deep, axis=1)).max() < np.abs(np.diff(values[:, :200])).max() / 4
    away = read_picture(provider.get(picture_at(10.0, 50.0, 12)).content, "terrarium")
    assert (away == 0).all()


def test_meshes_are_the_raster(ground: Town, provider: httpx.Client) -> None:
    said = layer(provider)
    assert (said["format"], said["scheme"], said["projection"]) == (
        "quantized-mesh-1.0", "tms", "EPSG:4326",
    )  # fmt: skip
    deepest = said["maxzoom"]
    assert len(said["available"]) == deepest + 1
    rng = np.random.default_rng(7)
    for z in (0, 11, deepest):
        x, y = tile_at(IN_WEST, LAT, z)
        (box,) = said["available"][z]
        assert box["startX"] <= x <= box["endX"]
        assert box["startY"] <= y <= box["endY"]
        found = mesh(provider, z, x, y)
        cell = 180 / 2**z / 64
        corners = found.places[found.triangles]
        a, b, c = (corners[:, at, :2] for at in range(3))
        (p, q), (r, t) = (b - a).T, (c - a).T
        area = (p * t - q * r) / 2
        assert (area > 0).all()  # all face upwards
        assert area.sum() == pytest.approx((64 * cell) ** 2)  # no gaps, no folds
        for name, axis, value in (("west", 0, 0), ("south", 1, 0), ("east", 0, 1), ("north", 1, 1)):
            along = found.places[found.edges[name]]
            assert len(along) == 65
            edge = (x, y)[axis] * 64 * cell - (180, 90)[axis] + value * 64 * cell
            assert np.allclose(along[:, axis], edge)
        if z < 11:
            continue
        coded = (found.high - found.low) / 65_534 + 1e-3
        vertices = height_at(found.places[:, 0], found.places[:, 1])
        # The raster's overviews, which coarser levels are drawn from, are means of its pixels.
        off = 0.2 if z == deepest else 8.0
        near_rise = np.abs(found.places[:, 0] - MIDDLE) < 3 * cell
        seen = ~np.isnan(vertices) & ~near_rise
        assert seen.any()
        assert np.abs(found.places[:, 2] - vertices)[seen].max() <= off + coded
        # And between vertices the surface is off by no more than its level allows.
        share = rng.dirichlet((1, 1, 1), len(corners))
        inner = np.einsum("nk,nkd->nd", share, corners)
        truth = height_at(inner[:, 0], inner[:, 1])
        near_rise = np.abs(corners[:, :, 0] - MIDDLE).min(axis=1) < 3 * cell
        seen = ~np.isnan(truth) & ~near_rise & ~np.isnan(height_at(*corners[:, :, :2].T)).any(0)
        assert np.abs(inner[:, 2] - truth)[seen].max() <= off + coded + 77_067 / 2**z / 4


def test_neighbours_share_their_edges_and_their_light(ground: Town, provider: httpx.Client) -> None:
    z = layer(provider)["maxzoom"] - 2
    x, y = tile_at(IN_WEST, LAT, z)
    here = mesh(provider, z, x, y, **NORMALS)
    for name, other, (dx, dy), axis in (
        ("east", "west", (1, 0), 1), ("north", "south", (0, 1), 0),
    ):  # fmt: skip
        there = mesh(provider, z, x + dx, y + dy, **NORMALS)
        mine = sorted(here.edges[name], key=lambda at: here.places[at, axis])
        theirs = sorted(there.edges[other], key=lambda at: there.places[at, axis])
        coded = (here.high - here.low + there.high - there.low) / 65_534 + 1e-4
        assert np.allclose(here.places[mine][:, axis], there.places[theirs][:, axis])
        assert np.abs(here.places[mine][:, 2] - there.places[theirs][:, 2]).max() <= coded
        assert np.allclose(here.normals[mine], there.normals[theirs], atol=1e-9)
    # Normals are those of the ground: away from the earth, and across the slope.
    up = here.normals @ [np.cos(np.radians(LAT)) * np.cos(np.radians(IN_WEST)),
                         np.cos(np.radians(LAT)) * np.sin(np.radians(IN_WEST)),
                         np.sin(np.radians(LAT))]  # fmt: skip
    assert up.min() > 0.5
    assert up.max() > 0.99


def test_what_clients_ask_for_is_what_they_get(ground: Town, provider: httpx.Client) -> None:
    z = 11
    x, y = tile_at(IN_WEST, LAT, z)
    path = f"{TERRAIN}/{z}/{x}/{y}.terrain"
    plain = provider.get(path, headers={"accept-encoding": "gzip"})
    assert plain.headers["content-encoding"] == "gzip"
    assert plain.headers["quanyu-use"]
    assert read_mesh(plain.content, z, x, y).normals is None
    lit = provider.get(path, headers=NORMALS)
    assert "octvertexnormals" in lit.headers["content-type"]
    assert lit.headers["etag"] != plain.headers["etag"]
    again = provider.get(path, headers={"if-none-match": plain.headers["etag"]})
    assert again.status_code == 304
    for gone in (f"{TERRAIN}/{z}/0/0.terrain", f"{TERRAIN}/{z}/{2 << z}/{y}.terrain",
                 f"{TERRAIN}/24/0/0.terrain", f"{TERRAIN}/hillshade/tilejson.json",
                 f"{TERRAIN}/terrarium/3/8/0.png", f"{TERRAIN}/terrarium/3/0/0.gif"):  # fmt: skip
        assert provider.get(gone).status_code == 404, gone
    assert provider.get(path, params={"scene": "none"}).status_code == 404
    assert provider.get(path, params={"bands": "elevation"}).json()["field"] == "bands"


# Attacks


def test_the_ground_beyond_the_edge_is_in_no_answer(ground: Town, consumer: httpx.Client) -> None:
    said = layer(consumer)
    assert said["bounds"][2] <= MIDDLE + 1e-9
    tiled = consumer.get(f"{TERRAIN}/terrarium/tilejson.json").json()
    assert tiled["bounds"][2] <= MIDDLE + 1e-9
    for z in range(said["maxzoom"] + 1):
        for lon in (MIDDLE - 1e-5, MIDDLE + 1e-5, IN_EAST):
            x, y = tile_at(lon, LAT, z)
            answer = consumer.get(f"{TERRAIN}/{z}/{x}/{y}.terrain")
            box = said["available"][z][0]
            assert (answer.status_code == 200) == (box["startX"] <= x <= box["endX"]), (z, lon)
            if answer.status_code == 200:
                assert read_mesh(answer.content, z, x, y).high < 100
    for z in (0, 5, 9, 11, 12, 13, 14, 16):
        for lon in (MIDDLE - 1e-4, MIDDLE + 1e-4, IN_EAST):
            answer = consumer.get(picture_at(lon, LAT, z))
            assert read_picture(answer.content, "terrarium").max() < 100, (z, lon)
    # A tile of hidden ground is the very one of no ground at all.
    hidden = consumer.get(picture_at(EAST - 0.002, LAT, 16)).content
    assert hidden == consumer.get(picture_at(10.0, 50.0, 16)).content
    west = read_picture(consumer.get(picture_at(IN_WEST, LAT, 12)).content, "terrarium")
    assert 20 <= west.max() <= 80


def test_without_its_band_there_is_no_ground(ground: Town, stranger: httpx.Client) -> None:
    hidden = term("quanyu:columns", "isNoneOf", ["elevation"])
    agreement = ground.agree(SLUG, "stranger", hidden)
    for path in ("layer.json", "0/0/0.terrain", "mapbox/tilejson.json", "mapbox/3/4/2.png"):
        answer = stranger.get(f"{TERRAIN}/{path}")
        assert answer.status_code == 404, path
    found = stranger.get(f"/ogc/features/collections/{SLUG}")
    assert found.status_code == 200
    assert "/terrain/" not in found.text
    listed = stranger.get("/ogc/3dgeovolumes/collections").json()["collections"]
    assert SLUG not in {one["id"] for one in listed}
    ground.end(agreement, "provider")
    assert stranger.get(f"{TERRAIN}/layer.json").status_code == 403


# In a globe


def test_cesium_draws_the_ground_and_what_stands_on_it(
    ground: Town, tmp_path_factory: pytest.TempPathFactory
) -> None:
    front.install(front.GLTF, "the glTF validator, loaders.gl and Cesium")
    number, lon, lat = next(one for one in grid(300, 20) if one[0] == 150)
    amiss: list[str] = []

    def fulfil(route: Route) -> None:
        name = unquote(urlsplit(route.request.url).path).removeprefix("/globe/")
        folder = front.GLTF / "node_modules" / "cesium" / "Build" / "Cesium"
        whole = front.GLTF / name if name == "globe.html" else folder / name[len("cesium/") :]
        route.fulfill(path=whole)

    with chromium() as browser:
        context = browser.new_context(
            base_url=ground.url,
            viewport={"width": 360, "height": 240},
            extra_http_headers={"authorization": f"Bearer {ground.tokens['provider']}"},
        )
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.on("pageerror", lambda error: amiss.append(str(error)))
        page.on("console", lambda m: amiss.append(m.text) if m.type == "error" else None)
        page.on("response", lambda r: amiss.append(f"{r.status} {r.url}") if r.status > 399 else 0)
        page.route("**/globe/**", fulfil)
        page.goto("/globe/globe.html")
        said = page.evaluate(
            "asked => show(asked)",
            {
                "terrain": TERRAIN,
                "tileset": "/ogc/3dgeovolumes/collections/buildings/3dtiles/tileset.json",
                "place": [lon, lat],
                "height": 3.0 * (1 + number % 12),
            },
        )
        page.screenshot(path=tmp_path_factory.getbasetemp() / "globe.png")
    assert said["errors"] == []
    assert amiss == []
    assert said["features"] == 300
    assert said["picked"]["id"] == f"b{number:04d}"
    assert said["picked"]["name"] == f"House {number}"
    assert said["picked"]["levels"] == 1 + number % 12
    assert said["normals"]
    assert said["credit"] == "Town of tests"
    truth = height_at(np.array([lon]), np.array([lat]))[0]
    assert said["sampled"] == pytest.approx(truth, abs=0.3)
    assert said["drawn"] == pytest.approx(truth, abs=2)
    assert said["deepest"] >= 12
