"""Reading the files that commands are given."""

from pathlib import Path

from quanyu.kernel import Invalid


def read_file(path: Path, field: str = "file") -> bytes:
    """The bytes of a file; raises :class:`Invalid` on ``field`` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(
            "{path} cannot be read: {why}", field=field, path=path, why=error.strerror
        ) from error
