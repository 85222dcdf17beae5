"""Observations out of NATS JetStream, with a real server: durable, and what waited comes later."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest
from streaming_node import SLUG, found, free_port, served
from test_messages_mqtt import results, until

from quanyu.web.messages import jetstream

T0 = datetime(2026, 7, 1, tzinfo=UTC)
SERVER = Path(sys.executable).with_name("nats-server")


async def publish(url: str, subject: str, numbers: range) -> None:
    connection = await nats.connect(url)
    stream = connection.jetstream()
    for number in numbers:
        start = (T0 + timedelta(hours=number)).isoformat()
        document = {"result": number, "phenomenonTime": start}
        await stream.publish(subject, json.dumps(document).encode())
    await stream.publish(subject, b"{")  # no observation: dropped, and never again
    await connection.close()


@pytest.mark.skipif(not SERVER.exists(), reason="no nats-server")
def test_what_waits_in_jetstream_is_taken_in_and_acknowledged(tmp_path: Path) -> None:
    streaming = found(tmp_path)
    port = free_port()
    url = f"nats://127.0.0.1:{port}"
    server = subprocess.Popen(
        [SERVER, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", tmp_path / "js"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        subject = f"sensorthings.{SLUG}.v1_1.Datastreams('{streaming.ids[0]}').Observations"
        number = streaming.numbers[0]

        async def streams() -> bool:
            connection = await nats.connect(url)
            try:
                await connection.jetstream().stream_info(jetstream.STREAM)
            except nats.js.errors.NotFoundError:
                return False
            finally:
                await connection.close()
            return True

        with served(streaming, nats_url=url) as node:
            until(lambda: asyncio.run(streams()))
            asyncio.run(publish(url, subject, range(5)))
            until(lambda: results(node, number) == [0, 1, 2, 3, 4])
        asyncio.run(publish(url, subject, range(5, 9)))
        with served(streaming, nats_url=url) as node:
            until(lambda: results(node, number) == list(range(9)))
    finally:
        server.terminate()
        server.wait(30)
