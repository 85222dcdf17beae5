"""Load for the kill test: each line on standard input starts one more process that records uses.

Every process says its id, then each id of a use or leaf once it has been told that it is kept.
"""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from quanyu.evidence import Journal, Log, Sequencer, Use, sequencer
from quanyu.kernel import ControlStore, load_or_create_ed25519, new_id, now, owe


def say(what: str) -> None:
    os.write(1, f"{what}\n".encode())


async def use_up(journal: Journal) -> None:
    while True:
        use = Use(
            id=new_id("use"),
            at=now(),
            agreement="agr_1",
            party_commitment="",
            resource="res_1",
            version=1,
            face="features",
            purpose="",
            query_commitment="",
            restriction="",
            rows=1,
            bytes=1,
        )
        await journal.record(use)
        say(use.id)


def change(store: ControlStore) -> None:
    while True:
        with store.begin() as session:
            leaf = owe(session, "resource.published", "res_1", {})
        say(leaf)


async def work(folder: Path) -> None:
    store = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    journal = Journal(folder / "journal", "node")
    log = Log(folder / "log", "kill.example", [load_or_create_ed25519(folder / "key")])
    sequencing = Sequencer(store, journal.folder, log)
    threading.Thread(target=sequencing.run, args=(threading.Event(),), daemon=True).start()
    threading.Thread(target=change, args=(store,), daemon=True).start()
    say(f"pid {os.getpid()}")
    await asyncio.gather(*[use_up(journal) for _ in range(8)])


def main() -> None:
    sequencer.CHECKPOINT_SECONDS = 0.03
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    load_or_create_ed25519(Path(sys.argv[1]) / "key")
    for _line in sys.stdin:
        if os.fork() == 0:
            asyncio.run(work(Path(sys.argv[1])))


main()
