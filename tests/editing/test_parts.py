"""Figures put together out of parts, as a cluster computes them, are those of one machine."""

import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from edits_made import RESTRICTIONS, some_edits
from small_city import Town, areas, points

from quanyu.kernel import Invalid, Unavailable
from quanyu.spacetime import (
    OPEN,
    ByField,
    ByTime,
    Column,
    Editor,
    EditRequest,
    Function,
    GeometryType,
    Groups,
    Key,
    Measure,
    Query,
    Restriction,
    Store,
    Unit,
    Version,
    edit,
    in_zones,
)
from quanyu.spacetime.aggregation.parts import Work, part_of, part_of_edits, together, work_of

COUNT = Measure(Function.COUNT)
WINDOW = Query(
    bbox=(24.91, 60.15, 24.97, 60.19), filter={"op": ">", "args": [{"property": "floors"}, 2]}
)
ALL_FIGURES = [Measure(one, "floors") for one in Function if one not in (Function.COUNT, "density")]


@pytest.fixture(scope="module")
def town_since(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town with edits that are not in its tables yet."""
    made = Town(tmp_path_factory.mktemp("parts"))
    made.publish("areas", 40, GeometryType.POLYGON, areas(40, 1), 1)
    made.publish("posts", 60, GeometryType.POINT, points(60, 2), 2)
    dice = np.random.default_rng(5)
    for kind in ("posts", "areas"):
        actions = tuple(some_edits(dice, kind, 40))
        edit(made.store, [EditRequest(kind, actions, OPEN)], Editor("member_tests"))
    yield made
    made.close()


def table_of(store: Store, version: Version) -> pa.Table:
    url = f"{store.tables_url}/{version.table}"
    return DeltaTable(url, version=version.delta_version).to_pyarrow_table()


def in_parts(store: Store, work: Work, version: Version) -> Groups:
    """What a cluster does, here: each batch on its own, then together."""
    engine, touched = store.engine_of(version), store.touched(version)
    rows = table_of(store, version).select(list(work.columns))
    cuts = [0, 1, 90, 90, 400, rows.num_rows]
    parts = [part_of_edits(engine, work, touched)]
    parts += [
        part_of(engine, work, rows.slice(start, stop - start)) for start, stop in pairwise(cuts)
    ]
    return together(engine, work, pa.concat_tables(parts))


def same(one: Groups, other: Groups) -> None:
    assert one.table.schema.equals(other.table.schema)
    assert one.table.num_rows == other.table.num_rows
    for left, right in zip(one.table.columns, other.table.columns, strict=True):
        if pa.types.is_floating(left.type):
            np.testing.assert_allclose(left.to_numpy(), right.to_numpy(), rtol=1e-9)
        else:
            assert left.equals(right)


Asked = tuple[str, Query, list[Key], list[Measure]]


def questions(store: Store) -> list[Asked]:
    labels, index = store.view("areas").zones()
    zones = in_zones("zone", labels, index)
    return [
        ("posts", Query(), [zones], [COUNT, Measure(Function.DENSITY)]),
        ("posts", WINDOW, [zones, ByField("name")], [COUNT]),
        ("posts", WINDOW, [], [COUNT, *ALL_FIGURES]),
        ("areas", WINDOW, [zones, ByTime(Unit.YEAR)], [COUNT, *ALL_FIGURES]),
        ("areas", Query(filter={"op": "<", "args": [{"property": "floors"}, -9]}),
         [zones, ByField("name")], ALL_FIGURES),
    ]  # fmt: skip


@pytest.mark.parametrize("name", RESTRICTIONS)
def test_parts_say_what_the_whole_says(town_since: Town, name: str) -> None:
    store, restriction = town_since.store, RESTRICTIONS[name]
    for dataset, query, keys, measures in questions(store):
        view = store.view(dataset, restriction)
        assert view.version.edited
        fids = store.touched(view.version).column("fid").to_pylist()
        work = work_of(view.version, restriction, query, keys, measures, touched=fids)
        same(in_parts(store, work, view.version), view.aggregate(query, keys, measures))


def test_nothing_hidden_travels_or_is_told(town_since: Town) -> None:
    store = town_since.store
    hiding = Restriction(columns=(Column("name"), Column("owner")), rows=RESTRICTIONS["rows"].rows)
    version = store.version("posts")
    work = work_of(version, hiding, Query(), [ByField("name")], [COUNT])
    # The filter of the agreement reads a hidden column; nothing else of what is hidden is read.
    assert {"value", "owner", "seen", "tags"}.isdisjoint(work.columns)
    assert work.restriction.columns == (Column("name"),)
    part = part_of(store.engine_of(version), work, table_of(store, version))
    assert part.num_columns == 2
    bad: list[tuple[Query, list[Key], list[Measure]]] = [
        (Query(), [ByField("floors")], [COUNT]),
        (Query(), [ByTime(Unit.DAY, "seen")], [COUNT]),
        (Query(), [], [Measure(Function.MOST, "floors")]),
        (Query(filter={"op": ">", "args": [{"property": "floors"}, 3]}), [], [COUNT]),
    ]
    for query, keys, measures in bad:
        with pytest.raises(Invalid, match="no property"):
            work_of(version, hiding, query, keys, measures)


def test_a_cluster_has_to_be_there(town_since: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    ask: Any = (Query(), [], [COUNT])
    with pytest.raises(Unavailable, match="no cluster"):
        town_since.store.view("posts").aggregate(*ask, on_cluster=True)
    monkeypatch.setitem(sys.modules, "daft", None)
    monkeypatch.delitem(sys.modules, "quanyu.spacetime.aggregation.cluster", raising=False)
    store = Store(
        town_since.control, town_since.store.tables_url, town_since.folder / "other", cluster="auto"
    )
    with pytest.raises(Unavailable, match=r"quanyu\[distributed\]") as error:
        store.view("posts").aggregate(*ask, on_cluster=True)
    assert error.value.field == "engine"
    store.close()


@pytest.mark.cluster
@pytest.mark.filterwarnings("default")
@pytest.mark.timeout(900)
def test_a_cluster_says_what_one_machine_says(
    town_since: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("daft")
    # Ray's own switch for a cluster on the loopback address.
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    import ray
    from ray.cluster_utils import Cluster

    node: Any = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 200 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
    cluster.add_node(**node)
    store = Store(
        town_since.control,
        town_since.store.tables_url,
        town_since.folder / "clustered",
        cluster=cluster.address,
    )
    try:
        for restriction in RESTRICTIONS.values():
            for dataset, query, keys, measures in questions(store):
                view = store.view(dataset, restriction)
                assert view.version.edited
                found = view.aggregate(query, keys, measures, on_cluster=True)
                same(found, view.aggregate(query, keys, measures))
        hiding = store.view("posts", Restriction(columns=(Column("name"),)))
        with pytest.raises(Invalid, match="no property"):
            hiding.aggregate(Query(), [ByField("floors")], [COUNT], on_cluster=True)
    finally:
        ray.shutdown()
        cluster.shutdown()
        store.close()
