"""Figures for the macro ``chart``: an ECharts option and the same numbers as a table and as CSV."""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.responses import Response

MOST_ROWS = 16
Cell = str | int | float | None | dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One figure of a desk. ``wide`` takes the whole row of the page."""

    id: str
    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    source: str
    at: datetime
    option: Mapping[str, Any] = field(default_factory=dict)
    size: str = "medium"
    wide: bool = False
    note: str = ""

    def twin(self) -> dict[str, Any]:
        """For the page's JSON."""
        rows = [[_plain(cell) for cell in row] for row in self.rows]
        return {
            "title": self.title,
            "columns": self.headers,
            "rows": rows,
            "source": self.source,
            "at": self.at,
        }


def counted(label: str, value: int, href: str) -> dict[str, Any]:
    """One number of a strip of figures, with the page that lists what it counts."""
    return {"label": label, "value": value, "href": href, "unit": "", "source": ""}


def csv_of(figure: Drawn) -> Response:
    """The figure's table as CSV, that spreadsheets open as UTF-8; source and time in the end."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(figure.headers)
    writer.writerows([_guarded(_plain(cell)) for cell in row] for row in figure.rows)
    writer.writerow([])
    writer.writerow([figure.source, figure.at.isoformat()])
    headers = {
        "content-disposition": f'attachment; filename="{figure.id}.csv"',
        "cache-control": "private, no-cache",
    }
    return Response("\ufeff" + text.getvalue(), headers=headers, media_type="text/csv")


def table_of(
    counts: Sequence[tuple[str, str, int]], names: Mapping[str, str], columns: Mapping[str, str]
) -> tuple[list[str], list[str], dict[tuple[str, str], int]]:
    """Row keys with the most first, column keys in the order of ``columns``, counts by both."""
    sums: dict[str, int] = defaultdict(int)
    cells: dict[tuple[str, str], int] = defaultdict(int)
    for row, column, count in counts:
        sums[row] += count
        cells[row, column] += count
    rows = sorted(sums, key=lambda key: (-sums[key], names.get(key, key)))
    present = {column for _, column in cells}
    return rows, [key for key in columns if key in present], cells


def stacked(
    rows: Sequence[tuple[str, str]],
    series: Sequence[tuple[str, str, str]],
    cells: Mapping[tuple[str, str], int],
    *,
    href: Mapping[str, str] | None = None,
    lying: bool = True,
    unit: str = "",
) -> dict[str, Any]:
    """Bars in parts. ``rows`` are (key, name); ``series`` (key, name, colour or nothing)."""
    shown = list(rows)[:MOST_ROWS]
    if lying:
        shown.reverse()
    links = href or {}
    names = {"type": "category", "data": [name for _, name in shown]}
    values = {"type": "value"}
    return {
        "unit": unit,
        "legend": {},
        "xAxis": values if lying else names,
        "yAxis": names if lying else values,
        "series": [
            {
                "name": name,
                "type": "bar",
                "stack": "all",
                **({"color": colour} if colour else {}),
                "data": [
                    {"value": cells.get((key, part), 0), "href": links.get(key)} for key, _ in shown
                ],
            }
            for part, name, colour in series
        ],
    }


def heat(
    rows: Sequence[tuple[str, str]],
    columns: Sequence[tuple[str, str]],
    cells: Mapping[tuple[str, str], int],
    href: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    """A heat map, the first row at the top."""
    shown = list(rows)[:MOST_ROWS][::-1]
    points = [
        {"value": [x, y, cells[row, column]], "href": href.get((row, column))}
        for y, (row, _) in enumerate(shown)
        for x, (column, _) in enumerate(columns)
        if cells.get((row, column))
    ]
    most = max(cells.values(), default=1)
    return {
        "xAxis": {
            "type": "category",
            "data": [name for _, name in columns],
            "axisLabel": {"rotate": 32, "interval": 0},
        },
        "yAxis": {"type": "category", "data": [name for _, name in shown]},
        "visualMap": {"min": 0, "max": most},
        "series": [{"type": "heatmap", "data": points}],
    }


def _plain(cell: Cell) -> Any:
    return _plain(cell["text"]) if isinstance(cell, dict) else cell


def _guarded(value: Any) -> Any:
    """No text that a spreadsheet would take for a formula (OWASP: CSV injection)."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return value
