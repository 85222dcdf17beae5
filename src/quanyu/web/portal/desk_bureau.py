"""The bureau's desk and the public statistics: the catalogue and its keeping in figures."""

from collections import OrderedDict, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from quanyu.catalogue import (
    MOVES,
    CatalogueFigures,
    ProductState,
    State,
    application_counts,
    catalogue_figures,
    correction_figures,
    latest_step,
    missed_deadlines,
    overdue_applications,
    products,
)
from quanyu.kernel import PartyId, now, translate_count
from quanyu.parties import Caller, parties
from quanyu.web.node import Node
from quanyu.web.pages import language_of
from quanyu.web.portal.catalogue_figures import Reader, alike_rows, drawn_figures
from quanyu.web.portal.drawn import Drawn, stacked
from quanyu.web.portal.use_ledger import ledger
from quanyu.web.portal.visit import filter_of, say

PERIODS: dict[str, int] = {"30": 30, "90": 90, "365": 365}
_LIFE, _KEPT = 60.0, 64
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the visitor filters by; the address says it."""

    party: PartyId | None
    days: int | None

    @property
    def since(self) -> datetime | None:
        """The first moment in scope."""
        if self.days is None:
            return None
        midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=self.days)


def chosen(request: Request, known: Collection[str]) -> Chosen:
    """The filters in the address; ``Invalid`` for a value that one does not have."""
    party = filter_of(request, "party", known)
    return Chosen(
        PartyId(party) if party else None, PERIODS.get(filter_of(request, "days", PERIODS))
    )


def reader_of(request: Request, session: Session) -> Reader:
    """The page's language and everybody's name."""
    names = {one.id: one.name for one in parties(session)}

    def speak(message: str, **params: object) -> str:
        return say(request, message, **params)

    return Reader(language_of(request), speak, names)


def bureau(
    session: Session, request: Request, node: Node, caller: Caller, *, public: bool
) -> dict[str, Any]:
    """Everything that the desk (or, ``public``, the statistics) shows."""
    reader = reader_of(request, session)
    asked = chosen(request, reader.parties)
    figures = _figures(session, asked, public=public)
    drawn = drawn_figures(figures, reader)
    drawn.append(_uses(node, reader, asked))
    if not public:
        drawn.append(_deadlines(session, reader, asked))
    drawn.append(_corrections(session, reader, asked))
    return {
        "figures": {one.id: one for one in _evened(drawn)},
        "strip": _strip(session, request, figures, caller, public=public),
        "alike": [] if public else alike_rows(figures.alike, reader),
        "at": figures.at,
        "chosen": asked,
        "departments": sorted(
            ((party, reader.name(party)) for party, _, _ in figures.quality),
            key=lambda one: one[1],
        )
        if asked.party is None
        else [(asked.party, reader.name(asked.party))],
    }


def _evened(drawn: list[Drawn]) -> list[Drawn]:
    """The last of an odd number takes the whole row: no board stands beside a hole."""
    narrow = [at for at, one in enumerate(drawn) if not one.wide]
    if len(narrow) % 2:
        drawn[narrow[-1]] = replace(drawn[narrow[-1]], wide=True)
    return drawn


class _Kept:
    """Counts of the last scopes asked for. They hold while no entry has taken a step, a minute at
    most: promises become overdue by themselves."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[Any, ...], tuple[float, CatalogueFigures]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[Any, ...]) -> CatalogueFigures | None:
        with self._lock:
            found = self._found.get(key)
        return found[1] if found and monotonic() - found[0] < _LIFE else None

    def put(self, key: tuple[Any, ...], figures: CatalogueFigures) -> None:
        with self._lock:
            self._found[key] = (monotonic(), figures)
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)


_kept = _Kept()


def _figures(session: Session, asked: Chosen, *, public: bool) -> CatalogueFigures:
    key = (str(session.get_bind().url), latest_step(session), public, asked)  # type: ignore[union-attr]
    figures = _kept.get(key)
    if figures is None:
        figures = catalogue_figures(session, public=public, provider=asked.party, since=asked.since)
        _kept.put(key, figures)
    return figures


def _strip(
    session: Session,
    request: Request,
    figures: CatalogueFigures,
    caller: Caller,
    *,
    public: bool,
) -> list[dict[str, Any]]:
    """The few numbers at the head of the page."""
    source = say(request, "Catalogue of this node")
    total, listed = figures.total, figures.states.get(State.PUBLISHED, 0)
    opened = sum(count for _, access, count in figures.openness if access.value == "open")
    departments = len({party for party, _, _ in figures.openness})
    promised = sum(count for _, count, _ in figures.freshness)
    late = sum(count for _, _, count in figures.freshness)
    scores = sum(mean * count for _, mean, count in figures.quality)
    scored = sum(count for _, _, count in figures.quality)
    on_offer = products(
        session, visible_to=caller, states=frozenset({ProductState.LISTED}), limit=1
    ).total
    found = [
        (say(request, "Resources"), total, "", "/search", source),
        (say(request, "Departments with resources"), departments, "", "/parties", source),
        (
            say(request, "Open to all"),
            100 * opened / total if total else None,
            "%",
            "/search?access=open",
            source,
        ),
        (
            say(request, "Mean quality"),
            scores / scored if scored else None,
            "/ 405",
            "",
            say(request, "Metadata quality (MQA)"),
        ),
        (
            say(request, "On time"),
            100 * (promised - late) / promised if promised else None,
            "%",
            "",
            say(request, "Entries that promise a cycle"),
        ),
        (
            say(request, "Products on offer"),
            on_offer,
            "",
            "/products",
            say(request, "Products of this node"),
        ),
    ]
    if not public:
        counts = application_counts(session, caller)
        waiting = sum(counts[state] for state in counts if state.value in {"submitted", "accepted"})
        late_now = overdue_applications(session, caller)
        found[1:1] = [(say(request, "Published"), listed, "", "/search?state=published", source)]
        found.append(
            (
                say(request, "Applications waiting"),
                waiting,
                "",
                "/review",
                say(request, "{count} past their deadline", count=late_now),
            )
        )
    return [
        {
            "label": label,
            "value": value,
            "unit": unit,
            "href": href,
            "source": where,
            "at": figures.at,
        }
        for label, value, unit, href, where in found
    ]


def _uses(node: Node, reader: Reader, asked: Chosen) -> Drawn:
    days, at = ledger.by_day(node.log, node.settings.time_zone, asked.days or 180)
    shown = list(days.items())
    return Drawn(
        id="uses",
        title=reader.say("Uses by day"),
        note=reader.say(
            "Every answered request, of all departments; open reads are counted by minute."
        ),
        option={
            "xAxis": {"type": "category", "data": [day for day, _ in shown]},
            "yAxis": {"type": "value", "minInterval": 1},
            "series": [
                {
                    "type": "bar",
                    "name": reader.say("Uses"),
                    "data": [count for _, count in shown],
                }
            ],
        },
        headers=(reader.say("Day"), reader.say("Uses")),
        rows=tuple(shown),
        source=translate_count(
            reader.language,
            "Evidence log, {count} leaf",
            "Evidence log, {count} leaves",
            node.log.size,
        ),
        at=at or now(),
    )


def _deadlines(session: Session, reader: Reader, asked: Chosen) -> Drawn:
    missed = [
        one
        for one in missed_deadlines(session, asked.since or now() - _YEAR)
        if asked.party in {None, one[1]}
    ]
    cells: dict[tuple[str, str], int] = defaultdict(int)
    for move, party, count in missed:
        cells[party, move.value] += count
    rows = sorted({party for _, party, _ in missed}, key=reader.name)
    moves = sorted({move for move, _, _ in missed})
    names = {move: MOVES[move].name.to(reader.language) for move in moves}
    return Drawn(
        id="deadlines",
        title=reader.say("Deadlines missed in registration"),
        note=reader.say(
            "Steps of applications taken after their deadline, by the department whose entry it is."
        ),
        option=stacked(
            [(party, reader.name(party)) for party in rows],
            [(move.value, names[move], "") for move in moves],
            cells,
        ),
        headers=(reader.say("Department"), *names.values()),
        rows=tuple(
            (reader.name(party), *(cells[party, move.value] for move in moves)) for party in rows
        ),
        source=reader.say("Applications for registration"),
        at=now(),
    )


def _corrections(session: Session, reader: Reader, asked: Chosen) -> Drawn:
    found = correction_figures(session, now(), provider=asked.party)[1:]
    parts = [
        ("in-time", reader.say("Answered in time"), "var(--jade)"),
        ("late", reader.say("Answered late"), "var(--amber)"),
        ("open", reader.say("Waiting"), "var(--blue)"),
        ("overdue", reader.say("Overdue"), "var(--seal)"),
    ]
    cells: dict[tuple[str, str], int] = {}
    for one in found:
        key = str(one.provider)
        answered = one.filed - one.open
        cells |= {
            (key, "in-time"): one.in_time,
            (key, "late"): max(0, answered - one.in_time),
            (key, "open"): max(0, one.open - one.overdue),
            (key, "overdue"): one.overdue,
        }
    rows = [(str(one.provider), reader.name(PartyId(str(one.provider)))) for one in found]
    return Drawn(
        id="corrections",
        title=reader.say("Correction requests and their answers"),
        option=stacked(rows, parts, cells),
        headers=(
            reader.say("Department"),
            *(name for _, name, _ in parts),
            reader.say("Median days to answer"),
        ),
        rows=tuple(
            (name, *(cells[key, part] for part, _, _ in parts), one.median_days)
            for (key, name), one in zip(rows, found, strict=True)
        ),
        source=reader.say("Correction requests"),
        at=now(),
    )
