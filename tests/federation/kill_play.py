"""Kills the workers of two nodes at random points while they negotiate, and looks what became.

``python tests/federation/kill_play.py KILLS [SEED]`` plays it alone, on two nodes of its own.
"""

import os
import random
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "web")]
# ruff: noqa: E402 — the path comes first

from sqlalchemy import text
from town import Town, policy
from two_nodes import Nodes, make_nodes, serve

from quanyu.agreements import create_offer
from quanyu.federation import (
    ProcessKind,
    State,
    approve_terms,
    negotiate,
    process_row,
    thread,
)
from quanyu.kernel import Conflict, Invalid, NotFound

_NEG = ProcessKind.NEGOTIATION
LIVED = 6.5
"""Seconds that a worker must have lived: granian ends a server whose workers die within 5.5."""


@dataclass
class Played:
    """What was played: how many kills, and how many negotiations came to their end."""

    kills: int
    negotiations: int


def workers_of(server: int) -> list[int]:
    """The processes that a server has started and that live."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == server and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found


def play(nodes: Nodes, kills: int, seed: int) -> Played:
    """Negotiate again and again, killing workers meanwhile, until enough were killed."""
    chance = random.Random(seed)
    control = nodes.provider.control()
    with control.begin() as session:
        offer = create_offer(session, nodes.provider.callers["first"], "trees", policy())
        dataset = offer.resource
    control.close()
    begun: list[str] = []
    killed = 0
    towns = (nodes.provider, nodes.consumer)
    last = {town.url: time.monotonic() for town in towns}
    ended = threading.Event()
    approver = threading.Thread(target=_approve_all, args=(nodes, offer.id, ended))
    approver.start()
    deadline = time.monotonic() + 60 + 20 * kills
    try:
        while killed < kills or _open(nodes, begun):
            assert time.monotonic() < deadline, _told(nodes, begun)
            # Something is always under way when a worker dies.
            if killed < kills and len(_open(nodes, begun)) < 3:
                begun.append(_begin(nodes, offer.id, dataset))
            time.sleep(chance.uniform(0.02, 0.6))
            for town in towns:
                since = time.monotonic() - last[town.url]
                living = workers_of(town.server)
                if not living and since > LIVED:
                    # It took its workers for broken and has ended: an operator starts it again.
                    nodes.started.append(serve(town))
                    last[town.url] = time.monotonic()
                elif killed < kills and since > LIVED + chance.uniform(0, 1):
                    for worker in living:
                        os.kill(worker, signal.SIGKILL)
                        killed += 1
                    last[town.url] = time.monotonic()
    finally:
        ended.set()
        approver.join()
    _check(nodes, begun, offer.id)
    return Played(killed, len(begun))


def _begin(nodes: Nodes, offer: str, dataset: str) -> str:
    control = nodes.consumer.control()
    with control.begin() as session:
        made = negotiate(
            session,
            nodes.here(nodes.consumer),
            nodes.consumer.callers["first"],
            "provider.test",
            dataset=dataset,
            offer=offer,
            terms={"permission": [{"action": "use"}]},
        )
    control.close()
    return made.id


def _approve_all(nodes: Nodes, offer: str, ended: threading.Event) -> None:
    """The provider's two members, who approve whatever waits for it."""
    control = nodes.provider.control()
    here = nodes.here(nodes.provider)
    while not ended.wait(0.1):
        with control.read() as session:
            rows = session.execute(
                text(
                    "SELECT id FROM federation_process WHERE kind = 'negotiation'"
                    " AND state = 'REQUESTED' AND role = 'provider' AND offer = :offer"
                ),
                {"offer": offer},
            ).all()
        for (name,) in rows:
            for login in ("first", "second"):
                try:
                    with control.begin() as session:
                        approve_terms(session, here, nodes.provider.callers[login], name)
                except (Conflict, Invalid, NotFound):
                    continue
    control.close()


def _open(nodes: Nodes, names: list[str]) -> list[str]:
    """Those negotiations that are not final yet at the consumer, or whose last word is not."""
    control = nodes.consumer.control()
    with control.read() as session:
        rows = [process_row(session, _NEG, name) for name in names]
        found = [row.id for row in rows if row.state != State.FINALIZED]
    control.close()
    return found


def _told(nodes: Nodes, names: list[str]) -> list[Any]:
    control = nodes.consumer.control()
    caller = nodes.consumer.callers["first"]
    with control.begin() as session:
        found = [thread(session, caller, _NEG, name).waiting for name in names]
    control.close()
    return found


def _rows(town: Town, question: str, **given: str) -> list[Any]:
    control = town.control()
    with control.read() as session:
        found = session.execute(text(question), given).all()
    control.close()
    return list(found)


def _check(nodes: Nodes, begun: list[str], offer: str) -> None:
    """Nothing lost: every negotiation is final on both nodes. Nothing doubled: one process, one
    agreement in force, one leaf for each step, and the same messages on both nodes."""
    theirs = dict(
        _rows(
            nodes.provider,
            "SELECT their_pid, id FROM federation_process WHERE offer = :offer",
            offer=offer,
        )
    )
    assert sorted(theirs) == sorted(begun)
    agreements = _rows(
        nodes.provider, "SELECT id, state FROM agreement WHERE offer = :offer", offer=offer
    )
    assert len(agreements) == len(begun)
    assert {state for _, state in agreements} == {"active"}
    for mine, other in theirs.items():
        said = []
        for town, name in ((nodes.consumer, mine), (nodes.provider, other)):
            messages = _rows(
                town,
                "SELECT move, digest, outgoing, sent_at FROM federation_message"
                " WHERE process = :name ORDER BY number",
                name=name,
            )
            moves = [move for move, *_ in messages]
            assert moves == ["request", "agree", "verify", "finalize"], moves
            said.append([digest for _, digest, *_ in messages])
            leaves = _rows(
                town,
                "SELECT kind FROM outbox WHERE subject = :name AND kind <> 'negotiation.approved'",
                name=name,
            )
            assert sorted(kind for (kind,) in leaves) == [
                "negotiation.agreed",
                "negotiation.finalized",
                "negotiation.requested",
                "negotiation.verified",
            ]
        assert said[0] == said[1]
    for name, _ in agreements:
        kinds = _rows(nodes.provider, "SELECT kind FROM outbox WHERE subject = :name", name=name)
        assert sorted(kind for (kind,) in kinds) == ["agreement.entered", "agreement.signed"]


def main() -> None:
    kills = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(prefix="quanyu-kill-") as folder:
        nodes = make_nodes(Path(folder))
        stops = [serve(nodes.provider), serve(nodes.consumer)]
        started = time.monotonic()
        try:
            done = play(nodes, kills, seed)
        finally:
            for stop in (*stops, *nodes.started):
                stop()
    took = time.monotonic() - started
    sys.stdout.write(
        f"{done.kills} kills in {done.negotiations} negotiations, {took:.0f} s: all is there once\n"
    )


if __name__ == "__main__":
    main()
