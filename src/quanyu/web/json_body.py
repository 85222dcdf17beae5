"""The JSON object in a request's body, bounded and without unknown members."""

from typing import Any

import orjson
from starlette.requests import Request

from quanyu.kernel import Invalid, TooLarge

MOST_BODY = 12 << 20


async def read_object(request: Request, members: frozenset[str]) -> dict[str, Any]:
    """A JSON object of at most 12 MiB with no other than those members; raises
    :class:`Invalid` and :class:`TooLarge`."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BODY:
            raise TooLarge("the body passes the limit of this node", field="body")
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid("the body is no JSON", field="body", mend="send a JSON object") from error
    if not isinstance(found, dict):
        raise Invalid("the body is no JSON", field="body", mend="send a JSON object")
    for name in found:
        if name not in members:
            raise Invalid(
                "there is no such member",
                field=name[:80],
                mend="use these: {names}",
                names=", ".join(sorted(members)),
            )
    return found
