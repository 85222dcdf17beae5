"""`serve`: granian's processes around :func:`quanyu.app.create`.

This process brings the control store up to date, imports the application once for all workers,
forks them and says when they answer. It loads no engine: some do not survive a fork.
"""

import gc
import multiprocessing
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Annotated

import typer

from quanyu.cli.options import HOME, Dir
from quanyu.cli.output import say
from quanyu.kernel import Conflict, Settings, configure_logs, load_settings, open_control

_PATIENCE = 60.0
ENGINES = frozenset({"deltalake", "duckdb", "ifcopenshell", "osmium", "pyogrio", "sedonadb"})
"""What has threads of its own, or handles that two processes must not share, once imported."""


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="Example: `quanyu serve --dir city --port 8000`")(serve)


def serve(
    folder: Dir = HOME,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.")] = None,
) -> None:
    """Run the server."""
    settings = load_settings(dir=folder, host=host, port=port, workers=workers)
    configure_logs(settings.log_format, settings.log_level)
    run(settings, lambda: say(ready_line(settings)))


def ready_line(settings: Settings) -> str:
    """What a server says once it answers."""
    return f"quanyu is ready at {settings.base_url} (stop with Ctrl-C)"


def run(settings: Settings, ready: Callable[[], None]) -> None:
    """Run the server until it is told to stop; ``ready`` is called once it answers.

    Raises :class:`Invalid` for a folder that holds no node, :class:`Conflict` for a port in use.
    """
    from granian.constants import Interfaces, Loops
    from granian.server import Server

    _check_port(settings)
    open_control(settings).close()
    _export(settings)
    _load_application()
    method = start_method()
    multiprocessing.set_start_method(method, force=True)
    server = Server(
        "quanyu.app:create",
        factory=True,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_enabled=False,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    )
    announcing = threading.Thread(target=_announce, args=(settings, ready), daemon=True)
    if method == "fork":
        _after_forks(settings.workers, announcing.start)
    else:
        announcing.start()
    server.serve()


def _check_port(settings: Settings) -> None:
    """The workers share their port, and so would two nodes, unseen: ask for it alone first."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Conflict(
                "{host}:{port} cannot be listened on: {why}",
                field="port",
                mend="stop what uses it, or choose another: --port",
                host=settings.host,
                port=settings.port,
                why=error.strerror,
            ) from error


def _load_application() -> None:
    """Import what every worker needs and load the dictionaries, once; they share the memory.

    What is loaded stays: the collector need not look at it, neither meanwhile nor ever again.
    """
    gc.disable()
    import quanyu.app
    import quanyu.web  # noqa: F401
    from quanyu.catalogue import load_dictionaries

    load_dictionaries()
    gc.freeze()
    gc.enable()


def start_method() -> str:
    """Workers are forked while nothing here forbids it, else they start anew and import again."""
    clean = sys.platform == "linux" and ENGINES.isdisjoint(sys.modules)
    return "fork" if clean else "spawn"


def _after_forks(count: int, act: Callable[[], None]) -> None:
    """Call ``act`` in this process once it has forked ``count`` times.

    A thread that ran beside a fork would leave the child every lock that it held just then, those
    of modules being imported among them, and nobody to open them.
    """
    left = count

    def forked() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            act()

    os.register_at_fork(after_in_parent=forked)


def _export(settings: Settings) -> None:
    """Hand the settings on to the workers, through their environment."""
    os.environ.update(settings.environment())
    metrics = settings.dir / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics.resolve())


def _announce(settings: Settings, ready: Callable[[], None]) -> None:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        asked = HTTPConnection(host, settings.port, timeout=2)
        try:
            asked.request("GET", "/readyz")
            if asked.getresponse().status == HTTPStatus.OK:
                ready()
                return
        except (OSError, HTTPException):
            pass  # it does not listen yet
        finally:
            asked.close()
        time.sleep(0.05)
