"""Kills the servers of two nodes at random points while they negotiate, and looks what became.

A server is killed whole, the process that was started and all its workers at once, as by a loss of
power, and started again by its operator. Workers alone are not: granian takes workers that die
within 5.5 seconds for broken and ends their server.

``python tests/federation/kill_play.py KILLS [SEED]`` plays it alone, on two nodes of its own.
"""

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "federation"), str(TESTS / "web"), str(TESTS)]
# ruff: noqa: E402 — the path comes first

from sqlalchemy import text
from town import Town, kill_town, policy
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
LONGEST_LIFE = 8.0
"""Seconds that a server lives at most: some die before they carry messages, others amid it. Duties
of a process that was killed are taken over after five."""
PATIENCE = 400.0
"""Seconds in which something has to happen: messages to a dead node wait longer each time."""


@dataclass
class Played:
    """What was played: how many servers were killed, in how many states of the negotiations, and
    how many negotiations came to their end."""

    kills: int
    negotiations: int
    caught: dict[str, int]


class Killer(threading.Thread):
    """Kills one node's server again and again, at random, and starts it again."""

    def __init__(self, nodes: Nodes, town: Town, kills: int, seed: int) -> None:
        super().__init__()
        self.nodes, self.town, self.left = nodes, town, kills
        self.chance = random.Random(f"{seed} {town.folder.name}")
        self.killed = 0
        self.caught: Counter[str] = Counter()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while self.left:
                time.sleep(self.chance.uniform(0, LONGEST_LIFE))
                self.caught.update(_states(self.town))
                kill_town(self.town)
                self.killed += 1
                self.left -= 1
                self.nodes.started.append(serve(self.town))
        except Exception as error:  # noqa: BLE001 — told in the thread that waits for this one
            self.failure = error
            self.left = 0


def play(nodes: Nodes, kills: int, seed: int) -> Played:
    """Negotiate again and again, killing servers meanwhile, until enough were killed."""
    control = nodes.provider.control()
    with control.begin() as session:
        offer = create_offer(session, nodes.provider.callers["first"], "trees", policy())
        dataset = offer.resource
    control.close()
    begun = [_begin(nodes, offer.id, dataset) for _ in range(3)]
    ended = threading.Event()
    approver = threading.Thread(target=_approve_all, args=(nodes, offer.id, ended))
    share = kills // 2
    killers = [
        Killer(nodes, nodes.provider, kills - share, seed),
        Killer(nodes, nodes.consumer, share, seed),
    ]
    for one in (approver, *killers):
        one.start()
    seen, moved = (0, 0), time.monotonic()
    try:
        while any(one.left for one in killers) or _open(nodes, begun):
            time.sleep(0.2)
            still = _open(nodes, begun)
            # Something is always under way when a server dies.
            if any(one.left for one in killers) and len(still) < 3:
                begun.append(_begin(nodes, offer.id, dataset))
            now = (sum(one.killed for one in killers), len(begun) - len(still))
            if now != seen:
                seen, moved = now, time.monotonic()
            assert time.monotonic() - moved < PATIENCE, _told(nodes, begun)
    finally:
        for one in killers:
            one.left = min(one.left, 1)
            one.join()
        ended.set()
        approver.join()
    for one in killers:
        if one.failure is not None:
            raise one.failure
    _check(nodes, begun, offer.id)
    caught = killers[0].caught + killers[1].caught
    return Played(sum(one.killed for one in killers), len(begun), dict(caught))


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


def _states(town: Town) -> list[str]:
    """In which states, and with how many unsent messages, a node's negotiations are about to be
    cut off."""
    rows = _rows(
        town,
        "SELECT p.role, p.state, count(m.number) FROM federation_process p"
        " LEFT JOIN federation_message m ON m.process = p.id AND m.due_at IS NOT NULL"
        " WHERE p.kind = 'negotiation' AND p.state NOT IN ('FINALIZED', 'TERMINATED')"
        " GROUP BY p.id, p.role, p.state",
    )
    return [f"{role} {state}{', unsent' if unsent else ''}" for role, state, unsent in rows]


def _told(nodes: Nodes, names: list[str]) -> list[Any]:
    control = nodes.consumer.control()
    caller = nodes.consumer.callers["first"]
    with control.read() as session:
        found: list[Any] = [
            (name, thread(session, caller, _NEG, name).waiting) for name in _open(nodes, names)
        ]
    control.close()
    for town in (nodes.consumer, nodes.provider):
        found += _rows(
            town,
            "SELECT p.role, p.id, p.their_pid, p.state, p.act_at, p.approvals, m.move, m.outgoing,"
            " m.due_at, m.sent_at, m.attempts, m.problem FROM federation_process p"
            " LEFT JOIN federation_message m ON m.process = p.id"
            " WHERE p.kind = 'negotiation' AND p.state <> 'FINALIZED' ORDER BY m.number",
        )
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
    for state, times in sorted(done.caught.items()):
        sys.stdout.write(f"  cut off as {state}: {times}\n")


if __name__ == "__main__":
    main()
