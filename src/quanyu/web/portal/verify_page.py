"""Check it yourself: a receipt, verified in the browser, or by this server when asked."""

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from quanyu.evidence import Verification, receipt, verify_document
from quanyu.kernel import Invalid, TooLarge
from quanyu.web.node import Node
from quanyu.web.portal.visit import TheNode, Visitor, say, show
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)
_LONGEST = 16 << 20
STEPS: dict[str, str] = {
    "form": "It is a receipt",
    "signature": "The checkpoint is signed by the node",
    "witnesses": "Witnesses have seen the checkpoint",
    "timestamp": "A timestamp authority has seen the checkpoint",
    "size": "Receipt and checkpoint speak of the same tree",
    "inclusion": "The leaf leads to the signed root",
    "disclosure": "What is disclosed is what was recorded",
    "document": "The document is the one that was recorded",
}


@router.get("/verify")
async def page(request: Request, node: TheNode, _caller: Visitor, leaf: str = "") -> Response:
    """The form; with ``leaf`` it holds that leaf's receipt already."""
    text = ""
    if leaf:
        made = await run_in_threadpool(
            receipt, node.log, node.control, leaf, journals=node.journal.folder
        )
        text = made.decode() if made else ""
    return _page(request, text, _keys(node), None)


@router.post("/verify")
async def check(request: Request, node: TheNode, _caller: Visitor) -> Response:
    """What the server finds, step by step; a JSON body is a receipt by itself."""
    if request.headers.get("content-type", "").startswith("application/json"):
        found = verify_document(await _body(request), [str(key) for key in node.log.keys])
        return Response(orjson.dumps(found), media_type="application/json")
    await check_csrf_of(request)
    form = await request.form()
    file, text = form.get("file"), str(form.get("text", ""))
    if isinstance(file, UploadFile) and file.filename:
        data = await file.read(_LONGEST + 1)
    else:
        data = text.encode()
    if len(data) > _LONGEST:
        raise TooLarge("a receipt is far smaller than this", field="file")
    keys = str(form.get("key", "")) or _keys(node)
    lines = [line for line in keys.splitlines() if line.strip()]
    if not lines:
        raise Invalid("no public key was given", field="key", mend="take it from /log/key")
    result = await run_in_threadpool(verify_document, data, lines)
    return _page(request, data.decode(errors="replace"), keys, result)


def _page(request: Request, text: str, keys: str, result: Verification | None) -> Response:
    first = keys.splitlines()[0] if keys else ""
    context = {
        "receipt": text,
        "key": keys,
        "result": result,
        "step_names": {name: say(request, message) for name, message in STEPS.items()},
        "command": f'quanyu verify receipt.json --key "{first}"',
        "island": {},
    }
    return show(request, "verify.html", context)


async def _body(request: Request) -> bytes:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > _LONGEST:
            raise TooLarge("a receipt is far smaller than this", field="body")
    return data


def _keys(node: Node) -> str:
    return "\n".join(str(key) for key in node.log.keys)
