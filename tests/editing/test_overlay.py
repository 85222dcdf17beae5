"""A version with edits laid over its table answers everything as one that was written out whole."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
from edits_made import RESTRICTIONS, some_edits
from small_city import Town

from quanyu.spacetime import (
    ALL,
    OPEN,
    Action,
    Do,
    Editor,
    EditRequest,
    Format,
    Query,
    View,
    edit,
    fold,
    publish_version,
)

ME = Editor("member_tests")


def answers(view: View) -> dict[str, Any]:
    """Much of what can be asked of a view, in an order that does not depend on its layout."""
    box = (24.93, 60.16, 24.97, 60.185)
    when = (datetime(2021, 3, 1, tzinfo=UTC), datetime(2021, 9, 1, tzinfo=UTC))
    high = {"op": ">", "args": [{"property": "floors"}, 15]}
    asked = {
        "all": Query(limit=10_000),
        "box": Query(limit=10_000, bbox=box),
        "time": Query(limit=10_000, interval=when),
        "filter": Query(limit=10_000, filter=high),
    }
    found: dict[str, Any] = {}
    for name, query in asked.items():
        page = json.loads(b"[" + view.page(query).features + b"]")
        found[name] = sorted(page, key=lambda one: one["id"])
        found[f"{name} count"] = view.count(query)
        assert view.page(query).returned == found[f"{name} count"]
    found["sorted"] = json.loads(
        b"[" + view.page(Query(sortby=(("name", True),), limit=7)).features + b"]"
    )
    found["extent"] = view.extent()
    found["one by one"] = {one["id"]: json.loads(view.feature(one["id"])) for one in found["all"]}
    found["file"] = sorted(
        json.loads(b"".join(view.write(Query(limit=ALL), Format.GEOJSON)))["features"],
        key=lambda one: one["id"],
    )
    lines = b"".join(view.write(Query(limit=ALL), Format.CSV)).decode().splitlines()
    found["csv"] = sorted(lines)
    found["distinct"] = sorted(map(str, view.distinct("name", 1000)))
    found["summary"] = replace(view.summary("floors"), distinct=0)
    for z, x, y in ((11, 1165, 593), (13, 4662, 2371)):
        tile = view.tile(z, x, y)
        drawn = mapbox_vector_tile.decode(tile) if tile else {}
        features = [one for layer in drawn.values() for one in layer["features"]]
        found[f"tile {z}"] = sorted(map(str, features))
    return found


def paged(view: View) -> list[str]:
    ids: list[str] = []
    after = None
    while True:
        page = view.page(Query(limit=7, after=after))
        ids += [one["id"] for one in json.loads(b"[" + page.features + b"]")]
        after = page.next
        if after is None:
            return ids


@pytest.mark.parametrize("kind", ["areas", "posts"])
def test_edits_are_seen_as_if_the_table_had_been_written_anew(edited_town: Town, kind: str) -> None:
    store = edited_town.store
    random = np.random.default_rng(7)
    count = len(edited_town.data[kind]["fid"])
    for restriction in RESTRICTIONS.values():
        store.view(kind, restriction).prepare()
    edit(store, [EditRequest(kind, tuple(some_edits(random, kind, count)), OPEN)], ME)
    # A second edit touches rows of the first, so that the later state has to win.
    page = store.view(kind).page(Query(limit=1000)).features
    new = [one["id"] for one in json.loads(b"[" + page + b"]") if len(one["id"]) > 30]
    assert len(new) == 3
    second = [
        Action(Do.DELETE, new[0]),
        Action(Do.UPDATE, new[1], {"properties": {"name": "renamed"}}),
    ]
    version = edit(store, [EditRequest(kind, tuple(second), OPEN)], ME)[0].version
    assert version.number == 3
    folded = fold(store, kind)
    assert folded is not None
    with store.control.begin() as session:
        publish_version(session, replace(folded, dataset=f"{kind}-whole"))
    for name, restriction in RESTRICTIONS.items():
        layered, whole = store.view(kind, restriction), store.view(f"{kind}-whole", restriction)
        assert layered.version.edited
        assert not whole.version.edited
        got, wanted = answers(layered), answers(whole)
        for question, answer in wanted.items():
            assert got[question] == answer, (name, question)
        assert sorted(paged(layered)) == sorted(one["id"] for one in got["all"])
        assert len(set(paged(layered))) == len(got["all"])


def test_nothing_of_what_was_is_lost(edited_town: Town) -> None:
    store = edited_town.store
    before = answers(store.view("areas"))
    edit(store, [EditRequest("areas", (Action(Do.DELETE, "f3"),), OPEN)], ME)
    assert answers(store.view("areas", number=1)) == before
    assert store.view("areas").feature("f3") is None
    assert store.view("areas").count() == 39
    fold(store, "areas")
    version = edit(
        store,
        [EditRequest("areas", (Action(Do.UPDATE, "f4", {"properties": {"name": "x"}}),), OPEN)],
        ME,
    )[0].version
    assert (version.base, version.whole) == (2, 1)
    assert store.view("areas").feature("f3") is None
    assert store.view("areas").count() == 39
    assert answers(store.view("areas", number=1)) == before
