"""The composition root: the one place where rooms are wired to one another."""

import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from fastapi import FastAPI

from quanyu import agreements, catalogue, parties, spacetime
from quanyu.agreements import Gate
from quanyu.evidence import Journal, Log, Sequencer, load_or_create_sm2
from quanyu.kernel import (
    ControlStore,
    Events,
    Invalid,
    Settings,
    Signer,
    configure_logs,
    load_or_create_ed25519,
    load_settings,
    migrate,
)
from quanyu.parties import Callers
from quanyu.spacetime import Store
from quanyu.web import Node, create_app

MIGRATIONS = tuple(room.MIGRATIONS for room in (parties, spacetime, catalogue, agreements))


def open_control(settings: Settings, events: Events | None = None) -> ControlStore:
    """The control store of an initialised node, its tables brought up to date.

    Raises :class:`Invalid` for a folder that holds no node.
    """
    if settings.database_url is None and not (settings.dir / "control.sqlite").exists():
        raise Invalid(
            "{folder} holds no node",
            field="dir",
            mend="make one: quanyu init {folder}",
            folder=settings.dir,
        )
    control = ControlStore(settings.control_url, events)
    migrate(control, MIGRATIONS)
    return control


def create_control(settings: Settings) -> ControlStore:
    """The control store of a new node, with its tables."""
    settings.dir.mkdir(parents=True, exist_ok=True)
    control = ControlStore(settings.control_url)
    migrate(control, MIGRATIONS)
    return control


def open_store(settings: Settings, control: ControlStore) -> Store:
    """The space-time store over the node's tables."""
    return Store(
        control,
        settings.tables_url,
        settings.dir / "cache",
        engine_memory=settings.engine_memory,
        engine_threads=settings.engine_threads,
        cache_bytes=settings.cache_bytes,
    )


def open_log(settings: Settings) -> Log:
    """The node's verifiable log, its keys made on first use."""
    keys = settings.dir / "keys"
    signers: list[Signer] = [load_or_create_ed25519(keys / "ed25519.pem")]
    if settings.signature == "ed25519+sm2":
        signers.append(load_or_create_sm2(keys / "sm2.pem"))
    return Log(settings.dir / "log", settings.node_name, signers)


def open_node(settings: Settings) -> Node:
    """Everything that one process of a node holds."""
    events = Events()
    control = open_control(settings, events)
    log = open_log(settings)
    journals = settings.dir / "journal"
    return Node(
        settings=settings,
        control=control,
        store=open_store(settings, control),
        journal=Journal(journals, settings.node_name),
        log=log,
        callers=Callers(control),
        gate=Gate(control),
        events=events,
        sequencer=Sequencer(control, journals, log),
    )


def close_node(node: Node) -> None:
    """Write out what is pending and give everything back."""
    node.journal.close()
    node.gate.close()
    node.store.close()
    node.control.close()


def create() -> FastAPI:
    """The application of one server process; settings come from what :func:`serve` exported."""
    settings = load_settings()
    configure_logs(settings.log_format, settings.log_level)
    node = open_node(settings)
    application = create_app(node)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # Every process offers to sequence; a file lock lets one of them do it at a time.
        stopping = threading.Event()
        thread = threading.Thread(
            target=_sequence, args=(node.sequencer, stopping), name="sequencer", daemon=True
        )
        thread.start()
        yield
        stopping.set()
        thread.join(10)
        close_node(node)

    application.router.lifespan_context = lifespan
    return application


def _sequence(sequencer: Sequencer, stopping: threading.Event) -> None:
    log = structlog.get_logger()
    while not stopping.is_set():
        try:
            sequencer.run(stopping)
        except Exception:  # whatever it was, evidence must go on being sequenced
            log.exception("the sequencer stopped and starts again")
            stopping.wait(1)


def serve(settings: Settings, ready: Callable[[], None]) -> None:
    """Run the server until it is told to stop; ``ready`` is called once it answers."""
    from granian.constants import Interfaces, Loops
    from granian.server import Server

    open_control(settings).close()
    export(settings)
    metrics = settings.dir / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics.resolve())
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
        process_name="quanyu",
    )
    threading.Thread(target=_announce, args=(settings, ready), daemon=True).start()
    server.serve()


def export(settings: Settings) -> None:
    """Hand the settings on to the server's processes, through their environment."""
    for name, value in settings.model_dump(mode="json", exclude_none=True).items():
        os.environ[f"QUANYU_{name.upper()}"] = str(value)
    os.environ["QUANYU_DIR"] = str(Path(settings.dir).resolve())


def _announce(settings: Settings, ready: Callable[[], None]) -> None:
    import time

    import httpx

    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    url = f"http://{host}:{settings.port}/readyz"
    for _ in range(1200):
        try:
            if httpx.get(url, timeout=2).status_code == httpx.codes.OK:
                ready()
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
