"""The portal's own font for documents: slices of Noto Sans SC, those alone that a text needs.

The front end ships the font as about a hundred WOFF2 slices with their ranges of characters
(``unicode-range``), so that browsers load few. A document takes the same slices.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from quanyu.kernel import whole_file
from quanyu.web.pages import STATIC, asset

_FACE = re.compile(r"@font-face\{[^}]*Noto Sans SC[^}]*\}")
_FILE = re.compile(r"url\(/static/([^)]+)\)")
_RANGE = re.compile(r"unicode-range:([^;}]+)")
_WEIGHT = 400
_UNUSED = frozenset({"GPOS", "GSUB", "BASE", "vhea", "vmtx", "STAT"})  # no shaping, no columns


@dataclass(frozen=True, slots=True)
class Slice:
    """A file of the font, and the characters that it has."""

    file: str
    characters: frozenset[int]


@cache
def slices() -> tuple[Slice, ...]:
    """Every slice of the built front end."""
    sheet = (STATIC / asset("src/styles/site.css").removeprefix("/static/")).read_text("utf-8")
    found = []
    for face in _FACE.findall(sheet):
        file, ranges = _FILE.search(face), _RANGE.search(face)
        if file and ranges:
            found.append(Slice(file[1], frozenset(_characters(ranges[1]))))
    return tuple(found)


def fonts_for(text: str, folder: Path) -> list[Path]:
    """TrueType files that together have the characters of ``text``, Latin letters first; kept in
    ``folder``, as making one takes a third of a second."""
    wanted = {ord(one) for one in text if not one.isspace()}
    chosen = []
    latin = {ord("A")}
    for one in sorted(slices(), key=lambda s: not latin <= s.characters):
        if one.characters & (wanted | latin):
            chosen.append(_truetype(one.file, folder))
            wanted -= one.characters
    return chosen


def _truetype(file: str, folder: Path) -> Path:
    """A slice as a TrueType font of one weight; names of slices carry a hash of their content."""
    from fontTools.ttLib import TTFont
    from fontTools.varLib.instancer import instantiateVariableFont

    target = folder / f"{Path(file).stem}.ttf"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    font = TTFont(STATIC / file, lazy=True)
    for table in _UNUSED & set(font.keys()):
        del font[table]
    if "fvar" in font:
        font = instantiateVariableFont(font, {"wght": _WEIGHT}, optimize=False, overlap=False)
    font.flavor = None
    with whole_file(target) as unfinished:
        font.save(unfinished)
    return target


def _characters(ranges: str) -> Iterator[int]:
    for one in ranges.split(","):
        first, _, last = one.strip().removeprefix("U+").partition("-")
        last = last or first.replace("?", "F")  # U+9FF? is sixteen characters
        yield from range(int(first.replace("?", "0"), 16), int(last, 16) + 1)
