"""The rows of a resource as a table: page by page, sorted, filtered; works without scripts.

A page is read from the serving copy, whatever the size of the whole: nothing is loaded that is not
shown. The address holds the whole state.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.kernel import Invalid, QuanyuError
from quanyu.spacetime import Cql2, Field, FieldType, Query, View, parse_filter
from quanyu.web.filters import sortable
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.parameters import whole
from quanyu.web.portal.entry_visit import EntryVisit, entry_frame, entry_visit
from quanyu.web.portal.visit import TheNode, Visitor, link_to, problem_of, reading, say, show
from quanyu.web.serve_use import Answer, serve_use

router = APIRouter(include_in_schema=False)
_SIZES = (25, 50, 100, 500)
_COLUMNS = 60
_LONGEST_CELL = 120
LABELS: dict[str, str] = {
    "contains": "contains",
    "=": "is",
    "<>": "is not",
    ">=": "at least",
    "<=": "at most",
    "empty": "is missing",
}
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)


@router.get("/resources/{name}/data")
async def data_table(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """A page of rows; each page that is looked at is a use, gated and in evidence."""
    given = dict(request.query_params)
    visit = await reading(node, lambda s: entry_visit(s, caller, name, given.get("as")))
    limit = whole(given, "limit", _SIZES[1], least=1, most=_SIZES[-1])
    page: dict[str, Any] | None = None
    problem = None
    status = 200
    try:
        page = await _page(request, visit, given, limit)
    except QuanyuError as error:
        problem, status = problem_of(request, error), error.status
        if isinstance(error, Invalid):
            # The filter is wrong, not the right to read: the form is shown with what was typed.
            page = await _empty(request, visit)
    context = entry_frame(request, visit, "data") | {
        "page": page,
        "problem": problem,
        "given": given,
        "limit": limit,
        "sizes": _SIZES,
        "operations": [(key, say(request, name)) for key, name in LABELS.items()],
        "next_href": link_to(request, after=page["next"]) if page and page["next"] else None,
        "first_href": link_to(request, after=None) if given.get("after") else None,
        "bare_href": f"/resources/{visit.of.slug}/data"
        + (f"?as={visit.as_key}" if visit.as_key else ""),
    }
    if page:
        for column in page["columns"]:
            column["href"] = link_to(request, sort=_turned(column, given.get("sort")), after=None)
    twin = None if status >= 400 else {"page": page}
    return show(request, "resource_data.html", context, twin=twin, status=status)


async def _page(
    request: Request, visit: EntryVisit, given: Mapping[str, str], limit: int
) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def work(view: View) -> Answer:
        fields = view.fields[:_COLUMNS]
        query = Query(
            limit=limit,
            after=given.get("after") or None,
            sortby=_sort(given.get("sort", ""), view.fields),
            filter=_filter(given, view.fields),
        )
        page = view.page(query)
        features = orjson.loads(b"[" + page.features + b"]")
        seen.update(_seen(view, fields, given))
        seen.update(
            rows=[_row(feature, fields) for feature in features],
            matched=page.matched if page.matched is not None else view.count(query),
            next=page.next,
        )
        return Answer(media_type=MEDIA_TYPES["geojson"], body=page.features, rows=page.returned)

    asked = dict(visit.parameters)
    if given.get("after"):
        asked["after"] = given["after"]
    answer = await serve_use(
        request, visit.of.slug, work, face="features", given=asked, form="table"
    )
    seen["use"] = answer.headers.get("quanyu-use")
    return seen


async def _empty(request: Request, visit: EntryVisit) -> dict[str, Any] | None:
    seen: dict[str, Any] = {}

    def work(view: View) -> Answer:
        seen.update(_seen(view, view.fields[:_COLUMNS], {}))
        return Answer(media_type=MEDIA_TYPES["geojson"])

    try:
        await serve_use(
            request, visit.of.slug, work, face="features", given=visit.parameters, form="table"
        )
    except QuanyuError:
        return None
    return seen | {"rows": [], "matched": 0, "next": None, "use": None}


def _seen(view: View, fields: tuple[Field, ...], given: Mapping[str, str]) -> dict[str, Any]:
    sort = given.get("sort", "")
    return {
        "columns": [
            {
                "name": field.name,
                "numeric": field.type in _NUMBERS,
                "sortable": sortable(field),
                "sorted": {field.name: "ascending", f"-{field.name}": "descending"}.get(sort, "")
                if sort.lstrip("-") == field.name
                else "",
            }
            for field in fields
        ],
        "hidden": len(view.fields) - len(fields),
        "drawn": view.geometry.value,
        "version": view.version.number,
        "at": view.version.created_at,
    }


def _turned(column: Mapping[str, Any], sort: str | None) -> str | None:
    """The order after a click: rising, falling, none."""
    name = column["name"]
    return {name: f"-{name}", f"-{name}": None}.get(sort or "", name)


def _sort(text: str, fields: tuple[Field, ...]) -> tuple[tuple[str, bool], ...]:
    if not text:
        return ()
    name = text.removeprefix("-")
    names = {field.name for field in fields if sortable(field)}
    # A property may itself begin with a minus.
    found = (text, False) if text in names else (name, text.startswith("-"))
    if found[0] not in names:
        raise Invalid(
            "there is no property “{name}”",
            field="sort",
            mend="use the heads of the table",
            name=name[:80],
        )
    return (found,)


def _filter(given: Mapping[str, str], fields: tuple[Field, ...]) -> Cql2 | None:
    parts: list[Cql2] = []
    if given.get("field"):
        parts.append(_simple(given, fields))
    if given.get("filter"):
        parts.append(parse_filter(given["filter"], fields))
    if len(parts) > 1:
        return {"op": "and", "args": parts}
    return parts[0] if parts else None


def _simple(given: Mapping[str, str], fields: tuple[Field, ...]) -> Cql2:
    name, operation = given["field"], given.get("op", "=")
    field = next((one for one in fields if one.name == name), None)
    if field is None:
        raise Invalid(
            "there is no property “{name}”",
            field="field",
            mend="use the heads of the table",
            name=name[:80],
        )
    if operation not in LABELS:
        raise Invalid("there is no such comparison", field="op", mend="choose one of the list")
    place = {"property": name}
    if operation == "empty":
        return {"op": "isNull", "args": [place]}
    value = given.get("value", "")
    if operation == "contains":
        if field.type is not FieldType.STRING:
            raise Invalid(
                "only texts can be searched for a part of them",
                field="op",
                mend="compare numbers and times with another word",
            )
        escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        pattern = {"op": "casei", "args": [f"%{escaped}%"]}
        return {"op": "like", "args": [{"op": "casei", "args": [place]}, pattern]}
    return {"op": operation, "args": [place, _value(field, value)]}


def _value(field: Field, text: str) -> Any:
    try:
        match field.type:
            case FieldType.INTEGER:
                return int(text)
            case FieldType.NUMBER:
                return float(text)
            case FieldType.BOOLEAN:
                return {"true": True, "false": False}[text.lower()]
            case FieldType.DATE:
                return {"date": text}
            case FieldType.DATETIME:
                return {"timestamp": text}
    except (ValueError, KeyError) as error:
        raise Invalid(
            "“{text}” is no value of the type {type}",
            field="value",
            mend="give a value of that type",
            text=text[:60],
            type=field.type.value,
        ) from error
    return text


def _row(feature: dict[str, Any], fields: tuple[Field, ...]) -> dict[str, Any]:
    properties = feature.get("properties") or {}
    return {
        "id": str(feature["id"]),
        "cells": [_cell(properties.get(field.name)) for field in fields],
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = orjson.dumps(value).decode() if isinstance(value, bool | dict | list) else str(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"
