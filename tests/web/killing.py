"""The whole server in a process group of its own, to be killed while it works."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from town import Town, free_port

QUANYU = Path(sys.executable).with_name("quanyu")
PATIENCE_S = 120.0


def start(town: Town) -> "subprocess.Popen[bytes]":
    """The server of a town with two workers, once it is ready."""
    port = free_port()
    town.url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [QUANYU, "serve", "--dir", town.folder, "--port", str(port), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if not wait(lambda: _ready(town)):
        end(process)
        raise AssertionError("the server did not start")
    return process


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill it with all its workers, without a word."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait(true: Callable[[], bool]) -> bool:
    """Whether it becomes true in good time."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if true():
            return True
        time.sleep(0.05)
    return False


def _ready(town: Town) -> bool:
    try:
        return httpx.get(f"{town.url}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
