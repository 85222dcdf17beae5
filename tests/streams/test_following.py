"""Following a stream over a real server: events, webhook, MQTT; a kill, an agreement that ends."""

import base64
import hashlib
import hmac
import json
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import httpx
import pytest
from streaming_node import SLUG, Streaming, agree, found, free_port, policy, stop_agreement
from test_messages_mqtt import Client, until

from quanyu.kernel import ControlStore, PartyId, now
from quanyu.streams import (
    SubscriptionDraft,
    Way,
    due_webhooks,
    heard,
    pause,
    put_off,
    resume,
    subscribe,
)
from quanyu.streams import subscription as subscription_of
from warm import warm_quanyu

T0 = datetime(2026, 6, 1, tzinfo=UTC)


class Server:
    """The real server over a folder, which can be killed and started again."""

    def __init__(self, streaming: Streaming) -> None:
        self.streaming = streaming
        self.port, self.mqtt = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        settings = streaming.folder / "quanyu.toml"
        settings.write_text(f"mqtt_port = {self.mqtt}\nallow_private_urls = true\nworkers = 1\n")
        self.start()

    def start(self) -> None:
        self.log = (self.streaming.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            [warm_quanyu(), "serve", "--dir", self.streaming.folder, "--port", str(self.port)],
            stdout=self.log,
            stderr=self.log,
        )
        until(self._ready, 90)

    def _ready(self) -> bool:
        assert self.process.poll() is None, (self.streaming.folder / "server.log").read_text()
        try:
            return httpx.get(f"{self.url}/readyz", verify=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _gone(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0

    def end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait(30)
        until(self._gone, 30)
        self.log.close()

    def ask(self, method: str, path: str, who: str | None, **more: object) -> httpx.Response:
        headers = {} if who is None else self.headers(who)
        return httpx.request(
            method,
            f"{self.url}/sensorthings/{SLUG}/{path}",
            headers=headers,
            timeout=60,
            **more,
            verify=False,
        )

    def headers(self, who: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.streaming.tokens[who]}"}


class Events:
    """Server-sent events, read in a thread."""

    def __init__(self, server: Server, who: str, after: int | None = None) -> None:
        self.came: queue.Queue[tuple[str, int, dict]] = queue.Queue()
        self.last, self.log = after, server.streaming.folder / "server.log"
        headers = server.headers(who)
        if after is not None:
            headers["last-event-id"] = str(after)
        self.opened = threading.Event()
        self.thread = threading.Thread(target=self._read, args=(server.url, headers), daemon=True)
        self.thread.start()
        assert self.opened.wait(20)

    def _read(self, url: str, headers: dict[str, str]) -> None:
        kind, number = "", 0
        try:
            with httpx.stream(
                "GET",
                f"{url}/sensorthings/{SLUG}/events",
                headers=headers,
                timeout=60,
                verify=False,
            ) as answer:
                assert answer.status_code == 200
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "id":
                        number = int(value)
                        self.last = number
                        self.opened.set()
                    elif name == "data":
                        self.came.put((kind, number, json.loads(value)))
        except httpx.HTTPError:
            return

    def results(self, count: int) -> list[float]:
        found: list[float] = []
        while len(found) < count:
            try:
                kind, number, document = self.came.get(timeout=90)
            except queue.Empty:
                pytest.fail(f"nothing came after {found}; the server said:\n{self.log.read_text()}")
            assert kind == "observations"
            assert document["to"] == number
            found += [one["result"] for one in document["observations"]]
        return found


class Receiver:
    """A webhook that keeps what it is sent, while its ``status`` is 200."""

    def __init__(self) -> None:
        self.status, self.secret = 200, ""
        self.came: list[dict] = []
        self.refused = 0
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if kept.status == 200:
                    kept.check(self.headers, body)
                    kept.came.append(json.loads(body))
                else:
                    kept.refused += 1
                self.send_response(kept.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def check(self, headers, body: bytes) -> None:
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signature = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{signature}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    @property
    def results(self) -> list[float]:
        return [one["result"] for call in self.came for one in call["data"]["observations"]]

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    streaming = found(tmp_path_factory.mktemp("following"))
    agree(streaming)
    served = Server(streaming)
    yield served
    served.end(signal.SIGTERM)


def publish(server: Server, results: range, place: int = 0) -> None:
    client = Client(server.mqtt, server.streaming.tokens["provider"], "device")
    sent = [
        client.send(
            server.streaming.topic(place),
            {"result": n, "phenomenonTime": (T0 + timedelta(hours=n)).isoformat()},
        )
        for n in results
    ]
    until(lambda: set(sent) <= client.acknowledged)
    client.end()


def subscription(server: Server) -> dict:
    """The only webhook of the reader."""
    return server.ask("GET", "subscriptions", "reader").json()["subscriptions"][0]


def test_a_stranger_is_told_nothing(server: Server) -> None:
    for who in (None, "stranger"):
        assert server.ask("GET", "events", who).status_code in {401, 403, 404}
        said = server.ask("POST", "subscriptions", who, json={"url": "http://127.0.0.1:9/x"})
        assert said.status_code in {401, 403, 404}
    assert server.ask("GET", "subscriptions", None).status_code == 401


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "url"),
        ({"url": "ftp://x"}, "url"),
        ({"url": "http://127.0.0.1:9/", "after": -1}, "after"),
        ({"url": "http://127.0.0.1:9/", "after": 10**9}, "after"),
        ({"url": "http://127.0.0.1:9/", "colour": 1}, "colour"),
    ],
)
def test_a_subscription_that_is_wrong_is_refused(server: Server, sent: dict, field: str) -> None:
    said = server.ask("POST", "subscriptions", "reader", json=sent)
    assert said.status_code == 400
    assert field in said.text


PARTIAL = policy(
    {
        "leftOperand": "quanyu:columns",
        "operator": "isAnyOf",
        "rightOperand": ["datastream", "phenomenon_time", "result"],
    },
    {
        "leftOperand": "quanyu:rows",
        "operator": "isPartOf",
        "rightOperand": "result < 50 AND thing <> 'station 1'",
    },
)


def test_who_is_given_a_part_is_told_no_more_of_it_in_any_way(server: Server) -> None:
    """Hidden fields, rows and things are in no event, call or message; all ends with the
    agreement."""
    agree(server.streaming, "partial", PARTIAL)
    receiver, token = Receiver(), server.streaming.tokens["partial"]
    made = server.ask("POST", "subscriptions", "partial", json={"url": receiver.url}).json()
    receiver.secret = made["secret"]
    events = Events(server, "partial")
    follower = Client(server.mqtt, token, "partial")
    granted: list[object] = []
    follower.client.on_subscribe = lambda _c, _d, _m, codes, _p: granted.extend(codes)
    follower.client.subscribe([(server.streaming.topic(place), 1) for place in range(2)])
    until(lambda: len(granted) == 2)

    device = Client(server.mqtt, server.streaming.tokens["provider"], "device of secrets")
    sent = []
    for place, result in ((0, 70), (1, 5), (0, "HIDDEN"), (0, 7), (1, 60), (0, 8)):
        at = (T0 + timedelta(days=len(sent) + 1)).isoformat()
        document = {"result": result, "phenomenonTime": at, "resultQuality": "HIDDEN"}
        sent.append(device.send(server.streaming.topic(place), document))
        until(lambda: set(sent) <= device.acknowledged)
    assert events.results(2) == [7, 8]
    until(lambda: receiver.results == [7, 8])
    until(lambda: len(follower.came) == 2)
    told = json.dumps([receiver.came, follower.came])
    assert [document["result"] for _, document in follower.came] == [7, 8]
    for hidden in ("HIDDEN", "resultQuality", "FeatureOfInterest", "station", "Thing"):
        assert hidden not in told
    # A datastream that is hidden is not told apart from one that is not there.
    for one in (server.streaming.ids[1], "none"):
        body = {"url": receiver.url, "datastream": one}
        assert server.ask("POST", "subscriptions", "partial", json=body).status_code == 404
        assert server.ask("GET", f"events?datastream={one}", "partial").status_code == 404

    stop_agreement(server.streaming, "partial")
    time.sleep(1)
    publish(server, range(30, 32))
    kind, _, _ = events.came.get(timeout=90)
    assert kind == "end"
    until(
        lambda: (
            server.ask("GET", "subscriptions", "partial").json()["subscriptions"][0]["state"]
            == "ended"
        )
    )
    assert receiver.results == [7, 8]
    assert len(follower.came) == 2
    assert server.ask("GET", "events", "partial").status_code in {401, 403}
    for one in (follower, device):
        one.end()
    receiver.stop()


def test_all_ways_tell_all_over_a_kill_and_end_with_the_agreement(server: Server) -> None:
    receiver = Receiver()
    made = server.ask("POST", "subscriptions", "reader", json={"url": receiver.url}).json()
    receiver.secret = made["secret"]
    events = Events(server, "reader")
    token = server.streaming.tokens["reader"]
    follower = Client(server.mqtt, token, "follower", clean=False)
    granted: list[object] = []
    follower.client.on_subscribe = lambda _c, _d, _m, codes, _p: granted.extend(codes)
    follower.client.subscribe(server.streaming.topic(), 1)
    until(lambda: granted)
    assert not granted[0].is_failure

    # Messages that are sent at once may be taken in in any order; they are told in that order.
    publish(server, range(1, 6))
    publish(server, range(100, 102), place=1)
    assert sorted(events.results(7)) == [1, 2, 3, 4, 5, 100, 101]
    until(lambda: len(receiver.results) == 7)
    assert sorted(receiver.results) == [1, 2, 3, 4, 5, 100, 101]
    # The topic is of one datastream; each message has its number.
    until(lambda: len(follower.came) == 5)
    assert sorted(document["result"] for _, document in follower.came) == [1, 2, 3, 4, 5]
    numbers = [document["quanyu:number"] for _, document in follower.came]
    assert numbers == sorted(set(numbers))
    # Each call says between which numbers it tells, so that a gap could be seen.
    calls = [one["data"] for one in receiver.came]
    assert all(one["after"] < one["to"] for one in calls)
    assert all(one["to"] <= two["after"] for one, two in pairwise(calls))

    receiver.status = 500
    last = events.last
    follower.client.disconnect()
    follower.client.loop_stop()
    publish(server, range(6, 9))
    until(lambda: subscription(server)["state"] == "waiting")
    assert receiver.refused > 0
    server.end(signal.SIGKILL)
    server.start()
    publish(server, range(9, 11))
    events = Events(server, "reader", last)
    assert sorted(events.results(5)) == [6, 7, 8, 9, 10]
    back = Client(server.mqtt, token, "follower", clean=False)
    until(lambda: len(back.came) >= 5)
    assert sorted(document["result"] for _, document in back.came) == [6, 7, 8, 9, 10]
    state = subscription(server)
    assert (state["state"], state["status"]) == ("waiting", 500)
    assert "secret" not in state
    receiver.status = 200
    other = server.ask("POST", f"subscriptions/{made['id']}/resume", "provider")
    assert other.status_code == 404
    server.ask("POST", f"subscriptions/{made['id']}/resume", "reader")
    until(lambda: len(receiver.results) == 12)
    assert sorted(receiver.results[7:]) == [6, 7, 8, 9, 10]

    stop_agreement(server.streaming)
    time.sleep(1)
    publish(server, range(20, 23))
    kind, _, document = events.came.get(timeout=90)
    assert kind == "end"
    assert document["reason"]
    until(
        lambda: (
            server.ask("GET", "subscriptions", "reader").json()["subscriptions"][0]["state"]
            == "ended"
        )
    )
    assert len(receiver.results) == 12
    assert len(back.came) == 5
    assert server.ask("DELETE", f"subscriptions/{made['id']}", "reader").status_code == 204
    assert server.ask("GET", "subscriptions", "reader").json() == {"subscriptions": []}
    back.end()
    receiver.stop()


def test_what_is_paused_while_it_is_told_stays_so(any_store: ControlStore) -> None:
    draft = SubscriptionDraft(
        way=Way.WEBHOOK, party=PartyId("pty_1"), slug="s", address="https://x.invalid/", cursor=1
    )
    with any_store.begin() as session:
        one = subscribe(session, draft)
        put_off(session, one.id, until=now(), attempts=1, problem="status", status=500)
        failing = subscription_of(session, one.id)
        assert (failing.state, failing.failing_at is not None) == ("waiting", True)
        assert pause(session, one.id).state == "paused"
        put_off(session, one.id, until=now(), attempts=2, problem="status")
        heard(session, one.id, 5)
    with any_store.begin() as session:
        paused = subscription_of(session, one.id)
        assert (paused.state, paused.cursor, paused.failing_at) == ("paused", 5, None)
        assert due_webhooks(session, 9, 10) == []
        assert resume(session, one.id).state == "active"
        assert [each.id for each in due_webhooks(session, 9, 10)] == [one.id]
