"""The figures of the catalogue as a bureau reads them: each drawn, tabled, with source and time."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from quanyu.catalogue import (
    ACCESSES,
    KINDS,
    THEMES,
    Access,
    Alike,
    CatalogueFigures,
    StepKind,
)
from quanyu.kernel import Language, LocalText, PartyId
from quanyu.web.portal.drawn import Cell, Drawn, heat, stacked, table_of

Say = Callable[..., str]
_COLOURS = {
    Access.OPEN: "var(--jade)",
    Access.SHARED: "var(--blue)",
    Access.RESTRICTED: "var(--amber)",
    Access.CLOSED: "var(--seal)",
}
STEPS: dict[StepKind, str] = {
    StepKind.DRAFTED: "Drafted",
    StepKind.REGISTERED: "Registered",
    StepKind.PUBLISHED: "Published",
    StepKind.WITHDRAWN: "Withdrawn",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom figures are written: words, names of the parties."""

    language: Language
    say: Say
    parties: Mapping[PartyId, LocalText]

    def name(self, party: PartyId) -> str:
        """A party's name."""
        return self.parties[party].to(self.language) if party in self.parties else party

    @property
    def source(self) -> str:
        """Where counts of entries come from."""
        return self.say("Catalogue of this node")


def drawn_figures(figures: CatalogueFigures, reader: Reader) -> list[Drawn]:
    """Everything that the counts give, in the order of the page."""
    makers = (_coverage, _openness, _growth, _quality, _freshness, _kinds)
    return [make(figures, reader) for make in makers]


def _coverage(figures: CatalogueFigures, reader: Reader) -> Drawn:
    names = {str(party): reader.name(party) for party, _, _ in figures.coverage}
    themes = {key: code.name.to(reader.language) for key, code in THEMES.items()}
    rows, columns, cells = table_of(figures.coverage, names, themes)
    links = {
        (row, column): _search(provider=row, theme=column) for row in rows for column in columns
    }
    table: list[tuple[Cell, ...]] = [
        (
            _linked(names[row], _search(provider=row)),
            *(cells.get((row, column)) or None for column in columns),
            sum(cells.get((row, column), 0) for column in columns),
        )
        for row in rows
    ]
    return Drawn(
        id="coverage",
        title=reader.say("Coverage by department and theme"),
        note=reader.say(
            "Entries of each department in each theme; one in two themes counts twice."
        ),
        option=heat(
            [(row, names[row]) for row in rows],
            [(column, themes[column]) for column in columns],
            cells,
            links,
        ),
        headers=(
            reader.say("Department"),
            *(themes[column] for column in columns),
            reader.say("Together"),
        ),
        rows=tuple(table),
        source=reader.source,
        at=figures.at,
        size="large",
        wide=True,
    )


def _openness(figures: CatalogueFigures, reader: Reader) -> Drawn:
    names = {str(party): reader.name(party) for party, _, _ in figures.openness}
    levels = {key.value: code.name.to(reader.language) for key, code in ACCESSES.items()}
    counts = [(party, access.value, count) for party, access, count in figures.openness]
    rows, _, cells = table_of(counts, names, levels)

    def share(row: str) -> str:
        whole = sum(cells.get((row, level), 0) for level in levels)
        return f"{cells.get((row, Access.OPEN.value), 0) / whole:.0%}" if whole else "—"

    return Drawn(
        id="openness",
        title=reader.say("Openness by department"),
        option=stacked(
            [(row, names[row]) for row in rows],
            [(key, name, _COLOURS[Access(key)]) for key, name in levels.items()],
            cells,
            href={row: _search(provider=row) for row in rows},
        ),
        headers=(reader.say("Department"), *levels.values(), reader.say("Share open to all")),
        rows=tuple(
            (
                _linked(names[row], _search(provider=row)),
                *(cells.get((row, level), 0) for level in levels),
                share(row),
            )
            for row in rows
        ),
        source=reader.source,
        at=figures.at,
    )


def _growth(figures: CatalogueFigures, reader: Reader) -> Drawn:
    cells: dict[tuple[str, str], int] = defaultdict(int)
    for month, kind, count in figures.months:
        cells[month, kind.value] += count
    months = _months_until(figures.at)
    kinds = [kind for kind in STEPS if any(cells.get((m, kind.value)) for m in months)]
    colours = {
        StepKind.DRAFTED: "var(--line-strong)",
        StepKind.REGISTERED: "var(--blue)",
        StepKind.PUBLISHED: "var(--jade)",
        StepKind.WITHDRAWN: "var(--seal)",
    }
    option = stacked(
        [(month, month) for month in months],
        [(kind.value, reader.say(STEPS[kind]), colours[kind]) for kind in kinds],
        cells,
        lying=False,
    )
    return Drawn(
        id="growth",
        title=reader.say("What happened to entries, by month"),
        option=option,
        headers=(reader.say("Month"), *(reader.say(STEPS[kind]) for kind in kinds)),
        rows=tuple((m, *(cells.get((m, kind.value), 0) for kind in kinds)) for m in months),
        source=reader.source,
        at=figures.at,
    )


def _months_until(moment: datetime) -> list[str]:
    """The last twelve months, this one last: those in which nothing happened too."""
    number = moment.year * 12 + moment.month - 1
    return [f"{at // 12:04d}-{at % 12 + 1:02d}" for at in range(number - 11, number + 1)]


def _quality(figures: CatalogueFigures, reader: Reader) -> Drawn:
    rows = sorted(figures.quality, key=lambda one: -one[1])
    shown = rows[:12][::-1]
    return Drawn(
        id="quality",
        title=reader.say("Metadata quality by department"),
        note=reader.say(
            "Mean score of the five dimensions of MQA, of 405; from 221 on it is good."
        ),
        option={
            "xAxis": {"type": "value", "max": 405},
            "yAxis": {"type": "category", "data": [reader.name(one[0]) for one in shown]},
            "series": [
                {
                    "type": "bar",
                    "name": reader.say("Mean score"),
                    "label": {"show": True, "position": "right"},
                    "data": [
                        {
                            "value": mean,
                            "href": _search(provider=party),
                            "itemStyle": {"color": _grade(mean)},
                        }
                        for party, mean, _ in shown
                    ],
                }
            ],
        },
        headers=(reader.say("Department"), reader.say("Mean score"), reader.say("Entries")),
        rows=tuple(
            (_linked(reader.name(party), _search(provider=party)), mean, count)
            for party, mean, count in rows
        ),
        source=reader.say("Metadata quality, computed at each change"),
        at=figures.at,
    )


def _grade(score: int) -> str:
    """Colours of MQA's words for a score; the number stands beside the bar."""
    steps = ((351, "var(--jade)"), (221, "color-mix(in oklab, var(--jade) 65%, var(--surface))"))
    for least, colour in (*steps, (121, "var(--amber)")):
        if score >= least:
            return colour
    return "var(--seal)"


def _freshness(figures: CatalogueFigures, reader: Reader) -> Drawn:
    rows = sorted(figures.freshness, key=lambda one: (-one[2], -one[1]))
    on_time, late = reader.say("On time"), reader.say("Overdue")
    cells = {
        (str(party), part): value
        for party, promised, overdue in rows
        for part, value in (("late", overdue), ("on-time", promised - overdue))
    }
    return Drawn(
        id="freshness",
        title=reader.say("Freshness against the promise"),
        note=reader.say(
            "Published entries that promise an update cycle and whose data date is known."
        ),
        option=stacked(
            [(party, reader.name(party)) for party, _, _ in rows],
            [("on-time", on_time, "var(--jade)"), ("late", late, "var(--seal)")],
            cells,
            href={party: _search(provider=party) for party, _, _ in rows},
        ),
        headers=(reader.say("Department"), on_time, late),
        rows=tuple(
            (_linked(reader.name(party), _search(provider=party)), promised - overdue, overdue)
            for party, promised, overdue in rows
        ),
        source=reader.say("Update cycles of the catalogue, versions of the store"),
        at=figures.at,
    )


def _kinds(figures: CatalogueFigures, reader: Reader) -> Drawn:
    rows = sorted(figures.kinds.items(), key=lambda one: -one[1])
    named = [(kind, KINDS[kind].name.to(reader.language), count) for kind, count in rows]
    return Drawn(
        id="kinds",
        title=reader.say("Kinds of resources"),
        option={
            "series": [
                {
                    "type": "pie",
                    "data": [
                        {"name": name, "value": count, "href": _search(kind=kind.value)}
                        for kind, name, count in named
                    ],
                }
            ]
        },
        headers=(reader.say("Kind"), reader.say("Entries")),
        rows=tuple((_linked(name, _search(kind=kind.value)), count) for kind, name, count in named),
        source=reader.source,
        at=figures.at,
    )


def alike_rows(alike: tuple[Alike, ...], reader: Reader) -> list[dict[str, Any]]:
    """Entries of one title, for the list of likely duplicates."""
    return [
        {
            "title": one.title.to(reader.language),
            "entries": [{"slug": slug, "party": reader.name(party)} for slug, party in one.entries],
        }
        for one in alike
    ]


def _search(**chosen: str) -> str:
    return f"/search?{urlencode(chosen)}"


def _linked(text: str, href: str) -> dict[str, Any]:
    return {"text": text, "href": href}
