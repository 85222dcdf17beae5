"""The evidence explorer: the latest leaves, the checkpoint, one leaf with its proof."""

from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from quanyu.catalogue import resource
from quanyu.evidence import (
    Log,
    NoteError,
    cosignatures,
    cosigned,
    parse_checkpoint,
    parse_cosigners,
    split_note,
    timestamp_over,
    timestamps,
    witnessed,
)
from quanyu.kernel import NotFound
from quanyu.web.node import Node
from quanyu.web.portal.evidence_words import FIELDS, KINDS
from quanyu.web.portal.merkle_drawing import draw_path
from quanyu.web.portal.visit import TheNode, Visitor, go, local, say, show

router = APIRouter(include_in_schema=False)
_PAGE = 40


@router.get("/evidence")
async def explorer(request: Request, node: TheNode, _caller: Visitor, before: int = 0) -> Response:
    """The latest leaves, newest first, and the signed checkpoint."""

    def read() -> dict[str, Any]:
        size = node.log.size
        end = min(before, size) if before > 0 else size
        start = max(0, end - _PAGE)
        leaves = [orjson.loads(leaf) for leaf in node.log.leaves(start, end)]
        rows = [_row(request, node, start + n, leaf) for n, leaf in enumerate(leaves)]
        return {
            "leaves": rows[::-1],
            "older_href": f"/evidence?before={start}" if start else None,
            "newer_href": f"/evidence?before={end + _PAGE}" if end < size else None,
            **_checkpoint(node.log),
        }

    context = await run_in_threadpool(read)
    context["key"] = "\n".join(str(key) for key in node.log.keys)
    context["others"] = await run_in_threadpool(_others, node)
    return show(request, "evidence.html", context, twin=context)


@router.get("/evidence/find")
async def find(node: TheNode, id: str = "") -> Response:  # noqa: A002 - the form's field
    """Off to the leaf with that id, or with that number."""
    name = id.strip()
    if name.isdecimal():
        return go(f"/evidence/{int(name)}")
    position = (await run_in_threadpool(node.log.index.positions, [name])).get(name)
    if position is None:
        raise NotFound(
            "there is no evidence of {id}",
            id=name[:80],
            mend="a fresh use is in the log after a few seconds",
        )
    return go(f"/evidence/{position}")


@router.get("/evidence/{index}")
async def one_leaf(request: Request, node: TheNode, _caller: Visitor, index: int) -> Response:
    """What a leaf says, and its path to the signed root."""

    def read() -> dict[str, Any]:
        leaf = node.log.leaf(index)
        content = orjson.loads(leaf)
        said = _checkpoint(node.log)
        checkpoint = said["checkpoint"]
        tree = None
        if checkpoint is not None and index < checkpoint["size"]:
            size = checkpoint["size"]
            tree = draw_path(leaf, index, size, node.log.inclusion(index, size))
        return said | {"content": content, "tree": tree}

    found = await run_in_threadpool(read)
    content = found["content"]
    context = found | {
        "index": index,
        "what": _what(request, content),
        "at": _moment(content.get("at")),
        "said": [(name, _read(value)) for name, value in content.items()],
        "field_names": {name: say(request, text) for name, text in FIELDS.items()},
        "receipt_href": f"/log/receipts/{content['id']}" if "id" in content else None,
    }
    twin = {"index": index, "leaf": content, "proof": found["tree"], "checkpoint": found["note"]}
    return show(request, "leaf.html", context, twin=twin)


def _others(node: Node) -> dict[str, Any]:
    """What others say of this log, and this node as a witness of theirs."""
    keys = [one.key for one in parse_cosigners(node.settings.witnesses)]
    note = cosigned(node.log)
    said: list[dict[str, Any]] = []
    if note is not None:
        size = parse_checkpoint(split_note(note)[0]).size
        said = [{"name": c.name, "size": size, "at": c.at} for c in cosignatures(note, keys)]
    silent = [key.name for key in keys if key.name not in {one["name"] for one in said}]
    sizes = timestamps(node.log)
    last = timestamp_over(node.log, sizes[-1]) if sizes else None
    with node.control.read() as session:
        seen = witnessed(session)
    return {
        "cosigned": said,
        "silent": silent,
        "timestamp": None if last is None else {"size": last.size, "at": last.at},
        "witnessed": [{"origin": w.origin, "size": w.size, "at": w.at} for w in seen],
    }


def _row(request: Request, node: Node, index: int, leaf: dict[str, Any]) -> dict[str, Any]:
    subject = str(leaf.get("subject", ""))
    about = subject if subject.startswith("res_") else str(leaf.get("resource", ""))
    href = None
    if about.startswith("res_"):
        try:
            with node.control.read() as session:
                of = resource(session, about, visible_to=request.state.caller)
            subject, href = local(request, of.title), f"/resources/{of.slug}"
        except NotFound:
            href = None
    return {
        "index": index,
        "at": _moment(leaf.get("at")),
        "what": _what(request, leaf),
        "kind": leaf.get("kind"),
        "subject": subject,
        "href": href,
    }


def _read(value: object) -> str:
    """A value of a leaf as people read it; exactly what stands there is in the receipt."""
    if isinstance(value, list):
        return ", ".join(map(_read, value)) or "—"
    if isinstance(value, str):
        return value or "—"
    return orjson.dumps(value).decode()


def _what(request: Request, leaf: dict[str, Any]) -> str:
    kind = str(leaf.get("kind", ""))
    return say(request, KINDS.get(kind, kind))


def _checkpoint(log: Log) -> dict[str, Any]:
    try:
        note = log.checkpoint().decode()
        found = parse_checkpoint(note.partition("\n\n")[0] + "\n")
    except (NotFound, NoteError):
        return {"checkpoint": None, "note": ""}
    said = {"origin": found.origin, "size": found.size, "root": found.root.hex(), "at": None}
    return {"checkpoint": said, "note": note}


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
