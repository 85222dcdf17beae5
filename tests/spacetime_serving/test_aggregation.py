"""Figures by group agree with pandas and shapely, and tell nothing of what is hidden."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import FIELDS, Town

from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime import (
    OPEN,
    ByField,
    ByPlace,
    ByTime,
    Column,
    End,
    Function,
    GeometryType,
    Measure,
    Query,
    Restriction,
    Unit,
    in_cells,
    in_zones,
    index_zones,
)

COUNT = Measure(Function.COUNT)


def frame(town: Town, name: str) -> pd.DataFrame:
    return pd.DataFrame(town.data[name])


def squares(size: float = 0.01) -> ByPlace:
    """Squares of degrees, named by their corner."""

    def cells(x: Any, y: Any) -> Any:
        column, row = np.floor(x / size).astype(int), np.floor(y / size).astype(int)
        return np.char.add(np.char.add(column.astype(str), "/"), row.astype(str))

    def boundary(names: Any) -> Any:
        column, row = np.array([name.split("/") for name in names], float).T
        return shapely.box(column * size, row * size, (column + 1) * size, (row + 1) * size)

    return in_cells("cell", cells, boundary)


def test_figures_by_a_property_agree_with_pandas(town: Town) -> None:
    of = [Measure(function, "value") for function in Function if function.value in STATISTICS]
    found = town.store.view("posts").aggregate(Query(), [ByField("open")], [COUNT, *of])
    table = found.table.to_pandas().set_index("open")
    rows = frame(town, "posts")
    assert table.loc[True, "count"] == (rows["open"] == True).sum()  # noqa: E712
    assert len(table) == 3  # true, false and those that do not say
    for function, same in STATISTICS.items():
        for key in (True, False):
            value = same(rows[rows["open"] == key]["value"])
            assert table.loc[key, f"{function}_value"] == pytest.approx(value), function


STATISTICS: dict[str, Callable[[pd.Series], float]] = {
    "sum": lambda v: v.sum(), "mean": lambda v: v.mean(), "median": lambda v: v.median(),
    "stddev": lambda v: v.std(), "min": lambda v: v.min(), "max": lambda v: v.max(),
    "distinct": lambda v: v.nunique(),
}  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "same"),
    [
        (Unit.MONTH, lambda t: t.dt.strftime("%Y-%m")),
        (Unit.DAY, lambda t: t.dt.strftime("%Y-%m-%d")),
        (Unit.HOUR_OF_DAY, lambda t: t.dt.hour.astype("Int64").astype(str)),
        (Unit.DAY_OF_WEEK, lambda t: (t.dt.day_of_week + 1).astype("Int64").astype(str)),
    ],
)
def test_figures_by_time(town: Town, unit: Unit, same: Any) -> None:
    view = town.store.view("posts")
    found = view.aggregate(Query(), [ByTime(unit, "seen")], [COUNT]).table.to_pandas()
    expected = frame(town, "posts")["seen"].dropna().pipe(pd.to_datetime).pipe(same).value_counts()
    found = found.dropna()
    assert sorted(found["count"]) == sorted(expected)
    assert len(found) == len(expected)
    spans = view.aggregate(Query(), [ByTime(Unit.YEAR)], [COUNT]).table.to_pandas()
    assert spans["count"].sum() == 3000


def test_figures_by_cell_and_their_density(town: Town) -> None:
    asked = Query(filter={"op": ">", "args": [{"property": "floors"}, 5]})
    figures = [COUNT, Measure(Function.DENSITY), Measure(Function.MEAN, "value")]
    groups = town.store.view("posts").aggregate(asked, [squares()], figures)
    found = groups.table.to_pandas().set_index("cell")
    rows = frame(town, "posts").assign(
        x=shapely.get_x(town.shapes["posts"]), y=shapely.get_y(town.shapes["posts"])
    )
    rows = rows[rows["floors"] > 5]
    name = np.floor(rows["x"] / 0.01).astype(int).astype(str) + "/"
    expected = rows.groupby(name + np.floor(rows["y"] / 0.01).astype(int).astype(str))
    pd.testing.assert_series_equal(found["count"], expected.size(), check_names=False)
    pd.testing.assert_series_equal(found["mean_value"], expected["value"].mean(), check_names=False)
    # 0.01° by 0.01° in Helsinki is about 1.114 km by 0.556 km.
    assert (found["count"] / found["density"]).between(0.60, 0.64).all()
    assert all(
        shapely.intersects_xy(area, *map(float, np.add(np.array(at.split("/"), int), 0.5) / 100))
        for at, area in zip(found.index, groups.areas["cell"], strict=True)
    )


def test_a_zonal_join_agrees_with_a_tree(town: Town) -> None:
    zones = town.store.view("areas")
    labels, index = zones.zones()
    found = town.store.view("posts").aggregate(
        Query(), [in_zones("zone", labels, index), ByField("open")], [COUNT]
    )
    shapes = town.shapes["areas"]
    tree = shapely.STRtree(town.shapes["posts"])
    zone, _post = tree.query(shapes, predicate="intersects")
    expected = pd.Series(np.array(town.data["areas"]["fid"])[zone]).value_counts()
    table = found.table.to_pandas().groupby("zone")["count"].sum()
    assert table.sort_index().to_dict() == expected.sort_index().to_dict()


def test_areas_are_where_a_point_of_theirs_is(town: Town) -> None:
    found = town.store.view("areas").aggregate(Query(), [squares(0.05)], [COUNT]).table.to_pandas()
    points = shapely.point_on_surface(town.shapes["areas"][town.shapes["areas"] != None])  # noqa: E711
    assert found["count"].sum() == len(points)


def test_origins_and_destinations(new_town: Town) -> None:
    ends = np.array([[0.5, 0.5, 1.5, 0.5], [0.5, 0.5, 0.6, 0.6], [1.5, 0.5, 0.5, 0.5]] * 4)
    lines = shapely.linestrings(ends.reshape(-1, 2, 2))
    new_town.publish("trips", 12, GeometryType.LINESTRING, lines, 1)
    index, labels = index_zones(shapely.box([0, 1], [0, 0], [1, 2], [1, 1])), np.array(["a", "b"])
    keys = [in_zones("origin", labels, index, End.START)]
    keys.append(in_zones("destination", labels, index, End.FINISH))
    found = new_town.store.view("trips").aggregate(Query(), keys, [COUNT]).table.to_pylist()
    assert [tuple(row.values()) for row in found] == [("a", "a", 4), ("a", "b", 4), ("b", "a", 4)]


RESTRICTION = Restriction(
    columns=(Column("name"), Column("open")),
    rows={"op": "<=", "args": [{"property": "floors"}, 10]},
    region={
        "type": "Polygon",
        "coordinates": [[[24.9, 60.1], [24.95, 60.1], [24.95, 60.3], [24.9, 60.3], [24.9, 60.1]]],
    },
)


def test_nothing_hidden_is_counted(town: Town) -> None:
    view = town.store.view("posts", RESTRICTION)
    found = view.aggregate(Query(), [squares(), ByField("open")], [COUNT]).table.to_pandas()
    rows = frame(town, "posts")[
        (frame(town, "posts")["floors"] <= 10) & (shapely.get_x(town.shapes["posts"]) <= 24.95)
    ]
    assert found["count"].sum() == len(rows)
    for hidden in ("floors", "value", "nothing"):
        for keys, figures in (
            ([ByField(hidden)], [COUNT]),
            ([ByField("open")], [Measure(Function.MEAN, hidden)]),
            ([ByTime(Unit.DAY, hidden)], [COUNT]),
        ):
            with pytest.raises(Invalid, match="no property"):
                view.aggregate(Query(), keys, figures)
    zones = town.store.view("areas", RESTRICTION).zones()
    west = shapely.total_bounds(zones[1].polygons)
    assert west[2] <= 24.95


@pytest.mark.parametrize(
    ("keys", "figures", "field"),
    [
        ([ByField("tags")], [COUNT], "by"),
        ([ByField("name"), ByField("name")], [COUNT], "by"),
        ([ByTime(Unit.DAY, "name")], [COUNT], "by"),
        ([in_zones("o", np.array(["a"]), index_zones(shapely.box([0], 0, 1, 1)), End.START)],
         [COUNT], "by"),
        ([], [], "measure"),
        ([ByField("open")], [Measure(Function.MEAN)], "measure"),
        ([ByField("open")], [Measure(Function.MEAN, "name")], "measure"),
        ([ByField("open")], [Measure(Function.LEAST, "tags")], "measure"),
        ([ByField("open")], [Measure(Function.DENSITY)], "measure"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed(town: Town, keys: Any, figures: Any, field: str) -> None:
    with pytest.raises(Invalid) as error:
        town.store.view("posts").aggregate(Query(), keys, figures)
    assert error.value.field == field


def test_a_list_has_no_places_and_zones_need_names_of_their_own(town: Town) -> None:
    with pytest.raises(Invalid):
        town.store.view("list").aggregate(Query(), [squares()], [COUNT])
    for name, field in (("list", None), ("posts", None), ("areas", "open")):
        with pytest.raises(Invalid):
            town.store.view(name).zones(field)


def test_too_many_groups_are_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quanyu.spacetime.aggregation.grouping.MOST_GROUPS", 2999)
    with pytest.raises(TooLarge):
        town.store.view("posts").aggregate(Query(), [squares(1e-7)], [COUNT])
    assert {f.name for f in FIELDS} == {f.name for f in town.store.view("posts", OPEN).fields}


numbers = st.floats(-10, 10, allow_nan=False).map(lambda v: round(v, 1))
triangles = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8).map(
    lambda ends: shapely.convex_hull(shapely.multipoints(ends))
)


@settings(max_examples=60, deadline=None)
@given(zones=st.lists(triangles, max_size=12), spots=st.lists(st.tuples(numbers, numbers)))
def test_the_grid_finds_what_geometry_says(zones: list[Any], spots: list[Any]) -> None:
    areas = np.array([*zones, None, shapely.Polygon()], object)
    areas = areas[[a is None or a.geom_type == "Polygon" for a in areas]]
    x, y = np.array(spots or [(0.0, 0.0)], float).T
    points, held = index_zones(areas).join(np.append(x, np.nan), np.append(y, 0.0))
    expected = {
        (at, zone)
        for zone, area in enumerate(areas)
        for at in range(len(x))
        if area is not None and shapely.intersects_xy(area, x[at], y[at])
    }
    assert set(zip(points.tolist(), held.tolist(), strict=True)) == expected
    assert len(points) == len(expected)
    assert (np.diff(points) >= 0).all()
