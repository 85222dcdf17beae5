"""kill -9 in the middle of load: every use that was answered is in the log, exactly once."""

import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from quanyu.evidence import (
    Log,
    Sequencer,
    parse_checkpoint,
    verify_consistency,
    verify_log,
)
from quanyu.evidence.index import leaf_id
from quanyu.evidence.note import split_note
from quanyu.kernel import ControlStore, load_or_create_ed25519, migrate

ROUNDS = 4


class Load:
    """Processes under load, and what they were told is kept."""

    def __init__(self, folder: Path) -> None:
        self.acknowledged: list[str] = []
        self.started: queue.Queue[int] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("load_process.py"), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            if line.startswith("pid "):
                self.started.put(int(line[4:]))
            else:
                self.acknowledged.append(line.strip())

    def start(self) -> int:
        self._process.stdin.write("\n")
        return self.started.get(timeout=60)

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)
        self._reader.join(60)
        self._process.stdout.close()


def checkpoint(log: Log) -> tuple[int, bytes]:
    found = parse_checkpoint(split_note(log.checkpoint())[0])
    return found.size, found.root


def test_what_was_answered_is_in_the_log_once(tmp_path: Path) -> None:
    store = ControlStore(f"sqlite:///{tmp_path / 'control.sqlite'}")
    migrate(store)
    log = Log(tmp_path / "log", "kill.example", [load_or_create_ed25519(tmp_path / "key")])
    assert log.acquire()
    log.release()
    load = Load(tmp_path)
    seen = [checkpoint(log)]
    try:
        for _ in range(ROUNDS):
            pids = [load.start(), load.start()]
            time.sleep(random.uniform(0.1, 0.5))
            seen.append(checkpoint(log))
            os.kill(pids[0], signal.SIGKILL)
            size, deadline = log.size, time.monotonic() + 90
            while log.size <= size and time.monotonic() < deadline:
                time.sleep(0.01)  # the other takes over, or goes on
            assert log.size > size
            seen.append(checkpoint(log))
            time.sleep(random.uniform(0, 0.2))
            os.kill(pids[1], signal.SIGKILL)
    finally:
        load.end()
    sequencer = Sequencer(store, tmp_path / "journal", log)
    while sequencer.step(closing=True):
        pass
    seen.append(checkpoint(log))
    in_log = Counter(leaf_id(leaf) for leaf in log.leaves())
    assert len(load.acknowledged) > 100
    assert {in_log[name] for name in load.acknowledged} == {1}
    assert set(in_log.values()) == {1}
    size, root = seen[-1]
    for old, old_root in [each for each in seen if each[0]]:  # every tree begins with none
        verify_consistency(old, size, log.consistency(old, size), old_root, root)
    assert verify_log(log.folder, str(log.keys[0])).ok
    sequencer.close()
    log.close()
    store.close()
