"""For the kill test: each line on standard input starts a process that judges and tells again and
again, and is killed with signal 9 after so many milliseconds; an empty line lets it work until
there is nothing more to do."""

import os
import signal
import sys
import time
from pathlib import Path

import jsonschema_rs  # noqa: F401 - loaded once, before the processes part
import pyarrow.compute  # noqa: F401

from quanyu.kernel import ControlStore
from quanyu.operations import Memory, escalate_due, judge_new, judging_wanted, observed
from quanyu.streams import Observations


def work(folder: Path, endless: bool) -> None:
    store = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    observations = Observations(store, folder, str(folder / "tables"), threads=1)
    source, memory = observed(store, observations), Memory()
    while True:
        judge_new(store, source, memory, "Asia/Shanghai", newest=observations.newest())
        told = escalate_due(store)
        if not told and not endless and not judging_wanted(store, memory, observations.newest()):
            return


def main() -> None:
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            work(folder, bool(line.strip()))
            os._exit(0)
        if line.strip():
            time.sleep(float(line) / 1000)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


main()
