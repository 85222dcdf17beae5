"""The process that forks the workers: what it may load, and what it does where it loaded more."""

import multiprocessing
import socket
import subprocess
import sys
from pathlib import Path

from quanyu.cli import server
from quanyu.kernel import create_control, load_settings


def test_the_application_and_its_dictionaries_load_no_engine() -> None:
    program = (
        "import sys\n"
        "import quanyu.app, quanyu.web\n"
        "from quanyu.catalogue import load_dictionaries\n"
        "from quanyu.cli.server import ENGINES\n"
        "load_dictionaries()\n"
        "printers = {'fontTools', 'fpdf'}\n"  # a third of a second that few runs need
        "print(*sorted((ENGINES | printers) & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not done.stdout.strip()


def test_workers_are_spawned_where_an_engine_is_loaded(monkeypatch) -> None:
    for engine in server.ENGINES:
        monkeypatch.delitem(sys.modules, engine, raising=False)
    usual = server.start_method()
    assert usual == ("fork" if sys.platform == "linux" else "spawn")
    monkeypatch.setitem(sys.modules, "duckdb", sys)
    assert server.start_method() == "spawn"
    assert {usual, "spawn"} <= set(multiprocessing.get_all_start_methods())


def test_nothing_runs_beside_a_fork(tmp_path: Path) -> None:
    create_control(load_settings(dir=tmp_path)).close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Of Python's threads only this one before the first fork; then granian's, one for each worker,
    # which only waits for it to end.
    program = (
        "import os, sys, threading\n"
        "from quanyu.cli import server\n"
        "from quanyu.kernel import load_settings\n"
        "names = lambda: print(*sorted(t.name for t in threading.enumerate()), flush=True)\n"
        "os.register_at_fork(before=names)\n"
        "settings = load_settings(dir=sys.argv[1], port=int(sys.argv[2]), workers=1)\n"
        "server.run(settings, lambda: print('ready', flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path, str(port)], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline().split() == ["MainThread"]
        assert running.stdout.readline().strip() == "ready"
        running.terminate()
