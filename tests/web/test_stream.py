"""Streams: paid for as they go, on record before the last byte, whatever breaks them off."""

import asyncio
import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from quanyu.kernel import Invalid, Refused, load_settings
from quanyu.web.node import _base
from quanyu.web.stream import Streamed
from quanyu.web.tracing import tracer_provider
from quanyu.web.who import cookie_name

CHUNK = b"x" * 100_000


class Wire:
    """A connection that may break after some messages."""

    def __init__(self, breaks_after: int | None = None) -> None:
        self.events: list[Any] = []
        self.breaks_after = breaks_after

    async def send(self, message: Any) -> None:
        if self.breaks_after is not None and len(self.bodies) >= self.breaks_after:
            raise OSError("the client is gone")
        self.events.append(message)

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    @property
    def bodies(self) -> list[bytes]:
        return [e["body"] for e in self.events if isinstance(e, dict) and "body" in e]


def stream(wire: Wire, parts: int, limit: int = 1000, **more: Any) -> list[Any]:
    """What was done, in order, with a stream of ``parts`` chunks of ten rows each."""
    done = wire.events
    spent = 0

    def chunks(count: Callable[[int], None]) -> Iterator[bytes]:
        for _ in range(parts):
            yield CHUNK
            count(10)
        yield b"end"

    async def spend(rows: int, size: int) -> None:
        nonlocal spent
        spent += rows
        if spent > limit:
            raise Refused("too many rows", rule="quota")
        done.append(("spent", rows, size))

    async def record(rows: int, size: int) -> None:
        done.append(("recorded", rows, size))

    answer = Streamed(chunks, media_type="text/csv", headers={}, spend=spend, record=record, **more)
    asyncio.run(answer({"type": "http"}, wire.receive, wire.send))
    return done


def test_all_is_spent_before_it_leaves_and_recorded_before_the_last() -> None:
    wire = Wire()
    done = stream(wire, 3)
    assert b"".join(wire.bodies) == CHUNK * 3 + b"end"
    recorded = done.index(("recorded", 30, 300_003))
    last = max(i for i, e in enumerate(done) if isinstance(e, dict))
    assert recorded < last
    assert done[last]["more_body"] is False
    assert sum(e[1] for e in done if isinstance(e, tuple) and e[0] == "spent") == 30


def test_what_breaks_off_is_recorded_with_what_went_out() -> None:
    wire = Wire(breaks_after=2)
    with pytest.raises(OSError, match="gone"):
        stream(wire, 9)
    (recorded,) = [e for e in wire.events if isinstance(e, tuple) and e[0] == "recorded"]
    assert recorded[1] in {20, 30}
    assert recorded[2] >= 200_000


def test_a_quota_that_ends_at_once_begins_no_answer() -> None:
    wire = Wire()
    with pytest.raises(Refused):
        stream(wire, 3, limit=5)
    assert not wire.bodies
    assert not wire.events


def test_compressed_streams_are_counted_as_they_were() -> None:
    wire = Wire()
    done = stream(wire, 2, gzip=True)
    assert gzip.decompress(b"".join(wire.bodies)) == CHUNK * 2 + b"end"
    assert ("recorded", 20, 200_003) in done


def test_odd_hosts_are_not_repeated() -> None:
    assert _base("http", "city.example:8000") == "http://city.example:8000"
    assert _base("http", "[::1]:80") == "http://[::1]:80"
    for odd in ("", "a b", "evil/", "x@y", "a:b:c", 'x"', "h:99999999"):
        assert _base("http", odd) is None, odd


def test_cookies_are_bound_to_the_host_under_https() -> None:
    assert cookie_name(load_settings(public_url="https://city.example")).startswith("__Host-")
    assert cookie_name(load_settings(public_url="http://city.example")) == "quanyu_session"


def test_traces_need_what_makes_them() -> None:
    assert tracer_provider(load_settings()) is None
    try:
        import opentelemetry.sdk  # noqa: F401
    except ImportError:
        with pytest.raises(Invalid) as problem:
            tracer_provider(load_settings(otlp_endpoint="http://127.0.0.1:4318"))
        assert problem.value.field == "otlp_endpoint"
