"""Whether the process lives, whether the node can answer, and its figures.

``/metrics`` is for this machine and for operators and auditors of the node: figures tell much of
who uses what.
"""

import os
from collections.abc import Callable
from ipaddress import ip_address

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quanyu.evidence import behind
from quanyu.kernel import QuanyuError, Refused, Unavailable
from quanyu.parties import Role
from quanyu.web import metrics
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.node import Node, node_of
from quanyu.web.who import address_of, caller_of

_LAG = 30.0  # seconds that evidence may wait to be sequenced
_log = structlog.get_logger(__name__)


async def healthz(_request: Request) -> Response:
    """``/healthz``: the process answers."""
    return Response(b'{"status":"ok"}', headers=_NOW, media_type=MEDIA_TYPES["json"])


async def readyz(request: Request) -> Response:
    """``/readyz``: the control store, the tables, the journal and the sequencer do their work."""
    checks = await run_in_threadpool(_checks, node_of(request))
    ready = all(said == "ok" for said in checks.values())
    document = {"status": "ok" if ready else "unavailable", "checks": checks}
    return Response(
        orjson.dumps(document), 200 if ready else 503, headers=_NOW, media_type=MEDIA_TYPES["json"]
    )


async def figures(request: Request) -> Response:
    """``/metrics`` in Prometheus' text format."""
    caller = await caller_of(request)
    trusted = caller.runs_node and (caller.may(Role.OPERATOR) or caller.may(Role.AUDITOR))
    # Behind a proxy every request comes from this machine, and says for whom.
    direct = "x-forwarded-for" not in request.headers and "forwarded" not in request.headers
    if not (trusted or (direct and _loopback(address_of(request)))):
        raise Refused(
            "the node's figures are for its operators and auditors",
            rule="web.metrics",
            mend="ask from the machine itself, or sign in as an operator or auditor of the node",
        )
    data = await run_in_threadpool(metrics.exposition)
    return Response(data, headers={**_NOW, "content-type": CONTENT_TYPE_LATEST})


_NOW = {"cache-control": "no-store"}


def _checks(node: Node) -> dict[str, str]:
    def control() -> None:
        node.control.check()

    def journal() -> None:
        folder = node.journal.folder
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise Unavailable("the journal's folder cannot be written")

    def sequencer() -> None:
        if behind(node.log) > _LAG:
            raise Unavailable("evidence waits to be sequenced")

    checks: dict[str, Callable[[], object]] = {
        "control": control,
        "tables": node.store.datasets,
        "journal": journal,
        "sequencer": sequencer,
    }
    found = {}
    for name, check in checks.items():
        try:
            check()
            found[name] = "ok"
        except (QuanyuError, OSError) as error:
            _log.info("not_ready", check=name, why=str(error))
            found[name] = "failed"
    return found


def _loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def routes() -> list[Route]:
    """Routes for supervisors."""
    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", figures),
    ]
