"""The other nodes of private computations, asked over HTTP: the one place in ``web`` that does so.

Who asks names the node and gives a token of its own for it; nothing else of the request is sent on,
and what is sent has been blinded or masked.
"""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
import orjson
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from quanyu.compute import Blinded, Reply, masked, public_key, to_points
from quanyu.kernel import Conflict, Invalid, Outbound, Unavailable, ask

POINTS = "application/vnd.quanyu.ristretto255"
_POINT = 32
_PEER = frozenset({"url", "token", "collection", "column", "agreement", "purpose"})
_GATHERER = frozenset({"url", "token", "party"})
_OK = 200
_LOOK_S = 0.3
_WAIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side: its node, its collection and column, and by what right it is asked."""

    url: str
    token: str
    collection: str
    column: str
    agreement: str = ""
    purpose: str = ""


def read_peer(said: Any) -> Peer:
    """The other side as a request names it; raises :class:`Invalid` on ``peer``."""
    if not isinstance(said, Mapping) or not {"url", "token", "collection", "column"} <= said.keys():
        raise Invalid(
            "the other side is not named",
            field="peer",
            mend="give its url, token, collection and column",
        )
    for name in said:
        if name not in _PEER:
            raise Invalid("there is no such member", field=f"peer.{name[:40]}")
    return Peer(**{name: str(value) for name, value in said.items()})


def ask_peer(peer: Peer, mine: Blinded, *, only_count: bool, out: Outbound) -> tuple[Reply, str]:
    """What the other side answers, and its use. Raises :class:`Invalid` when it refuses."""
    given = {
        "column": peer.column,
        "cardinality": "true" if only_count else "false",
        "agreement": peer.agreement,
        "purpose": peer.purpose,
    }
    query = urlencode({key: text for key, text in given.items() if text})
    answer = ask(
        f"{peer.url.rstrip('/')}/private/intersections/{peer.collection}?{query}",
        out,
        method="POST",
        headers={"authorization": f"Bearer {peer.token}", "content-type": POINTS},
        content=mine.points.tobytes(),
    )
    if answer.status != _OK or answer.headers.get("content-type") != POINTS:
        raise Invalid(
            "the other node refused: {why}",
            field="peer",
            mend="see what it says",
            why=f"{answer.status} {answer.content[:300].decode('utf-8', 'replace')}",
        )
    points = to_points(answer.content, len(answer.content) // _POINT + 1, "peer")
    count = len(mine.points)
    return Reply(points[:count], points[count:]), answer.headers.get("quanyu-use", "")


@dataclass(frozen=True, slots=True)
class Gatherer:
    """The node that gathers a round, and who this participant is there."""

    url: str
    token: str
    party: str


def read_gatherer(said: Any) -> Gatherer:
    """The node that gathers as a request names it; raises :class:`Invalid` on ``gatherer``."""
    if not isinstance(said, Mapping) or set(said) != _GATHERER:
        raise Invalid(
            "the node that gathers is not named",
            field="gatherer",
            mend="give its url, your token there, and your party's id there",
        )
    return Gatherer(**{key: str(value) for key, value in said.items()})


def tell_values(
    gatherer: Gatherer, out: Outbound, name: str, values: NDArray[np.int64]
) -> dict[str, Any]:
    """Send this party's key, wait for the others', and send the values masked."""
    secret = X25519PrivateKey.generate()
    key = base64.b64encode(public_key(secret)).decode()
    ask_gatherer(gatherer, out, name, "key", {"key": key})
    keys = _keys(gatherer, out, name)
    sent = masked(values, gatherer.party, secret, keys, name)
    body = base64.b64encode(sent.astype("<u8").tobytes()).decode()
    return ask_gatherer(gatherer, out, name, "masked", {"masked": body})


def _keys(gatherer: Gatherer, out: Outbound, name: str) -> dict[str, bytes]:
    """Everybody's keys, once they are there."""
    until = time.monotonic() + _WAIT_S
    while time.monotonic() < until:
        found = ask_gatherer(gatherer, out, name)
        if found["status"] == "masked":
            return {party: base64.b64decode(key) for party, key in found["keys"].items()}
        if found["status"] != "keys":
            break
        time.sleep(_LOOK_S)
    raise Unavailable(
        "the round has failed: these parties were silent: {parties}",
        mend="begin a new round",
        parties=", ".join(found["silent"]),
    )


def ask_gatherer(
    gatherer: Gatherer,
    out: Outbound,
    name: str,
    what: str = "",
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """How a round stands, after sending ``body`` to its step ``what`` where there is one."""
    place = f"{gatherer.url.rstrip('/')}/private/sums/{name}" + (f"/{what}" if what else "")
    answer = ask(
        place,
        out,
        method="POST" if body is not None else "GET",
        headers={
            "authorization": f"Bearer {gatherer.token}",
            "content-type": "application/json",
        },
        content=None if body is None else orjson.dumps(body),
    )
    if answer.status != _OK:
        raise Conflict(
            "the node that gathers refused: {why}",
            field="gatherer",
            mend="see what it says",
            why=f"{answer.status} {answer.content[:300].decode('utf-8', 'replace')}",
        )
    found: dict[str, Any] = orjson.loads(answer.content)
    return found
