"""What an edit may do within a restriction, and what is said of what it may not."""

import json
from datetime import date
from typing import Any

import pytest
from small_city import Town

from quanyu.kernel import Conflict, Invalid, NotFound, QuanyuError, Refused
from quanyu.spacetime import (
    OPEN,
    Action,
    Change,
    Column,
    Do,
    Edited,
    Editor,
    EditRequest,
    Mask,
    Restriction,
    Solids,
    change_sets,
    collisions,
    edit,
)

ME = Editor("member_tests", note="tests")


def do(town: Town, restriction: Restriction, *actions: Action, dataset: str = "areas") -> Edited:
    return edit(town.store, [EditRequest(dataset, actions, restriction)], ME)[0]


def row(town: Town, fid: str, dataset: str = "areas") -> dict[str, Any]:
    return town.store.rows_of(town.store.newest(dataset), [fid])[fid]


def shown(town: Town, fid: str, restriction: Restriction = OPEN) -> dict[str, Any]:
    found = town.store.view("areas", restriction).feature(fid)
    assert found is not None
    return json.loads(found)


def test_what_is_hidden_or_masked_stays(edited_town: Town) -> None:
    narrow = Restriction(columns=(Column("name"), Column("owner", Mask.KEEP_LAST_4)))
    before = row(edited_town, "f1")
    as_seen = shown(edited_town, "f1", narrow)
    as_seen["properties"]["name"] = "renamed"
    do(edited_town, narrow, Action(Do.REPLACE, "f1", as_seen))
    after = row(edited_town, "f1")
    assert after == before | {"name": "renamed"}
    said = set()
    for name in ("floors", "tags", "nothing"):
        with pytest.raises(Invalid) as raised:
            do(edited_town, narrow, Action(Do.UPDATE, "f1", {"properties": {name: 1}}))
        said.add(str(raised.value).replace(name, "x"))
    # A hidden property is as unknown as one that never was.
    assert len(said) == 1
    with pytest.raises(Refused, match="mask"):
        do(edited_town, narrow, Action(Do.UPDATE, "f1", {"properties": {"owner": "6222"}}))
    assert row(edited_town, "f1") == after


def test_rows_that_may_not_be_seen_are_not_there(edited_town: Town) -> None:
    low = Restriction(rows={"op": "<=", "args": [{"property": "floors"}, 10]})
    floors = dict(
        zip(edited_town.data["areas"]["fid"], edited_town.data["areas"]["floors"], strict=True)
    )
    hidden = next(fid for fid, value in floors.items() if value is not None and value > 10)
    seen = next(fid for fid, value in floors.items() if value is not None and value <= 10)
    for fid in (hidden, "never"):
        for action in (Action(Do.DELETE, fid), Action(Do.UPDATE, fid, {"properties": {}})):
            with pytest.raises(NotFound):
                do(edited_town, low, action)
    with pytest.raises(Refused) as raised:
        do(edited_town, low, Action(Do.UPDATE, seen, {"properties": {"floors": 11}}))
    assert raised.value.rule == "edit.outside"
    # An id that is taken by a hidden row cannot be taken again.
    new = {"type": "Feature", "id": hidden, "geometry": None, "properties": {"floors": 1}}
    with pytest.raises(Conflict):
        do(edited_town, low, Action(Do.INSERT, None, new))
    assert edited_town.store.newest("areas").number == 1


def test_a_clipped_shape_is_kept_whole(edited_town: Town) -> None:
    ring = [[24.92, 60.15], [24.96, 60.15], [24.96, 60.19], [24.92, 60.19], [24.92, 60.15]]
    region = Restriction(region={"type": "Polygon", "coordinates": [ring]})
    whole, narrow = edited_town.store.view("areas"), edited_town.store.view("areas", region)
    cut = next(
        fid
        for fid in edited_town.data["areas"]["fid"]
        if (clipped := narrow.feature(fid)) and clipped != whole.feature(fid)
    )
    before = row(edited_town, cut)
    feature = shown(edited_town, cut, region)
    feature["properties"]["name"] = "at the edge"
    do(edited_town, region, Action(Do.REPLACE, cut, feature))
    assert row(edited_town, cut) == before | {"name": "at the edge"}
    moved = {"geometry": {"type": "Polygon", "coordinates": [ring]}}
    with pytest.raises(Refused) as raised:
        do(edited_town, region, Action(Do.UPDATE, cut, moved))
    assert raised.value.rule == "edit.narrowed"


BOX = [[24.93, 60.16], [24.94, 60.16], [24.94, 60.17], [24.93, 60.17], [24.93, 60.16]]
CROSSED = [[24.93, 60.16], [24.94, 60.17], [24.94, 60.16], [24.93, 60.17], [24.93, 60.16]]


WRONG: list[tuple[dict[str, Any], str]] = [
        ({"properties": {"floors": "3"}}, "properties.floors"),
        ({"properties": {"floors": 2.5}}, "properties.floors"),
        ({"properties": {"floors": 1 << 63}}, "properties.floors"),
        ({"properties": {"value": True}}, "properties.value"),
        ({"properties": {"open": 1}}, "properties.open"),
        ({"properties": {"built": "2026-02-30"}}, "properties.built"),
        ({"properties": {"seen": "2026-02-03T00:00:00"}}, "properties.seen"),
        ({"properties": {"name": 7}}, "properties.name"),
        ({"properties": {"nmae": "x"}}, "properties"),
        ({"properties": [1]}, "properties"),
        ({"geometry": {"type": "Point", "coordinates": [24.9, 60.1]}}, "geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": [CROSSED]}}, "geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[1, 2]]]}}, "geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": "x"}}, "geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[*xy, 3] for xy in BOX]]}}, "geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[x + 200, y] for x, y in BOX]]}},
         "geometry"),
        ({"time": {"interval": ["2026-01-02", "2026-01-01"]}}, "time"),
        ({"time": {"when": "now"}}, "time"),
        ({"time": 7}, "time"),
        ({"id": "f2"}, "id"),
        ({"type": "Building"}, "type"),
]  # fmt: skip


def test_errors_name_the_field(edited_town: Town) -> None:
    for feature, field in WRONG:
        with pytest.raises(Invalid) as raised:
            do(edited_town, OPEN, Action(Do.UPDATE, "f1", feature))
        assert raised.value.field == field, feature
    assert edited_town.store.newest("areas").number == 1


def test_values_of_every_type_go_in(edited_town: Town) -> None:
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [BOX]},
        "properties": {
            "name": "学校",
            "value": 3,
            "floors": 4.0,
            "built": "1999-12-31",
            "seen": "2026-02-03T08:00:00+08:00",
            "open": False,
            "tags": {"a": [1, None]},
        },
        "time": {"date": "2026-05-06"},
    }
    made = do(edited_town, OPEN, Action(Do.INSERT, None, feature))
    fid = made.done[0].fid
    assert made.done[0].change is Change.INSERTED
    found = shown(edited_town, fid)
    assert found["properties"] == feature["properties"] | {
        "owner": None,
        "floors": 4,
        "seen": "2026-02-03T00:00:00.000Z",
    }
    stored = row(edited_town, fid)
    assert stored["built"] == date(1999, 12, 31)
    assert stored["valid_from"].isoformat() == "2026-05-06T00:00:00+00:00"
    assert stored["valid_to"].isoformat() == "2026-05-06T23:59:59.999999+00:00"


def test_nothing_changes_when_one_action_cannot_be_done(edited_town: Town) -> None:
    good = Action(Do.UPDATE, "f1", {"properties": {"floors": 1}})
    bad = Action(Do.UPDATE, "f2", {"properties": {"floors": "?"}}, where="transaction[1].")
    with pytest.raises(Invalid) as raised:
        do(edited_town, OPEN, good, bad)
    assert raised.value.field == "transaction[1].properties.floors"
    with pytest.raises(NotFound):
        requests = [
            EditRequest("areas", (good,), OPEN),
            EditRequest("posts", (Action(Do.DELETE, "never"),), OPEN),
        ]
        edit(edited_town.store, requests, ME)
    assert [edited_town.store.newest(name).number for name in ("areas", "posts")] == [1, 1]


def test_what_changes_nothing_makes_no_version(edited_town: Town) -> None:
    made = do(edited_town, OPEN, Action(Do.REPLACE, "f1", shown(edited_town, "f1")))
    assert made.version.number == 1


def test_edits_are_taken_back(edited_town: Town) -> None:
    town = edited_town
    first = {fid: row(town, fid) for fid in ("f1", "f2", "f3")}
    do(town, OPEN, Action(Do.UPDATE, "f1", {"properties": {"name": "one"}}),
       Action(Do.DELETE, "f2"))  # fmt: skip
    do(town, OPEN, Action(Do.UPDATE, "f3", {"properties": {"name": "three"}}))
    do(town, OPEN, Action(Do.UPDATE, "f1", {"properties": {"name": "uno"}}))

    def take_back(**which: int) -> Edited:
        return edit(town.store, [EditRequest("areas", (), OPEN, **which)], ME)[0]

    with pytest.raises(Conflict, match="f1"):
        take_back(undoes=2)
    with pytest.raises(NotFound):
        take_back(undoes=1)
    made = take_back(undoes=3)
    assert (made.version.number, row(town, "f3")) == (5, first["f3"])
    made = take_back(restores=2)
    assert made.version.number == 6
    assert row(town, "f1")["name"] == "one"
    assert town.store.view("areas").feature("f2") is None
    take_back(restores=1)
    assert {fid: row(town, fid) for fid in first} == first
    assert town.store.newest("areas").rows == 40
    with town.control.read() as session:
        found = change_sets(session, "areas")
    assert [(one.restores, one.undoes) for one in found[:3]] == [(1, None), (2, None), (None, 3)]
    with pytest.raises(Refused):
        request = EditRequest("areas", (), Restriction(grid_m=10.0), restores=2)
        edit(town.store, [request], ME)


def test_differences_are_told_within_the_restriction(edited_town: Town) -> None:
    store = edited_town.store
    do(edited_town, OPEN,
       Action(Do.UPDATE, "f1", {"properties": {"name": "one", "owner": "6222"}}),
       Action(Do.UPDATE, "f4", {"properties": {"owner": "6223"}}),
       Action(Do.UPDATE, "f5", {"geometry": {"type": "Polygon", "coordinates": [BOX]}}),
       Action(Do.DELETE, "f2"))  # fmt: skip
    narrow = Restriction(columns=(Column("name"), Column("floors")))
    found = {
        one.id: one for one in store.view("areas", OPEN).differences(store.view("areas", OPEN, 1))
    }
    assert list(found) == ["f1", "f2", "f4", "f5"]
    assert [(v.field, v.after) for v in found["f1"].values] == [("name", "one"), ("owner", "6222")]
    assert found["f2"].change is Change.DELETED
    assert found["f2"].after is None
    assert found["f5"].reshaped
    assert found["f5"].after["coordinates"][0][0] in BOX
    told = store.view("areas", narrow).differences(store.view("areas", narrow, 1))
    # Of f4 only what is hidden changed: nothing is told of it.
    assert [one.id for one in told] == ["f1", "f2", "f5"]
    assert [v.field for v in told[0].values] == ["name"]
    back = store.view("areas", OPEN, 1).differences(store.view("areas"), after="f1", limit=2)
    assert [(one.id, one.change) for one in back] == [
        ("f2", Change.INSERTED),
        ("f4", Change.UPDATED),
    ]


def test_solids_that_stand_in_one_another_are_found() -> None:
    import numpy as np
    import shapely

    step = 0.0001

    def solids(*boxes: tuple[str, float, float, float]) -> Solids:
        shapes = [shapely.box(24.9 + x * step, 60.1, 24.9 + (x + 1) * step, 60.1 + step)
                  for _, x, _, _ in boxes]  # fmt: skip
        return Solids(
            [one[0] for one in boxes],
            np.array(shapes, dtype=object),
            np.array([[low, high] for *_, low, high in boxes]),
        )

    new = solids(("a", 0, 0, 10), ("b", 0.5, 5, 20))
    others = solids(("touches", 1.5, 0, 30), ("above", 0, 10, 30), ("within", 0.25, 2, 3))
    found = {(one.id, one.other): one for one in collisions(new, others)}
    assert set(found) == {("a", "b"), ("a", "within"), ("b", "above")}
    width, depth = step * 111_320 * np.cos(np.radians(60.10005)), step * 111_320
    assert found["a", "b"].area == pytest.approx(width * depth / 2, rel=1e-3)
    assert found["a", "b"].volume == pytest.approx(width * depth / 2 * 5, rel=1e-3)


def test_every_error_of_an_edit_is_one_that_callers_may_see(edited_town: Town) -> None:
    for feature in ({"geometry": 7}, {"geometry": {"type": "Polygon"}}, {"properties": "x"}):
        with pytest.raises(QuanyuError):
            do(edited_town, OPEN, Action(Do.UPDATE, "f1", feature))
