"""Families on disk, a line of JSON each: for readers that go over their source once."""

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path

import orjson

from quanyu.spacetime.cityobjects.model import Family, Lost


class Spool:
    """A temporary file that is deleted with the last that uses it."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="quanyu-city-", suffix=".jsonl")
        os.close(handle)
        self._path = Path(name)
        weakref.finalize(self, self._path.unlink, missing_ok=True)

    def fill(self, pieces: Iterable[Family | Lost]) -> int:
        """Write all of them; returns how many families there are."""
        count = 0
        with self._path.open("wb") as lines:
            for piece in pieces:
                count += isinstance(piece, Family)
                named = {one.name: getattr(piece, one.name) for one in fields(piece)}
                lines.write(orjson.dumps(named, option=orjson.OPT_APPEND_NEWLINE))
        return count

    def read(self) -> Iterator[Family | Lost]:
        """All of them, from the beginning."""
        with self._path.open("rb") as lines:
            for line in lines:
                found = orjson.loads(line)
                yield Family(**found) if "objects" in found else Lost(**found)

    def first_loss(self) -> str | None:
        """Why the first piece that was lost could not be kept."""
        return next((piece.reason for piece in self.read() if isinstance(piece, Lost)), None)
