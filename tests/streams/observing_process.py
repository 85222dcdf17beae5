"""Load for the kill test: takes in observations, moves them, says each that is kept as it heard.

Arguments: folder, number of this process, limit of the size of files in bytes (0 for none).
"""

import asyncio
import os
import resource
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from quanyu.kernel import ControlStore, QuanyuError
from quanyu.streams import Observation, Observations, move, observation_schema

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def say(what: str) -> None:
    os.write(1, f"{what}\n".encode())


async def singles(store: Observations, mine: int, begin: int) -> None:
    for second in range(begin, begin + 10**6):
        one = Observation(datastream=mine, start=T0 + timedelta(seconds=second), number=second)
        await store.record(one)
        say(f"{mine} {second}")


def batches(store: Observations, mine: int, begin: int) -> None:
    moment = observation_schema().field("start").type
    for first in range(begin, begin + 10**8, 200):
        seconds = range(first, first + 200)
        store.append(
            pa.table(
                {
                    "datastream": pa.array([mine + 100] * 200),
                    "start": pa.array([T0 + timedelta(seconds=s) for s in seconds], moment),
                    "number": pa.array(map(float, seconds)),
                }
            )
        )
        say("\n".join(f"{mine + 100} {second}" for second in seconds))


def moving(store: Observations) -> None:
    while True:
        try:
            move(store, piece=500)
        except QuanyuError as error:  # two at once: one of them gives way
            say(f"problem {error}")
        time.sleep(0.02)


def main() -> None:
    folder, mine, most = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if most:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    begin = time.monotonic_ns() // 10**9 * 10**4
    control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    store = Observations(control, folder, str(folder / "tables"), threads=1)
    say(f"pid {os.getpid()}")
    threading.Thread(target=moving, args=(store,), daemon=True).start()
    threading.Thread(target=batches, args=(store, mine, begin), daemon=True).start()
    asyncio.run(singles(store, mine, begin))


try:
    main()
except QuanyuError as error:
    say(f"refused {error}")
    os._exit(3)
