"""What this node asks of a peer outside of processes: its versions, its catalogue, a dataset, and
the data of a started transfer."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from quanyu.federation.messages import CONTEXT
from quanyu.federation.model import Here, Peer
from quanyu.kernel import Answered, Invalid, NotFound, Outbound, Unavailable, ask

_LARGEST = 64 << 20
_MOST_PAGES = 1000


def peer_catalog(here: Here, peer: Peer, token: str | None) -> Iterator[dict[str, Any]]:
    """The datasets that a peer offers to this node, page after page.

    Raises :class:`Unavailable` when it does not answer, or not as the protocol says.
    """
    url: str | None = f"{peer.address}/catalog/request"
    body = {"@context": [CONTEXT], "@type": "CatalogRequestMessage"}
    for _ in range(_MOST_PAGES):
        if url is None:
            return
        answer = _asked(here, url, token, body)
        yield from _document(answer, url).get("dataset") or []
        url = _next(answer, peer)


def peer_dataset(here: Here, peer: Peer, token: str | None, name: str) -> dict[str, Any]:
    """One dataset of a peer; :class:`NotFound` when it offers none of that id."""
    url = f"{peer.address}/catalog/datasets/{quote(name, safe='')}"
    answer = _asked(here, url, token)
    if answer.status == 404:
        raise NotFound(
            "{peer} offers no dataset {id}",
            field="dataset",
            mend="see its catalogue",
            peer=peer.participant,
            id=name[:80],
        )
    return _document(answer, url)


def offer_in(dataset: dict[str, Any], name: str | None) -> dict[str, Any]:
    """The offer of a dataset with that id; its only one when none is named."""
    offers = [one for one in dataset.get("hasPolicy") or [] if isinstance(one, dict)]
    found = [one for one in offers if name is None or one.get("@id") == name]
    if len(found) != 1:
        raise Invalid(
            "the dataset has these offers: {names}",
            field="offer",
            mend="name one of them",
            names=", ".join(str(one.get("@id")) for one in offers) or "—",
        )
    return found[0]


def read_data(here: Here, endpoint: str, token: str, *, query: str = "") -> Answered:
    """The data behind the address of a started transfer, whole.

    Raises :class:`Unavailable` with what the other node says, :class:`TooLarge` beyond 64 MiB.
    """
    answer = _asked(here, f"{endpoint}?{query}" if query else endpoint, token)
    if answer.status != 200:
        raise Unavailable(
            "the other node answered {status}: {why}",
            status=answer.status,
            why=answer.content[:300].decode("utf-8", "replace"),
            mend="see the transfer: it may be suspended or over",
        )
    return answer


def _asked(here: Here, url: str, token: str | None, body: dict[str, Any] | None = None) -> Answered:
    out = Outbound(allow_private=here.allow_private, max_bytes=_LARGEST, timeout=30.0)
    headers = {"accept": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    if body is None:
        return ask(url, out, headers=headers)
    headers["content-type"] = "application/json"
    return ask(url, out, method="POST", headers=headers, content=orjson.dumps(body))


def _document(answer: Answered, url: str) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.content) if answer.status == 200 else None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Unavailable(
            "{url} answered {status}, and not as the protocol says",
            field="peer",
            url=url,
            status=answer.status,
            mend="check the peer's address and token",
        )
    return found


def _next(answer: Answered, peer: Peer) -> str | None:
    """The next page, on the peer's own host only: its token is for nobody else."""
    for part in answer.headers.get("link", "").split(","):
        url, _, rest = part.strip().partition(">")
        if 'rel="next"' in rest and url.startswith("<"):
            found = url[1:]
            same = urlsplit(found)[:2] == urlsplit(peer.address)[:2]
            return found if same else None
    return None
