"""Building models: storeys, spaces, elements with their properties, where they stand."""

import json
from importlib import import_module
from pathlib import Path

import pytest
from city_models import meaning

from quanyu.kernel import Invalid

ifc = pytest.importorskip("ifcopenshell", reason="no IFC: pip install quanyu[ifc]")
api = {name: import_module(f"ifcopenshell.api.{name}") for name in (
    "root", "unit", "context", "project", "aggregate", "spatial", "geometry", "georeference",
    "pset")}  # fmt: skip
CORNER = (500_000.0, 2_500_000.0, 10.0)


def house(path: Path, *, metres=True, georeferenced=True, site=None) -> Path:
    """A house of one storey with a room and a wall of 5 × 0.2 × 3 m, 1 m east and 2 m north."""
    made = api["project"].create_file("IFC4")

    def create(kind, name):
        return api["root"].create_entity(made, ifc_class=kind, name=name)

    project = create("IfcProject", "P")
    raw = "METERS" if metres else "MILLIMETERS"
    api["unit"].assign_unit(made, length={"is_metric": True, "raw": raw})
    whole = api["context"].add_context(made, context_type="Model")
    body = api["context"].add_context(
        made,
        context_type="Model",
        context_identifier="Body",
        target_view="MODEL_VIEW",
        parent=whole,
    )
    ground, building = create("IfcSite", "S"), create("IfcBuilding", "B")
    storey, room, wall = (
        create("IfcBuildingStorey", "L1"),
        create("IfcSpace", "R1"),
        create("IfcWall", "W"),
    )
    if site:
        ground.RefLatitude, ground.RefLongitude = site
    above = ((project, ground), (ground, building), (building, storey), (storey, room))
    for parent, child in above:
        api["aggregate"].assign_object(made, products=[child], relating_object=parent)
    shape = api["geometry"].add_wall_representation(
        made, context=body, length=5, height=3, thickness=0.2
    )
    api["geometry"].assign_representation(made, product=wall, representation=shape)
    matrix = [[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 0], [0, 0, 0, 1]]
    import numpy as np

    api["geometry"].edit_object_placement(
        made, product=wall, matrix=np.array(matrix, dtype=float), is_si=True
    )
    api["spatial"].assign_container(made, products=[wall], relating_structure=storey)
    group = api["pset"].add_pset(made, product=wall, name="Pset_WallCommon")
    api["pset"].edit_pset(made, pset=group, properties={"FireRating": "2HR", "LoadBearing": True})
    if georeferenced:
        factor = 1.0 if metres else 1000.0
        east, north, up = (value * factor for value in CORNER)
        api["georeference"].add_georeferencing(made)
        api["georeference"].edit_georeferencing(
            made,
            projected_crs={"Name": "EPSG:4547"},
            coordinate_operation={"Eastings": east, "Northings": north, "OrthogonalHeight": up},
        )
    made.write(str(path))
    return path


@pytest.mark.parametrize("metres", [True, False])
def test_a_house(city, metres):
    report = city.take(house(city.folder / "h.ifc", metres=metres))
    assert (report.rows, report.rejects) == (4, 0)
    found = city.model()
    by_name = {thing["attributes"]["name"]: thing for thing in found["CityObjects"].values()}
    assert {name: thing["type"] for name, thing in by_name.items()} == {
        "B": "Building",
        "L1": "BuildingStorey",
        "R1": "BuildingRoom",
        "W": "BuildingConstructiveElement",
    }
    ids = {thing["attributes"]["name"]: key for key, thing in found["CityObjects"].items()}
    assert by_name["W"]["parents"] == [ids["L1"]]
    assert by_name["R1"]["parents"] == [ids["L1"]]
    assert by_name["L1"]["parents"] == [ids["B"]]
    wall = by_name["W"]["attributes"]
    assert wall["ifcClass"] == "IfcWall"
    assert (wall["Pset_WallCommon.FireRating"], wall["Pset_WallCommon.LoadBearing"]) == (
        "2HR",
        True,
    )
    (shape,) = by_name["W"]["geometry"]
    assert (shape["type"], len(shape["boundaries"][0])) == ("Solid", 12)
    assert found["metadata"]["geographicalExtent"] == pytest.approx(
        [500_001, 2_500_002, 10, 500_006, 2_500_002.2, 13], abs=2e-3
    )
    west, south, *_ = report.version.bbox
    assert (west, south) == pytest.approx((114.0, 22.6), abs=0.05)
    again = city.take(found, "again")
    assert again.rejects == 0
    assert meaning(city.model("again")) == meaning(found)


def test_the_place_of_a_site(city):
    where = ((22, 30, 0, 0), (114, 3, 0, 0))
    report = city.take(house(city.folder / "h.ifc", georeferenced=False, site=where))
    assert any("latitude and longitude of its site" in note for note in report.notes)
    west, south, east, north = report.version.bbox
    assert (west, south) == pytest.approx((114.05, 22.5), abs=1e-3)
    assert east - west < 1e-4
    assert north > south


def test_no_place_at_all(city):
    path = house(city.folder / "h.ifc", georeferenced=False)
    with pytest.raises(Invalid) as caught:
        city.take(path)
    assert caught.value.field == "crs"
    assert city.take(path, crs="EPSG:4547").rows == 4


def test_a_cut_file(city):
    whole = house(city.folder / "h.ifc").read_bytes()
    with pytest.raises(Invalid, match="damaged"):
        city.take(city.file(whole[: len(whole) // 3], "cut.ifc"))
    assert city.store.datasets() == []
    assert json.dumps({})
