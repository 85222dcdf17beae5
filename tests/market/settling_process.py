"""For the kill test: each line on standard input starts a process that meters and settles, and is
killed with signal 9 after so many milliseconds; an empty line lets it work to its end."""

import os
import signal
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from quanyu.evidence import Log
from quanyu.kernel import ControlStore, Ed25519Signer
from quanyu.market import meter_log, settle

ZONE = "Asia/Shanghai"


def work(database: str, folder: Path, period: str) -> None:
    store = ControlStore(database)
    signer = Ed25519Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    log = Log(folder / "log", "market.example", [signer])
    meter_log(store, log, ZONE)
    settle(store, period, ZONE, early=True)


def main() -> None:
    database, folder, period = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            work(database, folder, period)
            os._exit(0)
        if line.strip():
            time.sleep(float(line) / 1000)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


main()
