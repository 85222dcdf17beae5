"""The SQL console: what may be asked about, a statement, its rows; works without scripts."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.catalogue import Resource
from quanyu.compute import LONGEST_S, MEMORY, MOST_ROWS
from quanyu.kernel import NotFound, QuanyuError
from quanyu.spacetime import FID, GEOMETRY, GeometryType, View
from quanyu.web.portal.visit import TheNode, Visitor, local, problem_of, show
from quanyu.web.serve_use import look_each
from quanyu.web.sql_console import (
    FACE,
    Question,
    answer_sql,
    csv_of,
    document_of,
    question_of,
)
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_MOST_TABLES = 200
_SHOWN = 500
_LONGEST_CELL = 200


@router.get("/console")
async def page(request: Request, _node: TheNode, _caller: Visitor, sql: str = "") -> Response:
    """The form and the list of tables; ``sql`` in the address is written into the form, not run."""
    return await _page(request, Question(sql))


@router.post("/console")
async def run(request: Request, _node: TheNode, _caller: Visitor) -> Response:
    """The rows of a statement as a page, or as a CSV file."""
    await check_csrf_of(request)
    form = await request.form()
    given: dict[str, Any] = {"sql": str(form.get("sql", ""))}
    if form.get("purpose"):
        given["purpose"] = str(form["purpose"])
    question = Question(given["sql"])
    try:
        question = question_of(given)
        rows, uses = await answer_sql(request, question)
    except QuanyuError as error:
        return await _page(request, question, error=error)
    if form.get("as") == "csv":
        headers = {
            "content-disposition": 'attachment; filename="answer.csv"',
            "cache-control": "private, no-cache",
        }
        return Response(csv_of(rows), 200, headers, "text/csv; charset=utf-8")
    return await _page(request, question, found=document_of(rows, uses))


async def _page(
    request: Request,
    question: Question,
    *,
    found: dict[str, Any] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    tables = await _tables(request)
    if found is not None:
        found["shown"] = [[_cell(value) for value in row] for row in found["rows"][:_SHOWN]]
    context = {
        "tables": tables,
        "question": question,
        "found": found,
        "problem": None if error is None else problem_of(request, error),
        "limits": {"rows": MOST_ROWS, "seconds": LONGEST_S, "memory": MEMORY},
        "island": {"tables": tables},
    }
    status = 200 if error is None else error.status
    twin = {"tables": tables} if found is None and error is None else None
    return show(request, "sql.html", context, twin=twin, status=status)


async def _tables(request: Request) -> list[dict[str, Any]]:
    """Every dataset whose rows the caller may read, with its columns."""

    def describe(view: View, of: Resource) -> dict[str, Any]:
        columns = [{"name": FID, "type": "string"}]
        columns += [{"name": one.name, "type": one.type.value} for one in view.fields]
        if view.geometry is not GeometryType.NONE:
            columns.append({"name": GEOMETRY, "type": view.geometry.value})
        columns += [{"name": name, "type": "date-time"} for name in ("valid_from", "valid_to")]
        return {"name": of.slug, "title": local(request, of.title), "columns": columns}

    try:
        found, _ = await look_each(request, describe, {}, _MOST_TABLES, None, face=FACE)
    except NotFound:
        return []
    return found


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"
