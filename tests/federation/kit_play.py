"""Plays what the public compatibility kit of the Dataspace Protocol does, against a real node.

Each scenario is a line of steps, from the kit's side:

``x``  send the message x and have it taken     ``!x``  send it and have it refused (4xx)
``<x`` wait for the node's message x            ``=S``  ask the node: its state is S
``initiate`` have the node begin as consumer by its hook
"""

import json
import queue
import re
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from dsp_schemas import check

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
WAIT = 60.0

CONTRACTS = {
    "ACN0101": "request <offer terminate =TERMINATED",
    "ACN0102": "request <offer request <terminate",
    "ACN0103": "request <offer accept <agreement verify <finalize",
    "ACN0104": "request <agreement verify <finalize",
    "ACN0201": "request <terminate",
    "ACN0202": "request terminate =TERMINATED",
    "ACN0203": "request <agreement terminate =TERMINATED",
    "ACN0204": "request <offer terminate =TERMINATED",
    "ACN0205": "request <offer <terminate",
    "ACN0206": "request <offer accept <terminate",
    "ACN0207": "request <agreement verify <terminate",
    "ACN0301": "request <agreement verify <finalize =FINALIZED !terminate",
    "ACN0302": "request <offer !verify",
    "ACN0303": "request <offer accept !verify",
    "ACN0304": "request <offer request !request",
    "ACNC0101": "initiate <request offer <accept agreement <verify finalize =FINALIZED",
    "ACNC0102": "initiate <request offer <request terminate =TERMINATED",
    "ACNC0103": "initiate <request offer <terminate =TERMINATED",
    "ACNC0104": "initiate <request agreement <verify finalize =FINALIZED",
    "ACNC0201": "initiate <request terminate =TERMINATED",
    "ACNC0202": "initiate <request <terminate =TERMINATED",
    "ACNC0203": "initiate <request agreement <terminate =TERMINATED",
    "ACNC0204": "initiate <request offer =OFFERED terminate =TERMINATED",
    "ACNC0205": "initiate <request offer <accept terminate =TERMINATED",
    "ACNC0206": "initiate <request agreement <verify terminate =TERMINATED",
    "ACNC0301": "initiate <request !finalize =REQUESTED",
    "ACNC0302": "initiate <request offer =OFFERED !agreement =OFFERED",
    "ACNC0303": "initiate <request offer !finalize =OFFERED",
    "ACNC0304": "initiate <request offer <accept !finalize =ACCEPTED",
    "ACNC0305": "initiate <request offer <accept !offer =ACCEPTED",
    "ACNC0306": "initiate <request offer <accept agreement !finalize =AGREED",
}
TRANSFERS = {
    "ATP0101": "request <start <terminate =TERMINATED",
    "ATP0102": "request <start <complete =COMPLETED",
    "ATP0103": "request <start <suspend <terminate =TERMINATED",
    "ATP0104": "request <start <suspend <start <complete =COMPLETED",
    "ATP0105": "request <terminate =TERMINATED",
    "ATP0201": "request <start =STARTED terminate =TERMINATED",
    "ATP0202": "request <start =STARTED complete =COMPLETED",
    "ATP0203": "request <start =STARTED suspend =SUSPENDED terminate =TERMINATED",
    # Switched off upstream; a node should bear it all the same.
    "ATP0204": "request <start suspend =SUSPENDED start =STARTED complete =COMPLETED",
    "ATP0205": "request =REQUESTED terminate =TERMINATED",
    "ATP0301": "request =REQUESTED !complete =REQUESTED",
    "ATP0302": "request =REQUESTED !suspend =REQUESTED",
    "ATP0303": "request <start suspend =SUSPENDED !complete =SUSPENDED",
    "ATP0304": "request <start terminate =TERMINATED !start =TERMINATED",
    "ATP0305": "request <start terminate =TERMINATED !suspend =TERMINATED",
    "ATP0306": "request <start terminate =TERMINATED !complete =TERMINATED",
    "ATPC0101": "initiate <request start =STARTED terminate =TERMINATED",
    "ATPC0102": "initiate <request start =STARTED complete =COMPLETED",
    "ATPC0103": "initiate <request start =STARTED suspend =SUSPENDED terminate =TERMINATED",
    "ATPC0104": (
        "initiate <request start =STARTED suspend =SUSPENDED start =STARTED complete =COMPLETED"
    ),
    "ATPC0105": "initiate <request terminate =TERMINATED",
    "ATPC0201": "initiate <request start <terminate =TERMINATED",
    "ATPC0202": "initiate <request start <complete =COMPLETED",
    "ATPC0203": "initiate <request start <suspend <terminate =TERMINATED",
    "ATPC0204": "initiate <request start <suspend <start <complete =COMPLETED",
    "ATPC0205": "initiate <request <terminate =TERMINATED",
    "ATPC0301": "initiate <request !complete =REQUESTED",
    "ATPC0302": "initiate <request !suspend =REQUESTED",
    "ATPC0303": "initiate <request start suspend =SUSPENDED !complete =SUSPENDED",
    "ATPC0304": "initiate <request start terminate =TERMINATED !start =TERMINATED",
    "ATPC0305": "initiate <request start terminate =TERMINATED !suspend =TERMINATED",
    "ATPC0306": "initiate <request start terminate =TERMINATED !complete =TERMINATED",
}

PATHS = {
    "negotiations": {
        "request": "request",
        "offer": "offers",
        "accept": "events",
        "finalize": "events",
        "agreement": "agreement",
        "verify": "agreement/verification",
        "terminate": "termination",
    },
    "transfers": {
        "request": "request",
        "start": "start",
        "suspend": "suspension",
        "complete": "completion",
        "terminate": "termination",
    },
}
TYPES = {
    "negotiations": {
        "request": "ContractRequestMessage",
        "offer": "ContractOfferMessage",
        "accept": "ContractNegotiationEventMessage",
        "finalize": "ContractNegotiationEventMessage",
        "agreement": "ContractAgreementMessage",
        "verify": "ContractAgreementVerificationMessage",
        "terminate": "ContractNegotiationTerminationMessage",
    },
    "transfers": {
        "request": "TransferRequestMessage",
        "start": "TransferStartMessage",
        "suspend": "TransferSuspensionMessage",
        "complete": "TransferCompletionMessage",
        "terminate": "TransferTerminationMessage",
    },
}
_PATH = re.compile(r"/(negotiations|transfers)/(?:([^/]+)/)?(.+?)/?")


class Post(ThreadingHTTPServer):
    """Where the node's messages arrive; sorted to the scenario that they belong to."""

    daemon_threads = True

    def __init__(self, port: int, token: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.token = token
        self.boxes: dict[str, queue.Queue[dict[str, Any]]] = {}
        self.states: dict[str, str] = {}
        self.address = f"http://127.0.0.1:{port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def box(self, name: str) -> "queue.Queue[dict[str, Any]]":
        return self.boxes.setdefault(name, queue.Queue())


class _Handler(BaseHTTPRequestHandler):
    server: Post

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        found = _PATH.fullmatch(self.path)
        status, answer = 404, {}
        if self.headers.get("authorization") != f"Bearer {self.server.token}":
            status = 401
        elif found is not None:
            kind, pid, last = found.groups()
            status, answer = self._taken(kind, pid, last, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _taken(
        self, kind: str, pid: str | None, last: str, body: dict[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        body["_path"] = last
        if pid is not None:
            self.server.box(pid).put(body)
            return 200, {}
        # The node begins as consumer: the scenario is known by what it asks for.
        name = body["agreementId"] if kind == "transfers" else body["offer"]["target"]
        own = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, kind + body['consumerPid'])}"
        body["_own"] = own
        self.server.box(name).put(body)
        said = "TransferProcess" if kind == "transfers" else "ContractNegotiation"
        return 201, {
            "@context": CONTEXT,
            "@type": said,
            "providerPid": own,
            "consumerPid": body["consumerPid"],
            "state": "REQUESTED",
        }

    def log_message(self, *_: object) -> None:
        """Nothing is written."""


class Scenario:
    """One scenario, played step by step."""

    def __init__(self, client: httpx.Client, post: Post, kind: str, name: str) -> None:
        self.client, self.post, self.kind, self.name = client, post, kind, name
        self.own = f"urn:uuid:{uuid.uuid4()}"
        self.theirs = ""
        self.consumes = "C0" not in name

    def play(self, steps: str) -> None:
        for step in steps.split():
            if step == "initiate":
                self._initiate()
            elif step[0] == "<":
                self._expect(step[1:])
            elif step[0] == "=":
                self._verify(step[1:])
            else:
                self._send(step.removeprefix("!"), refused=step[0] == "!")

    def _initiate(self) -> None:
        given = {
            "providerId": "TCK_PARTICIPANT",
            "connectorAddress": self.post.address,
            "datasetId": self.name,
            "offerId": f"CD123:{self.name}:456",
            "agreementId": self.name,
            "format": "HttpData-PULL",
        }
        answer = self.client.post(f"/tck/{self.kind}/requests", json=given)
        assert answer.status_code == 200, answer.text

    def _expect(self, move: str) -> None:
        first = move == "request" and not self.theirs
        box = self.post.box(self.name if first else self.own)
        try:
            body = box.get(timeout=WAIT)
        except queue.Empty:
            raise AssertionError(f"{self.name}: no {move} came") from None
        path = body.pop("_path")
        if first:
            self.own = body.pop("_own")
            self.theirs = body["consumerPid"]
            assert body["callbackAddress"].startswith("http")
        check(body)
        assert path == PATHS[self.kind][move], (self.name, move, body)
        assert body["@type"] == TYPES[self.kind][move], (self.name, move, body)
        if "eventType" in body:
            assert body["eventType"] == {"accept": "ACCEPTED", "finalize": "FINALIZED"}[move]

    def _verify(self, state: str) -> None:
        said = ""
        for _ in range(200):
            answer = self.client.get(f"/dsp/{self.kind}/{self.theirs}")
            assert answer.status_code == 200, answer.text
            check(answer.json())
            said = answer.json()["state"]
            if said == state:
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.name}: {said}, not {state}")

    def _send(self, move: str, *, refused: bool) -> None:
        body = self._body(move)
        path = f"/dsp/{self.kind}/{PATHS[self.kind][move]}"
        if self.theirs:
            path = f"/dsp/{self.kind}/{self.theirs}/{PATHS[self.kind][move]}"
        answer = self.client.post(path, json=body)
        if refused:
            assert 400 <= answer.status_code < 500, (self.name, move, answer.text)
            assert answer.status_code != 404
            check(answer.json())
            return
        assert answer.status_code == (200 if self.theirs else 201), (self.name, move, answer.text)
        check(answer.json())
        if not self.theirs:
            self.theirs = answer.json()["providerPid" if self.consumes else "consumerPid"]

    def _body(self, move: str) -> dict[str, Any]:
        mine, yours = (
            ("consumerPid", "providerPid") if self.consumes else ("providerPid", "consumerPid")
        )
        body: dict[str, Any] = {
            "@context": CONTEXT,
            "@id": str(uuid.uuid4()),
            "@type": TYPES[self.kind][move],
            mine: self.own,
        }
        if self.theirs:
            body[yours] = self.theirs
        if self.kind == "transfers":
            return body | self._transfer(move)
        policy = {"permission": [{"action": "use", "constraint": []}], "target": self.name}
        parties = {"assigner": "TCK_PARTICIPANT", "assignee": "CONNECTOR_UNDER_TEST"}
        if move in {"request", "offer"}:
            identifier = f"CD123:{self.name}:456"
            body["offer"] = {"@type": "Offer", "@id": identifier, **policy}
            if not self.theirs:
                body["callbackAddress"] = f"{self.post.address}/"
        elif move == "agreement":
            body["agreement"] = {
                "@type": "Agreement",
                "@id": str(uuid.uuid4()),
                "timestamp": "2026-01-01T00:00:00Z",
                **policy,
                **parties,
            }
        elif move in {"accept", "finalize"}:
            body["eventType"] = {"accept": "ACCEPTED", "finalize": "FINALIZED"}[move]
        elif move == "terminate":
            body["code"] = "1"
        return body

    def _transfer(self, move: str) -> dict[str, Any]:
        if move == "request":
            return {
                "agreementId": self.name,
                "format": "HttpData-PULL",
                "callbackAddress": self.post.address,
            }
        if move == "start" and not self.consumes:
            return {
                "dataAddress": {
                    "@type": "DataAddress",
                    "endpoint": "http://example.com",
                    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
                }
            }
        return {"code": "1"} if move in {"suspend", "terminate"} else {}
