"""Small files beside a table, one for each of its versions; Delta leaves such folders alone."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from quanyu.spacetime.model import Version
from quanyu.spacetime.unavailable import DataUnavailable


def beside(url: str, name: str, blocks: Iterable[bytes]) -> str:
    """Write a file beside the table at ``url``; returns its URL."""
    import pyarrow.fs as pafs

    filesystem, base = pafs.FileSystem.from_uri(url if "://" in url else str(Path(url).resolve()))
    path = f"{base}/{name}"
    filesystem.create_dir(path.rsplit("/", 1)[0], recursive=True)
    with filesystem.open_output_stream(path) as target:
        for block in blocks:
            target.write(block)
    return f"{url}/{name}"


def city_of(tables_url: str, version: Version) -> dict[str, Any]:
    """What a city model said of itself when that version was written.

    Raises ``DataUnavailable``.
    """
    import pyarrow.fs as pafs

    url = f"{tables_url.rstrip('/')}/{version.table}"
    filesystem, base = pafs.FileSystem.from_uri(url if "://" in url else str(Path(url).resolve()))
    try:
        with filesystem.open_input_stream(f"{base}/_city/{version.delta_version}.json") as source:
            found: dict[str, Any] = orjson.loads(source.read())
    except FileNotFoundError as error:
        raise DataUnavailable(
            "what the city model says of itself is not beside its table",
            mend="bring the model in again",
            dataset=version.dataset,
        ) from error
    return found
