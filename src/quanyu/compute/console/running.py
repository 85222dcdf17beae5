"""A statement run: a process for it alone, with bounded time, memory and rows."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from quanyu.compute.console.functions import FUNCTIONS, TABLE_FUNCTIONS
from quanyu.compute.console.statement import WITH, Statement, restored, view_name
from quanyu.kernel import Invalid, QuanyuError, TooLarge, Unavailable
from quanyu.spacetime import Readable, spatial_extension

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_S = 10
MOST_ROWS = 10_000
MEMORY = "512MB"
_START_S = 20
_AT_ONCE = threading.BoundedSemaphore(2)
_WAIT_S = 10.0
_CHILD = Path(__file__).parent / "child.py"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer: ``names`` and DuckDB's ``types`` of its columns, which ``table`` has in that
    order; ``more`` where rows beyond the limit were left out."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    table: "pa.Table"
    more: bool


def run_statement(
    statement: Statement, tables: Mapping[str, Readable], rows: int = MOST_ROWS
) -> Rows:
    """The rows of a statement over the views of its tables (by slug); waits for it.

    Raises ``Invalid`` (``sql``) for what may not or cannot be run, ``TooLarge`` when it passes its
    time or memory, ``Unavailable`` when all turns are taken.
    """
    if not _AT_ONCE.acquire(timeout=_WAIT_S):
        raise Unavailable("the SQL console is busy", mend="try again in a moment")
    try:
        head, data = _answer(order_of(statement, tables, rows))
    finally:
        _AT_ONCE.release()
    _check(head)
    import pyarrow as pa

    with pa.ipc.open_stream(data) as reader:
        table = reader.read_all()
    return Rows(tuple(head["names"]), tuple(head["types"]), table, bool(head["more"]))


def order_of(statement: Statement, tables: Mapping[str, Readable], rows: int) -> dict[str, Any]:
    """What the process is told."""
    return {
        "sql": statement.sql,
        "tables": [_view(slug, tables[slug]) for slug in statement.tables],
        "files": [str(path) for slug in statement.tables for path in tables[slug].files],
        "functions": sorted(FUNCTIONS),
        "table_functions": sorted(TABLE_FUNCTIONS),
        "with": WITH,
        "memory": MEMORY,
        "seconds": LONGEST_S,
        "rows": rows,
        "spatial": spatial_extension(),
    }


def _view(slug: str, one: Readable) -> dict[str, str]:
    return {"name": view_name(slug), "columns": one.columns, "sql": one.sql}


def _answer(order: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    process = subprocess.Popen(  # noqa: S603 - our own module, nothing of a caller's in it
        [sys.executable, "-I", "-B", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
    )
    try:
        said, wrong = process.communicate(json.dumps(order).encode(), timeout=LONGEST_S + _START_S)
    except subprocess.TimeoutExpired:
        return {"late": True}, b""
    finally:
        process.kill()
        process.wait()
    head, _, data = said.partition(b"\n")
    if not head:
        if process.returncode < 0:
            return {"large": True}, b""
        _log.error("console.crashed", why=wrong[-2000:].decode(errors="replace"))
        raise QuanyuError("something went wrong here; it has been noted", mend="tell the operator")
    return json.loads(head), data


def _check(head: Mapping[str, Any]) -> None:
    if "late" in head:
        raise TooLarge(
            "the statement took longer than {seconds} seconds",
            field="sql",
            mend="ask about fewer rows, or in several steps",
            seconds=LONGEST_S,
        )
    if "large" in head:
        raise TooLarge(
            "the statement needs more than {memory} of memory",
            field="sql",
            mend="ask about fewer rows, without sorting or joining all of them",
            memory=MEMORY,
        )
    if "gone" in head:
        raise Unavailable(
            "the files of these data are being replaced", mend="try again in a moment"
        )
    for name in ("denied", "wrong"):
        if name in head:
            raise Invalid(
                "this cannot be run: {why}",
                field="sql",
                mend="write one SELECT; see docs/reference/sql.md",
                why=restored(head[name])[:300],
            )
