"""SQL over what the caller may read: ``POST /sql``.

Every table that a statement names is a use of its own, with its gate, view, quota and receipt; the
statement itself runs in a process of its own, over these views and nothing else
(:mod:`quanyu.compute.console`). Data of which only figures are given are not among them.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.agreements import Ask
from quanyu.compute import MOST_ROWS, Rows, read_statement, run_statement
from quanyu.kernel import Invalid, QuanyuError, UseId
from quanyu.spacetime import View
from quanyu.web.json_body import read_object
from quanyu.web.negotiate import MEDIA_TYPES, offer, representation
from quanyu.web.node import base_of
from quanyu.web.serve_several import read_several
from quanyu.web.serve_use import ACTIONS, VARY
from quanyu.web.whence import whence_of
from quanyu.web.who import check_csrf_of

FACE = "sql"
_FORMS = offer("json", "csv")
_MEMBERS = frozenset({"sql", "limit", "purpose", "agreements"})
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Question:
    """A statement, and by what right it is asked: ``agreements`` names one for a dataset where
    several could be meant."""

    sql: str
    limit: int = MOST_ROWS
    purpose: str | None = None
    agreements: Mapping[str, str] = field(default_factory=dict)


async def sql_answer(request: Request) -> Response:
    """``POST /sql`` with a JSON object: the rows as JSON or CSV."""
    await check_csrf_of(request)
    form = representation(request, _FORMS, request.query_params.get("f"))
    question = question_of(await read_object(request, _MEMBERS))
    rows, uses = await answer_sql(request, question)
    body = csv_of(rows) if form == "csv" else orjson.dumps(document_of(rows, uses), default=str)
    headers = {"cache-control": "private, no-cache", "vary": VARY}
    if uses:
        headers["quanyu-use"] = ", ".join(uses.values())
        receipts = (f"<{base_of(request)}/log/receipts/{one}>" for one in uses.values())
        headers["link"] = ", ".join(f'{one}; rel="receipt"' for one in receipts)
    if rows.more:
        headers["quanyu-more"] = "rows"
    return Response(body, 200, headers, MEDIA_TYPES[form])


def question_of(found: Mapping[str, Any]) -> Question:
    """The question in a JSON object; raises ``Invalid`` naming the member."""
    limit = found.get("limit", MOST_ROWS)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_ROWS:
        raise Invalid(
            "a limit is a whole number", field="limit", mend="give 1 to {most}", most=MOST_ROWS
        )
    agreements = found.get("agreements") or {}
    if not isinstance(agreements, Mapping):
        raise Invalid(
            "this is no object", field="agreements", mend="give an agreement for each dataset"
        )
    named = {str(slug): _text(one, f"agreements.{slug}"[:80]) for slug, one in agreements.items()}
    purpose = found.get("purpose")
    return Question(
        sql=str(found.get("sql") or ""),
        limit=limit,
        purpose=_text(purpose, "purpose") if purpose else None,
        agreements=named,
    )


async def answer_sql(request: Request, question: Question) -> tuple[Rows, dict[str, UseId]]:
    """The rows, and the use of each table (by slug) that is not merely counted.

    Raises ``Invalid`` (``sql``), what the gate says of the tables, and as
    :func:`~quanyu.compute.run_statement`.
    """
    statement = read_statement(question.sql)
    wanted = {
        slug: Ask(
            face=FACE,
            action=ACTIONS[FACE],
            purpose=question.purpose,
            agreement=question.agreements.get(slug),
            whence=whence_of(request),
        )
        for slug in statement.tables
    }

    def work(views: Mapping[str, View | QuanyuError]) -> Rows:
        for one in views.values():
            if isinstance(one, QuanyuError):
                raise one
        tables = {slug: v.readable() for slug, v in views.items() if isinstance(v, View)}
        return run_statement(statement, tables, question.limit)

    def counted(rows: Rows) -> dict[str, tuple[int, int]]:
        size = rows.table.nbytes // max(1, len(statement.tables))
        return dict.fromkeys(statement.tables, (rows.table.num_rows, size))

    return await read_several(request, wanted, work, counted, asked=question.sql, whole=True)


def document_of(rows: Rows, uses: Mapping[str, UseId]) -> dict[str, Any]:
    """The rows as JSON: columns with their types, rows as arrays in their order."""
    columns = [column.to_pylist() for column in rows.table.columns]
    return {
        "columns": [
            {"name": name, "type": kind} for name, kind in zip(rows.names, rows.types, strict=True)
        ],
        "rows": list(zip(*columns, strict=True)),
        "numberReturned": rows.table.num_rows,
        "more": rows.more,
        "uses": dict(uses),
    }


def csv_of(rows: Rows) -> bytes:
    """The rows as CSV (RFC 4180), with a line of names."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(rows.names)
    writer.writerows(zip(*(column.to_pylist() for column in rows.table.columns), strict=True))
    return text.getvalue().encode()


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise Invalid("this is no name", field=name, mend="give a short text")
    return value


def routes() -> list[Route]:
    """Routes of the console's interface; its page is ``/console``."""
    return [Route("/sql", sql_answer, methods=["POST"])]
