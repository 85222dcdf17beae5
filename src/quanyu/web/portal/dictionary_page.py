"""What each field of a resource means: a page, CSV, JSON, Table Schema and Data Package."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.catalogue import Resource
from quanyu.kernel import NotFound, QuanyuError
from quanyu.spacetime import View
from quanyu.web.dictionary import (
    data_package,
    described_fields,
    dictionary_csv,
    table_schema,
)
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.portal.entry_visit import entry_frame, entry_visit
from quanyu.web.portal.visit import TheNode, Visitor, problem_of, reading, show
from quanyu.web.serve_use import look

router = APIRouter(include_in_schema=False)
_FORMS = ("csv", "schema", "package")


@router.get("/resources/{name}/dictionary")
async def dictionary_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """The fields that the caller sees, with what is said of them; ``f=schema`` is a Table Schema,
    ``f=package`` a Data Package (Frictionless)."""
    key = request.query_params.get("as")
    visit = await reading(node, lambda session: entry_visit(session, caller, name, key))
    form = request.query_params.get("f", "")
    language, base = language_of(request), base_of(request)

    def describe(view: View, of: Resource) -> dict[str, Any]:
        fields = described_fields(view.fields, of)
        path = f"{base}/data/{of.slug}.csv{visit.query}"
        return {
            "fields": fields,
            "geometry": view.geometry.value,
            "csv": dictionary_csv(fields),
            "schema": table_schema(view, fields, language),
            "package": data_package(view, of, fields, path, language),
        }

    refusal = None
    try:
        found = await look(request, visit.of.slug, describe, visit.parameters)
    except QuanyuError as error:
        if form in _FORMS:
            raise
        # What the catalogue says of the fields is public though the data are not.
        refusal = problem_of(request, error)
        found = {"fields": list(visit.of.fields), "geometry": None}
    if form in _FORMS:
        return _file(visit.of, form, found)
    context = entry_frame(request, visit, "dictionary") | {
        "fields": found["fields"],
        "geometry": found["geometry"],
        "refusal": refusal,
    }
    twin = {"fields": found["fields"], "geometry": found["geometry"], "refusal": refusal}
    return show(request, "resource_dictionary.html", context, twin=twin)


def _file(of: Resource, form: str, found: dict[str, Any]) -> Response:
    if form not in _FORMS:
        raise NotFound("there is no form {form}", form=form[:20])
    ending = "csv" if form == "csv" else "json"
    headers = {
        "cache-control": "private, no-cache",
        "vary": "Accept-Language, Authorization, Cookie",
        "content-disposition": f'inline; filename="{of.slug}.{form}.{ending}"',
    }
    if form == "csv":
        return Response(found["csv"], 200, headers, "text/csv; charset=utf-8")
    body = orjson.dumps(found[form], option=orjson.OPT_INDENT_2)
    return Response(body, 200, headers, "application/json")
