"""What is counted for Prometheus. Several workers add up when ``PROMETHEUS_MULTIPROC_DIR`` is set
(the server sets it before its workers start)."""

import os
from functools import lru_cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_REQUESTS = Counter("quanyu_http_requests", "Answered requests.", ("method", "route", "status"))
_SECONDS = Histogram(
    "quanyu_http_request_seconds",
    "Time to the end of the answer.",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0),
)
_BYTES = Counter("quanyu_http_response_bytes", "Bytes of answers.", ("route",))
USES = Counter("quanyu_uses", "Answered uses of resources.", ("face", "access"))


@lru_cache(maxsize=4096)
def _children(method: str, route: str, status: int) -> tuple[Counter, Histogram, Counter]:
    return (
        _REQUESTS.labels(method, route, str(status)),
        _SECONDS.labels(route),
        _BYTES.labels(route),
    )


def count(method: str, route: str, status: int, seconds: float, size: int) -> None:
    """Count one answered request."""
    requests, times, sizes = _children(method, route, status)
    requests.inc()
    times.observe(seconds)
    sizes.inc(size)


@lru_cache(maxsize=64)
def use_counter(face: str, access: str) -> Counter:
    """The counter of uses by that face and kind of access (``open`` or ``agreement``)."""
    return USES.labels(face, access)


def exposition() -> bytes:
    """All figures in Prometheus' text format, those of every worker."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
