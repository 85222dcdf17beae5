"""A throw-away PostgreSQL on a TCP port of loopback, as a department's database is reached."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def tcp_postgresql() -> Iterator[str | None]:
    """The URL prefix of the server, with user and password; ``None`` without its binaries."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    here = found[-1] if found else shutil.which("initdb")
    if here is None:
        yield None
        return
    binaries = Path(here).parent
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="quanyu-tcp-") as folder, socket.socket() as probe:
        home = Path(folder)
        home.chmod(0o777)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        secret = home / "secret"
        secret.write_text("hunter2")
        secret.chmod(0o644)
        data = home / "data"
        options = ["-D", data, "-U", "quanyu", "-A", "scram-sha-256", "--pwfile", secret]
        subprocess.run(
            [*as_user, binaries / "initdb", *options, "--no-sync"],
            check=True,
            capture_output=True,
            cwd=home,
        )
        probe.close()
        start = f"-c listen_addresses=127.0.0.1 -c port={port} -c fsync=off "
        start += f"-c unix_socket_directories={home}"
        control = [*as_user, binaries / "pg_ctl", "-D", data, "-w"]
        subprocess.run(
            [*control, "-o", start, "-l", home / "log", "start"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=home,
        )
        try:
            yield f"postgresql+psycopg://quanyu:hunter2@127.0.0.1:{port}"
        finally:
            subprocess.run(
                [*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=home
            )
