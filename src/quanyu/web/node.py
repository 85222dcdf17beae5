"""One running quanyu, as the web sees it: what ``app.py`` has wired together."""

import re
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import HTTPConnection

from quanyu.agreements import Gate
from quanyu.compute import Workers
from quanyu.evidence import Journal, Log, Sequencer, Witness
from quanyu.kernel import ControlStore, Events, Settings
from quanyu.operations import Looking
from quanyu.parties import Callers
from quanyu.spacetime import Store
from quanyu.streams import Intake, Observations, Streams


@dataclass(frozen=True, slots=True)
class Node:
    """The parts of a node. ``sequencer`` is ``None`` where another process sequences."""

    settings: Settings
    control: ControlStore
    store: Store
    observations: Observations
    streams: Streams
    intake: Intake
    journal: Journal
    log: Log
    callers: Callers
    gate: Gate
    events: Events
    workers: Workers
    witness: Witness
    looking: Looking
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
    return _base(request.scope["scheme"], request.headers.get("host", "")) or settings.base_url


@lru_cache(maxsize=256)
def _base(scheme: str, host: str) -> str | None:
    """``None`` for what cannot be the name of a host: it is not repeated in links."""
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else None


_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
