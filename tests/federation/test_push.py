"""Transfers that are pushed: through the gate to the consumer's address, once, and to no other."""

import asyncio
import hashlib
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from dsp_schemas import check
from kit_play import CONTEXT
from sqlalchemy import text, update
from test_two_nodes import (
    Desk,
    approve_both,
    begin,
    by_hand,
    get,
    other_end,
    wait_for,
)
from town import policy, term
from two_nodes import Nodes, client

from quanyu import app as composition
from quanyu.agreements import create_offer, resume, suspend
from quanyu.federation import (
    PUSH,
    Here,
    Move,
    ProcessKind,
    Received,
    State,
    Told,
    forget_files,
    move_transfer,
    peer,
    push_due,
    pushing,
    transfer_data,
)
from quanyu.federation.push_address import read_address
from quanyu.federation.tables import MessageRow, PushRow
from quanyu.kernel import Conflict, Invalid, Outbound, Refused, now, send_file
from quanyu.market import meter_log, period_of, usage
from quanyu.parties import Role, Scope, add_member, caller_of, issue_token
from quanyu.web import answer_into, create_app

_NEG, _TRF = ProcessKind.NEGOTIATION, ProcessKind.TRANSFER
HTTP = "https://w3id.org/idsa/v4.1/HTTP"


class Sink:
    """Any connector's address of data: keeps what is posted, and answers as it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.wait = threading.Event()
        self.wait.set()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                sink.wait.wait(30)
                sink.taken.append((dict(self.headers), body))
                self.send_response(sink.answers.pop(0) if sink.answers else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/in?for=me"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def desks(nodes: Nodes) -> Iterator[dict[str, Desk]]:
    made = {
        "first": Desk(nodes, nodes.provider, "first"),
        "second": Desk(nodes, nodes.provider, "second"),
        "consumer": Desk(nodes, nodes.consumer, "first"),
    }
    yield made
    for desk in made.values():
        desk.control.close()


@pytest.fixture(scope="module")
def agreed(desks: dict[str, Desk]) -> tuple[str, str]:
    """A finalized negotiation at the consumer, and the agreement's id."""
    first, consumer = desks["first"], desks["consumer"]
    made = first.do(
        create_offer,
        first.caller,
        "trees",
        policy(term("quanyu:columns", "isNoneOf", ["height"]), term("count", "lteq", 1000)),
    )
    begun = begin(consumer, made.id)
    pid = other_end(consumer, _NEG, begun.id)
    first.until(_NEG, pid, State.REQUESTED)
    approve_both(desks, pid)
    done = consumer.until(_NEG, begun.id, State.FINALIZED)
    return begun.id, done.process.agreement


def uses(desk: Desk, name: str) -> list[str]:
    """Uses recorded for pushes of a transfer."""
    with desk.control.read() as session:
        rows = session.execute(
            text("SELECT body FROM outbox WHERE kind = 'transfer.pushed' AND subject = :name"),
            {"name": name},
        ).all()
    return [json.loads(body)["use"] for (body,) in rows]


def test_a_file_comes_to_the_consumer_s_node(
    nodes: Nodes, desks: dict[str, Desk], agreed: tuple[str, str]
) -> None:
    consumer, first = desks["consumer"], desks["first"]
    moved = consumer.do(transfer_data, consumer.here, consumer.caller, agreed[0], form=PUSH)
    done = consumer.until(_TRF, moved.id, State.COMPLETED)
    for one in done.messages:
        check(one.body)
    # Neither node shows the token of the address.
    assert done.messages[0].body["dataAddress"]["endpointProperties"][0]["value"] == ""
    pid = other_end(consumer, _TRF, moved.id)
    there = first.thread(_TRF, pid)
    assert there.messages[0].digest == done.messages[0].digest
    assert there.messages[0].body["dataAddress"]["endpointProperties"][0]["value"] == ""

    path = f"/transfers/{moved.id}/data"
    with client(nodes.consumer.url, nodes.consumer.tokens["first"]) as member:
        answer = member.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/geo+json"
        said = member.get(f"/transfers/{moved.id}?f=json").json()["file"]
        assert said["sha256"] == hashlib.sha256(answer.content).hexdigest()
        assert (
            "Download"
            in member.get(
                f"/transfers/{moved.id}", headers={"accept": "text/html", "accept-language": "en"}
            ).text
        )
    rows = answer.json()["features"]
    assert len(rows) == 60
    assert all("height" not in one["properties"] for one in rows)
    # It was one use, with a receipt, and it is metered under the agreement.
    (use,) = uses(first, pid)

    def receipt() -> bool:
        url = f"{nodes.provider.url}/log/receipts/{use}"
        return get(url, nodes.provider.tokens["first"]).status_code == 200

    wait_for(receipt)
    with consumer.control.read() as session:
        kinds = session.scalars(
            text("SELECT kind FROM outbox WHERE subject = :name ORDER BY number"),
            {"name": moved.id},
        ).all()
    assert "transfer.received" in kinds
    for who, status in (("stranger", 404), (None, 401)):
        token = nodes.consumer.tokens[who] if who else None
        with client(nodes.consumer.url, token) as other:
            assert other.get(path).status_code == status
    assert not list(first.here.folder.glob("*.use_*"))


def request_by_hand(nodes: Nodes, agreement: str, address: Any) -> httpx.Response:
    with client(nodes.provider.url, by_hand(nodes)) as hand:
        return hand.post(
            "/dsp/transfers/request",
            json={
                "@context": CONTEXT,
                "@type": "TransferRequestMessage",
                "consumerPid": f"urn:uuid:{uuid.uuid4()}",
                "agreementId": agreement,
                "format": PUSH,
                "callbackAddress": nodes.here(nodes.consumer).address,
                **({"dataAddress": address} if address is not None else {}),
            },
        )


def an_address(url: str, **properties: str) -> dict[str, Any]:
    return {
        "@type": "DataAddress",
        "endpointType": HTTP,
        "endpoint": url,
        "endpointProperties": [
            {"@type": "EndpointProperty", "name": name, "value": value}
            for name, value in properties.items()
        ],
    }


class Crash(BaseException):
    """A process that ends: nobody handles it."""


@pytest.fixture
def read_here(nodes: Nodes) -> Iterator[Callable[..., Told]]:
    """The provider's faces, asked in this process."""
    node = composition.open_node(nodes.provider.settings)
    app = create_app(node)

    def read(path: str, headers: Mapping[str, str], file: Path, _: Callable[[], None]) -> Told:
        return asyncio.run(answer_into(app, path, headers, file))

    yield read
    composition.close_node(node)


def test_a_push_that_crashes_anywhere_is_one_use(
    *,
    nodes: Nodes,
    desks: dict[str, Desk],
    agreed: tuple[str, str],
    sink: Sink,
    read_here: Callable[..., Told],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process dies at each step of a push in turn; its use is in evidence and metered once."""
    first, town = desks["first"], nodes.provider
    log = composition.open_log(town.settings)
    period = period_of(now(), town.settings.time_zone)

    def metered() -> int:
        meter_log(first.control, log, town.settings.time_zone)
        with first.control.read() as session:
            return usage(session, agreed[1], period)[0].uses

    def owed() -> list[tuple[str, int | None]]:
        with first.control.read() as session:
            query = "SELECT leaf, position FROM outbox WHERE kind = 'used' ORDER BY number"
            return [(leaf, position) for leaf, position in session.execute(text(query))]

    wait_for(lambda: all(position is not None for _, position in owed()))
    metered_before, owed_before = metered(), len(owed())
    # The served node does not push before the consumer was told, and then not before tomorrow.
    pid = request_by_hand(nodes, agreed[1], an_address(sink.url)).json()["providerPid"]
    first.until(_TRF, pid, State.STARTED)
    late = now() + timedelta(days=1)
    with first.control.begin() as session:
        session.get_one(PushRow, pid).due_at = late
        sent = {"sent_at": now(), "due_at": None, "secret": None}
        mine = MessageRow.process == pid
        session.execute(update(MessageRow).where(mine, MessageRow.outgoing).values(sent))

    def push(*crash: Any) -> None:
        """Push once, in another hour; after ``crash``, a name in a module, the process dies."""
        nonlocal late
        late += timedelta(hours=1)
        with monkeypatch.context() as patch:
            patch.setattr(pushing, "now", lambda: late)
            read = read_here
            if crash == ("read",):
                read = dies_after(read)
            elif crash:
                patch.setattr(pushing, crash[0], dies_after(getattr(pushing, crash[0])))
            if crash:
                with pytest.raises(Crash):
                    push_due(first.control, first.here, read)
            else:
                assert push_due(first.control, first.here, read) == 1

    def kept() -> list[Path]:
        return list(first.here.folder.glob(f"{pid}*"))

    for point in ("read", "keep_file", "owe_use"):
        push(point)
        assert not sink.taken
        assert len(owed()) == owed_before
    assert len(kept()) == 2  # of the crashes after a file was whole
    for file in kept():
        os.utime(file, (0, 0))
    assert forget_files(first.control, first.here) >= 2
    push("_note")
    (file,) = kept()
    os.utime(file, (0, 0))
    forget_files(first.control, first.here)
    assert kept() == [file]  # what is in evidence is kept until it was sent
    push("_send")
    push()
    (use,) = uses(first, pid)
    assert [leaf for leaf, _ in owed()[owed_before:]] == [use]
    assert not kept()
    # It came twice, as the same use: whoever takes it knows it by its content.
    assert len(sink.taken) == 2
    assert len({body for _, body in sink.taken}) == 1
    assert json.loads(sink.taken[0][1])["quanyu:use"] == use
    wait_for(lambda: all(position is not None for _, position in owed()))
    assert metered() == metered_before + 1
    log.close()
    url = f"{town.url}/log/receipts/{use}"
    assert get(url, town.tokens["first"]).status_code == 200


def dies_after(work: Callable[..., Any]) -> Callable[..., Any]:
    def dying(*given: Any, **more: Any) -> Any:
        work(*given, **more)
        raise Crash

    return dying


@pytest.fixture(scope="module")
def told(nodes: Nodes, desks: dict[str, Desk]) -> Iterator[None]:
    """The consumer's node takes messages of transfers that were asked for by hand: none of them is
    its own, so that it answers 404 and the provider tries again; here they count as received."""
    control = nodes.provider.control()
    ended = threading.Event()

    def deliver() -> None:
        while not ended.wait(0.1):
            with control.begin() as session:
                session.execute(
                    text(
                        "UPDATE federation_message SET sent_at = at, due_at = NULL, secret = NULL"
                        " WHERE outgoing AND sent_at IS NULL AND attempts > 0 AND process IN"
                        " (SELECT id FROM federation_process WHERE kind = 'transfer'"
                        " AND their_pid LIKE 'urn:uuid:%')"
                    )
                )

    thread = threading.Thread(target=deliver)
    thread.start()
    yield
    ended.set()
    thread.join()
    control.close()


def test_what_is_not_taken_is_sent_again_as_the_same_use(
    nodes: Nodes, desks: dict[str, Desk], agreed: tuple[str, str], sink: Sink, told: None
) -> None:
    first = desks["first"]
    sink.answers = [503, 302]
    address = an_address(sink.url, authorization="abc", authType="bearer", form="csv")
    answer = request_by_hand(nodes, agreed[1], address)
    assert answer.status_code == 201, answer.text
    pid = answer.json()["providerPid"]
    first.until(_TRF, pid, State.COMPLETED)
    assert len(sink.taken) == 3
    bodies = {body for _, body in sink.taken}
    assert len(bodies) == 1
    assert b"height" not in bodies.pop().splitlines()[0]
    headers = {name.lower(): value for name, value in sink.taken[0][0].items()}
    assert headers["authorization"] == "Bearer abc"
    assert headers["content-type"] == "text/csv"
    assert len(uses(first, pid)) == 1


def test_a_pause_holds_a_push_back(
    nodes: Nodes, desks: dict[str, Desk], agreed: tuple[str, str], sink: Sink, told: None
) -> None:
    first = desks["first"]
    first.do(suspend, first.caller, agreed[1], reason="to look into it")
    refused = request_by_hand(nodes, agreed[1], an_address(sink.url))
    assert refused.status_code == 400
    first.do(resume, first.caller, agreed[1])
    sink.answers = [503] * 20
    pid = request_by_hand(nodes, agreed[1], an_address(sink.url)).json()["providerPid"]
    wait_for(lambda: first.thread(_TRF, pid).waiting.code == "push" and bool(sink.taken))
    first.do(move_transfer, first.here, first.caller, pid, Move.SUSPEND, "a pause")
    count = len(sink.taken)
    sink.answers = []
    threading.Event().wait(2.5)
    assert len(sink.taken) <= count + 1
    assert first.thread(_TRF, pid).process.state is State.SUSPENDED
    first.do(move_transfer, first.here, first.caller, pid, Move.START)
    first.until(_TRF, pid, State.COMPLETED)
    # Ended for good: nothing goes out any more, and what was kept is gone.
    sink.answers = [503] * 20
    pid = request_by_hand(nodes, agreed[1], an_address(sink.url)).json()["providerPid"]
    wait_for(lambda: first.thread(_TRF, pid).waiting.params.get("why") is not None)
    first.do(move_transfer, first.here, first.caller, pid, Move.TERMINATE, "enough")
    count = len(sink.taken)
    threading.Event().wait(2.5)
    assert len(sink.taken) <= count + 1


@pytest.mark.parametrize(
    ("address", "field"),
    [
        (None, "dataAddress"),
        ("http://x.example", "dataAddress"),
        (an_address("ftp://x.example/a"), "endpoint"),
        (an_address("http://user:word@x.example/a"), "endpoint"),
        (an_address(""), "endpoint"),
        ({**an_address("http://x.example/"), "endpointType": "urn:s3"}, "endpointType"),
        (an_address("http://x.example/", form="exe"), "form"),
        (an_address("http://x.example/", authorization="a\r\nb: c"), "endpointProperties"),
    ],
)
def test_a_bad_address_is_refused(
    nodes: Nodes, agreed: tuple[str, str], address: Any, field: str
) -> None:
    answer = request_by_hand(nodes, agreed[1], address)
    assert answer.status_code == 400, answer.text
    check(answer.json())
    assert field in answer.json()["reason"][0]


def test_nobody_else_pushes_to_this_node(
    nodes: Nodes, desks: dict[str, Desk], agreed: tuple[str, str]
) -> None:
    consumer, first = desks["consumer"], desks["first"]
    moved = consumer.do(transfer_data, consumer.here, consumer.caller, agreed[0], form=PUSH)
    url = f"/dsp/transfers/{moved.id}/data"
    other = consumer.do(transfer_data, consumer.here, consumer.caller, agreed[0])
    with client(nodes.consumer.url, None) as anybody:
        assert anybody.post(url, content=b"{}").status_code == 401
    for token in ("wrong", nodes.consumer.tokens["first"], nodes.consumer.tokens["stranger"]):
        with client(nodes.consumer.url, token) as one:
            assert one.post(url, content=b"{}").status_code == 404
            assert one.post(f"/dsp/transfers/{other.id}/data", content=b"{}").status_code == 404
            assert one.post("/dsp/transfers/trf_x/data", content=b"{}").status_code == 404
    consumer.until(_TRF, moved.id, State.COMPLETED)
    assert not list(consumer.here.folder.glob("*.part"))
    with pytest.raises(Invalid):
        consumer.do(transfer_data, consumer.here, consumer.caller, agreed[0], form=PUSH, file="exe")
    pid = other_end(consumer, _TRF, other.id)
    first.until(_TRF, pid, State.STARTED)
    first.do(move_transfer, first.here, first.caller, pid, Move.TERMINATE, "the test is over")
    with pytest.raises((Conflict, Invalid)):
        first.do(move_transfer, first.here, first.caller, pid, Move.START)


def test_the_gate_refuses_a_push_as_it_refuses_a_reader(
    nodes: Nodes, desks: dict[str, Desk], sink: Sink, told: None
) -> None:
    first = desks["first"]
    made = first.do(create_offer, first.caller, "trees", policy(actions=("display",)))
    consumer = desks["consumer"]
    begun = begin(consumer, made.id)
    pid = other_end(consumer, _NEG, begun.id)
    first.until(_NEG, pid, State.REQUESTED)
    approve_both(desks, pid)
    done = consumer.until(_NEG, begun.id, State.FINALIZED)
    answer = request_by_hand(nodes, done.process.agreement, an_address(sink.url))
    ended = first.until(_TRF, answer.json()["providerPid"], State.TERMINATED)
    assert "policy.deny" in ended.messages[-1].body["reason"][0]
    assert not sink.taken


def test_only_the_named_connector_is_answered(nodes: Nodes, desks: dict[str, Desk]) -> None:
    first, consumer = desks["first"], desks["consumer"]
    named = term("quanyu:connector", "eq", "consumer.test")
    made = first.do(create_offer, first.caller, "trees", policy(named))
    begun = begin(consumer, made.id)
    pid = other_end(consumer, _NEG, begun.id)
    first.until(_NEG, pid, State.REQUESTED)
    approve_both(desks, pid)
    name = consumer.until(_NEG, begun.id, State.FINALIZED).process.agreement
    moved = consumer.do(transfer_data, consumer.here, consumer.caller, begun.id, form=PUSH)
    consumer.until(_TRF, moved.id, State.COMPLETED)
    path = "/ogc/features/collections/trees/items?limit=1"
    with client(nodes.provider.url, by_hand(nodes)) as peer_:
        assert peer_.get(path, headers={"quanyu-agreement": name}).status_code == 200
    # Another member of the peer's party, who is not its connector.
    with first.control.begin() as session:
        of_party = peer(session, "consumer.test").party
        member = add_member(
            session,
            of_party,
            login=f"clerk-{uuid.uuid4().hex[:8]}",
            name="clerk",
            password=None,
            roles=[Role.CONSUMER],
        )
        _, token = issue_token(
            session,
            caller_of(session, member.id),
            name="tests",
            scopes=[Scope.READ],
            expires_at=now() + timedelta(days=1),
        )
    with client(nodes.provider.url, token) as clerk:
        refused = clerk.get(path, headers={"quanyu-agreement": name})
    assert refused.status_code == 403
    assert refused.json()["rule"] == f"{name}#permission.1.constraint.1"
    with client(nodes.provider.url, nodes.provider.tokens["first"]) as member_:
        why = member_.get(
            f"/agreements/{name}/why", headers={"accept": "text/html", "accept-language": "en"}
        ).text
    assert "only through the connector consumer.test" in why


def test_private_networks_are_pushed_to_only_where_that_is_set(tmp_path: Path, sink: Sink) -> None:
    here = Here("here", "http://here.example", b"k" * 32)
    file = tmp_path / "data"
    file.write_bytes(b"x")
    for host in ("127.0.0.1", "[::1]", "10.1.2.3", "localhost", "169.254.169.254"):
        url = f"http://{host}/x"
        message = Received(_TRF, Move.REQUEST, {"dataAddress": an_address(url)}, "")
        with pytest.raises(Refused) as refused:
            read_address(here, message)
        assert refused.value.rule == "fetch.private"
        # A name may lead there as well: it is looked at when it is used.
        with pytest.raises(Refused):
            send_file(url, Outbound(), file, headers={})
    assert not sink.taken
