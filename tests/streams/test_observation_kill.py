"""kill -9 and a full disk in the middle of ingest: what was acknowledged is there exactly once."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from quanyu.kernel import ControlStore
from quanyu.streams import Observations, Selection, move

T0 = datetime(2026, 1, 1, tzinfo=UTC)


class Load:
    """One process that takes in and moves observations; what it was told is kept."""

    def __init__(self, folder: Path, number: int, most: int = 0) -> None:
        self.acknowledged: list[str] = []
        self.problems: list[str] = []
        self.started = threading.Event()
        program = Path(__file__).with_name("observing_process.py")
        self.process = subprocess.Popen(
            [sys.executable, program, folder, str(number), str(most)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("pid"):
                self.started.set()
            elif line[0].isdigit():
                self.acknowledged.append(line.strip())
            else:
                self.problems.append(line.strip())

    def end(self) -> list[str]:
        self.process.wait(60)
        self._reader.join(60)
        self.process.stdout.close()
        # The last line may have been cut by the kill.
        return [one for one in self.acknowledged if one.count(" ") == 1][:-1]

    def kill(self) -> list[str]:
        os.kill(self.process.pid, signal.SIGKILL)
        return self.end()


def found(folder: Path) -> Counter[str]:
    store = Observations(
        ControlStore(f"sqlite:///{folder / 'control.sqlite'}"), folder, str(folder / "tables")
    )
    try:
        answers = []
        for _ in range(2):  # as it was left, and after all is moved
            rows = store.select(Selection())
            assert store.count(Selection()) == len(rows)
            seconds = [round((start - T0).total_seconds()) for start in rows["start"].to_pylist()]
            assert seconds == rows["number"].to_pylist()
            answers.append(
                Counter(
                    f"{datastream} {second}"
                    for datastream, second in zip(
                        rows["datastream"].to_pylist(), seconds, strict=True
                    )
                )
            )
            while move(store, piece=1):
                pass
        assert answers[0] == answers[1]
        return answers[0]
    finally:
        store.close()


def test_what_was_acknowledged_is_there_once_after_kills(tmp_path: Path) -> None:
    told: list[str] = []
    chance = random.Random(20_261_127)
    loads = [Load(tmp_path, number) for number in range(2)]
    for number in range(2, 4):
        for load in loads:
            assert load.started.wait(60)
        time.sleep(chance.uniform(0.2, 0.6))
        told += loads.pop(0).kill()
        loads.append(Load(tmp_path, number))
    for load in loads:
        assert load.started.wait(60)
    time.sleep(0.3)
    for load in loads:
        told += load.kill()
    assert len(told) > 100
    kept = found(tmp_path)
    assert not [one for one in told if kept[one] != 1]
    assert max(kept.values()) == 1


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path) -> None:
    # The limit on files stands for a full disk: SQLite's write fails in the middle of a commit.
    load = Load(tmp_path, 1, most=1_500_000)
    told = load.end()
    assert load.process.returncode == 3
    assert any("cannot be kept now" in one for one in load.problems)
    assert len(told) > 20
    kept = found(tmp_path)
    assert not [one for one in told if kept[one] != 1]
    again = Load(tmp_path, 2)
    assert again.started.wait(60)
    time.sleep(0.3)
    more = again.kill()
    assert more
    kept = found(tmp_path)
    assert not [one for one in told + more if kept[one] != 1]
