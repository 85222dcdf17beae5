"""Spreadsheets: XLSX, XLSB, XLS and ODS through calamine."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import python_calamine

from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime.intake.delimited import Strings, tabular
from quanyu.spacetime.intake.model import IngestOptions, Reading

_MOST_BYTES = 256 << 20
_ROWS = 20_000


def read_sheet(path: Path, options: IngestOptions) -> Reading:
    """Open a sheet of a workbook (the first, or ``options.layer``); raises ``Invalid``.

    A workbook has to be in memory whole; one sheet holds at most a million rows.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise TooLarge(
            "a workbook of more than {limit} bytes is not read",
            field="source",
            mend="save the sheet as CSV",
            limit=_MOST_BYTES,
        )
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            names = list(book.sheet_names)
            if options.layer is not None and options.layer not in names:
                raise Invalid(
                    "there is no sheet “{name}”",
                    field="layer",
                    mend="sheets are: {layers}",
                    name=options.layer,
                    layers=", ".join(names),
                )
            layer = options.layer or names[0]
            rows = book.get_sheet_by_name(layer).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, IndexError) as error:
        raise Invalid(
            "the workbook is damaged, encrypted or cut off: {why}",
            field="source",
            mend="save it again, without a password",
            why=str(error)[:200],
        ) from error
    at = _header(rows)
    if at is None or at + 1 >= len(rows):
        raise Invalid("the file holds no rows", field="source", mend="give a sheet with data")
    columns = _columns(rows[at])
    body = rows[at + 1 :]

    def batches() -> Iterator[Strings]:
        for start in range(0, len(body), _ROWS):
            block = body[start : start + _ROWS]
            lines = np.arange(start, start + len(block), dtype=np.int64) + at + 2
            batch = pa.RecordBatch.from_arrays(
                [pa.array([_text(row[i]) for row in block], type=pa.string()) for i in columns],
                names=list(columns.values()),
            )
            filled = np.array([any(cell != "" for cell in row) for row in block], dtype=bool)
            yield Strings(batch.filter(pa.array(filled)), lines[filled])

    return tabular(
        next(batches()).batch, batches, options, form="excel", rows=len(body),
        layers=tuple(names), layer=layer,
    )  # fmt: skip


def _header(rows: Sequence[Sequence[object]]) -> int | None:
    """The first row that fills as many cells as most do: titles above tables are narrower."""
    widths = [sum(cell != "" for cell in row) for row in rows[:200]]
    if not any(widths):
        return None
    usual = max(set(widths) - {0}, key=lambda width: (widths.count(width), width))
    return next(number for number, width in enumerate(widths) if width >= usual)


def _columns(header: Sequence[object]) -> dict[int, str]:
    """Names by position; those that repeat are numbered, those without a name are left out."""
    names: dict[int, str] = {}
    for position, cell in enumerate(header):
        name = _text(cell).strip()
        if name:
            names[position] = name if name not in names.values() else f"{name}_{position + 1}"
    return names


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))  # a sheet knows no integers
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(cell)
