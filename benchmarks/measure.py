"""Drive a server with wrk and account what its processes cost."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk showed. CPU is in milliseconds per request, of all processes named."""

    rate: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_ms: float


def need(*commands: str) -> None:
    """End with a clear line when a program that the benchmark stands on is missing."""
    missing = [name for name in commands if shutil.which(name) is None]
    if missing:
        sys.exit(f"bench: missing {', '.join(missing)}; apt-get install {' '.join(missing)}")


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def tree(pid: int) -> set[int]:
    """``pid`` and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended between the listing and the reading
        children.setdefault(int(after[1]), []).append(int(entry.parent.name))
    found, todo = {pid}, [pid]
    while todo:
        for child in children.get(todo.pop(), ()):
            found.add(child)
            todo.append(child)
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system seconds that these processes have used, their ended children included."""
    total = 0
    for pid in pids:
        try:
            after = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(ticks) for ticks in after[11:15])
    return total / TICK


def resident_bytes(pids: Iterable[int]) -> int:
    """Proportional resident memory of these processes (shared pages counted once)."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        total += int(found.group(1)) * 1024 if found else 0
    return total


def drive(
    base: str,
    paths: list[str],
    pids: list[int],
    *,
    seconds: int,
    headers: dict[str, str] | None = None,
    connections: int = 8,
) -> Load:
    """Request ``paths`` in random order with ``wrk`` and return what it showed."""
    lines = ",\n".join(f'"{path}"' for path in paths)
    requesting = (
        f"local paths = {{{lines}}}\n"
        f"local headers = {lua_table(headers or {})}\n"
        "function request()\n"
        "  return wrk.format('GET', paths[math.random(#paths)], headers)\n"
        "end\n"
    )
    return drive_with(base, requesting, pids, seconds=seconds, connections=connections)


def lua_table(values: dict[str, str]) -> str:
    """A table of texts as Lua writes it."""
    return "{" + ", ".join(f'["{name}"]="{value}"' for name, value in values.items()) + "}"


def drive_with(
    base: str, requesting: str, pids: list[int], *, seconds: int, connections: int = 8
) -> Load:
    """Send what the function ``request`` of the Lua ``requesting`` makes with ``wrk``; ``seed``
    tells its threads apart. Returns what it showed."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "requests.lua"
        script.write_text(
            "local threads = 0\n"
            "function setup(thread) threads = threads + 1; thread:set('seed', threads) end\n"
            f"function init(args) math.randomseed(seed) end\n{requesting}"
        )
        before = cpu_seconds({pid for root in pids for pid in tree(root)})
        said = subprocess.run(
            ["wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{seconds}s",
             "--timeout", "150s", "--latency", "-s", str(script), base],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        used = cpu_seconds({pid for root in pids for pid in tree(root)}) - before
    requests = int(_find(r"(\d+) requests in", said))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    failed = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said
    )
    return Load(
        rate=float(_find(r"Requests/sec:\s+([\d.]+)", said)),
        p50_ms=_milliseconds(_find(r"^\s+50%\s+(\S+)", said)),
        p99_ms=_milliseconds(_find(r"^\s+99%\s+(\S+)", said)),
        errors=(int(bad.group(1)) if bad else 0)
        + (sum(int(n) for n in failed.groups()) if failed else 0),
        cpu_ms=1000 * used / max(requests, 1),
    )


def wait_ready(probe: str, *, seconds: float = 120) -> float:
    """Poll a URL until it answers 200; the seconds that took. Ends the run when it never does."""
    import httpx

    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        try:
            if httpx.get(probe, timeout=5).status_code == httpx.codes.OK:
                return time.perf_counter() - start
        except httpx.HTTPError:
            pass
        time.sleep(0.02)
    sys.exit(f"bench: {probe} did not answer in {seconds:.0f} s")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server that this benchmark started, with its children."""
    everyone = tree(process.pid)
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in everyone - {process.pid}:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue  # it ended with its parent


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        sys.exit(f"bench: wrk said something else than expected:\n{text}")
    return found.group(1)


def _milliseconds(text: str) -> float:
    for unit, factor in (("us", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60000.0)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    sys.exit(f"bench: no time: {text}")
