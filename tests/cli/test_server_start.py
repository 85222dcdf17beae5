"""The process that forks the workers: what it may load, and what it does where it loaded more."""

import multiprocessing
import subprocess
import sys

from quanyu.cli import server


def test_the_application_and_its_dictionaries_load_no_engine() -> None:
    program = (
        "import sys\n"
        "import quanyu.app\n"
        "from quanyu.catalogue import load_dictionaries\n"
        "from quanyu.cli.server import ENGINES\n"
        "load_dictionaries()\n"
        "print(*sorted(ENGINES & sys.modules.keys()))\n"
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
