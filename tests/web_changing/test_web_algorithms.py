"""Algorithms sent to the data: who may, what they see, what they cannot, and the release."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from town import Town, grid, term, visible

from quanyu.compute import isolation_here
from quanyu.kernel import blind

ARROW = "application/vnd.apache.arrow.file"
_WAIT_S = 60.0
pytestmark = pytest.mark.skipif(not isolation_here().whole, reason="bubblewrap or seccomp missing")

BY_LEVELS = """
import pyarrow.compute as pc

def run(data, least):
    shown = data.filter(pc.greater_equal(data["levels"], least))
    found = shown.group_by("levels").aggregate([([], "count_all")])
    found = found.rename_columns(["levels", "n"]).sort_by("levels")
    return {"groups": found, "total": shown.num_rows, "seen": ",".join(data.column_names)}
"""
GROUPS: dict[str, Any] = {
    "groups": {
        "schema": {
            "type": "array",
            "items": {"properties": {"levels": {"type": "integer"}, "n": {"type": "integer"}}},
        },
        "x-quanyu-groups": {"by": ["levels"], "count": "n"},
    },
    "total": {"schema": {"type": "integer"}},
    "seen": {"schema": {"type": "string", "maxLength": 200}},
}
TEXT: dict[str, Any] = {"said": {"schema": {"type": "string", "maxLength": 200}}}


def package(name: str, code: str, outputs: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    data = {"schema": {"type": "string", "contentMediaType": ARROW}}
    return {
        "processDescription": {
            "id": name,
            "title": f"Test {name}",
            "version": "1.0.0",
            "inputs": {"data": data, **inputs},
            "outputs": outputs,
        },
        "executionUnit": {"mediaType": "text/x-python", "value": code},
    }


def by_levels() -> dict[str, Any]:
    least = {"schema": {"type": "integer", "minimum": 0, "default": 1}}
    return package("by-levels", BY_LEVELS, GROUPS, least=least)


@pytest.fixture(scope="module")
def signed(town: Town) -> Iterator[str]:
    """An agreement that permits algorithms and nothing else."""
    made = town.agree(
        "buildings",
        "stranger",
        term("purpose", "eq", "research"),
        term("quanyu:columns", "isNoneOf", ["phone", "owner"]),
        term("quanyu:rows", "isPartOf", "levels <= 6"),
        term("quanyu:outputGroup", "gteq", 12),
        actions=["quanyu:compute"],
    )
    yield made
    town.end(made, "provider")


def over(client: httpx.Client, run: str) -> dict[str, Any]:
    until = time.monotonic() + _WAIT_S
    while time.monotonic() < until:
        found: dict[str, Any] = client.get(f"/runs/{run}?f=json").json()
        if found["status"] not in {"accepted", "running"}:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{run} is not over")


def ran(client: httpx.Client, document: dict[str, Any], **said: Any) -> dict[str, Any]:
    sent = client.post("/algorithms", json=document)
    assert sent.status_code == 201, sent.text
    asked = {"collection": "buildings", "purpose": "research", **said}
    begun = client.post(f"/algorithms/{sent.json()['id']}/runs", json=asked)
    assert begun.status_code == 201, begun.text
    return over(client, begun.json()["id"])


@pytest.mark.usefixtures("signed")
def test_outputs_wait_for_the_provider_and_leave_receipts(
    town: Town, stranger: httpx.Client, provider: httpx.Client, consumer: httpx.Client
) -> None:
    run = ran(stranger, by_levels(), inputs={"least": 2})
    assert run["status"] == "waiting", run
    assert (run["outputs"], run["findings"], run["rows"]) == ({}, [], None)
    assert run["smallestGroup"] == 12
    where = f"/runs/{run['id']}"
    assert stranger.get(f"{where}/outputs/groups").status_code == 404
    release = {"decision": "release", "reasons": "sums only"}
    assert stranger.post(f"{where}/decision", json=release).status_code == 403
    assert consumer.get(f"{where}?f=json").status_code == 404
    assert consumer.post(f"{where}/decision", json=release).status_code == 404
    with town.client() as nobody:
        assert nobody.get(f"{where}?f=json").status_code == 401

    desk = provider.get("/desk/supplier?f=json")
    assert run["id"] in [one["id"] for one in desk.json()["supplier"]["runs"]], desk.text
    seen = provider.get(f"{where}?f=json").json()
    findings = {one["output"]: one for one in seen["findings"]}
    assert findings["groups"]["how"] == "counted"
    assert seen["package"]["executionUnit"]["value"] == BY_LEVELS
    assert provider.get(f"{where}/outputs/groups").status_code == 200
    refused = provider.post(f"{where}/decision", json={"decision": "refuse", "reasons": " "})
    assert (refused.status_code, refused.json()["field"]) == (400, "reasons")
    assert provider.post(f"{where}/decision", json=release).json()["status"] == "released"
    assert provider.post(f"{where}/decision", json=release).status_code == 409

    expected = [sum(1 for n, _, _ in grid(300, 20) if 1 + n % 12 == level) for level in range(2, 7)]
    groups = stranger.get(f"{where}/outputs/groups").json()
    assert groups == [{"levels": n + 2, "n": count} for n, count in enumerate(expected)]
    seen_columns = stranger.get(f"{where}/outputs/seen").json().split(",")
    assert {"name", "levels"} <= set(seen_columns)
    assert not {"owner", "phone"} & set(seen_columns)
    told = stranger.get(f"{where}?f=json").json()
    assert told["reasons"] == "sums only"
    for receipt in (told["use"], told["receipts"]["run"], told["receipts"]["decision"]):
        assert receiving(stranger, receipt)
    leaf = orjson.loads(stranger.get(f"/log/receipts/{told['receipts']['run']}").json()["leaf"])
    assert run["salt"] is None  # who has the salt could try which total it is before its release
    digest = told["outputs"]["total"]["sha256"]
    assert leaf["results"]["total"] == blind(digest, told["salt"])
    assert digest not in str(leaf)
    assert leaf["algorithm"] == told["algorithm"]


def receiving(client: httpx.Client, name: str) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if client.get(f"/log/receipts/{name}").status_code == 200:
            return True
        time.sleep(0.3)
    return False


@pytest.mark.usefixtures("signed")
def test_a_refusal_deletes_what_waited(stranger: httpx.Client, provider: httpx.Client) -> None:
    run = ran(stranger, by_levels())
    where = f"/runs/{run['id']}"
    said = {"decision": "refuse", "reasons": "too fine"}
    assert provider.post(f"{where}/decision", json=said).json()["status"] == "refused"
    told = stranger.get(f"{where}?f=json").json()
    assert (told["status"], told["reasons"], told["outputs"]) == ("refused", "too fine", {})
    assert provider.get(f"{where}/outputs/groups").status_code == 404


def test_the_agreement_decides(
    stranger: httpx.Client, consumer: httpx.Client, signed: str, town: Town
) -> None:
    assert stranger.get("/ogc/features/collections/buildings/items").status_code == 403
    stranger.post("/algorithms", json=by_levels())
    unsaid = stranger.post("/algorithms/by-levels/runs", json={"collection": "buildings"})
    assert (unsaid.status_code, unsaid.json()["field"]) == (403, "purpose")
    other = {"collection": "secrets", "purpose": "research"}
    assert stranger.post("/algorithms/by-levels/runs", json=other).status_code == 403
    assert consumer.get("/algorithms/by-levels").status_code == 404
    assert signed
    # The town's agreement is for any use; its rows and columns hold here as anywhere.
    run = ran(consumer, by_levels(), purpose="", agreement=town.agreement)
    assert run["status"] == "waiting"
    nobody = town.client()
    assert nobody.post("/algorithms", json=by_levels()).status_code == 401
    assert nobody.get("/runs").status_code == 401
    nobody.close()


def test_an_agreement_may_release_what_is_checked(town: Town, consumer: httpx.Client) -> None:
    made = town.agree(
        "buildings",
        "consumer",
        term("quanyu:release", "eq", "checked"),
        term("spatial", "isPartOf", {"type": "Polygon", "coordinates": [_RING]}),
        actions=["quanyu:compute"],
    )
    run = ran(consumer, by_levels(), purpose="", agreement=made, inputs={"least": 1})
    assert run["status"] == "released", run
    total = consumer.get(f"/runs/{run['id']}/outputs/total").json()
    assert total == sum(1 for _, x, _ in grid(300, 20) if x < 24.94)
    assert any(visible(number, x) for number, x, _ in grid(300, 20))
    town.end(made, "provider")
    assert consumer.get(f"/runs/{run['id']}/outputs/total").status_code == 403


_RING = [[24.9, 60.1], [24.94, 60.1], [24.94, 60.2], [24.9, 60.2], [24.9, 60.1]]


@pytest.mark.usefixtures("signed")
def test_small_groups_are_refused_before_anybody_sees_them(
    stranger: httpx.Client, provider: httpx.Client
) -> None:
    small = BY_LEVELS.replace("shown = ", "data = data.slice(0, 40)\n    shown = ")
    run = ran(stranger, package("small", small, GROUPS, least={"schema": {"default": 1}}))
    assert (run["status"], run["problem"]["rule"]) == ("failed", "compute.group")
    assert provider.get(f"/runs/{run['id']}?f=json").json()["outputs"] == {}
    lies = "def run(data):\n    return {'rows': [{'name': 'House 1', 'n': 99}]}"
    table = {
        "rows": {
            "schema": {
                "type": "array",
                "items": {"properties": {"name": {"type": "string"}, "n": {"type": "integer"}}},
            },
            "x-quanyu-groups": {"by": ["name"], "count": "n"},
        }
    }
    lying = ran(stranger, package("lies", lies, table))
    assert lying["problem"]["rule"] == "compute.group"
    plain = dict(table["rows"])
    plain.pop("x-quanyu-groups")
    rows = "data.select(['name']).append_column('n', data['levels'])"
    code = f"def run(data):\n    return {{'rows': {rows}}}"
    dumped = ran(stranger, package("dumped", code, {"rows": plain}))
    assert dumped["problem"]["rule"] == "compute.group"


ATTACKS = {
    "reads the machine's files": "said = open('/etc/passwd').read()",
    "reads the node's files": "said = str(os.listdir({folder!r}))",
    "opens a socket": "socket.create_connection(('127.0.0.1', {port})); said = 'in'",
    "makes a socket": "socket.socketpair(); said = 'in'",
    "forks": "said = str(os.fork())",
    "starts a program": "subprocess.run(['/usr/bin/id'], check=True); said = 'in'",
    "fills the disk": "[open(f'/tmp/{{n}}', 'wb').write(bytes(1 << 22)) for n in range(99)]; "
    "said = 'in'",
    "writes elsewhere": "open('/order/x', 'w').write('x'); said = 'in'",
    "takes all memory": "said = str(len(bytes(64 << 30)))",
    "traces": "said = str(ctypes.CDLL(None).ptrace(16, 1, 0, 0)); assert said == '0'",
    "leaves its name space": "assert ctypes.CDLL(None).unshare(0x10000000) == 0; said = 'in'",
}


@pytest.mark.usefixtures("signed")
def test_what_an_algorithm_tries_it_cannot(
    town: Town, stranger: httpx.Client, provider: httpx.Client
) -> None:
    port = town.url.rpartition(":")[2]
    lines = ["import ctypes, os, socket, subprocess", "def run(data):", "    got = []"]
    for name, body in ATTACKS.items():
        tried = body.format(folder=str(town.folder), port=port)
        lines += ["    try:", f"        {tried}", f"        got.append({name!r})"]
        lines += ["    except (Exception, MemoryError):", "        pass"]
    lines += ["    return {'said': ' and '.join(got)[:200]}"]
    run = ran(stranger, package("attacks", "\n".join(lines), TEXT))
    assert run["status"] == "waiting", run
    assert provider.get(f"/runs/{run['id']}/outputs/said").json() == ""


@pytest.mark.usefixtures("signed")
def test_nothing_leaves_by_other_ways(
    town: Town, stranger: httpx.Client, provider: httpx.Client
) -> None:
    secret = "House 17"
    others = {
        "raises": "raise ValueError(data['name'].to_pylist())",
        "exits": "import os; os._exit(data['levels'][3].as_py())",
        "undeclared": "return {'said': 'x', 'more': data['name'].to_pylist()[0]}",
        "long": "return {'said': 'x' * 201}",
        "huge": "return {'said': 'x' * (2 << 20)}",
        "shape": "return {'said': data['name'].to_pylist()}",
    }
    problems = {}
    for name, body in others.items():
        run = ran(stranger, package(name, f"def run(data):\n    {body}", TEXT))
        assert run["status"] == "failed", (name, run)
        assert "House" not in str(run["problem"])
        problems[name] = run["problem"]["detail"]
    assert problems["raises"] == problems["exits"]
    printing = "import sys\n    print(data.to_pydict(), file=sys.stderr); print(data.to_pydict())"
    code = f"def run(data):\n    {printing}\n    return {{'said': ''}}"
    quiet = ran(stranger, package("prints", code, TEXT))
    assert quiet["status"] == "waiting"
    assert secret not in (town.folder / "server.log").read_text()


def test_packages_that_are_wrong_are_named(stranger: httpx.Client) -> None:
    good = by_levels()
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("executionUnit", {**good, "executionUnit": {"mediaType": "docker", "value": "x"}}),
        ("executionUnit.value", package("x1", "def run(:", TEXT)),
        ("executionUnit.value", package("x1", "pass", TEXT)),
        ("processDescription.id", package("../x", "def run(): pass", TEXT)),
        ("processDescription.outputs", package("x1", "def run(): pass", {})),
        (
            "processDescription.outputs.said.schema",
            package("x1", "def run(): pass", {"said": {"schema": {"type": "string"}}}),
        ),
        (
            "processDescription.inputs.least.schema",
            package("x1", "def run(): pass", TEXT, least={"schema": {"$ref": "http://x/y"}}),
        ),
        ("more", {**good, "more": 1}),
    ]
    for field, document in wrong:
        answer = stranger.post("/algorithms", json=document)
        assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text
    run = {"collection": "buildings", "inputs": {"least": "many"}}
    stranger.post("/algorithms", json=good)
    answer = stranger.post("/algorithms/by-levels/runs", json=run)
    assert (answer.status_code, answer.json()["field"]) == (400, "inputs.least")


def test_versions_are_kept_by_digest_and_a_supplier_drafts_an_entry(
    provider: httpx.Client,
) -> None:
    first = provider.post("/algorithms", json=by_levels()).json()
    again = provider.post("/algorithms", json=by_levels()).json()
    assert again["sha256"] == first["sha256"]
    changed = package("by-levels", BY_LEVELS + "\n", GROUPS, least={"schema": {"default": 1}})
    second = provider.post("/algorithms", json=changed).json()
    assert second["sha256"] != first["sha256"]
    page = provider.get("/algorithms/by-levels?f=json").json()
    assert [one["sha256"] for one in page["versions"]] == [second["sha256"], first["sha256"]]
    assert page["resource"] == first["resource"] is not None
    old = {"collection": "buildings", "digest": first["sha256"]}
    run = over(provider, provider.post("/algorithms/by-levels/runs", json=old).json()["id"])
    # Its own data are released once checked.
    assert (run["algorithm"], run["status"]) == (first["sha256"], "released")
    assert provider.delete("/algorithms/by-levels").status_code == 204
    assert provider.get("/algorithms/by-levels").status_code == 404
