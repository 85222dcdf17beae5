"""The process in which one statement runs. It knows no module of ours, no setting and no key.

It is given views as SQL over files that it may read, locks itself in, asks DuckDB's own parser what
the statement is, and answers with Arrow. It can write no file, and is ended when its time is over.
"""

import json
import resource
import sys
import threading
from typing import Any

import duckdb

_CLASSES = frozenset(
    [
        "BETWEEN",
        "CASE",
        "CAST",
        "COLUMN_REF",
        "COLLATE",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "LAMBDA_REF",
        "OPERATOR",
        "POSITIONAL_REFERENCE",
        "STAR",
        "SUBQUERY",
        "WINDOW",
    ]
)
_NODES = frozenset(
    [
        "SELECT_NODE",
        "SET_OPERATION_NODE",
        "RECURSIVE_CTE_NODE",
        "CTE_NODE",
        "BASE_TABLE",
        "SUBQUERY",
        "JOIN",
        "EMPTY",
        "EMPTY_FROM",
        "EXPRESSION_LIST",
        "TABLE_FUNCTION",
        "CTE",
        "ORDER_MODIFIER",
        "LIMIT_MODIFIER",
        "DISTINCT_MODIFIER",
        "LIMIT_PERCENT_MODIFIER",
        "ORDER_DEFAULT",
        "ASCENDING",
        "DESCENDING",
    ]
)


class Denied(Exception):
    """The statement says something that is not on the lists."""


def check(tree: Any, order: dict[str, Any]) -> None:
    """Raise :class:`Denied` unless all of DuckDB's own reading of the statement is on the lists."""
    waiting: list[tuple[Any, bool]] = [(tree, False)]
    while waiting:
        item, as_table = waiting.pop()
        if isinstance(item, list):
            waiting.extend((one, as_table) for one in item)
        elif isinstance(item, dict):
            _check_node(item)
            _check_table(item, order)
            _check_function(item, order, as_table=as_table)
            # What stands for a table is called by another list than what stands for a value.
            called = item.get("type") == "TABLE_FUNCTION"
            waiting.extend((value, called and key == "function") for key, value in item.items())


def _check_node(item: dict[str, Any]) -> None:
    kind = item.get("type")
    if "class" in item:
        if item["class"] not in _CLASSES:
            raise Denied(f"“{item['class']}” is not allowed")
    elif isinstance(kind, str) and kind not in _NODES:
        raise Denied(f"“{kind}” is not allowed")


def _check_table(item: dict[str, Any], order: dict[str, Any]) -> None:
    if item.get("type") != "BASE_TABLE":
        return
    name = item.get("table_name", "")
    known = name in {table["name"] for table in order["tables"]} or name.startswith(order["with"])
    if not known or item.get("schema_name") or item.get("catalog_name"):
        raise Denied(f"there is no table “{name}”")
    if item.get("at_clause"):
        raise Denied("“AT” is not allowed")


def _check_function(item: dict[str, Any], order: dict[str, Any], *, as_table: bool) -> None:
    if "function_name" not in item:
        return
    name = item["function_name"].lower()
    allowed = order["table_functions"] if as_table else order["functions"]
    # Operators are functions too, by their signs.
    named = as_table or name[:1].isalpha() or name[:1] == "_"
    elsewhere = item.get("schema") not in ("", "main", None) or item.get("catalog")
    if elsewhere or (named and name not in allowed):
        raise Denied(f"the function “{name}” is not allowed")


def read(connection: duckdb.DuckDBPyConnection, order: dict[str, Any]) -> None:
    """Let DuckDB read the statement, and check what it read."""
    text = connection.execute("SELECT json_serialize_sql(?)", [order["sql"]]).fetchall()[0][0]
    tree = json.loads(text)
    if tree.get("error"):
        raise Denied(str(tree.get("error_message", "this is no SELECT")))
    statements = tree["statements"]
    if len(statements) != 1:
        raise Denied("one SELECT is needed, and nothing else")
    for statement in statements:
        if set(statement) - {"node", "named_param_map"} or statement.get("named_param_map"):
            raise Denied("parameters are not allowed")
        check(statement["node"], order)


def opened(order: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A connection that holds the views and nothing else, locked."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_unsigned_extensions": True,
            "memory_limit": order["memory"],
            "threads": 2,
            "temp_directory": "",
            "max_temp_directory_size": "0B",
        },
    )
    connection.execute(f"LOAD '{order['spatial']}'")
    paths = ", ".join("'" + path.replace("'", "''") + "'" for path in order["files"])
    for statement in (
        "SET TimeZone = 'UTC'",
        "SET geometry_always_xy = true",
        "SET python_enable_replacements = false",
        f"SET allowed_paths = [{paths}]",
        "SET enable_external_access = false",
    ):
        connection.execute(statement)
    for table in order["tables"]:
        name = '"' + table["name"].replace('"', '""') + '"'
        connection.execute(f"CREATE VIEW {name} AS SELECT {table['columns']} FROM {table['sql']}")
    connection.execute("SET lock_configuration = true")
    return connection


def run(order: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The answer: a head, and the rows as an Arrow stream."""
    import pyarrow as pa

    connection = opened(order)
    alarm = threading.Timer(order["seconds"], connection.interrupt)
    alarm.daemon = True
    alarm.start()
    read(connection, order)
    shape = connection.sql(order["sql"])
    names, types = list(shape.columns), [str(one) for one in shape.types]
    columns = [f"c{at}" for at in range(len(names))]
    shown = [_shown(column, kind) for column, kind in zip(columns, types, strict=True)]
    statement = (
        f"SELECT {', '.join(shown)} FROM ({order['sql']}) AS answer({', '.join(columns)})"
        f" LIMIT {order['rows'] + 1}"
    )
    table = connection.execute(statement).to_arrow_table()
    alarm.cancel()
    head = {"names": names, "types": types, "more": table.num_rows > order["rows"]}
    table = table.slice(0, order["rows"]).rename_columns([str(at) for at in range(len(names))])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return head, sink.getvalue().to_pybytes()


def _shown(column: str, kind: str) -> str:
    """A column as it leaves: places as well-known text, bytes as Base64, wide numbers exactly."""
    if kind.startswith("GEOMETRY"):
        return f"ST_AsText({column}) AS {column}"
    if kind == "BLOB":
        return f"to_base64({column}) AS {column}"
    if kind in ("HUGEINT", "UHUGEINT"):
        return f"coalesce(TRY_CAST({column} AS BIGINT)::VARCHAR, {column}::VARCHAR) AS {column}"
    if kind in ("BIT", "BIGNUM", "TIME WITH TIME ZONE", "INTERVAL", "UUID"):
        return f"{column}::VARCHAR AS {column}"
    return column


def main() -> None:
    """One order from standard input, one answer to standard output."""
    order = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seconds = 2 * int(order["seconds"]) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    data = b""
    try:
        head, data = run(order)
    except Denied as error:
        head = {"denied": str(error)}
    except duckdb.InterruptException:
        head = {"late": True}
    except (duckdb.OutOfMemoryException, MemoryError):
        head = {"large": True}
    except (duckdb.IOException, duckdb.PermissionException):
        head = {"gone": True}
    except duckdb.Error as error:
        head = {"wrong": str(error).splitlines()[0]}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + data)


if __name__ == "__main__":
    main()
