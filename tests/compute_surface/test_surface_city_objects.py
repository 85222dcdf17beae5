"""City objects as buildings of an analysis: their own heights, read through a restricted view."""

import json

import numpy as np
import pytest

from migrated import new_control
from quanyu import app as composition
from quanyu.compute.features import read_features, unpacked
from quanyu.compute.model import Holds, Input
from quanyu.compute.surface.scene import standing
from quanyu.kernel import LocalText, load_settings
from quanyu.spacetime import Column, Query, Restriction, Store, ingest

TITLE = LocalText(zh="建筑", en="Buildings")


def block(low: int, high: int, left: int) -> dict[str, object]:
    """A building of ten metres square as LoD1, its vertices from ``left`` on."""
    at = range(left, left + 8)
    a, b, c, d, e, f, g, h = at
    shell = [[[a, d, c, b]], [[e, f, g, h]], [[a, b, f, e]], [[b, c, g, f]], [[c, d, h, g]],
             [[d, a, e, h]]]  # fmt: skip
    return {
        "type": "Building",
        "attributes": {"low": low, "high": high},
        "geometry": [{"type": "Solid", "lod": "1", "boundaries": [shell]}],
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A city model of two buildings, one on the ground and one on a hill."""
    folder = tmp_path_factory.mktemp("surfaces")
    vertices, objects = [], {}
    for number, (low, high) in enumerate(((0, 30), (12, 40))):
        x, y = 500_000 + 50 * number, 3_400_000
        objects[f"house-{number}"] = block(low, high, 8 * number)
        corners = [(x, y), (x + 10, y), (x + 10, y + 10), (x, y + 10)]
        vertices += [[a, b, z] for z in (low, high) for a, b in corners]
    model = {
        "type": "CityJSON",
        "version": "2.0",
        "transform": {"scale": [1.0, 1.0, 1.0], "translate": [0.0, 0.0, 0.0]},
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/4549"},
        "CityObjects": objects,
        "vertices": vertices,
    }
    path = folder / "houses.city.json"
    path.write_text(json.dumps(model))
    settings = load_settings(dir=folder / "node")
    found = composition.open_store(settings, new_control(settings))
    ingest(found, str(path), "houses")
    return found


def read(store: Store, restriction: Restriction) -> dict[str, tuple[float, float]]:
    """Foot and height of every building that may be seen."""
    one = Input(title=TITLE, description=TITLE, holds=Holds.FEATURES, empty=True)
    table = read_features("buildings", store.view("houses", restriction), Query(), 100)
    features = unpacked("buildings", one, table)
    base, height = standing(features, None, "auto")
    ids = features.table.column("fid").to_pylist()
    return dict(zip(ids, zip(base.tolist(), height.tolist(), strict=True), strict=True))


def test_city_objects_bring_their_own_heights(store: Store) -> None:
    found = read(store, Restriction())
    assert found == {"house-0": (0.0, 30.0), "house-1": (12.0, 28.0)}


def test_objects_that_are_hidden_are_not_read(store: Store) -> None:
    hidden = Restriction(rows={"op": "<", "args": [{"property": "low"}, 10]})
    found = read(store, hidden)
    assert list(found) == ["house-0"]
    assert np.isnan(found["house-0"][0])  # all that is seen stands at 0: on the ground
    none = Restriction(rows={"op": "<", "args": [{"property": "low"}, -1]})
    assert read(store, none) == {}


def test_a_place_given_coarsely_has_no_heights(store: Store) -> None:
    """On a grid of places there are no footprints, so nothing stands there."""
    coarse = Restriction(grid_m=1000.0, columns=(Column("low"),))
    one = Input(title=TITLE, description=TITLE, holds=Holds.FEATURES, empty=True)
    table = read_features("buildings", store.view("houses", coarse), Query(), 100)
    features = unpacked("buildings", one, table)
    assert np.isnan(standing(features, None, "auto")[1]).all()
