"""A workbook (Office Open XML, ISO/IEC 29500): bounded rows, and a sheet that says how many."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shapely

from quanyu.spacetime.answer import Answer
from quanyu.spacetime.encode import text_value
from quanyu.spacetime.engine import identifier
from quanyu.spacetime.model import FID, GEOMETRY, FieldType

MOST_ROWS = 100_000
"""Rows of a sheet; a sheet could hold 1,048,576, but no office program opens that with ease."""

_LONGEST_CELL = 32_000  # the format ends at 32,767
_CHUNK = 1 << 16
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def xlsx(answer: Answer) -> Iterator[bytes]:
    """The first rows of an answer as a workbook; texts are written as texts, never as formulas."""
    import xlsxwriter

    with tempfile.TemporaryDirectory(prefix="quanyu-") as folder:
        path = Path(folder) / "answer.xlsx"
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": True,
        }
        with xlsxwriter.Workbook(str(path), options) as book:
            written, more = _data_sheet(answer, book)
            _about_sheet(book, written, more)
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece


def _data_sheet(answer: Answer, book: Any) -> tuple[int, bool]:
    fields = answer.question.fields
    sheet = book.add_worksheet("data")
    bold = book.add_format({"bold": True})
    names = [FID, *(f.name for f in fields), *([GEOMETRY] if answer.shaped else [])]
    for column, name in enumerate(names):
        sheet.write_string(0, column, _clean(name), bold)
    sheet.freeze_panes(1, 1)
    values = [
        f"to_base64({identifier(f.name)}) AS {identifier(f.name)}"
        if f.type is FieldType.BINARY
        else f"{text_value(f)} AS {identifier(f.name)}"
        for f in fields
    ]
    columns = ", ".join([FID, *values, *([GEOMETRY] if answer.shaped else [])])
    row, more = 0, False
    for batch in answer.batches(columns):
        cells = [batch.column(at).to_pylist() for at in range(len(fields) + 1)]
        if answer.shaped:
            shapes = answer.geometries(batch)
            cells.append(shapely.to_wkt(shapes, rounding_precision=answer.decimals).tolist())
        took = min(batch.num_rows, MOST_ROWS - row)
        for line in range(took):
            row += 1
            for column, found in enumerate(cells):
                _write(sheet, row, column, found[line])
        answer.counted(took)
        if took < batch.num_rows:
            more = True
            break
    return row, more


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float) and abs(value) < 2**53:
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, _clean(str(value)))


def _about_sheet(book: Any, written: int, more: bool) -> None:
    sheet = book.add_worksheet("about 说明")
    sheet.set_column(0, 0, 100)
    lines = [f"{written} rows · {written} 行"]
    if more:
        lines.append(
            f"Not all rows are here: a workbook holds the first {MOST_ROWS}. Take CSV, GeoPackage"
            " or Parquet for all of them."
        )
        lines.append(
            f"此处并非全部数据：工作簿只含前 {MOST_ROWS} 行。全部数据请下载 CSV、GeoPackage 或"
            " Parquet。"
        )
    for row, line in enumerate(lines):
        sheet.write_string(row, 0, line)


def _clean(text: str) -> str:
    return _BAD.sub("�", text)[:_LONGEST_CELL]
