"""Engines are shut in; copies are built once, evicted by age, and rebuilt when they are gone."""

import shutil
import threading
from pathlib import Path

import pytest
from small_city import Town, areas

from quanyu.kernel import Invalid, Unavailable
from quanyu.spacetime import Column, GeometryType, Query, Restriction, Store, parse_filter
from quanyu.spacetime.engine import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    (tmp_path / "open").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    return Engine([tmp_path / "open"], tmp_path / "spill", "200MB", 1)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT content FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{secret}'",
        "ATTACH '{secret}.db'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '100GB'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM 'https://example.org/x.parquet'",
    ],
)
def test_an_engine_reaches_nothing_else(engine: Engine, tmp_path: Path, sql: str) -> None:
    import duckdb

    with pytest.raises((duckdb.Error, Invalid)):
        engine.rows(sql.format(secret=tmp_path / "secret.csv"), {})


def test_an_engine_stops_in_time(engine: Engine) -> None:
    with pytest.raises(Unavailable, match="longer than"):
        engine.rows(
            "SELECT count(*) FROM range(100000000000) t(i) WHERE i % 7 = 3", {}, timeout=0.2
        )
    assert engine.rows("SELECT 1", {}) == [(1,)]


def test_a_copy_is_built_once_for_many_threads(new_town: Town) -> None:
    new_town.publish("areas", 200, GeometryType.POLYGON, areas(200, 1), 1)
    restriction = Restriction(columns=(Column("name"),))
    views = [new_town.store.view("areas", restriction)]
    other = Store(new_town.control, str(new_town.folder / "tables"), new_town.folder / "cache")
    views.append(other.view("areas", restriction))
    counts: list[int] = []

    def work(view: object) -> None:
        counts.append(view.count(Query(filter=parse_filter("name IS NOT NULL"))))

    threads = [threading.Thread(target=work, args=(views[k % 2],)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(counts)) == 1
    assert len(counts) == 8
    other.close()


def test_copies_are_evicted_and_built_again(new_town: Town) -> None:
    new_town.publish("areas", 200, GeometryType.POLYGON, areas(200, 1), 1)
    small = Store(
        new_town.control, str(new_town.folder / "tables"), new_town.folder / "few", cache_bytes=1
    )
    first = small.view("areas", Restriction(columns=(Column("name"),)))
    wanted = first.page(Query(limit=5)).features
    small.view("areas", Restriction(columns=(Column("value"),))).prepare()
    kept = list((new_town.folder / "few" / "serving" / "areas" / "1").glob("*/about.json"))
    assert len(kept) == 1
    # Its maps outlive the folder, but the query engine opens files by name.
    assert first.page(Query(limit=5)).features == wanted
    assert first.page(Query(limit=5, filter=parse_filter("TRUE"))).features == wanted
    small.close()


def test_deleting_the_cache_costs_only_time(new_town: Town) -> None:
    new_town.publish("areas", 100, GeometryType.POLYGON, areas(100, 1), 1)
    wanted = new_town.store.view("areas").page(Query(limit=100)).features
    new_town.store.close()
    shutil.rmtree(new_town.folder / "cache")
    again = Store(new_town.control, str(new_town.folder / "tables"), new_town.folder / "cache")
    assert again.view("areas").page(Query(limit=100)).features == wanted
    again.close()


def test_old_versions_stay(new_town: Town) -> None:
    new_town.publish("areas", 100, GeometryType.POLYGON, areas(100, 1), 1)
    first = new_town.store.view("areas").page(Query(limit=100)).features
    new_town.publish("areas", 50, GeometryType.POLYGON, areas(50, 2), 2)
    assert new_town.store.view("areas", number=1).page(Query(limit=100)).features == first
    assert new_town.store.view("areas", number=2).count() == 50
    assert [v.number for v in new_town.store.versions("areas")] == [1, 2]
    assert new_town.store.datasets() == ["areas"]


def test_tables_that_are_not_on_this_disk(new_town: Town) -> None:
    new_town.publish("areas", 60, GeometryType.POLYGON, areas(60, 2), 2)
    wanted = new_town.store.view("areas").page(Query(limit=60)).features
    url = (new_town.folder / "tables").as_uri()
    away = Store(new_town.control, url, new_town.folder / "away")
    assert away.view("areas").page(Query(limit=60)).features == wanted
    narrow = Restriction(rows=parse_filter("floors > 3"), columns=(Column("name"),))
    assert away.view("areas", narrow).count() == new_town.store.view("areas", narrow).count()
    away.close()
