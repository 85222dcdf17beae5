"""Databases looked at: PostgreSQL with PostGIS, SQLite; nothing is written."""

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest
from harvesting_node import Harvesting
from sqlalchemy import create_engine, text

from quanyu.catalogue import (
    Access,
    Kind,
    ResourceDraft,
    Sensitivity,
    UpdateCycle,
    copy_table,
    draft_of_proposal,
    keep_secret,
    keep_sketches,
    likely_duplicates,
    list_tables,
    probe_table,
    publish,
    reachable,
    read_secret,
    register,
)
from quanyu.catalogue.probe.connecting import NETWORK, asking
from quanyu.kernel import Invalid, LocalText, NotFound, Refused, Unavailable


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """A SQLite file of 300 shops, updated monthly."""
    path = tmp_path / "shops.sqlite"
    with sqlite3.connect(path) as made:
        made.execute(
            "CREATE TABLE shop_list (id INTEGER PRIMARY KEY, shop_name TEXT, owner_phone TEXT, "
            "area_m2 REAL, updated_on DATE)"
        )
        made.execute("CREATE VIEW big AS SELECT * FROM shop_list WHERE area_m2 > 100")
        made.executemany(
            "INSERT INTO shop_list VALUES (?, ?, ?, ?, ?)",
            [
                (n, f"Shop {n}", f"138{n:08d}", n * 1.5,
                 (date(2024, 1, 1) + timedelta(days=30 * (n % 12))).isoformat())
                for n in range(300)
            ],
        )  # fmt: skip
    made.close()
    return path


def test_sqlite(shops: Path) -> None:
    database = reachable(f"sqlite:///{shops}", allow_private=False, local=True)
    listed = list_tables(database)
    assert [(one.name, one.view, one.rows) for one in listed] == [
        ("big", True, None),
        ("shop_list", False, 300),
    ]
    found = probe_table(database, "shop_list")
    fields = {one.name: one for one in found.fields}
    assert found.title.en == "Shop list"
    assert found.slug == "shop-list"
    assert found.rows == 300
    assert fields["area_m2"].unit == "m2"
    assert fields["area_m2"].type == "number"
    assert fields["owner_phone"].sensitivity is Sensitivity.PERSONAL
    assert fields["owner_phone"].samples == ()
    assert found.update_cycle is UpdateCycle.MONTHLY
    assert "update_cycle" in found.because
    assert found.themes == ("commerce",)
    with pytest.raises(Invalid, match="no table"):
        probe_table(database, "nothing")


def test_only_read(shops: Path) -> None:
    database = reachable(f"sqlite:///{shops}", allow_private=False, local=True)
    with pytest.raises(Unavailable), asking(database) as connection:
        connection.execute(text("DELETE FROM shop_list"))


def test_endless_questions_end(shops: Path) -> None:
    database = reachable(f"sqlite:///{shops}", allow_private=False, local=True)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with pytest.raises(Unavailable), asking(database, seconds=1) as connection:
        connection.execute(text(endless)).all()


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:////etc/passwd",
        "postgresql://u:p@/x?host=/var/run/postgresql",
        "postgresql://u:p@h.example/x?passfile=/etc/x",
        "mysql://u:p@h.example/x?read_default_file=/etc/my.cnf",
        "postgresql://h.example",
        "duckdb:///x",
        "nonsense",
        "http://h.example/x",
    ],
)
def test_addresses_that_are_not_taken_from_the_web(address: str) -> None:
    with pytest.raises(Invalid):
        reachable(address, allow_private=True)


def test_private_hosts() -> None:
    for kind in NETWORK:
        with pytest.raises(Refused):
            reachable(f"{kind}://u:p@127.0.0.1/x", allow_private=False)
    said = reachable("mysql://u:secret@127.0.0.1:1/x", allow_private=True)
    assert "secret" not in said.said
    assert said.url.drivername == "mysql+pymysql"
    with pytest.raises(Unavailable) as caught, asking(said):
        pass
    assert "secret" not in str(caught.value)


@pytest.mark.postgresql
def test_postgis(postgresql_server: str, tmp_path: Path) -> None:
    admin = create_engine(postgresql_server.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS probed"))
        connection.execute(text("CREATE DATABASE probed"))
    admin.dispose()
    url = postgresql_server.format(name="probed")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        try:
            connection.execute(text("CREATE EXTENSION postgis"))
        except Exception:  # noqa: BLE001 - whatever it says, it is not there
            pytest.skip("no PostGIS: apt-get install postgis")
        for statement in (
            "CREATE SCHEMA city",
            """CREATE TABLE city.street_lamps (id int PRIMARY KEY, 功率 numeric, built date,
            geom geometry(Point, 3857))""",
            "COMMENT ON TABLE city.street_lamps IS '路灯'",
            "COMMENT ON COLUMN city.street_lamps.功率 IS '额定功率'",
            """INSERT INTO city.street_lamps SELECT n, n * 10, date '2020-01-01' + n,
            ST_Transform(ST_SetSRID(ST_MakePoint(24.9 + n * 0.0001, 60.1), 4326), 3857)
            FROM generate_series(1, 200) n""",
            "ANALYZE",
        ):
            connection.execute(text(statement))
    engine.dispose()
    database = reachable(url, allow_private=True, local=True)
    [lamps] = [one for one in list_tables(database) if one.name == "street_lamps"]
    assert (lamps.schema, lamps.rows, lamps.comment, lamps.geometry) == (
        "city", 200, "路灯", "POINT",
    )  # fmt: skip
    found = probe_table(database, "street_lamps", "city")
    assert found.title.zh == "路灯"
    assert found.crs == "EPSG:3857"
    assert found.bbox is not None
    assert found.bbox[0] == pytest.approx(24.9001, abs=1e-3)
    power = next(one for one in found.fields if one.name == "功率")
    assert power.meaning == LocalText(zh="额定功率")
    assert found.interval[0] is not None
    assert "secret" not in repr(found)
    target = tmp_path / "lamps.parquet"
    assert copy_table(database, "street_lamps", "city", target, most_bytes=1 << 20) == 200
    from quanyu.spacetime import IngestOptions, inspect

    plan = inspect(target, IngestOptions(), tmp_path / "f")
    assert plan.geometry.value == "Point"
    assert plan.rows == 200


def test_copy_and_likely_duplicates(harvesting: Harvesting, shops: Path, tmp_path: Path) -> None:
    database = reachable(f"sqlite:///{shops}", allow_private=False, local=True)
    target = tmp_path / "copy.parquet"
    seen: list[int] = []
    rows = copy_table(database, "shop_list", "", target, most_bytes=1 << 20, moved=seen.append)
    assert rows == 300
    assert seen[-1] == 300
    found = probe_table(database, "shop_list")
    with harvesting.control.begin() as session:
        assert likely_duplicates(session, found, harvesting.steward) == ()
        draft = draft_of_proposal(found, harvesting.office.id)
        known = register(session, draft, harvesting.steward)
        publish(session, known.id, harvesting.steward)
        keep_sketches(session, known.id, found.sketches)
        other = ResourceDraft(
            slug="trees", kind=Kind.DATASET, title=LocalText(en="Trees"), licence="CC0-1.0",
            provider=harvesting.office.id, access=Access.OPEN,
        )  # fmt: skip
        register(session, other, harvesting.steward)
    with harvesting.control.read() as session:
        [likely] = likely_duplicates(session, found, harvesting.stranger)
        assert likely.slug == "shop-list"
        assert likely.score > 0.9
        details = " ".join(str(one["detail"]) for one in likely.why)
        assert "values of" in details
        assert "same name" in details


def test_secrets(tmp_path: Path) -> None:
    keep_secret(tmp_path, "ing_01", "postgresql://u:p@h/d")
    path = tmp_path / "secrets" / "ing_01"
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_secret(tmp_path, "ing_01").endswith("h/d")
    with pytest.raises(NotFound):
        read_secret(tmp_path, "ing_02")
    with pytest.raises(ValueError, match="no name"):
        keep_secret(tmp_path, "../x", "y")
