"""Files that are there whole or not at all."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path, mode: int | None = None) -> Iterator[Path]:
    """A place beside ``path`` to write a file to, which takes the place of ``path`` at once on
    leaving, so that no reader ever sees half of it; after an error nothing is left.

    Of several processes and threads that write at once, the last one's file stays. ``mode`` are its
    permissions, from the first byte on.
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        if mode is not None:
            unfinished.touch(mode=mode)
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
