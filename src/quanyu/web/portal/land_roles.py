"""Which dataset plays which role in the land space, and the code table of land classes."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from quanyu.kernel import Invalid, LocalText, QuanyuError
from quanyu.land import (
    ROLES,
    SCHEMES,
    Declaration,
    DeclarationDraft,
    Scheme,
    check_declaration,
    check_may_declare,
    classes,
    declarations,
    declare,
    end_declaration,
    may_declare,
    role_of,
    scheme_of,
)
from quanyu.parties import Caller
from quanyu.spacetime import View
from quanyu.web.json_body import read_object
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    local,
    reading,
    show,
    writing,
)
from quanyu.web.serve_use import look
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_MEMBERS = frozenset({"role", "dataset", "columns", "scheme", "values", "note"})
_LONGEST = 500
_MOST_LINES = 2_000


@router.get("/land/classes")
async def classes_page(request: Request, _caller: Visitor) -> Response:
    """The code table: every class of every scheme, with its names."""
    schemes = [
        {
            "id": scheme.value,
            "name": name,
            "classes": [
                {"code": one.code, "zh": one.name.zh, "en": one.name.en}
                for one in classes(scheme).values()
            ],
        }
        for scheme, name in SCHEMES.items()
    ]
    return show(request, "land_classes.html", {"schemes": schemes}, twin={"schemes": schemes})


@router.get("/land/roles")
async def roles_page(request: Request, node: TheNode, caller: Visitor) -> Response:
    """The declarations that the visitor may know of, and for the node's stewards the form."""
    return await _roles(request, node, caller)


@router.post("/land/roles")
async def declare_role(request: Request, node: TheNode, caller: Member) -> Response:
    """Declare that a dataset plays a role; a JSON body is answered with the declaration."""
    await check_csrf_of(request)
    check_may_declare(caller)
    if request.headers.get("content-type", "").partition(";")[0].strip() == MEDIA_TYPES["json"]:
        made = await _declared(request, node, caller, await read_object(request, _MEMBERS))
        return Response(orjson.dumps(_as_json(made)), 201, media_type=MEDIA_TYPES["json"])
    form = {key: str(value) for key, value in (await request.form()).items()}
    values = {
        "role": form.get("role", ""),
        "dataset": form.get("dataset", "").strip(),
        "scheme": form.get("scheme", ""),
    }
    try:
        columns = _lines(form.get("columns", ""), "columns")
        words = _lines(form.get("values", ""), "values")
        note = {"zh": form.get("note_zh", ""), "en": form.get("note_en", "")}
        more = {"columns": columns, "values": words, "note": note}
        await _declared(request, node, caller, values | more)
    except QuanyuError as error:
        return await _roles(request, node, caller, typed=form, error=error)
    return go("/land/roles")


@router.post("/land/roles/{name}/end")
async def end_role(request: Request, node: TheNode, caller: Member, name: str) -> Response:
    """The dataset plays the role no more."""
    await check_csrf_of(request)
    ended = await writing(node, lambda session: end_declaration(session, name, caller))
    if "authorization" in request.headers:
        return Response(orjson.dumps(_as_json(ended)), media_type=MEDIA_TYPES["json"])
    return go("/land/roles")


async def _declared(
    request: Request, node: Node, caller: Caller, values: Mapping[str, Any]
) -> Declaration:
    draft = _draft(values)

    def fits(view: View, _of: Any) -> None:
        check_declaration(draft.role, view, draft.columns, draft.scheme, draft.values)

    # Its columns are looked at through the gate: who declares must be able to read the dataset.
    await look(request, draft.dataset, fits, {})
    return await writing(node, lambda session: declare(session, draft, caller))


def _draft(values: Mapping[str, Any]) -> DeclarationDraft:
    note = values.get("note") or {}
    if not isinstance(note, dict):
        raise Invalid("this must be an object", field="note", mend="give zh and en")
    zh, en = (_short(note.get(name), f"note.{name}") for name in ("zh", "en"))
    dataset = _short(values.get("dataset"), "dataset")
    if not dataset:
        raise Invalid("no dataset is named", field="dataset", mend="give its name in URLs")
    return DeclarationDraft(
        role=role_of(str(values.get("role", ""))),
        dataset=dataset,
        columns=_words(values, "columns"),
        scheme=scheme_of(str(values.get("scheme") or Scheme.GBT21010)),
        values=_words(values, "values"),
        note=LocalText(zh=zh, en=en) if zh or en else None,
    )


def _words(values: Mapping[str, Any], name: str) -> dict[str, str]:
    found = values.get(name) or {}
    if not isinstance(found, dict) or len(found) > _MOST_LINES:
        raise Invalid("this must be an object", field=name, mend="give names and their values")
    return {_short(key, name): _short(value, f"{name}.{key!s:.40}") for key, value in found.items()}


def _lines(text: str, field: str) -> dict[str, str]:
    """``name = value`` lines of a form."""
    found = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, sign, value = line.partition("=")
        if not sign or not value.strip():
            raise Invalid(
                "the line “{line}” has no “=”",
                field=field,
                mend="write one a line, such as class = dlbm",
                line=line[:60],
            )
        found[name.strip()] = value.strip()
    return found


def _short(value: Any, field: str) -> str:
    text = "" if value is None else str(value).strip()
    if len(text) > _LONGEST or not (text.isprintable() or not text):
        raise Invalid(
            "this is longer than {most} characters, or holds characters that cannot be shown",
            field=field,
            mend="shorten it",
            most=_LONGEST,
        )
    return text


async def _roles(
    request: Request,
    node: Node,
    caller: Caller,
    *,
    typed: Mapping[str, str] | None = None,
    error: QuanyuError | None = None,
) -> Response:
    known = await reading(node, declarations)
    shown = []
    for one in known:
        try:
            title = await look(request, one.dataset, lambda _view, of: of.title, {})
        except QuanyuError:
            continue  # of data that are not given to the visitor nothing is told, not even a role
        shown.append(_as_json(one) | {"title": title, "note_text": local(request, one.note)})
    context = {
        "items": shown,
        "role_names": {role.value: local(request, one.name) for role, one in ROLES.items()},
        "roles": [
            {
                "id": role.value,
                "name": local(request, schema.name),
                "meanings": [
                    {"name": one.name, "says": local(request, one.says), "required": one.required}
                    for one in schema.meanings
                ],
            }
            for role, schema in ROLES.items()
        ],
        "schemes": [
            {"id": one.value, "name": local(request, name)} for one, name in SCHEMES.items()
        ],
        "may_declare": may_declare(caller),
        "typed": typed or {},
    }
    twin = (
        None
        if error
        else {"roles": [{k: v for k, v in s.items() if k != "note_text"} for s in shown]}
    )
    return show(request, "land_roles.html", context, twin=twin, error=error)


def _as_json(one: Declaration) -> dict[str, Any]:
    return {
        "id": one.id,
        "role": one.role.value,
        "dataset": one.dataset,
        "revision": one.revision,
        "columns": dict(one.columns),
        "scheme": one.scheme.value,
        "values": dict(one.values),
        "note": {"zh": one.note.zh, "en": one.note.en} if one.note else None,
        "declared_at": one.declared_at,
        "ended_at": one.ended_at,
    }
