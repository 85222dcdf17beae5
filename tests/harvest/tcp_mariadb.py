"""A throw-away MariaDB on a TCP port of loopback, as a department's database is reached."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

PASSWORD = "hunter2"
_PATIENCE = 60.0


@contextmanager
def tcp_mariadb() -> Iterator[str | None]:
    """The server's address as ``USER:PASSWORD@HOST:PORT``; ``None`` without its binaries."""
    server = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    maker = shutil.which("mariadb-install-db")
    if server is None or maker is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="quanyu-my-") as folder, socket.socket() as probe:
        home = Path(folder)
        data = home / "data"
        # No configuration of this machine is read, and nothing waits for the disk.
        common = ["--no-defaults", f"--datadir={data}", f"--user={_user()}"]
        light = ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
                 "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M"]  # fmt: skip
        made = [maker, *common, *light, "--auth-root-authentication-method=normal",
                "--skip-test-db"]  # fmt: skip
        subprocess.run(made, check=True, capture_output=True, cwd=home)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        listening = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={home / 'socket'}",
                     f"--pid-file={home / 'pid'}"]  # fmt: skip
        with (home / "log").open("wb") as log:
            running = subprocess.Popen(
                [server, *common, *light, *listening], stdout=log, stderr=log, cwd=home
            )
        try:
            _account(port, running, home / "log")
            yield f"quanyu:{PASSWORD}@127.0.0.1:{port}"
        finally:
            running.kill()
            running.wait(30)


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _account(port: int, running: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until it answers, and make an account that needs a password."""
    engine = create_engine(f"mysql+pymysql://root@127.0.0.1:{port}/mysql")
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(text("CREATE DATABASE town CHARACTER SET utf8mb4"))
                connection.execute(text(f"CREATE USER quanyu IDENTIFIED BY '{PASSWORD}'"))
                connection.execute(text("GRANT ALL ON town.* TO quanyu"))
            break
        except OperationalError:
            if running.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text("utf-8", "replace")[-2000:]) from None
            time.sleep(0.1)
    engine.dispose()
