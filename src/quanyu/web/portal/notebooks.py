"""An example notebook for each dataset: real addresses, pandas, DuckDB and GeoPandas."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.catalogue import Resource
from quanyu.kernel import Language, NotFound, iso, translate
from quanyu.spacetime import FieldType, GeometryType, View
from quanyu.web.licence_words import licence_words
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import base_of
from quanyu.web.pages import language_of
from quanyu.web.portal.entry_visit import entry_visit
from quanyu.web.portal.visit import TheNode, Visitor, reading
from quanyu.web.serve_use import look

router = APIRouter(include_in_schema=False)
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_CATEGORIES = (FieldType.STRING, FieldType.BOOLEAN)


@router.get("/resources/{name}/notebook.ipynb")
async def notebook(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """A Jupyter notebook (nbformat 4.5) that runs as it stands; data that are not open need a
    token in the environment variable ``QUANYU_TOKEN``."""
    key = request.query_params.get("as")
    visit = await reading(node, lambda session: entry_visit(session, caller, name, key))
    if not visit.holds_data:
        raise NotFound("this node has no data of it", mend="follow the links of its distributions")
    base, language = base_of(request), language_of(request)
    asked = visit.parameters

    def describe(view: View, of: Resource) -> dict[str, Any]:
        return notebook_of(view, of, base, language, asked)

    document = await look(request, visit.of.slug, describe, asked)
    headers = {
        "cache-control": "private, no-cache",
        "vary": "Accept-Language, Authorization, Cookie",
        "content-disposition": f'attachment; filename="{visit.of.slug}.ipynb"',
    }
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    return Response(body, 200, headers, MEDIA_TYPES["ipynb"])


def notebook_of(
    view: View, of: Resource, base: str, language: Language, asked: dict[str, str]
) -> dict[str, Any]:
    """The notebook as a document; every cell runs by itself after those above it."""

    def say(message: str, **params: object) -> str:
        return translate(language, message, **params)

    licence = licence_words(of.licence, language)
    about = [
        f"# {_plain(of.title.to(language))}",
        _plain(of.abstract.to(language)) if of.abstract else "",
        f"- {say('Page of the resource')}: {base}/resources/{of.slug}",
        f"- {say('Licence')}: {licence.name.to(language)} {licence.url}",
    ]
    if of.attribution:
        about.append(f"- {say('Attribution')}: {_plain(of.attribution)}")
    version = view.version
    when = iso(version.created_at)
    about.append("- " + say("Version {number} of {when}", number=version.number, when=when))
    cells = [
        _markdown("about", "\n".join(about)),
        _code("get", _GET.format(base=base, slug=of.slug, query=repr(asked))),
        _markdown("table", "## " + say("As a table, with pandas")),
        _code("pandas", _PANDAS),
        *_columns(view),
        _markdown("sql", "## " + say("By SQL, with DuckDB")),
        _code("duckdb", _DUCKDB.format(slug=of.slug)),
    ]
    if view.geometry is not GeometryType.NONE:
        cells += [
            _markdown("map", "## " + say("As shapes, with GeoPandas")),
            _code("geopandas", _GEOPANDAS),
        ]
    cells += [
        _markdown("pages", "## " + say("Page by page, filtered by the server")),
        _code("items", _ITEMS.format(slug=of.slug)),
    ]
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        "cells": cells,
    }


def _columns(view: View) -> list[dict[str, Any]]:
    number = next((f.name for f in view.fields if f.type in _NUMBERS), None)
    category = next((f.name for f in view.fields if f.type in _CATEGORIES), None)
    found = []
    if number is not None:
        found.append(_code("describe", f"table[{number!r}].describe()"))
    if category is not None:
        found.append(_code("counts", f"table[{category!r}].value_counts().head(10)"))
    return found


_GET = """import io
import os
import urllib.parse
import urllib.request

BASE = "{base}"
ASKED = {query}


def get(path, **asked):
    query = urllib.parse.urlencode({{**ASKED, **asked}})
    request = urllib.request.Request(f"{{BASE}}{{path}}?{{query}}")
    token = os.environ.get("QUANYU_TOKEN")
    if token:
        request.add_header("Authorization", f"Bearer {{token}}")
    with urllib.request.urlopen(request) as answer:
        return answer.read()


csv = get("/data/{slug}.csv")
len(csv)"""
_PANDAS = """import pandas as pd

table = pd.read_csv(io.BytesIO(csv))
table.head()"""
_DUCKDB = """import pathlib
import tempfile

import duckdb

path = pathlib.Path(tempfile.mkdtemp()) / "{slug}.parquet"
path.write_bytes(get("/data/{slug}.parquet"))
duckdb.sql(f"SELECT count(*) AS rows FROM read_parquet('{{path}}')").fetchall()"""
_GEOPANDAS = """import geopandas

shapes = geopandas.read_parquet(path)
shapes.total_bounds"""
_ITEMS = """import json

page = json.loads(get("/ogc/features/collections/{slug}/items", f="geojson", limit=10))
[feature["properties"] for feature in page["features"][:3]]"""


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"id": name, "cell_type": "markdown", "metadata": {}, "source": text}


def _code(name: str, text: str) -> dict[str, Any]:
    return {
        "id": name,
        "cell_type": "code",
        "metadata": {},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }


def _plain(text: str) -> str:
    """A text that is no markup in a notebook, whoever wrote it."""
    for char, escape in (("&", "&amp;"), ("<", "&lt;"), ("[", "&#91;"), ("`", "&#96;")):
        text = text.replace(char, escape)
    return " ".join(text.split())
