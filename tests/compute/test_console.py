"""SQL of callers: what may be asked is answered; every way out of the views is shut."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from quanyu.compute import Rows, read_statement, run_statement
from quanyu.compute.console import child, running
from quanyu.compute.console.running import order_of
from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime import Readable

SECRET = "nobody-may-read-this"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Readable]:
    """Two tables whose views show less than their files hold."""
    folder = tmp_path_factory.mktemp("console")
    found = {}
    for slug in ("houses", "old-trees"):
        path = folder / f"{slug}.parquet"
        duckdb.execute(
            f"COPY (SELECT 'f' || i AS fid, i % 3 AS kind, i * 1.5 AS height, '{SECRET}' AS owner,"
            f" ('POINT(' || i || ' 60)') AS wkt FROM range(100) t(i)) TO '{path}' (FORMAT parquet)"
        )
        found[slug] = Readable(
            f"(SELECT * FROM read_parquet('{path}'))", "fid, kind, height", (path,)
        )
    (folder / "other.csv").write_text(f"a\n{SECRET}\n")
    duckdb.execute(f"COPY (SELECT '{SECRET}' AS a) TO '{folder / 'other.parquet'}'")
    return found


def run(tables: dict[str, Readable], sql: str, rows: int = 1000) -> Rows:
    statement = read_statement(sql)
    missing = [slug for slug in statement.tables if slug not in tables]
    if missing:
        raise Invalid("there is no such table", field="sql")
    return run_statement(statement, tables, rows)


def answer(tables: dict[str, Readable], sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run(tables, sql).table.to_pylist()
    return found


def test_statements_of_many_kinds(tables: dict[str, Readable]) -> None:
    sql = """
        -- how many of each kind, and the tallest; "houses" is a view
        WITH tall AS (SELECT * FROM houses WHERE height BETWEEN 10 AND 100 /* metres */)
        SELECT tall.kind, count(*) AS n, max(t.height) FILTER (WHERE t.kind = 1) AS high,
               sum(count(*)) OVER (ORDER BY tall.kind) AS running, list(DISTINCT t.kind) AS kinds
        FROM tall JOIN "old-trees" t USING (fid), LATERAL (SELECT tall.height * 2 AS twice) AS d
        WHERE d.twice > 3 AND tall.fid NOT IN (SELECT fid FROM houses WHERE kind = 9)
        GROUP BY 1 HAVING count(*) > 1 ORDER BY 1
    """
    found = run(tables, sql)
    assert found.names == ("kind", "n", "high", "running", "kinds")
    assert found.table.num_rows == 3
    assert set(read_statement(sql).tables) == {"houses", "old-trees"}
    union = "SELECT kind FROM houses UNION SELECT kind FROM HOUSES ORDER BY kind"
    assert [row["0"] for row in answer(tables, union)] == [0, 1, 2]
    counted = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) FROM n"
    assert len(answer(tables, counted)) == 5
    assert answer(tables, "SELECT ST_Point(1, 2) AS p")[0]["0"] == "POINT (1 2)"
    assert run(tables, "SELECT 1 AS a, 2 AS a").names == ("a", "a")


def test_rows_have_a_limit_and_say_so(tables: dict[str, Readable]) -> None:
    found = run(tables, "FROM houses", rows=10)
    assert (found.table.num_rows, found.more) == (10, True)
    assert not run(tables, "FROM houses LIMIT 10", rows=10).more


REFUSED = [
    "SELECT * FROM read_csv('{folder}/other.csv')",
    "SELECT * FROM read_csv_auto('{folder}/other.csv')",
    "SELECT * FROM read_parquet('{folder}/houses.parquet')",
    "SELECT * FROM parquet_scan('{folder}/houses.parquet')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM glob('/**')",
    "SELECT * FROM sniff_csv('{folder}/other.csv')",
    "SELECT * FROM st_read('{folder}/other.csv')",
    "SELECT * FROM '{folder}/other.csv'",
    'SELECT * FROM "{folder}/houses.parquet"',
    "SELECT * FROM '{folder}/houses.parquet' AS houses",
    "FROM '/etc/passwd'",
    "COPY houses TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY houses FROM '{folder}/other.csv'",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}/out'",
    "ATTACH '{folder}/a.db'",
    "DETACH memory",
    "USE memory",
    "PRAGMA database_list",
    "PRAGMA table_info('houses')",
    "SET enable_external_access = true",
    "SET memory_limit = '100GB'",
    "RESET lock_configuration",
    "CALL duckdb_settings()",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{folder}/evil.duckdb_extension'",
    "CHECKPOINT",
    "BEGIN",
    "CREATE TABLE t AS SELECT 1",
    "CREATE MACRO m() AS 1",
    "CREATE OR REPLACE VIEW houses AS SELECT 1",
    "DROP VIEW houses",
    "DELETE FROM houses",
    "UPDATE houses SET kind = 1",
    "INSERT INTO houses VALUES (1)",
    "EXPLAIN SELECT * FROM houses",
    "DESCRIBE houses",
    "SUMMARIZE houses",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "SELECT ?",
    "SELECT $a",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY houses TO '{folder}/out.csv'",
    "",
    "-- nothing",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM pg_tables",
    "SELECT * FROM pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM sqlite_schema",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM duckdb_views",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM duckdb_functions()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_temporary_files()",
    "SELECT * FROM pragma_table_info('houses')",
    "SELECT * FROM pragma_storage_info('houses')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('houses')",
    "SELECT * FROM json_execute_serialized_sql('')",
    "SELECT current_setting('memory_limit')",
    "SELECT getenv('PATH')",
    "SELECT getvariable('a')",
    "SELECT version()",
    "SELECT current_database()",
    "SELECT current_schema()",
    "SELECT in_search_path('a', 'b')",
    "SELECT nextval('a')",
    "SELECT txid_current()",
    "SELECT write_log('a')",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT main.getenv('PATH')",
    "SELECT system.main.getenv('PATH')",
    "SELECT pg_catalog.current_setting('memory_limit')",
    "SELECT owner FROM houses",
    "SELECT houses.owner FROM houses",
    "SELECT h.* EXCLUDE (kind), h.owner FROM houses h",
    "SELECT * FROM houses WHERE owner LIKE 'n%'",
    "SELECT count(*) FROM houses ORDER BY max(owner)",
    "SELECT wkt FROM houses",
    "SELECT * FROM memory.main.houses",
    "SELECT * FROM main.houses",
    'SELECT * FROM "quanyu:table:houses"',
    'SELECT * FROM "quanyu:with:houses"',
    'SELECT * FROM "QUANYU:TABLE:houses"',
    "SELECT * FROM secrets",
    "SELECT * FROM houses AT (VERSION => 1)",
    # A name of the statement's own query says nothing outside of it.
    "SELECT * FROM (WITH duckdb_tables AS (SELECT 1) FROM duckdb_tables), duckdb_tables",
    "SELECT * FROM (WITH sqlite_master AS (SELECT 1 AS a) FROM sqlite_master) x, sqlite_master y",
    "WITH a AS (SELECT * FROM sqlite_master), sqlite_master AS (SELECT 1) FROM a",
    (
        'SELECT * FROM (WITH "{folder}/houses.parquet" AS (SELECT 1) SELECT 1) x,'
        ' "{folder}/houses.parquet"'
    ),
    "SELECT * FROM houses, LATERAL (SELECT * FROM read_text('/etc/passwd')) t",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT list_transform([1], lambda x: getenv('PATH'))",
    "SELECT [getenv('PATH') FOR x IN [1]]",
    "SELECT 'PATH'.getenv()",
    "SELECT count(*) FILTER (WHERE getenv('PATH') = '') FROM houses",
    "SELECT row_number() OVER (ORDER BY current_setting('threads')) FROM houses",
    "SELECT * FROM houses LIMIT (SELECT length(content) FROM read_text('/etc/passwd'))",
    "SELECT * FROM houses ORDER BY getenv('PATH')",
    "VALUES (getenv('PATH'))",
    "PIVOT houses ON kind USING max(height)",
    "SELECT 1 /* */ ; /* */ ATTACH 'x'",
    "SELECT sleep_ms(1000)",
    "SELECT * FROM repeat_row(1, num_rows = 1)",
    "SELECT " + "(" * 500 + "1" + ")" * 500,
    "SELECT '" + "a" * 30_000 + "'",
]


@pytest.fixture(scope="module")
def locked(tables: dict[str, Readable]) -> duckdb.DuckDBPyConnection:
    """What the process opens, in this one: so that a hundred attacks need no hundred processes."""
    statement = read_statement('SELECT 1 FROM houses, "old-trees"')
    return child.opened(order_of(statement, tables, 10))


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_not_on_the_lists_is_refused(
    tables: dict[str, Readable], locked: duckdb.DuckDBPyConnection, sql: str
) -> None:
    folder = tables["houses"].files[0].parent
    before = sorted(folder.iterdir())
    try:
        statement = read_statement(sql.replace("{folder}", str(folder)))
    except Invalid as error:
        assert error.field == "sql"  # noqa: PT017 - where it is refused differs
        return
    if not set(statement.tables) <= set(tables):
        return  # no dataset is called so: the gate says that there is none
    order = order_of(statement, tables, 10)
    with pytest.raises((child.Denied, duckdb.BinderException, duckdb.CatalogException)) as denied:
        child.read(locked, order)
        locked.sql(order["sql"])
    assert SECRET not in str(denied.value)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{folder}/other.csv')",
        "SELECT * FROM '{folder}/other.parquet'",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "SELECT * FROM duckdb_settings()",
        "ATTACH '{folder}/a.db'",
        "SET enable_external_access = true",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('/etc/passwd')",
    ],
)
def test_the_second_lock_holds_by_itself(
    locked: duckdb.DuckDBPyConnection, tables: Any, sql: str
) -> None:
    """Even what would pass both readers reaches no other file and changes no setting."""
    folder = str(tables["houses"].files[0].parent)
    if "duckdb_settings" in sql:
        found = dict(locked.execute("SELECT name, value FROM duckdb_settings()").fetchall())
        assert found["lock_configuration"] == "true"
        assert found["enable_external_access"] == "false"
        return
    with pytest.raises(duckdb.Error):
        locked.execute(sql.replace("{folder}", folder)).fetchall()


@pytest.mark.parametrize(
    "sql", ["SELECT owner FROM houses", "SELECT getenv('PATH')", "SELECT * FROM duckdb_views()"]
)
def test_a_refusal_names_field_and_mend(tables: dict[str, Readable], sql: str) -> None:
    with pytest.raises(Invalid) as error:
        run(tables, sql)
    assert error.value.field == "sql"
    assert error.value.mend
    assert "quanyu:" not in str(error.value.params)


def test_a_query_of_the_same_name_hides_the_table_and_no_more(
    tables: dict[str, Readable],
) -> None:
    found = answer(tables, "WITH houses AS (SELECT 7 AS a) SELECT * FROM houses")
    assert found == [{"0": 7}]
    quoted = answer(tables, 'WITH "Houses" AS (SELECT 7 AS a) SELECT houses.a FROM HOUSES')
    assert quoted == [{"0": 7}]


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n",
        "SELECT list(a.fid || b.fid || c.fid) FROM houses a, houses b, houses c, houses d, houses",
    ],
)
def test_what_would_never_end_is_ended(tables: dict[str, Readable], sql: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "LONGEST_S", 1)
        with pytest.raises(TooLarge) as error:
            run(tables, sql)
    assert error.value.field == "sql"


def test_nothing_is_left_in_the_process(tables: dict[str, Readable], tmp_path: Path) -> None:
    """The environment is empty, and no file can be written even where SQL might ask for it."""
    source = Path(child.__file__).read_text()
    assert "quanyu." not in source.replace("quanyu:", "")
    assert answer(tables, "SELECT count(*) FROM houses a, houses b")[0]["0"] == 10_000
