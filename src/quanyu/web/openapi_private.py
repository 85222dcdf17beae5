"""The paths of private computation: intersections and secure sums between nodes."""

from typing import Any

from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation
from quanyu.web.private_peers import POINTS

_TAG = "Private computation"
_TEXT = {"type": "string"}
_ANSWER = "/private/intersections/{collection}"
_MATCH = (
    parameter("column", _TEXT, "Column of identifiers."),
    parameter("cardinality", {"type": "boolean"}, "Whether only the number in common is told."),
)


def _object(*names: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": dict.fromkeys(names, True),
    }
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def private_paths() -> dict[str, Any]:
    """The paths object of these."""
    answer = operation(
        Path(_ANSWER, "intersection_answer", "Answer blinded identifiers", _TAG,
             "lang agreement purpose", gives=POINTS),
        _MATCH,
    )  # fmt: skip
    answer["requestBody"] = {"required": True, "content": {POINTS: {}}}
    found: dict[str, Any] = {_ANSWER: {"post": answer}}
    posts = (
        ("/private/intersections", "intersection", "Intersect with a column of another node",
         ("collection", "column", "cardinality", "agreement", "purpose", "peer")),
        ("/private/sums", "sum_begin", "Begin a round of a secure sum",
         ("title", "participants", "groups", "decimals", "seconds")),
        ("/private/sums/part", "sum_part", "Take part with a collection of this node",
         ("gatherer", "round", "collection", "by", "column", "agreement", "purpose")),
        ("/private/sums/{round}/key", "sum_key", "Send a public key (X25519, Base64)", ("key",)),
        ("/private/sums/{round}/masked", "sum_masked", "Send masked values", ("masked",)),
    )  # fmt: skip
    for path, name, summary, members in posts:
        one = operation(Path(path, name, summary, _TAG, "lang"))
        one["requestBody"] = _object(*members)
        found[path] = {"post": one}
    where = "/private/sums/{round}"
    found[where] = {"get": operation(Path(where, "sum", "How a round stands", _TAG, "lang"))}
    return found
