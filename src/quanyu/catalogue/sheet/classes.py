"""Classes of the government data catalogue: 类 1 digit, 项 2, 目 3, 细目 what is left.

The file that ships holds 类 and usual 项; which 目 and 细目 there are each city decides, so a file
of the same form (setting ``classes_file``) adds to them or gives them other names.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from quanyu.kernel import Invalid, LocalText

_FILE = Path(__file__).with_name("government-classes.csv")
_CODE = re.compile(r"\d(\d{2}(\d{3}\d{0,14})?)?")
_LEVELS = {1: 1, 3: 2, 6: 3}
MOST = 20_000


@dataclass(frozen=True, slots=True)
class ClassCode:
    """A class. ``level`` is 1 类, 2 项, 3 目, 4 细目."""

    code: str
    name: LocalText
    level: int


def class_codes() -> tuple[ClassCode, ...]:
    """All that are known, by code."""
    return _known


def class_path(text: str) -> str | None:
    """The code that a cell names: a code, a name, or a path of names parted by ``/`` or ``-``."""
    word = text.strip()
    if _CODE.fullmatch(word):
        return word
    parts = [part.strip() for part in re.split(r"[/／>\-—]", word) if part.strip()]
    found = ""
    for part in parts:
        below = [one for one in _known if one.code.startswith(found) and one.code != found]
        match = next(
            (one for one in below if part in {one.name.zh, one.name.en, f"{one.name.zh}类"}), None
        )
        if match is None:
            return None
        found = match.code
    return found or None


def use_classes(path: Path | None) -> None:
    """Read the node's classes; :class:`Invalid` names the file, the line and what is wrong."""
    global _known  # noqa: PLW0603 - one table for the process, as of other code tables
    classes = {one.code: one for one in _read(_FILE)}
    if path is not None:
        classes |= {one.code: one for one in _read(path)}
    _known = tuple(classes[code] for code in sorted(classes))


def _read(path: Path) -> list[ClassCode]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, 1, str(error)) from error
    rows = list(csv.DictReader(text.splitlines()))
    if len(rows) > MOST:
        raise _bad(path, MOST, "there are too many")
    found = []
    for line, row in enumerate(rows, 2):
        code, zh, en = ((row.get(name) or "").strip() for name in ("code", "name_zh", "name_en"))
        if not _CODE.fullmatch(code):
            raise _bad(path, line, f"“{code}” is no code of 1, 3, 6 or more digits")
        if not (zh or en):
            raise _bad(path, line, "it has no name")
        found.append(ClassCode(code, LocalText(zh=zh, en=en), _LEVELS.get(len(code), 4)))
    return found


def _bad(path: Path, line: int, why: str) -> Invalid:
    return Invalid(
        "{file}, line {line}, is no table of classes: {why}",
        field="classes_file",
        mend="give the columns code, name_zh, name_en",
        file=path.name,
        line=line,
        why=why,
    )


_known: tuple[ClassCode, ...] = ()
use_classes(None)
