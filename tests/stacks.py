"""What servers that keep a test waiting are waiting for themselves."""

import os
import signal
import time
from pathlib import Path

_USR1 = 1 << (signal.SIGUSR1 - 1)
_LINES = 150


def stacks_of_servers() -> str:
    """The stacks of all threads of this process's servers, from the ends of their logs."""
    pids = [pid for pid in _below(os.getpid()) if _tells(pid)]
    for pid in pids:
        os.kill(pid, signal.SIGUSR1)
    time.sleep(1)
    return "\n".join(f"{pid}:\n{_log_end(pid)}" for pid in pids)


def _below(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for one in found:
        found.extend(children.get(one, []))
    return found[1:]


def _tells(pid: int) -> bool:
    """Whether a process shows its stacks when asked; any other would end."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & _USR1)


def _log_end(pid: int) -> str:
    try:
        lines = Path(f"/proc/{pid}/fd/2").resolve().read_text(errors="replace").splitlines()
    except OSError as error:
        return f"no log: {error}"
    return "\n".join(lines[-_LINES:])
