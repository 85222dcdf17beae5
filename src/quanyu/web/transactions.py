"""Many edits at once: OGC API – Features Part 11, Atomic and Batch Transactions (26-018, draft).

``POST /ogc/features/transactions`` takes a transaction document (``application/ogc-tx+json``): what
to insert, replace, update and delete in which collections. It is always atomic: all of it becomes
one new version of each collection, in one transaction, or none of it. Features are chosen by their
``id``, as ``"filter": "id = 'x'"`` or CQL2-JSON, or by the member ``featureId`` that is shorter.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.agreements import Grant
from quanyu.kernel import Invalid
from quanyu.spacetime import Action, Change, Do, Edited
from quanyu.web import parameters
from quanyu.web.edits import Granting, body_of, crs_of
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.serve_edit import EditAnswer, serve_edit

MEDIA_TYPE = "application/ogc-tx+json"
MOST = 2_000
"""Most features in one transaction."""

_TYPES = frozenset({MEDIA_TYPE, MEDIA_TYPES["json"]})
_BY_ID = re.compile(r"""\s*"?id"?\s*=\s*'((?:[^']|'')*)'\s*""")
_MEMBERS = {
    Do.INSERT: frozenset({"items"}),
    Do.REPLACE: frozenset({"properties", "filter", "featureId", "etag"}),
    Do.UPDATE: frozenset({"properties", "filter", "featureId", "etag"}),
    Do.DELETE: frozenset({"filter", "featureId", "etag"}),
}
_COMMON = frozenset({"action", "collection", "id"})

Planned = dict[str, list[Action]]


async def transactions(request: Request) -> Response:
    """``POST /ogc/features/transactions``"""
    given = parameters.read(request)
    parameters.check_known(given, {"agreement", "purpose", "lang", "collisions"})
    document = await body_of(request, _TYPES)
    planned = _plan(document, crs_of(request, {}))

    def work(grant_of: Granting) -> Sequence[tuple[Grant, tuple[Action, ...]]]:
        return [(grant_of(slug), tuple(actions)) for slug, actions in planned.items()]

    return await serve_edit(request, given, work, _answer)


def _plan(document: Mapping[str, Any], crs: str) -> Planned:
    """What to do to each collection; raises :class:`Invalid` naming the member."""
    semantic = document.get("semantic", "atomic")
    if semantic != "atomic":
        raise Invalid(
            "only atomic transactions are done here",
            field="semantic",
            mend='leave it out, or give "atomic"; send what may fail by itself as another request',
        )
    actions = document.get("transaction")
    if not isinstance(actions, list) or not actions:
        raise Invalid(
            "a transaction lists its actions", field="transaction", mend="give one or more"
        )
    planned: Planned = {}
    count = 0
    for number, action in enumerate(actions):
        where = f"transaction[{number}]."
        slug, found = _actions(action, where, crs)
        count += len(found)
        if count > MOST:
            raise Invalid(
                "a transaction touches at most {most} features",
                field="transaction",
                mend="send several",
                most=MOST,
            )
        planned.setdefault(slug, []).extend(found)
    return planned


def _actions(action: Any, where: str, crs: str) -> tuple[str, list[Action]]:
    if not isinstance(action, Mapping):
        raise _bad(where.rstrip("."), detail="an action is an object")
    do = next((one for one in Do if one.value == action.get("action")), None)
    if do is None:
        raise _bad(f"{where}action", detail="an action is insert, replace, update or delete")
    slug = action.get("collection")
    if not isinstance(slug, str) or not slug:
        raise _bad(f"{where}collection", detail="an action names its collection")
    for name in action:
        if name not in _MEMBERS[do] | _COMMON:
            raise _bad(f"{where}{name[:80]}", detail="this action has no such member")
    return slug, list(_MAKERS[do](action, where, crs))


def _inserts(action: Mapping[str, Any], where: str, crs: str) -> list[Action]:
    items = action.get("items")
    if not isinstance(items, list) or not items:
        raise _bad(f"{where}items", detail="an insert lists its features")
    return [
        Action(
            Do.INSERT, None, _object(item, f"{where}items[{k}]"), crs, None, f"{where}items[{k}]."
        )
        for k, item in enumerate(items)
    ]


def _replaces(action: Mapping[str, Any], where: str, crs: str) -> list[Action]:
    properties = _object(action.get("properties"), f"{where}properties")
    feature = _object(properties.get("feature"), f"{where}properties.feature")
    inner = f"{where}properties.feature."
    fid = _fid(action, where, feature)
    return [Action(Do.REPLACE, fid, feature, crs, _seen(action, where), inner)]


def _updates(action: Mapping[str, Any], where: str, crs: str) -> list[Action]:
    """``add`` and ``modify`` give values, ``delete`` takes them away: a merge patch."""
    said = _object(action.get("properties"), f"{where}properties")
    patch: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for part in ("add", "modify"):
        for k, one in enumerate(_list(said.get(part), f"{where}properties.{part}")):
            place = f"{where}properties.{part}[{k}]"
            entry = _object(one, place)
            name = entry.get("name")
            if not isinstance(name, str) or "value" not in entry:
                raise _bad(place, detail="a value has a name and a value")
            (patch if name in {"geometry", "time"} else values)[name] = entry["value"]
    for k, name in enumerate(_list(said.get("delete"), f"{where}properties.delete")):
        if not isinstance(name, str):
            raise _bad(f"{where}properties.delete[{k}]", detail="the name of a property is a text")
        (patch if name in {"geometry", "time"} else values)[name] = None
    if not patch and not values:
        raise _bad(f"{where}properties", detail="an update adds, modifies or deletes something")
    feature = {**patch, "properties": values}
    return [Action(Do.UPDATE, _fid(action, where), feature, crs, _seen(action, where), where)]


def _deletes(action: Mapping[str, Any], where: str, _crs: str) -> list[Action]:
    return [Action(Do.DELETE, _fid(action, where), seen=_seen(action, where), where=where)]


_MAKERS: dict[Do, Callable[[Mapping[str, Any], str, str], list[Action]]] = {
    Do.INSERT: _inserts,
    Do.REPLACE: _replaces,
    Do.UPDATE: _updates,
    Do.DELETE: _deletes,
}


def _fid(action: Mapping[str, Any], where: str, feature: Mapping[str, Any] | None = None) -> str:
    """The feature that an action names."""
    named = action.get("featureId", (feature or {}).get("id"))
    if isinstance(named, str | int) and not isinstance(named, bool) and "filter" not in action:
        return str(named)
    chosen = action.get("filter")
    if isinstance(chosen, str) and (match := _BY_ID.fullmatch(chosen)):
        return match[1].replace("''", "'")
    if isinstance(chosen, Mapping) and chosen.get("op") == "=":
        args = chosen.get("args")
        if isinstance(args, list) and len(args) == 2 and args[0] == {"property": "id"}:
            return str(args[1])
    raise _bad(f"{where}filter", detail="an action names its feature as id = '…'")


def _seen(action: Mapping[str, Any], where: str) -> frozenset[int] | None:
    """The version that the feature must have been left by, as its ETag."""
    tag = action.get("etag")
    if tag is None:
        return None
    number = str(tag).strip('"').partition("-")[0]
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise _bad(f"{where}etag", detail="this is no ETag of a feature")
    return frozenset({int(number)})


def _object(found: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise _bad(where, detail="an object is wanted here")
    return found


def _list(found: Any, where: str) -> list[Any]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise _bad(where, detail="a list is wanted here")
    return found


def _bad(where: str, *, detail: str) -> Invalid:
    return Invalid(
        detail, field=where, mend="see OGC API – Features Part 11, or docs/how-to/edit-features.md"
    )


def _answer(found: Sequence[Edited]) -> EditAnswer:
    counted = dict.fromkeys(Change, 0)
    for edited in found:
        for one in edited.done:
            counted[one.change] += 1
    document = {
        "semantic": "atomic",
        "summary": {
            "totalInserted": counted[Change.INSERTED],
            "totalUpdated": counted[Change.UPDATED],
            "totalDeleted": counted[Change.DELETED],
        },
        "collections": [
            {
                "collection": edited.version.dataset,
                "version": edited.version.number,
                "inserted": [one.fid for one in edited.done if one.change is Change.INSERTED],
            }
            for edited in found
        ],
    }
    return EditAnswer(status=200, headers={}, document=document)


def routes() -> list[Route]:
    """Routes of transactions."""
    return [Route("/ogc/features/transactions", transactions, methods=["POST"])]
