"""Letters made alike, and texts cut into runs of one script.

Traditional characters become simplified ones one by one, by OpenCC's own table: a phrase must not
decide, or the same characters would be written differently in the index and in the question.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

_HAN = (
    "\u3005\u3007"  # iteration mark, zero
    "\u3040-\u30ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U000323af"
)
_RUN = re.compile(rf"((?:(?=\w)[{_HAN}])+)|([^\W_{_HAN}]+)")
_MARKS = re.compile(r"[\u0300-\u036f]")
_FIRST, _LAST = 0x3400, 0xA000


def fold(text: str) -> str:
    """Letters made alike: small, of one width, without the marks that sit on Latin letters."""
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return unicodedata.normalize("NFC", bare).casefold()


def alike(text: str) -> str:
    """``text`` folded, its traditional characters simplified: the form that is indexed."""
    folded = fold(text)
    return folded if folded.isascii() else folded.translate(_simplified())


def runs(text: str) -> Iterator[tuple[str, str]]:
    """The runs of Chinese (first of the pair) and of other letters and digits (second)."""
    for match in _RUN.finditer(alike(text)):
        yield match[1] or "", match[2] or ""


def is_han(word: str) -> bool:
    """Whether a word of :func:`runs` is of a Chinese run."""
    return (
        bool(word)
        and (ord(word[0]) >= _FIRST or word[0] in "\u3005\u3007")
        and not (
            0xAC00 <= ord(word[0]) <= 0xD7A3  # Hangul is spelt in letters
        )
    )


@cache
def _simplified() -> dict[int, str]:
    import opencc

    characters = [chr(code) for code in range(_FIRST, _LAST)]
    simple = opencc.OpenCC("t2s").convert("\n".join(characters)).split("\n")
    return {
        ord(old): new
        for old, new in zip(characters, simple, strict=True)
        if old != new and len(new) == 1
    }
