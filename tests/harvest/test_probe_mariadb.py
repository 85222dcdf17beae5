"""A real MariaDB looked at and copied from: nothing is written there."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from harvesting_node import Harvesting
from sqlalchemy import create_engine, text
from tcp_mariadb import PASSWORD, tcp_mariadb

from quanyu.catalogue import (
    Access,
    Kind,
    ResourceDraft,
    Sensitivity,
    UpdateCycle,
    copy_table,
    draft_of_proposal,
    keep_sketches,
    likely_duplicates,
    list_tables,
    probe_table,
    publish,
    reachable,
    register,
)
from quanyu.catalogue.probe.connecting import Reachable, asking
from quanyu.kernel import Invalid, LocalText, TooLarge, Unavailable
from quanyu.spacetime import IngestOptions, inspect

pytestmark = pytest.mark.mariadb

TOWN = (
    """CREATE TABLE `公共自行车` (id INT PRIMARY KEY, name VARCHAR(80) COMMENT '站点名称',
    phone VARCHAR(20), docks SMALLINT UNSIGNED, in_service TINYINT(1), fee DECIMAL(8, 2),
    updated_on DATE, seen TIMESTAMP NULL, note JSON, photo BLOB, kind ENUM('small', 'large'),
    opens TIME, place POINT NOT NULL) COMMENT '公共自行车站点' CHARACTER SET utf8mb4""",
    """INSERT INTO `公共自行车` SELECT seq, CONCAT('站点 ', seq), CONCAT('1380000', 1000 + seq),
    seq % 40, seq % 2, seq / 4, DATE_ADD('2024-01-01', INTERVAL 30 * (seq % 12) DAY),
    '2024-05-01 08:00:00', JSON_OBJECT('n', seq), X'00ff', 'small', '08:30:00',
    ST_PointFromText(CONCAT('POINT(', 116.3 + seq / 10000, ' 39.9)'), 4326)
    FROM seq_1_to_1200""",
    "CREATE VIEW large_ones AS SELECT id, name FROM `公共自行车` WHERE docks > 30",
    "CREATE TABLE nothing_yet (id INT)",
    "ANALYZE TABLE `公共自行车`",
)
BIKES = "公共自行车"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A database of a town on a server of its own."""
    with tcp_mariadb() as server:
        if server is None:
            pytest.skip("no MariaDB server: apt-get install mariadb-server")
        engine = create_engine(f"mysql+pymysql://{server}/town?charset=utf8mb4")
        with engine.begin() as connection:
            for statement in TOWN:
                connection.execute(text(statement))
        engine.dispose()
        yield f"{server}/town"


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def database(request: pytest.FixtureRequest, address: str) -> Reachable:
    """The same by both names that such addresses begin with."""
    return reachable(f"{request.param}://{address}", allow_private=True)


def test_tables(database: Reachable) -> None:
    listed = {one.name: one for one in list_tables(database)}
    assert set(listed) == {BIKES, "large_ones", "nothing_yet"}
    bikes = listed[BIKES]
    assert bikes.comment == "公共自行车站点"
    assert bikes.geometry == "POINT"
    assert bikes.rows == pytest.approx(1200, rel=0.2)
    assert listed["large_ones"].view
    assert not listed["large_ones"].geometry


def test_a_table(database: Reachable) -> None:
    found = probe_table(database, BIKES)
    assert found.title.zh == "公共自行车站点"
    assert found.geometry == "POINT"
    assert found.bbox == pytest.approx((116.3001, 39.9, 116.42, 39.9), abs=1e-4)
    assert found.update_cycle is UpdateCycle.MONTHLY
    fields = {one.name: one for one in found.fields}
    assert "place" not in fields
    assert {name: one.type for name, one in fields.items()} == {
        "id": "integer", "name": "string", "phone": "string", "docks": "integer",
        "in_service": "integer", "fee": "number", "updated_on": "date", "seen": "datetime",
        "note": "string", "photo": "binary", "kind": "string", "opens": "string",
    }  # fmt: skip
    assert fields["name"].meaning == LocalText(zh="站点名称")
    assert fields["phone"].sensitivity is Sensitivity.PERSONAL
    assert fields["phone"].samples == ()
    assert PASSWORD not in repr(found)
    assert probe_table(database, "large_ones").fields[1].name == "name"
    assert probe_table(database, "nothing_yet").rows in {0, None}
    with pytest.raises(Invalid, match="no table"):
        probe_table(database, "elsewhere")
    with pytest.raises(Invalid, match="no table"):
        probe_table(database, "user", "mysql")


def test_only_read_and_not_for_long(database: Reachable) -> None:
    with pytest.raises(Unavailable, match=r"(?i)read only"), asking(database) as connection:
        connection.execute(text(f"DELETE FROM `{BIKES}`"))
    endless = "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq + b.seq = 0"
    with pytest.raises(Unavailable), asking(database, seconds=1) as connection:
        connection.execute(text(endless))


def test_who_is_not_let_in_is_told_without_the_password(address: str) -> None:
    wrong = address.replace(PASSWORD, "guessed-wrong")
    with pytest.raises(Unavailable) as caught:
        list_tables(reachable(f"mysql://{wrong}", allow_private=True))
    assert caught.value.field == "database"
    assert "guessed-wrong" not in str(caught.value)
    with pytest.raises(Unavailable):
        list_tables(reachable(f"mysql://{address}_not", allow_private=True))


def test_copy(database: Reachable, tmp_path: Path) -> None:
    target = tmp_path / "bikes.parquet"
    moved: list[int] = []
    rows = copy_table(database, BIKES, "", target, most_bytes=1 << 22, moved=moved.append)
    assert (rows, moved[-1]) == (1200, 1200)
    first = pq.read_table(target).slice(0, 1).to_pylist()[0]
    assert (first["name"], first["in_service"], first["fee"]) == ("站点 1", 1, 0.25)
    assert first["seen"] == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert first["photo"] == b"\x00\xff"
    assert first["opens"] == "08:30:00"
    plan = inspect(target, IngestOptions(), tmp_path / "cache")
    assert plan.geometry.value == "Point"
    assert plan.rows == 1200
    with pytest.raises(TooLarge):
        copy_table(database, BIKES, "", tmp_path / "x.parquet", most_bytes=1)
    with pytest.raises(Invalid, match="no rows"):
        copy_table(database, "nothing_yet", "", tmp_path / "x.parquet", most_bytes=1 << 20)
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == ["bikes.parquet"]


def test_likely_duplicates(harvesting: Harvesting, address: str) -> None:
    database = reachable(f"mysql://{address}", allow_private=True)
    found = probe_table(database, BIKES)
    with harvesting.control.begin() as session:
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
    assert likely.slug == found.slug
