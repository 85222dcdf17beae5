"""Addresses with passwords: in files of the node's folder that only the node may read.

Never in the catalogue, in a job's state or in a log line; each is forgotten when its work is done.
"""

import re
from pathlib import Path

from quanyu.kernel import NotFound

_NAME = re.compile(r"[a-z]{3}_[0-9A-Za-z]{1,40}")


def keep_secret(folder: Path, name: str, secret: str) -> None:
    """Keep ``secret`` under ``name`` (an id), mode 600 in a folder of mode 700."""
    path = _path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(secret, "utf-8")


def read_secret(folder: Path, name: str) -> str:
    """The secret of that name; ``NotFound`` when it is kept no longer."""
    path = _path(folder, name)
    if not path.exists():
        raise NotFound(
            "the address of the database is kept no longer",
            field="database",
            mend="give it again, with its password",
        )
    return path.read_text("utf-8")


def forget_secret(folder: Path, name: str) -> None:
    """Forget it."""
    _path(folder, name).unlink(missing_ok=True)


def _path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a secret")
    return folder / "secrets" / name
