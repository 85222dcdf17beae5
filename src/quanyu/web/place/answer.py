"""What the views of a caller say of a place: first where it is, then what is there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import shapely

from quanyu.catalogue import Resource
from quanyu.kernel import NotFound, QuanyuError
from quanyu.spacetime import DataUnavailable, Found, Place
from quanyu.web.place.asked import NEARBY_M, Asked
from quanyu.web.serve_each import Away, Opened, Told

_MOST_CANDIDATES = 10
_OF_ONE = 5
_CANDIDATE_BYTES = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object that an id or words may mean; ``rank`` 0 is what was said to the letter."""

    of: Resource
    fid: str
    label: str
    geometry: Any
    rank: int


@dataclass(frozen=True, slots=True)
class Where:
    """The place that was meant, and the objects that it was taken from, the likest first."""

    place: Place
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What one collection said; a collection in trouble says its problem instead."""

    found: Found | None
    problem: QuanyuError | None = None


def answer(
    asked: Asked,
    opened: Sequence[Opened],
    away: list[Away],
    heard: Callable[[Where], None],
) -> dict[str, Told[Said]]:
    """What each collection has at the place; ``heard`` is told where it is. What cannot be read is
    added to ``away``.

    Raises :class:`NotFound` when an id or words mean nothing that may be seen, and
    :class:`DataUnavailable` when the collection of an id cannot be read.
    """
    where = _where(asked, opened, away)
    heard(where)
    chosen = where.candidates[0].of.slug if where.candidates else None
    told = {}
    for of, view in opened:
        said = _ask((of, view), where.place, asked, away)
        if said is None:
            continue
        listed = sum(one.of.slug == of.slug for one in where.candidates)
        rows, size = (said.found.returned, len(said.found.features)) if said.found else (0, 0)
        size += listed * _CANDIDATE_BYTES
        told[of.slug] = Told(said, rows + listed, size, of.slug == chosen)
    return told


def _ask(one: Opened, place: Place, asked: Asked, away: list[Away]) -> Said | None:
    of, view = one
    try:
        return Said(view.at(place, asked.interval, asked.limit))
    except DataUnavailable as error:
        _keep(of, error, away)
        return None
    except QuanyuError as error:
        return Said(None, error)


@contextmanager
def _read(of: Resource, away: list[Away]) -> Iterator[None]:
    """Keep a collection that cannot be read among those that are away, and go on."""
    try:
        yield
    except DataUnavailable as error:
        _keep(of, error, away)


def _keep(of: Resource, error: DataUnavailable, away: list[Away]) -> None:
    if all(one.resource.slug != of.slug for one in away):
        away.append(Away(of, error))


def _where(asked: Asked, opened: Sequence[Opened], away: list[Away]) -> Where:
    if asked.geometry is not None:
        return Where(_around(asked, asked.geometry), ())
    found = sorted(_candidates(asked, opened, away), key=lambda one: one.rank)[:_MOST_CANDIDATES]
    if not found:
        for one in away:
            if one.resource.slug == asked.slug:
                raise one.problem
        raise NotFound(
            "nothing that you may see is called “{text}”",
            field="place",
            mend="give a point, a cell of a grid, or another name, id or address",
            text=asked.said,
        )
    return Where(_around(asked, found[0].geometry), tuple(found))


def _around(asked: Asked, geometry: Any) -> Place:
    flat = shapely.force_2d(geometry)
    nearby = NEARBY_M if shapely.get_dimensions(flat) == 0 else 0.0
    return Place(flat, nearby if asked.metres is None else asked.metres)


def _candidates(asked: Asked, opened: Sequence[Opened], away: list[Away]) -> Iterator[Candidate]:
    if asked.slug:
        within = [one for one in opened if one[0].slug == asked.slug]
        # Ids may have slashes themselves, as those of OpenStreetMap have: way/123.
        yield from _by_id(asked.text if within else asked.said, within or opened, away)
        return
    if asked.as_id:
        yield from _by_id(asked.text, opened, away)
    if asked.as_address:
        for of, view in opened:
            with _read(of, away):
                for named, geometry in view.named(asked.text, _OF_ONE):
                    if geometry is not None and not geometry.is_empty:
                        yield Candidate(of, named.fid, named.label, geometry, named.rank + 1)


def _by_id(fid: str, opened: Sequence[Opened], away: list[Away]) -> Iterator[Candidate]:
    for of, view in opened:
        with _read(of, away):
            geometry = view.geometry_of(fid)
            if geometry is not None and not geometry.is_empty:
                yield Candidate(of, fid, fid, geometry, 0)
