"""Webhooks: signed as Standard Webhooks has it, at least once, nobody held up by another."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import update

from quanyu.kernel import Conflict, ControlStore, Invalid, NotFound, Refused, Settings, now
from quanyu.parties import (
    Role,
    add_webhook,
    deliver_webhooks,
    node_secret,
    notify,
    remove_webhook,
    renew_webhook,
    replay_delivery,
    try_webhook,
    webhooks,
)
from quanyu.parties.notices import signed
from quanyu.parties.notices.tables import WebhookDeliveryRow

KEY = b"k" * 32


@pytest.fixture
def any_store(store: ControlStore) -> ControlStore:
    """One database is enough here: what the databases do differently is tested elsewhere."""
    return store


class Receiver:
    """Keeps what it is sent; answers ``status``."""

    def __init__(self) -> None:
        self.status = 200
        self.calls: list[tuple[dict[str, str], bytes]] = []
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                kept.calls.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(kept.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook?key=hidden"

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    both = [Receiver(), Receiver()]
    yield both
    for one in both:
        one.stop()


@pytest.fixture
def settings(tmp_path) -> Settings:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "secret.key").write_bytes(KEY)
    return Settings(dir=tmp_path, allow_private_urls=True)


def add(town, url, topics=()):
    with town.store.begin() as session:
        return add_webhook(
            session, None, town.department, url=url, topics=topics, key=KEY, allow_private=True
        )


def tell(town, topic="review"):
    with town.store.begin() as session:
        return notify(
            session,
            to=town.department,
            topic=topic,
            message="{count} notices",
            params={"count": 3},
            link="/review",
        )


def deliveries(town, hook):
    with town.store.read() as session:
        return next(
            sent for one, sent in webhooks(session, None, town.department) if one.id == hook.id
        )


def make_due(town) -> None:
    with town.store.begin() as session:
        session.execute(
            update(WebhookDeliveryRow)
            .where(WebhookDeliveryRow.due_at.is_not(None))
            .values(due_at=now() - timedelta(seconds=1))
        )


def test_signed_as_the_standards_own_example() -> None:
    """The example of the Standard Webhooks specification's reference libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_notice_arrives_signed(town, receivers, settings) -> None:
    town.add("a1", Role.REVIEWER)
    hook, secret = add(town, receivers[0].url)
    notice = tell(town)
    assert deliver_webhooks(town.store, settings) == 1
    assert deliver_webhooks(town.store, settings) == 0
    ((headers, body),) = receivers[0].calls
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    proof = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{proof}"
    document = json.loads(body)
    assert document["type"] == "notice.review"
    assert document["data"]["id"] == notice
    assert document["data"]["text"] == {"zh": "3 条通知", "en": "3 notices"}
    assert [one.state for one in deliveries(town, hook)] == ["delivered"]


def test_only_topics_that_are_wanted(town, receivers, settings) -> None:
    add(town, receivers[0].url, ["harvest"])
    tell(town, "review")
    tell(town, "harvest")
    assert deliver_webhooks(town.store, settings) == 1


def test_retried_with_the_same_id_then_given_up_then_replayed(town, receivers, settings) -> None:
    hook, _ = add(town, receivers[0].url)
    tell(town)
    receivers[0].status = 500
    for _ in range(8):
        make_due(town)
        assert deliver_webhooks(town.store, settings) == 0
    (one,) = deliveries(town, hook)
    assert (one.state, one.status, one.attempts) == ("dead", 500, 8)
    make_due(town)
    assert deliver_webhooks(town.store, settings) == 0
    receivers[0].status = 204
    with town.store.begin() as session:
        replay_delivery(session, None, one.id)
    assert deliver_webhooks(town.store, settings) == 1
    assert {headers["webhook-id"] for headers, _ in receivers[0].calls} == {one.id}
    assert deliveries(town, hook)[0].state == "delivered"


def test_one_that_fails_does_not_hold_up_another(town, receivers, settings) -> None:
    bad, _ = add(town, "http://127.0.0.1:1/nobody")
    good, _ = add(town, receivers[1].url)
    for _ in range(3):
        tell(town)
    assert deliver_webhooks(town.store, settings) == 3
    states = [one.state for one in deliveries(town, bad)]
    assert states == ["waiting"] * 3
    assert sum(one.attempts for one in deliveries(town, bad)) == 1  # the others wait with it
    assert [one.state for one in deliveries(town, good)] == ["delivered"] * 3


def test_gone_is_not_tried_again(town, receivers, settings) -> None:
    hook, _ = add(town, receivers[0].url)
    receivers[0].status = 410
    tell(town)
    deliver_webhooks(town.store, settings)
    assert deliveries(town, hook)[0].state == "dead"


def test_a_test_and_another_secret(town, receivers, settings) -> None:
    hook, first = add(town, receivers[0].url)
    with town.store.begin() as session:
        second = renew_webhook(session, None, hook.id, KEY)
        try_webhook(session, None, hook.id)
    assert first != second
    assert deliver_webhooks(town.store, settings) == 1
    ((headers, body),) = receivers[0].calls
    assert json.loads(body)["type"] == "test"
    good = signed(second, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert good["webhook-signature"] == headers["webhook-signature"]
    with town.store.begin() as session:
        remove_webhook(session, None, hook.id)
        assert webhooks(session, None, town.department) == []


def test_private_networks_are_not_called(town, receivers, tmp_path) -> None:
    hook, _ = add(town, receivers[0].url)
    tell(town)
    assert deliver_webhooks(town.store, Settings(dir=tmp_path)) == 0
    assert receivers[0].calls == []
    assert deliveries(town, hook)[0].problem == "refused"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.org/",
        "ftp://example.org",
        "https://",
        "javascript:alert(1)",
        "https://example.org/#x",
        "https://[::1",
        "x" * 3000,
        "https://a\nb",
    ],
)
def test_urls_that_are_not_called(town, url) -> None:
    with town.store.begin() as session, pytest.raises(Invalid):
        add_webhook(session, None, town.department, url=url, topics=(), key=KEY)


def test_only_who_administers_the_party(town) -> None:
    stranger = town.caller(town.add("stranger", Role.STEWARD, party=town.node).id)
    member = town.caller(town.add("member", Role.SUPPLIER).id)
    hook, _ = add(town, "https://example.org/hook")
    with town.store.begin() as session:
        for work in (
            lambda: webhooks(session, member, town.department),
            lambda: try_webhook(session, member, hook.id),
            lambda: renew_webhook(session, member, hook.id, KEY),
            lambda: remove_webhook(session, member, hook.id),
            lambda: add_webhook(
                session, member, town.department, url="https://a.example", topics=(), key=KEY
            ),
        ):
            with pytest.raises(Refused):
                work()
        assert webhooks(session, stranger, town.department)  # the node's steward may
        with pytest.raises(NotFound):
            try_webhook(session, None, "whk_none")
        with pytest.raises(Invalid):
            add_webhook(
                session, None, town.department, url="https://a.example", topics=["x"], key=KEY
            )


def test_not_without_end(town) -> None:
    for _ in range(20):
        add(town, "https://example.org/hook")
    with pytest.raises(Conflict):
        add(town, "https://example.org/hook")


def test_the_nodes_secret_is_made_once(tmp_path) -> None:
    first = node_secret(tmp_path / "keys")
    assert len(first) == 32
    assert node_secret(tmp_path / "keys") == first
    assert (tmp_path / "keys" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert len(list((tmp_path / "keys").iterdir())) == 1
