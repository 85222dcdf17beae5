"""Observations by MQTT with a real client: in by QoS 1, strangers refused, kill -9 amid it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from streaming_node import Streaming, found, free_port, served

from quanyu.streams import Selection
from quanyu.web import Node

T0 = datetime(2026, 5, 1, tzinfo=UTC)


def until(holds: object, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


class Client:
    """A client that remembers what was acknowledged and what came."""

    def __init__(
        self, port: int, token: str | None, name: str = "c", *, clean: bool = True
    ) -> None:
        self.acknowledged: set[int] = set()
        self.came: list[tuple[str, dict]] = []
        self.code: object = None
        self.lost = False
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            clean_session=clean,
            reconnect_on_failure=False,
        )
        if token is not None:
            self.client.username_pw_set("token", token)
        self.client.on_connect = self._connected
        self.client.on_disconnect = self._disconnected
        self.client.on_publish = lambda _c, _d, mid, _r, _p: self.acknowledged.add(mid)
        self.client.on_message = lambda _c, _d, m: self.came.append(
            (m.topic, json.loads(m.payload))
        )
        end = time.monotonic() + 60
        while True:
            try:
                self.client.connect("127.0.0.1", port)
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)
        self.client.loop_start()
        until(lambda: self.code is not None or self.lost)

    def _connected(self, _client, _data, _flags, code, _more) -> None:
        self.code = code

    def _disconnected(self, *_given) -> None:
        self.lost = True

    def send(self, topic: str, document: object, qos: int = 1) -> int:
        payload = document if isinstance(document, bytes) else json.dumps(document)
        return self.client.publish(topic, payload, qos).mid

    def end(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Streaming:
    return found(tmp_path_factory.mktemp("mqtt"))


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def node(streaming: Streaming, port: int) -> Iterator[Node]:
    with served(streaming, mqtt_port=port) as opened:
        yield opened


def results(node: Node, number: int) -> list[float]:
    return node.observations.select(Selection(datastreams=[number]))["number"].to_pylist()


def test_what_is_published_is_there_when_it_is_acknowledged(
    node: Node, streaming: Streaming, port: int
) -> None:
    client = Client(port, streaming.tokens["provider"])
    sent = [
        client.send(
            streaming.topic(),
            {"result": n, "phenomenonTime": (T0 + timedelta(hours=n)).isoformat()},
            qos=1 + n % 2,
        )
        for n in range(40)
    ]
    until(lambda: set(sent) <= client.acknowledged)
    assert results(node, streaming.numbers[0]) == list(range(40))
    # The same again falls on itself, and one without a datastream in its topic names it.
    again = client.send(streaming.topic(), {"result": 70, "phenomenonTime": T0.isoformat()})
    named = client.send(
        "air/v1.1/Observations",
        {
            "result": True,
            "phenomenonTime": T0.isoformat(),
            "Datastream": {"@iot.id": streaming.ids[1]},
        },
    )
    until(lambda: {again, named} <= client.acknowledged)
    assert results(node, streaming.numbers[0])[0] == 70
    row = node.observations.latest([streaming.numbers[1]]).to_pylist()[0]
    assert row["json"] == "true"
    assert row["feature"] is not None
    client.end()


def test_what_is_no_observation_is_dropped_and_the_connection_goes_on(
    node: Node, streaming: Streaming, port: int
) -> None:
    client = Client(port, streaming.tokens["provider"])
    before = node.observations.count(Selection())
    sent = [
        client.send(streaming.topic(), b"{"),
        client.send(streaming.topic(), [1]),
        client.send(streaming.topic(), {"result": None}),
        client.send(streaming.topic(), {"result": 1, "phenomenonTime": "yesterday"}),
        client.send("air/v1.1/Datastreams(999999)/Observations", {"result": 1}),
        client.send("air/v1.1/Things", {"name": "x"}),
    ]
    until(lambda: set(sent) <= client.acknowledged)
    assert node.observations.count(Selection()) == before
    assert not client.lost
    client.end()


@pytest.mark.parametrize("token", [None, "qy_not-a-token", ""])
def test_whoever_has_no_token_does_not_get_in(
    node: Node, streaming: Streaming, port: int, token: str | None
) -> None:
    mine = Client(port, streaming.tokens["provider"], "same")
    client = Client(port, token, "same")
    assert client.code is None or client.code.is_failure
    client.end()
    assert not mine.lost  # nor throws it out whoever has that name
    mine.end()


def test_a_stranger_may_not_write(node: Node, streaming: Streaming, port: int) -> None:
    before = node.observations.count(Selection())
    client = Client(port, streaming.tokens["stranger"])
    sent = client.send(streaming.topic(), {"result": 1})
    until(lambda: client.lost)
    assert sent not in client.acknowledged
    assert node.observations.count(Selection()) == before
    client.end()


def test_messages_of_one_client_do_not_go_to_another(
    node: Node, streaming: Streaming, port: int
) -> None:
    spy = Client(port, streaming.tokens["stranger"], "spy")
    codes: list[object] = []
    spy.client.on_subscribe = lambda _c, _d, _m, given, _p: codes.extend(given)
    for topic in (streaming.topic(), "#", "air/#", "+/v1.1/+/Observations"):
        spy.client.subscribe(topic, 1)
    until(lambda: len(codes) == 4)
    assert all(code.is_failure for code in codes)
    client = Client(port, streaming.tokens["provider"], "other")
    client.client.will_set("air/v1.1/Observations", b"{}", 1)
    sent = client.send(streaming.topic(1), {"result": 5, "phenomenonTime": T0.isoformat()})
    until(lambda: sent in client.acknowledged)
    time.sleep(0.2)
    assert not spy.came
    client.end()
    spy.end()


def test_kill_in_the_middle_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    streaming = found(tmp_path)
    port, told, second = free_port(), set(), 0
    for _ in range(2):
        server = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("streaming_node.py"), tmp_path, str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert server.stdout.readline() == b"up\n"
        client = Client(port, streaming.tokens["provider"])
        sent = {}
        for second in range(second + 1, second + 200):  # noqa: B020 - it goes on in the next round
            start = (T0 + timedelta(seconds=second)).isoformat()
            sent[client.send(streaming.topic(), {"result": second, "phenomenonTime": start})] = (
                second
            )
        until(lambda c=client: len(c.acknowledged) > 40)
        os.kill(server.pid, signal.SIGKILL)
        server.wait(30)
        server.stdout.close()
        client.end()
        told |= {sent[mid] for mid in client.acknowledged}
    with served(streaming) as node:
        kept = results(node, streaming.numbers[0])
    assert len(kept) == len(set(kept))
    assert told <= set(kept)


@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="no mosquitto: apt-get install it")
def test_a_broker_outside_is_followed_and_what_it_kept_comes_after_a_pause(
    streaming: Streaming, tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    broker = subprocess.Popen(
        ["mosquitto", "-c", tmp_path / "conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        client = Client(port, None)
        number = streaming.numbers[1]

        def send(n: int) -> None:
            start = (T0 + timedelta(days=1, hours=n)).isoformat()
            client.send(streaming.topic(1), {"result": n, "phenomenonTime": start})

        url = f"mqtt://127.0.0.1:{port}"
        with served(streaming, mqtt_url=url) as node:

            def arrived(n: int) -> bool:
                send(n)
                time.sleep(0.1)
                return n in results(node, number)

            until(lambda: arrived(1))
        for n in range(2, 30):
            send(n)
        with served(streaming, mqtt_url=url) as node:
            until(lambda: set(range(1, 30)) <= set(results(node, number)))
        client.end()
    finally:
        broker.terminate()
        broker.wait(30)
