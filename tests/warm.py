"""The ``quanyu`` command without the seconds that its imports take.

One process imports it and forks for each run: a run is a process of its own as ever, with its own
arguments, folder, environment and files, and ends when what it runs through is ended. That is a
file called ``quanyu``, so that scripts find it on their path. A server forks its workers in turn,
as one that imports for itself does. The demo is started as it is: it loads engines before it
serves.
"""

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from select import select
from typing import Any

QUANYU = Path(sys.executable).with_name("quanyu")

_FRONT = """#!{python} -ISE
import json, os, signal, socket, sys
if sys.argv[1:2] == ["demo"]:
    os.execv({real!r}, [{real!r}, *sys.argv[1:]])
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
socket.send_fds(link, [b"!"], [0, 1, 2])
said = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
link.sendall(json.dumps(said).encode() + b"\\n")
answer = link.makefile()
child = int(answer.readline())
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
code = int(answer.readline() or 1)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@cache
def warm_quanyu() -> Path:
    """The path of the command; what stands behind it ends with this process."""
    place = tempfile.TemporaryDirectory(prefix="quanyu-warm-")
    folder = Path(place.name)
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
    if process.stdout.readline() != b"ready\n":
        raise RuntimeError("the program cannot be imported; standard error says why")

    def end() -> None:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
        place.cleanup()

    atexit.register(end)
    return command


def _wait(address: str) -> None:
    """Fork for whoever asks, until standard input ends."""
    gc.disable()
    from quanyu.catalogue import load_dictionaries
    from quanyu.cli import MODULES

    for module in ("web", *(f"cli.{name}" for name in dict.fromkeys(MODULES.values()))):
        import_module(f"quanyu.{module}")
    load_dictionaries()
    gc.freeze()
    gc.enable()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    signal.signal(signal.SIGCHLD, _take_ended)
    while sys.stdin not in (ready := select([listener, sys.stdin], [], [])[0]):
        assert ready
        link, _ = listener.accept()
        if not os.fork():
            listener.close()
            _attend(link)
            return
        link.close()


def _take_ended(*_: Any) -> None:
    """Wait for those that ended, so that their time is counted as this process's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _attend(link: socket.socket) -> None:
    """Run the command once in a child, and tell its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, files, _, _ = socket.recv_fds(link, 1, 3)
    said = json.loads(link.makefile().readline())
    child = os.fork()
    if not child:
        link.close()
        os.setpgrp()
        _become(said, files)
    for file in files:
        os.close(file)
    link.sendall(f"{child}\n".encode())
    ended = os.pidfd_open(child)
    if ended not in select([ended, link], [], [])[0]:
        os.killpg(child, signal.SIGKILL)  # whoever asked was killed
        return
    _, status = os.waitpid(child, 0)
    link.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(said: dict[str, Any], files: list[int]) -> None:
    from prometheus_client import values as prometheus_values

    from quanyu.cli import main

    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.chdir(said["folder"])
    os.environ.clear()
    os.environ.update(said["environment"])
    sys.argv = [str(QUANYU), *said["arguments"]]
    if said["arguments"][:1] == ["serve"]:
        # Its workers add up what they count; this is chosen at import, from the environment.
        prometheus_values.ValueClass = prometheus_values.MultiProcessValue()
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
