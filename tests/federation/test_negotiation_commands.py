"""Two nodes that deal with each other by the command line alone."""

import gc
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from town import policy
from two_nodes import Nodes
from typer.testing import CliRunner

from quanyu.agreements import create_offer
from quanyu.cli import assemble
from quanyu.kernel import QuanyuError

# A command's connections end with its process, which here goes on.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

Run = Callable[..., str]
_NAME = "another.test"


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="module")
def ours(nodes: Nodes) -> Run:
    return running(nodes.consumer.folder)


@pytest.fixture(scope="module")
def theirs(nodes: Nodes) -> Run:
    return running(nodes.provider.folder)


def running(folder: Path) -> Run:
    """Commands of a node; the text that they print, after their exit code was looked at."""

    def run(*arguments: str, expect: int = 0) -> str:
        done = CliRunner().invoke(assemble(arguments[0]), [*arguments, "--dir", str(folder)])
        code, said = done.exit_code, done.output
        if isinstance(done.exception, QuanyuError):  # as the entry point says it
            code, said = 2, f"quanyu: {done.exception}"
        assert code == expect, (arguments, said, done.exception)
        return said

    return run


def until(run: Run, kind: str, name: str, state: str) -> dict[str, str]:
    """The row of a process once it is in a state and waits for no delivery."""
    for _ in range(900):
        rows = json.loads(run(kind, "list", "--as", "first", "--json"))
        row = next((one for one in rows if one["id"] == name), None)
        if row and row["state"] == state and "on its way" not in row["waits for"]:
            return dict(row)
        time.sleep(0.1)
    raise AssertionError(rows)


@pytest.fixture(scope="module")
def offered(nodes: Nodes) -> tuple[str, str]:
    """A dataset of the provider and a new offer on it."""
    control = nodes.provider.control()
    with control.begin() as session:
        made = create_offer(session, nodes.provider.callers["first"], "trees", policy())
    control.close()
    return str(made.resource), str(made.id)


def test_peers_are_added_listed_and_removed(ours: Run) -> None:
    added = ours("peers", "add", _NAME, "https://another.example/dsp", "--zh", "另一城")
    assert "qy_" in added
    assert "peer" in ours("peers", "add", _NAME, "https://x.example", "--en", "x", expect=2)
    ours("peers", "token", _NAME, "--theirs", "what they gave us")
    rows = json.loads(ours("peers", "list", "--json"))
    assert _NAME in str(rows)
    assert "what they gave us" not in str(rows)
    assert "qy_" in ours("peers", "token", _NAME)
    ours("peers", "remove", _NAME)
    assert _NAME not in ours("peers", "list")
    assert "no peer" in ours("negotiate", "catalog", "nobody.test", expect=2)


def test_it_is_negotiated_and_read_by_commands(
    ours: Run, theirs: Run, offered: tuple[str, str], tmp_path: Path
) -> None:
    dataset, offer = offered
    listed = ours("negotiate", "catalog", "provider.test")
    assert offer in listed
    assert {
        one["@id"] for one in json.loads(ours("negotiate", "catalog", "provider.test", "--json"))
    }
    asked = ("negotiate", "ask", "provider.test", dataset, "--offer", offer)
    refused = ours(*asked[:4], "--offer", "off_x", "--as", "first", expect=2)
    assert refused.startswith("quanyu: offer:")
    mine = ours(*asked, "--statement", "Bus stops", "--as", "first").strip().splitlines()[-1]
    until(ours, "negotiate", mine, "REQUESTED")
    shown = json.loads(ours("negotiate", "show", mine, "--as", "first"))
    their = shown["process"]["their_pid"]
    until(theirs, "negotiate", their, "REQUESTED")

    terms = tmp_path / "terms.json"
    terms.write_text('{"permission": [{"action": "read"}, {"action": "reproduce"}]}')
    theirs("negotiate", "counter", their, str(terms), "--as", "first")
    until(ours, "negotiate", mine, "OFFERED")
    ours("negotiate", "accept", mine, "--as", "first")
    until(theirs, "negotiate", their, "ACCEPTED")
    theirs("negotiate", "approve", their, "--as", "first")
    assert "approved this already" in theirs(
        "negotiate", "approve", their, "--as", "first", expect=2
    )
    theirs("negotiate", "approve", their, "--as", "second")
    until(ours, "negotiate", mine, "FINALIZED")
    assert "verify" in ours("negotiate", "verify", mine, "--as", "first", expect=2)

    moved = ours("transfer", "ask", mine, "--as", "first").strip().splitlines()[-1]
    until(ours, "transfer", moved, "STARTED")
    read = json.loads(ours("transfer", "read", moved, "--query", "limit=7", "--as", "first"))
    assert len(read["features"]) == 7
    ours("transfer", "move", moved, "suspend", "--as", "first", expect=2)
    ours("transfer", "move", moved, "suspend", "--reason", "a pause", "--as", "first")
    assert "gives no data now" in ours("transfer", "read", moved, "--as", "first", expect=2)
    until(ours, "transfer", moved, "SUSPENDED")
    ours("transfer", "move", moved, "terminate", "--reason", "enough", "--as", "first")
    until(ours, "transfer", moved, "TERMINATED")

    pushed = ("transfer", "ask", mine, "--push", "--file", "csv", "--as", "first")
    name = ours(*pushed).strip().splitlines()[-1]
    until(ours, "transfer", name, "COMPLETED")
    rows = ours("transfer", "read", name, "--as", "first").strip().splitlines()
    assert len(rows) == 61
    assert "forms" not in ours("transfer", "ask", mine, "--push", "--file", "exe", expect=2)
    state = json.loads(ours("transfer", "show", name, "--as", "first"))["process"]["state"]
    assert state == "COMPLETED"


def test_a_negotiation_is_ended_by_command(
    ours: Run, theirs: Run, offered: tuple[str, str]
) -> None:
    dataset, offer = offered
    asked = ("negotiate", "ask", "provider.test", dataset, "--offer", offer, "--as", "first")
    mine = ours(*asked).strip().splitlines()[-1]
    ours("negotiate", "again", mine, "--as", "first")
    until(ours, "negotiate", mine, "REQUESTED")
    ours("negotiate", "end", mine, "--reason", "not needed", "--as", "first")
    assert "the test" not in ours("negotiate", "show", mine, "--as", "stranger", expect=2)
    until(ours, "negotiate", mine, "TERMINATED")
    assert "not needed" in ours("negotiate", "show", mine, "--as", "first")
