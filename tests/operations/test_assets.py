"""Assets: the tree without circles, life, maintenance that becomes work, sums, files, who reads."""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import City, fresh_city
from sqlalchemy import select

from quanyu.kernel import Calendar, Conflict, Invalid, NotFound, Owed, QuanyuError, now
from quanyu.operations import (
    Asset,
    AssetDraft,
    AssetFilter,
    AssetState,
    EntryKind,
    SourceKind,
    ancestors,
    asset,
    asset_templates,
    change_asset,
    close_work_order,
    end_plan,
    enter,
    entries_of,
    import_assets,
    inventories,
    let_read_assets,
    list_assets,
    open_due_maintenance,
    plan_maintenance,
    plans_of,
    read_assets,
    register_asset,
    run_hours,
    settle_maintenance,
    sums_below,
    work_order,
)
from quanyu.operations.assets.tables import AssetRow
from quanyu.parties import ANONYMOUS

CALENDAR = Calendar()


def draft(name: str, parent: str | None = None, template: str = "group", **more: Any) -> AssetDraft:
    return AssetDraft(id=name, name=f"Asset {name}", template=template, parent=parent, **more)


STREET = (
    draft("lamp-1", "pole-1", "lamp", attributes={"power_w": 70, "light_source": "LED"}),
    draft("pole-1", "street", "pole", lon=116.39, lat=39.9),
    draft("pole-2", "street", "pole"),
    draft("street", None, "street"),
    draft("other", None, "street"),
)


def brought_in(city: City, *drafts: AssetDraft) -> None:
    with city.store.begin() as session:
        import_assets(session, city.resource.id, city.lights, drafts or STREET)


def ids(city: City, **wanted: Any) -> list[str]:
    with city.store.read() as session:
        page = list_assets(session, city.resource.id, city.lights, AssetFilter(**wanted))
        return [one.id for one in page.items]


def change(city: City, name: str, **more: Any) -> Asset:
    with city.store.begin() as session:
        was = asset(session, city.resource.id, name, city.lights)
        said = {f: getattr(was, f) for f in AssetDraft.__dataclass_fields__} | more
        return change_asset(session, city.resource.id, name, city.lights, AssetDraft(**said))


def test_a_tree_parts_before_wholes(any_city: City) -> None:
    city = any_city
    brought_in(city)
    assert sorted(ids(city, below="street")) == ["lamp-1", "pole-1", "pole-2", "street"]
    assert ids(city, below="pole-1") == ["pole-1", "lamp-1"]
    assert sorted(ids(city, tops=True)) == ["other", "street"]
    moved = change(city, "pole-1", parent="other")
    assert (moved.depth, moved.parts) == (1, 1)
    assert ids(city, below="other") == ["other", "pole-1", "lamp-1"]
    assert sorted(ids(city, below="street")) == ["pole-2", "street"]
    with city.store.read() as session:
        lamp = asset(session, city.resource.id, "lamp-1", city.lights)
        assert [name for name, _ in ancestors(session, lamp)] == ["other", "pole-1"]
        kinds = set(session.scalars(select(Owed.kind).where(Owed.subject == city.resource.id)))
    assert {"asset.registered", "asset.changed"} <= kinds
    for wrong in ("lamp-1", "pole-1", "nothing"):
        with pytest.raises(Invalid) as caught:
            change(city, "pole-1", parent=wrong)
        assert caught.value.field == "parent"


@settings(max_examples=25)
@given(moves=st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 6)), max_size=12))
def test_whatever_is_moved_the_paths_are_right(
    founded: City, tmp_path_factory: Any, moves: list[tuple[int, int]]
) -> None:
    city = fresh_city(founded, tmp_path_factory)
    brought_in(city, *(draft(f"a{number}") for number in range(7)))
    parents: dict[str, str | None] = {f"a{number}": None for number in range(7)}

    def above(name: str | None) -> list[str]:
        found = []
        while name is not None:
            found.append(name)
            name = parents[name]
        return found

    for part, whole in moves:
        name, to = f"a{part}", None if whole < 0 else f"a{whole}"
        circle = name in above(to)
        try:
            change(city, name, parent=to)
        except Invalid:
            assert circle
        else:
            assert not circle
            parents[name] = to
    with city.store.read() as session:
        rows = {row.id: row for row in session.scalars(select(AssetRow))}
    for name, row in rows.items():
        chain = above(name)[::-1]
        assert row.path == "".join(f"{rows[one].seq}/" for one in chain)
        assert row.depth == len(chain) - 1
        assert set(ids(city, below=name)) == {one for one in parents if name in above(one)}
    city.store.close()


def test_the_tree_is_bounded(city: City) -> None:
    chain = [draft(f"n{i}", f"n{i - 1}" if i else None) for i in range(8)]
    brought_in(city, *chain)
    with pytest.raises(Invalid, match="8 assets deep"):
        brought_in(city, draft("n8", "n7"))
    brought_in(city, draft("top"))
    with pytest.raises(Invalid, match="8 assets deep"):
        change(city, "n0", parent="top")
    with pytest.raises(Invalid, match="part of itself"):
        brought_in(city, draft("x", "y"), draft("y", "x"))
    with pytest.raises(Invalid, match="twice"):
        brought_in(city, draft("z"), draft("z"))
    # All or none: nothing of those is there.
    assert not {"n8", "x", "y", "z"} & set(ids(city))


def test_life_goes_its_ways_only(city: City) -> None:
    brought_in(city, draft("p", state=AssetState.PLANNED))
    with pytest.raises(Conflict):
        change(city, "p", state=AssetState.UNDER_REPAIR)
    for state in (AssetState.IN_SERVICE, AssetState.UNDER_REPAIR, AssetState.IN_SERVICE,
                  AssetState.RETIRED):  # fmt: skip
        assert change(city, "p", state=state).state is state
    with pytest.raises(Conflict):
        change(city, "p", state=AssetState.IN_SERVICE)
    with city.store.begin() as session, pytest.raises(Conflict):
        change_asset(session, city.resource.id, "p", city.lights, draft("p"), revision=1)


def test_only_whom_the_provider_lets(city: City) -> None:
    brought_in(city)
    of = city.resource.id
    for caller in (city.stranger, city.citizen, ANONYMOUS):
        with city.store.begin() as session:
            for look, *more in (
                (list_assets,),
                (asset, "pole-1"),
                (plans_of, "pole-1"),
                (entries_of, "pole-1"),
                (sums_below, "street"),
            ):
                with pytest.raises(NotFound):
                    look(session, of, *more, caller)
            for change_it, *more in (
                (import_assets, [draft("bad")]),
                (let_read_assets, [city.stranger.party]),
            ):
                with pytest.raises(QuanyuError):
                    change_it(session, of, caller, *more)
            with pytest.raises(QuanyuError):
                run_hours(session, of, "pole-1", caller, 9)
            assert inventories(session, caller) == []
    with city.store.begin() as session:
        let_read_assets(session, of, city.lights, [city.roads.party])
        assert len(list_assets(session, of, city.roads).items) == 5
        with pytest.raises(QuanyuError):
            import_assets(session, of, city.roads, [draft("bad")])
        assert [found[-1] for found in inventories(session, city.node)] == [5]
        let_read_assets(session, of, city.lights, [])
        with pytest.raises(NotFound):
            list_assets(session, of, city.roads)


def test_maintenance_becomes_work_and_is_due_again(any_city: City) -> None:
    city, of = any_city, any_city.resource.id
    brought_in(city)
    today = CALENDAR.day_of(now())
    with city.store.begin() as session:
        days = plan_maintenance(
            session, of, "pole-1", city.lights, title="检查灯杆", every_days=90, calendar=CALENDAR
        )
        plan_maintenance(
            session, of, "lamp-1", city.lights, title="更换灯泡", every_hours=4000,
            calendar=CALENDAR,
        )  # fmt: skip
        assert open_due_maintenance(session, CALENDAR, today=today + timedelta(days=89)) == 0
        run_hours(session, of, "lamp-1", city.lights, 4000)
        assert open_due_maintenance(session, CALENDAR, today=today + timedelta(days=90)) == 2
        assert open_due_maintenance(session, CALENDAR, today=today + timedelta(days=400)) == 0
        (plan,) = plans_of(session, of, "pole-1", city.lights)
        assert plan.order
        order = work_order(session, plan.order)
        assert (order.source.kind, order.thing, order.party) == (
            SourceKind.MAINTENANCE, "pole-1", city.lights.party,
        )  # fmt: skip
        assert order.place.lon == 116.39
    with city.store.begin() as session:
        close_work_order(session, plan.order)
    with city.store.begin() as session:
        assert settle_maintenance(session, CALENDAR) == 1
        (plan,) = plans_of(session, of, "pole-1", city.lights)
        assert (plan.order, plan.due_on) == (None, today + timedelta(days=90))
        assert plan.done_at
        (hours,) = plans_of(session, of, "lamp-1", city.lights)
        assert hours.order
        end_plan(session, of, "pole-1", days.id, city.lights)
        assert plans_of(session, of, "pole-1", city.lights) == []
        with pytest.raises(Invalid):
            plan_maintenance(session, of, "pole-1", city.lights, title="x", calendar=CALENDAR)
        with pytest.raises(Invalid):
            run_hours(session, of, "lamp-1", city.lights, 3999)


def test_sums_are_of_all_below(any_city: City) -> None:
    city, of = any_city, any_city.resource.id
    brought_in(city)
    said = {"since": date(2026, 1, 1), "until": date(2026, 1, 31)}
    with city.store.begin() as session:
        for name, kind, amount in (
            ("lamp-1", EntryKind.ENERGY, 25_000),
            ("pole-2", EntryKind.ENERGY, 5_000),
            ("street", EntryKind.COST, 123_45),
            ("lamp-1", EntryKind.COST, -45),
            ("other", EntryKind.COST, 99),
        ):
            enter(session, of, name, city.lights, kind=kind, amount=amount, **said)
        enter(session, of, "lamp-1", city.lights, kind=EntryKind.ENERGY, amount=1,
              since=date(2025, 12, 1), until=date(2025, 12, 31))  # fmt: skip
        assert sums_below(session, of, "street", city.lights) == {
            (2026, EntryKind.ENERGY): 30_000,
            (2026, EntryKind.COST): 12_300,
            (2025, EntryKind.ENERGY): 1,
        }
        assert [one.amount for one in entries_of(session, of, "lamp-1", city.lights)][-1] == 1
        for wrong in ({"amount": -1}, {"since": date(2026, 2, 1)}):
            with pytest.raises(Invalid):
                enter(
                    session, of, "street", city.lights,
                    **({"kind": EntryKind.ENERGY, "amount": 1} | said | wrong),
                )  # fmt: skip


def test_files_come_in_twice_the_same(city: City) -> None:
    table = (
        "id,name,template,parent,lon,lat,since,power_w,light_source\r\n"
        'L1,"Lamp, first",lamp,P1,116.39,39.90,2020-05-01,70,LED\r\n'
        "P1,Pole,pole,,116.39,39.90,,,\r\n"
    ).encode("utf-8-sig")
    features = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": "M1",
                "geometry": {"type": "Point", "coordinates": [116.4, 39.91]},
                "properties": {"cover_of": "rain", "diameter_mm": 700},
            }
        ],
    }
    of = city.resource.id
    with city.store.begin() as session:
        made = import_assets(session, of, city.lights, read_assets(table))
        assert (made.added, made.changed, made.same) == (2, 0, 0)
        again = import_assets(session, of, city.lights, read_assets(table))
        assert (again.added, again.changed, again.same) == (0, 0, 2)
        said = read_assets(json.dumps(features).encode(), template="manhole")
        assert import_assets(session, of, city.lights, said).added == 1
        lamp = asset(session, of, "L1", city.lights)
        assert (lamp.attributes, lamp.since) == (
            {"power_w": 70, "light_source": "LED"}, date(2020, 5, 1),
        )  # fmt: skip
        moved = table.replace(b"70,LED", b"50,LED")
        assert import_assets(session, of, city.lights, read_assets(moved)).changed == 1
        with pytest.raises(Conflict):
            register_asset(session, of, city.lights, replace(STREET[3], id="P1"))


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe", b"name\nx", b"id,lon,lat\na,x,1", b"id,since\na,soon", b"id\na,b", b'{"a": 1}',
     b'{"features": [3]}', b"id,template,power_w\nL,lamp,much", b"id,state\na,gone"],
)  # fmt: skip
def test_bad_files_are_named(data: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_assets(data, template="lamp")
    assert caught.value.field == "file"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (draft("a", template="nothing"), "template"),
        (draft("a", template="lamp", attributes={"power_w": -1}), "attributes/power_w"),
        (draft("a", template="lamp", attributes={"light_source": "torch"}),
         "attributes/light_source"),
        (draft("a", lon=1.0), "place"),
        (draft("a//b"), "id"),
        (draft(""), "id"),
        (draft("a", division="1"), "division"),
    ],
)  # fmt: skip
def test_bad_assets_name_the_field(city: City, wrong: AssetDraft, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        brought_in(city, wrong)
    assert caught.value.field == field


def test_the_templates_that_are_promised() -> None:
    assert {"lamp", "pole", "street", "manhole", "bin", "pipe", "bridge"} <= set(asset_templates())
    for one in asset_templates().values():
        assert all(name.zh and name.en for name, _ in one.attribute_names().values())
