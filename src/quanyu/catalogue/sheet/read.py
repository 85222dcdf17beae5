"""A sheet as rows of cells by column, the resource's cells filled down into its items."""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from quanyu.catalogue.sheet.columns import ITEM_COLUMNS, Column, column_of
from quanyu.kernel import Invalid, TooLarge

MOST_BYTES, MOST_UNPACKED, MOST_ROWS, MOST_CELL = 20 << 20, 400 << 20, 100_000, 20_000
_HEAD_WITHIN = 10
_NEEDED = (Column.TITLE, Column.SHARING)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row as it stands in the file: its number there (from 1), its cells by column."""

    number: int
    cells: dict[Column, str]


def read_sheet(data: bytes) -> list[SheetRow]:
    """The rows of an XLSX or CSV file, without its heading and empty rows.

    Raises :class:`TooLarge`, or :class:`Invalid` on ``file`` when it cannot be read or has no
    heading with the columns of the catalogue.
    """
    if len(data) > MOST_BYTES:
        raise TooLarge("the file has more than {most} bytes", field="file", most=MOST_BYTES)
    raw = _workbook(data) if data[:2] == b"PK" else _delimited(data)
    rows = list(raw)
    head, columns = _heading(rows)
    return list(_filled(rows[head + 1 :], columns, head + 2))


def letters(index: int) -> str:
    """The name of a column in spreadsheets: A, B … AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def _workbook(data: bytes) -> Iterator[list[str]]:
    import python_calamine

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(one.file_size for one in packed.infolist()) > MOST_UNPACKED:
                raise TooLarge(
                    "the file has more than {most} bytes", field="file", most=MOST_UNPACKED
                )
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=False, nrows=MOST_ROWS + 1)
    except (zipfile.BadZipFile, python_calamine.CalamineError) as error:
        raise _unreadable(str(error)) from error
    for row in sheet:
        yield [_text(cell) for cell in row]


def _delimited(data: bytes) -> Iterator[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise _unreadable("neither UTF-8 nor GB 18030")
    if "\0" in text:
        raise _unreadable("it is no text")
    try:
        for row in csv.reader(io.StringIO(text)):
            yield [_unguarded(cell) for cell in row]
    except csv.Error as error:
        raise _unreadable(str(error)) from error


def _text(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)


def _unguarded(cell: str) -> str:
    """Without the apostrophe that keeps spreadsheets from taking a text for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {"=", "+", "-", "@"} else cell


def _heading(rows: list[list[str]]) -> tuple[int, dict[int, Column]]:
    if len(rows) > MOST_ROWS:
        raise TooLarge("the sheet has more than {most} rows", field="file", most=MOST_ROWS)
    for number, row in enumerate(rows[:_HEAD_WITHIN]):
        columns = {at: column for at, cell in enumerate(row) if (column := column_of(cell))}
        if set(_NEEDED) <= set(columns.values()):
            if len(columns) != len(set(columns.values())):
                raise Invalid(
                    "a column stands twice in the heading",
                    field="file",
                    mend="leave one of them out",
                )
            return number, columns
    raise Invalid(
        "there is no heading with the columns 信息资源名称 and 共享类型",
        field="file",
        mend="begin with the template that this page gives",
    )


def _filled(rows: list[list[str]], columns: dict[int, Column], first: int) -> Iterator[SheetRow]:
    """Merged cells read as empty ones below the first: they are filled from above."""
    above: dict[Column, str] = {}
    for number, row in enumerate(rows, first):
        cells = {
            column: (row[at].strip() if at < len(row) else "") for at, column in columns.items()
        }
        if not any(cells.values()):
            continue
        if longest := max(cells, key=lambda column: len(cells[column])):
            cells[longest] = cells[longest][: MOST_CELL + 1]
        if not cells[Column.TITLE] and above:
            own = {column: cells[column] for column in cells if column in ITEM_COLUMNS}
            cells = {column: text or above.get(column, "") for column, text in cells.items()} | own
        above = cells
        yield SheetRow(number, cells)


def _unreadable(why: str) -> Invalid:
    return Invalid(
        "this file cannot be read: {why}",
        field="file",
        mend="save it as XLSX, or as CSV in UTF-8",
        why=why[:200],
    )
