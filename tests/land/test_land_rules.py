"""What each rule says, on a square whose contents can be counted by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from town_land import ROLES, X, Y, box

from quanyu.kernel import Invalid
from quanyu.land import (
    OUTSIDE,
    RULES,
    Asked,
    Checked,
    Declaration,
    Plane,
    Role,
    Scheme,
    Settings,
    Source,
    Verdict,
    check_declaration,
    check_project,
    classes,
    compatibility,
    land_class,
    project_of,
    report_bytes,
    report_document,
)
from quanyu.land import use_table as tables
from quanyu.spacetime import Column, Restriction, Store

GEOD = pyproj.Geod(ellps="GRS80")
DAY = Asked(date(2026, 5, 1))
AT = datetime(2026, 5, 1, tzinfo=UTC)
Check = Callable[..., Checked]


def declared(dataset: str) -> Declaration:
    role, columns = ROLES[dataset]
    return Declaration(
        id=f"lrl_{dataset}", role=role, dataset=dataset, revision=1, columns=columns,
        scheme=Scheme.GBT21010, values={}, note=None, declared_at=AT, declared_by=None,
    )  # fmt: skip


@pytest.fixture
def check(land_store: Store) -> Check:
    """Check a rectangle of cells by some sources, perhaps narrowed."""

    def run(
        shape: Any,
        *,
        sources: tuple[str, ...] = tuple(ROLES),
        narrowed: dict[str, Restriction] | None = None,
        settings: Settings | None = None,
        **values: Any,
    ) -> Checked:
        project = project_of({"use": "0701", **values}, shapely.to_wkt(shape, 12))
        given = [
            Source(declared(one), land_store.view(one, (narrowed or {}).get(one, Restriction())))
            for one in sources
        ]
        return check_project(project, given, DAY, compatibility(), settings or Settings())

    return run


GOOD: dict[str, Any] = {
    "height_m": 60,
    "floor_area_m2": 20_000,
    "footprint_m2": 2_000,
    "green_area_m2": 5_000,
    "buffer_m": 50,
}


def test_a_project_that_keeps_every_rule_passes(check: Check) -> None:
    made = check(box(1, 1, 2, 2), **GOOD)
    assert {name: found.verdict for name, found in made.findings.items()} == {
        rule.id: Verdict.PASS if rule.id != "plan-use" else Verdict.UNCHECKED for rule in RULES
    }
    assert made.verdict is Verdict.REVIEW  # the plan of this square says no uses
    settings = Settings(rules=tuple(rule.id for rule in RULES if rule.id != "plan-use"))
    assert check(box(1, 1, 2, 2), settings=settings, **GOOD).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("rule", "shape", "values", "told"),
    [
        ("farmland", box(8, 1, 9.5, 2), {}, ("percent", 100 / 3)),
        ("ecology", box(1, 8, 2, 9.25), {}, ("percent", 20.0)),
        ("urban-boundary", box(5, 1, 7, 2), {}, ("percent", 50.0)),
        ("height", box(1, 1, 2, 2), {"height_m": 63.5}, ("over_m", 3.5)),
        ("height", box(2, 1, 4, 2), {"height_m": 30}, ("limit_m", 24.0)),
        ("floor-area-ratio", box(2, 1, 4, 2), {"floor_area_m2": 60_000}, ("limit", 1.75)),
        ("density", box(1, 1, 2, 2), {"footprint_m2": 6_000}, ("limit", 30.0)),
        ("green-ratio", box(1, 1, 2, 2), {"green_area_m2": 0}, ("percent", 0.0)),
        ("planned-use", box(6, 1, 7, 2), {}, ("review_m2", 0.0)),
    ],
)
def test_a_rule_fails_and_says_by_how_much(
    check: Check, rule: str, shape: Any, values: dict[str, Any], told: tuple[str, float]
) -> None:
    figure, value = told
    found = check(shape, **values).findings[rule]
    assert found.verdict is Verdict.FAIL
    assert found.figures[figure] == pytest.approx(value, abs=2e-3)
    assert found.said.zh
    assert found.said.en
    assert found.touches or rule == "urban-boundary"


def test_floor_area_is_held_against_the_net_site(check: Check) -> None:
    half_outside = shapely.box(X - 0.001, Y + 0.001, X + 0.001, Y + 0.002)
    made = check(half_outside, floor_area_m2=10_000)
    net = abs(GEOD.geometry_area_perimeter(box(0, 1, 1, 2))[0])
    assert made.net_of == "parcels"
    assert made.net_m2 == pytest.approx(net, rel=1e-7)
    found = made.findings["floor-area-ratio"]
    assert found.figures["ratio"] == pytest.approx(10_000 / net, abs=1e-4)
    assert found.verdict is Verdict.REVIEW  # half of the site has no limit
    assert check(half_outside, sources=("land-plans",), floor_area_m2=1).net_of == "project"


def test_slivers_do_not_count_and_are_told(check: Check) -> None:
    barely = shapely.box(X + 0.008, Y + 0.001, X + 0.009 + 4e-7, Y + 0.002)  # 4 cm too far east
    found = check(barely).findings["farmland"]
    assert found.verdict is Verdict.PASS
    assert found.figures["sliver_m2"] > 0
    assert "容差" in found.said.zh
    assert check(barely, settings=Settings(tolerance_m=0)).findings["farmland"].verdict is (
        Verdict.FAIL
    )
    wide = shapely.box(X + 0.008, Y + 0.001, X + 0.009 + 4e-6, Y + 0.002)
    assert check(wide).findings["farmland"].verdict is Verdict.FAIL


def test_nothing_passes_where_nothing_was_read(check: Check) -> None:
    made = check(box(1, 1, 2, 2), sources=("land-parcels",), **GOOD)
    assert made.findings["farmland"].verdict is Verdict.UNCHECKED
    assert made.verdict is Verdict.REVIEW
    unread = {one.role: one for one in made.unread}
    assert unread[Role.FARMLAND].rule == "land.no-source"
    assert unread[Role.FARMLAND].dataset is None
    assert check(box(1, 1, 2, 2)).findings["height"].verdict is Verdict.UNCHECKED  # none was said


@pytest.mark.parametrize(
    "restriction",
    [
        Restriction(rows={"op": "=", "args": [{"property": "name"}, "别的"]}),
        Restriction(region=shapely.geometry.mapping(box(0, 0, 5, 5))),
        Restriction(interval=(datetime(2020, 1, 1, tzinfo=UTC), None)),
    ],
)
def test_what_a_restriction_may_hide_never_passes(check: Check, restriction: Restriction) -> None:
    """The project lies on farmland that the caller may not see: it is no pass."""
    made = check(box(9, 6, 10, 7), narrowed={"land-farmland": restriction})
    found = made.findings["farmland"]
    assert found.verdict is Verdict.REVIEW
    assert not found.touches
    assert "一部分" in found.said.zh
    inside = Restriction(region=shapely.geometry.mapping(box(0, 0, 5, 5)))
    made = check(box(1, 1, 2, 2), narrowed={"land-farmland": inside})
    assert made.findings["farmland"].verdict is Verdict.PASS


def test_coarse_places_and_hidden_columns_are_said(check: Check) -> None:
    hidden = Restriction(columns=(Column("far"), Column("dens"), Column("green")))
    made = check(
        box(1, 1, 2, 2),
        narrowed={"land-farmland": Restriction(grid_m=500), "land-plans": hidden},
        **GOOD,
    )
    assert made.findings["farmland"].verdict is Verdict.UNCHECKED
    assert {one.rule for one in made.unread} == {"land.coarse"}
    assert made.findings["height"].verdict is Verdict.UNCHECKED
    assert made.findings["floor-area-ratio"].verdict is Verdict.PASS
    assert b"60.0" not in report_bytes(made)[0].replace(b'"height_m":60', b"")


def test_the_same_check_has_the_same_digest(check: Check) -> None:
    first = report_bytes(check(box(1, 1, 9.5, 9.5), **GOOD))
    assert report_bytes(check(box(1, 1, 9.5, 9.5), **GOOD)) == first
    other = report_bytes(check(box(1, 1, 9.5, 9.5), **(GOOD | {"height_m": 61})))
    assert other[1] != first[1]
    document = report_document(check(box(1, 1, 2, 2), **GOOD))
    assert {one["dataset"]: one["version"] for one in document["sources"]} == dict.fromkeys(
        ROLES, 1
    )


@settings(max_examples=40, deadline=None)
@given(
    west=st.floats(-9, 9), south=st.floats(-9, 9),
    width=st.floats(0.01, 9), height=st.floats(0.01, 9),
)  # fmt: skip
def test_areas_are_those_on_the_ellipsoid(
    west: float, south: float, width: float, height: float
) -> None:
    shape = box(west, south, west + width, south + height)
    area = float(Plane(shape).area(shape)[0])
    assert area == pytest.approx(abs(GEOD.geometry_area_perimeter(shape)[0]), rel=2e-7)


def test_distances_and_surroundings_are_in_metres() -> None:
    one, other = box(0, 0, 1, 1), box(3, 0, 4, 1)
    plane = Plane(one)
    metres = float(plane.distance(one, np.array([other]))[0])
    assert metres == pytest.approx(GEOD.inv(X + 0.001, Y, X + 0.003, Y)[2], rel=1e-4)
    around = plane.around(one, 100)
    assert float(plane.area(around)[0]) > 4 * 100 * 100
    assert shapely.contains(around, one)


def test_control_lines_nearby_are_hints(check: Check) -> None:
    near = check(box(8, 1, 8.9, 2), buffer_m=50).findings["near-lines"]
    assert near.verdict is Verdict.REVIEW
    assert near.figures["features"] == 1
    assert near.figures["least_m"] == pytest.approx(10.25, abs=0.05)


def test_code_tables_are_as_long_as_they_say() -> None:
    counts = {
        scheme: [sum(len(code) == n for code in classes(scheme)) for n in (2, 4)]
        for scheme in Scheme
    }
    assert counts == {Scheme.GBT21010: [12, 73], Scheme.GUIDE2023: [24, 111]}
    for scheme in Scheme:
        assert all(code[:2] in classes(scheme) for code in classes(scheme))
    assert land_class("0701", Scheme.GBT21010).name.zh == "城镇住宅用地"


def test_the_most_exact_row_of_compatible_uses_counts() -> None:
    head = b"scheme,planned,proposed,verdict\n"
    made = tables.read(
        head + b"gbt21010-2017,07,*,no\ngbt21010-2017,0701,05,conditional\n"
        b"gbt21010-2017,0701,0501,yes\n",
        own=True,
    )
    use = {code: land_class(code, Scheme.GBT21010) for code in ("0501", "0502", "0601", "0702")}
    assert made.verdict("0701", use["0501"]) is Verdict.PASS
    assert made.verdict("0701", use["0502"]) is Verdict.REVIEW
    assert made.verdict("0701", use["0601"]) is Verdict.FAIL
    assert made.verdict("0702", use["0702"]) is Verdict.FAIL  # 07,* says so
    assert made.verdict("06", use["0601"]) is Verdict.PASS
    assert made.verdict("0602", use["0601"]) is Verdict.REVIEW
    assert made.verdict(OUTSIDE, use["0601"]) is Verdict.REVIEW
    for bad in (
        b"a,b\n", head + b"x,0701,0501,yes\n", head + b"gbt21010-2017,0701,0501,maybe\n",
        head + b"gbt21010-2017,99,0501,yes\n", head + b"gbt21010-2017,0701\n", b"\xff\xfe",
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            tables.read(bad, own=True)
        assert refused.value.field == "land_compatibility"


@pytest.mark.parametrize(
    ("role", "dataset", "said", "field"),
    [
        (Role.PLANNED_USE, "land-planned", ({}, {}), "columns.class"),
        (Role.PLANNED_USE, "land-planned", ({"class": "nothing"}, {}), "columns.class"),
        (Role.PLANNED_USE, "land-planned", ({"height": "dlbm"}, {}), "columns.height"),
        (Role.PLANNED_USE, "land-farmland", ({"class": "name"}, {}), "columns.class"),
        (Role.PLANNED_USE, "land-farmland", ({"class": "name"}, {"九列": "9999"}), "values"),
        (Role.PLAN, "land-plans", ({"name": "lim"}, {}), "columns.name"),
        (Role.PLAN, "land-farmland", ({"name": "name"}, {}), "columns"),
        (Role.PLAN, "land-planned", ({"height": "dlbm"}, {}), "columns.height"),
    ],
)
def test_a_declaration_that_cannot_be_names_field_and_mend(
    land_store: Store, role: Role, dataset: str, said: tuple[Any, Any], field: str
) -> None:
    columns, values = said
    with pytest.raises(Invalid) as refused:
        check_declaration(role, land_store.view(dataset), columns, Scheme.GBT21010, values)
    assert refused.value.field == field
    assert refused.value.mend
    if columns == {"class": "name"} and not values:
        assert "九列" in str(refused.value)  # codes that are not in the table are listed


def test_own_words_can_stand_for_classes(land_store: Store, check: Check) -> None:
    view = land_store.view("land-farmland")
    words = {"九列": "0601"}
    check_declaration(Role.PLANNED_USE, view, {"class": "name"}, Scheme.GBT21010, words)
    of = replace(
        declared("land-farmland"), role=Role.PLANNED_USE, columns={"class": "name"}, values=words
    )
    project = project_of({"use": "0601"}, shapely.to_wkt(box(9.1, 1, 9.9, 2), 12))
    made = check_project(project, [Source(of, view)], DAY, compatibility(), Settings())
    assert made.findings["planned-use"].verdict is Verdict.PASS
