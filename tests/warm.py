"""The ``quanyu`` command without the second and more that its imports take.

One process imports it and forks for each run: a run is a process of its own as ever, with its own
arguments, folder, environment and files. What it runs through is a file called ``quanyu``, so that
scripts find it on their path. Servers are started as they are: their workers import anew.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from select import select
from typing import Any

QUANYU = Path(sys.executable).with_name("quanyu")

_FRONT = """#!{python} -ISE
import json, os, signal, socket, sys
if sys.argv[1:2] in (["serve"], ["demo"]):
    os.execv({real!r}, [{real!r}, *sys.argv[1:]])
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
socket.send_fds(link, [b"!"], [0, 1, 2])
said = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
link.sendall(json.dumps(said).encode())
link.shutdown(socket.SHUT_WR)
answer = link.makefile()
child = int(answer.readline())
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
code = int(answer.readline() or 1)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@contextmanager
def warm_quanyu(folder: Path) -> Iterator[Path]:
    """The path of the command."""
    command, address = folder / "quanyu", str(folder / "warm")
    command.write_text(
        _FRONT.format(python=sys.executable, real=str(QUANYU), address=address), "utf-8"
    )
    command.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield command
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def _wait(address: str) -> None:
    """Fork for whoever asks, until standard input ends."""
    from quanyu.cli import MODULES

    for module in dict.fromkeys(MODULES.values()):
        import_module(f"quanyu.cli.{module}")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while sys.stdin not in (ready := select([listener, sys.stdin], [], [])[0]):
        assert ready
        link, _ = listener.accept()
        if not os.fork():
            listener.close()
            _attend(link)
            return
        link.close()


def _attend(link: socket.socket) -> None:
    """Run the command once in a child, and tell its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, files, _, _ = socket.recv_fds(link, 1, 3)
    said = json.loads(link.makefile().read())
    child = os.fork()
    if not child:
        link.close()
        _become(said, files)
    for file in files:
        os.close(file)
    link.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    link.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(said: dict[str, Any], files: list[int]) -> None:
    from quanyu.cli import main

    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.chdir(said["folder"])
    os.environ.clear()
    os.environ.update(said["environment"])
    sys.argv = [str(QUANYU), *said["arguments"]]
    code: Any = 1
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code
    finally:
        if sys.exc_info()[1] is not None:
            sys.excepthook(*sys.exc_info())
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        # Libraries of C++ cannot take down in a child the threads that stayed in its parent.
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _wait(sys.argv[1])
