"""What an edit is asked to do, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from quanyu.spacetime.changes import Change
from quanyu.spacetime.model import CRS84, Restriction, Version


class Do(StrEnum):
    """What is done to a feature, in the words of OGC API – Features Part 11."""

    INSERT = "insert"
    REPLACE = "replace"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class CityDocument:
    """A city object with all that is below it, as its editor sent it: ``cityjson`` or
    ``cityjsonseq``."""

    data: bytes
    form: str


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do to one feature.

    fid      which; ``None`` on inserting lets the store choose.
    feature  the feature (GeoJSON, JSON-FG) of an insert or replace; of an update the merge patch
             (RFC 7396).
    crs      URI of the CRS of its coordinates.
    seen     numbers of versions, one of which must be the last that touched the feature; ``None``
             asks for nothing.
    city     instead of a feature: a city object, to insert or replace.
    where    said before the field in errors, such as ``transaction[3].``.
    """

    do: Do
    fid: str | None
    feature: Mapping[str, Any] = field(default_factory=dict)
    crs: str = CRS84
    seen: frozenset[int] | None = None
    where: str = ""
    city: CityDocument | None = None


@dataclass(frozen=True, slots=True)
class Editor:
    """Who edits: an id that other rooms understand; the log gets it blinded under a salt."""

    id: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What is to be done to one dataset under one restriction, all of it or nothing: actions, or
    undoing the edit that made version ``undoes``, or going back to version ``restores``."""

    dataset: str
    actions: tuple[Action, ...]
    restriction: Restriction
    restores: int | None = None
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A feature after an edit."""

    fid: str
    change: Change


@dataclass(frozen=True, slots=True)
class Edited:
    """The version that came of a request, and each action's feature in the order of the actions.

    ``findings`` are slight faults of city objects that were let in.
    """

    version: Version
    done: tuple[Done, ...]
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit as it is remembered: by whom, when, what it did, and whether it undid an edit
    (``undoes``) or went back to a version (``restores``)."""

    dataset: str
    number: int
    at: datetime
    editor: str
    note: str
    inserted: int
    updated: int
    deleted: int
    restores: int | None
    undoes: int | None
