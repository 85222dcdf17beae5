"""One running quanyu, as the web sees it: what ``app.py`` has wired together."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from quanyu.agreements import Gate
from quanyu.evidence import Journal, Log, Sequencer
from quanyu.kernel import ControlStore, Events, Settings
from quanyu.parties import Callers
from quanyu.spacetime import Store


@dataclass(frozen=True, slots=True)
class Node:
    """The parts of a node. ``sequencer`` is ``None`` where another process sequences."""

    settings: Settings
    control: ControlStore
    store: Store
    journal: Journal
    log: Log
    callers: Callers
    gate: Gate
    events: Events
    sequencer: Sequencer | None = None


def node_of(request: HTTPConnection) -> Node:
    """The node that answers this request."""
    node: Node = request.scope["app"].state.node
    return node


def base_of(request: HTTPConnection) -> str:
    """URL of this node as the client knows it, without a slash at its end.

    ``public_url`` when it is set, else the scheme and host that were asked.
    """
    settings = node_of(request).settings
    if settings.public_url:
        return settings.base_url
    host = request.headers.get("host", "")
    if not host or not host.replace("-", "").translate(_HOST).isalnum():
        return settings.base_url
    return f"{request.scope['scheme']}://{host}"


_HOST = str.maketrans("", "", ".:[]_")
