"""Algorithms that a party sends to data: deployed, their versions, and the form to run one."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from quanyu.compute import (
    ARROW,
    PYTHON,
    Deployed,
    algorithm_named,
    algorithm_versions,
    algorithms_of,
    check_may_run,
    deploy,
    isolation_here,
    read_package,
    run_named,
    runs_of,
    undeploy,
)
from quanyu.kernel import Invalid, QuanyuError, iso
from quanyu.parties import Caller
from quanyu.web.algorithm_run import begin_run
from quanyu.web.json_body import read_object
from quanyu.web.node import Node
from quanyu.web.portal.run_words import run_document, run_row
from quanyu.web.portal.visit import Member, TheNode, go, reading, show, writing
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_PACKAGE = frozenset({"processDescription", "executionUnit"})
_RUN = frozenset(
    {"collection", "agreement", "purpose", "bbox", "datetime", "filter", "version", "digest"}
)
_MOST_FILE = 512 << 10
_SHOWN = 10
_MOST_PATIENCE = 600
_NOT_CACHED = {"cache-control": "no-store"}


@router.get("/algorithms")
async def algorithms_page(request: Request, node: TheNode, caller: Member) -> Response:
    """Algorithms of the visitor's party, and the form to send one."""
    return await _list(request, node, caller)


@router.post("/algorithms")
async def deploy_page(request: Request, node: TheNode, caller: Member) -> Response:
    """Deploy: an application package as JSON, or a description and a Python file by the form."""
    await check_csrf_of(request)
    check_may_run(caller)
    by_form = not _is_json(request)
    try:
        document = (
            await _uploaded(request) if by_form else dict(await read_object(request, _PACKAGE))
        )
        package = await run_in_threadpool(read_package, document)
        area = node.settings.area_code
        of = await writing(node, lambda s: deploy(s, package, caller, area=area))
    except QuanyuError as error:
        if by_form:
            return await _list(request, node, caller, error)
        raise
    path = f"/algorithms/{of.package.id}"
    if by_form:
        return go(path)
    headers = {**_NOT_CACHED, "location": path}
    return Response(orjson.dumps(_document(of)), 201, headers, "application/json")


@router.get("/algorithms/{name}")
async def algorithm_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """An algorithm with its code and versions, and the form to run it."""
    return await _page(request, node, caller, name, dict(request.query_params))


@router.delete("/algorithms/{name}")
async def undeploy_algorithm(
    request: Request, node: TheNode, caller: Member, name: str
) -> Response:
    """Undeploy; its runs stay."""
    await check_csrf_of(request)
    await writing(node, lambda s: undeploy(s, name, caller))
    return Response(status_code=204)


@router.post("/algorithms/{name}/undeploy")
async def undeploy_page(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The same by the form."""
    await check_csrf_of(request)
    await writing(node, lambda s: undeploy(s, name, caller))
    return go("/algorithms")


@router.post("/algorithms/{name}/runs")
async def run_algorithm(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """Ask for a run: as JSON, or by the form."""
    await check_csrf_of(request)
    if _is_json(request):
        run, task = await begin_run(request, name, await read_object(request, _RUN | {"inputs"}))
        if patience := _patience(request):
            await asyncio.wait({task}, timeout=patience)
            run = await reading(node, lambda s: run_named(s, run.id, caller))
        headers = {**_NOT_CACHED, "location": f"/runs/{run.id}"}
        return Response(orjson.dumps(run_document(run)), 201, headers, "application/json")
    form = {key: str(value) for key, value in (await request.form()).items()}
    try:
        said: dict[str, Any] = {key: form[key].strip() for key in _RUN if form.get(key)}
        said["inputs"] = _values(form)
        run, _ = await begin_run(request, name, said)
    except QuanyuError as error:
        return await _page(request, node, caller, name, form, error)
    return go(f"/runs/{run.id}")


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in ("", "application/json", "application/ogcapppkg+json")


def _patience(request: Request) -> int:
    """Seconds that the caller prefers to wait (RFC 7240, 4.3)."""
    for part in ",".join(request.headers.getlist("prefer")).lower().split(","):
        name, _, value = part.partition(";")[0].strip().partition("=")
        if name == "wait" and value.isdecimal():
            return min(int(value), _MOST_PATIENCE)
    return 0


async def _uploaded(request: Request) -> dict[str, Any]:
    form = await request.form()
    texts = {}
    for field in ("description", "code"):
        file = form.get(field)
        if not isinstance(file, UploadFile) or not file.filename:
            raise Invalid("this is missing", field=field, mend="choose a file")
        data = await file.read(_MOST_FILE + 1)
        try:
            texts[field] = data.decode()
        except UnicodeDecodeError as error:
            raise Invalid("this is no UTF-8", field=field, mend="save it as UTF-8") from error
        if len(data) > _MOST_FILE:
            raise Invalid("this is too long", field=field, mend="shorten it")
    try:
        description = orjson.loads(texts["description"])
    except orjson.JSONDecodeError as error:
        raise Invalid("this is no JSON", field="description", mend="give a JSON object") from error
    if isinstance(description, dict) and "processDescription" in description:
        description = description["processDescription"]
    return {
        "processDescription": description,
        "executionUnit": {"mediaType": PYTHON, "value": texts["code"]},
    }


def _values(form: Mapping[str, str]) -> dict[str, Any]:
    """Values typed: JSON, else the text itself."""
    found: dict[str, Any] = {}
    for key, text in form.items():
        if key.startswith("inputs.") and text.strip():
            try:
                found[key.removeprefix("inputs.")] = orjson.loads(text)
            except orjson.JSONDecodeError:
                found[key.removeprefix("inputs.")] = text.strip()
    return found


async def _list(
    request: Request, node: Node, caller: Caller, error: QuanyuError | None = None
) -> Response:
    def read(session: Session) -> dict[str, Any]:
        return {
            "algorithms": [_document(one) for one in algorithms_of(session, caller)],
            "runs": [run_row(request, one) for one in runs_of(session, caller, limit=_SHOWN)[0]],
        }

    found = await reading(node, read)
    context = {
        **found,
        "missing": _missing(node),
        "arrow": ARROW,
    }
    twin = {"algorithms": found["algorithms"]}
    return show(request, "algorithms.html", context, twin=twin, error=error)


async def _page(  # noqa: PLR0917 - what was typed, and what was wrong with it
    request: Request,
    node: Node,
    caller: Caller,
    name: str,
    typed: Mapping[str, str],
    error: QuanyuError | None = None,
) -> Response:
    def read(session: Session) -> tuple[Deployed, list[Deployed]]:
        of = algorithm_named(session, name, caller)
        return of, algorithm_versions(session, name, caller)

    of, versions = await reading(node, read)
    package = of.package
    fields = [
        {
            "name": key,
            "schema": schema,
            "value": typed.get(f"inputs.{key}", _written(schema.get("default"))),
        }
        for key, schema in package.values.items()
    ]
    context = {
        "package": package,
        "resource": of.resource,
        "versions": versions,
        "fields": fields,
        "typed": typed,
        "missing": _missing(node),
    }
    twin = _document(of) | {
        "package": package.document,
        "versions": [_document(one) for one in versions],
    }
    return show(request, "algorithm.html", context, twin=twin, error=error)


def _missing(node: Node) -> str:
    """What this machine lacks to isolate algorithms; nothing where it need not."""
    if node.settings.algorithm_isolation == "limits":
        return ""
    return ", ".join(isolation_here().missing)


def _written(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _document(of: Deployed) -> dict[str, Any]:
    package = of.package
    return {
        "id": package.id,
        "version": package.version,
        "title": package.title,
        "description": package.description,
        "sha256": package.digest,
        "resource": of.resource,
        "created": iso(of.created),
        "href": f"/algorithms/{package.id}",
    }
