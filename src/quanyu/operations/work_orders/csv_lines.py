"""Lines of CSV (RFC 4180) that spreadsheets open as UTF-8 and take no formula from."""

import csv
import io
from collections.abc import Iterable

BEGINNING = b"\xef\xbb\xbf"
"""The mark by which spreadsheets know UTF-8."""
_FORMULA = frozenset("=+-@\t\r")


def csv_line(cells: Iterable[object]) -> bytes:
    """One line; ``None`` is empty, a text that a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    csv.writer(text).writerow([_guarded(cell) for cell in cells])
    return text.getvalue().encode()


def _guarded(cell: object) -> object:
    if cell is None:
        return ""
    text = cell if isinstance(cell, str) else ""
    return f"'{text}" if text and text[0] in _FORMULA else cell
