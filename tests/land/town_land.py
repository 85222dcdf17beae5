"""A square of land a kilometre wide, with every role: where each thing lies is plain to count.

Cells are 0.001° wide. Columns 0–5 of the square are within the urban boundary and planned 0701, 6–9
planned 0601 and outside of the boundary; farmland lies on column 9, the red line on row 9.
"""

import json
from pathlib import Path
from typing import Any

import shapely

from quanyu.catalogue import Access
from quanyu.land import DeclarationDraft, Role, check_declaration, declare
from quanyu.parties import Caller
from quanyu.spacetime import Store

X, Y, CELL = 113.0, 23.0, 0.001


def box(west: float, south: float, east: float, north: float) -> Any:
    """A rectangle in cells from the south-west corner of the square."""
    return shapely.box(X + west * CELL, Y + south * CELL, X + east * CELL, Y + north * CELL)


def feature(fid: str, shape: Any, **properties: Any) -> dict[str, Any]:
    """A GeoJSON feature."""
    geometry = json.loads(shapely.to_geojson(shape))
    return {"type": "Feature", "id": fid, "geometry": geometry, "properties": properties}


def layers() -> dict[str, list[dict[str, Any]]]:
    """Every dataset, by name."""
    return {
        "land-parcels": [
            feature(f"p{i}{j}", box(i, j, i + 1, j + 1), number=f"44010600{i}{j}", owner=f"o{i}")
            for i in range(10)
            for j in range(10)
        ],
        "land-planned": [
            feature("a", box(0, 0, 6, 10), dlbm="0701"),
            feature("b", box(6, 0, 10, 10), dlbm="0601"),
        ],
        "land-farmland": [feature("f1", box(9, 0, 10, 10), name="九列")],
        "land-ecology": [feature("e1", box(0, 9, 10, 10), name="九行")],
        "land-urban": [feature("u1", box(0, 0, 6, 10), name="边界")],
        "land-plans": [
            feature("d1", box(0, 0, 3, 10), lim=60.0, far=2.5, dens=30.0, green=35.0),
            feature("d2", box(3, 0, 10, 10), lim=24.0, far=1.0, dens=40.0, green=20.0),
        ],
    }


ROLES: dict[str, tuple[Role, dict[str, str]]] = {
    "land-parcels": (Role.PARCELS, {"number": "number"}),
    "land-planned": (Role.PLANNED_USE, {"class": "dlbm"}),
    "land-farmland": (Role.FARMLAND, {"name": "name"}),
    "land-ecology": (Role.ECOLOGY, {}),
    "land-urban": (Role.URBAN, {}),
    "land-plans": (
        Role.PLAN,
        {"height": "lim", "far": "far", "density": "dens", "green": "green"},
    ),
}
ACCESS = {"land-farmland": Access.RESTRICTED, "land-plans": Access.RESTRICTED}


def draft(dataset: str) -> DeclarationDraft:
    """What is declared of a dataset."""
    role, columns = ROLES[dataset]
    return DeclarationDraft(role=role, dataset=dataset, columns=columns)


def declare_all(store: Store, node: Caller) -> None:
    """Declare every role."""
    for dataset in ROLES:
        made = draft(dataset)
        view = store.view(dataset)
        check_declaration(made.role, view, made.columns, made.scheme, made.values)
        with store.control.begin() as session:
            declare(session, made, node)


def write(folder: Path, dataset: str, features: list[dict[str, Any]]) -> Path:
    """A dataset as a file."""
    path = folder / f"{dataset}.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path
