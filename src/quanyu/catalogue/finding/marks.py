"""Facet values as single characters: an entry's marks are a short text, and a set of entries is
counted by counting the characters of their marks put together.

Both databases put texts together and look for a character in one quickly; numbers in lists they do
not.
"""

import numpy as np
from numpy.typing import NDArray

Characters = NDArray[np.uint32]

BETWEEN = "\n"
"""Parts the marks of one entry from those of the next."""

_FIRST = 0x100
_SURROGATES, _MANY_SURROGATES = 0xD800, 0x800


def mark(value: int) -> str:
    """The character of a facet value's number."""
    code = value + _FIRST
    return chr(code if code < _SURROGATES else code + _MANY_SURROGATES)


def values_in(characters: Characters) -> NDArray[np.int64]:
    """The numbers that characters stand for."""
    plain = characters.astype(np.int64)
    return np.where(plain < _SURROGATES, plain, plain - _MANY_SURROGATES) - _FIRST


def codes(marks: str) -> Characters:
    """The characters of many entries' marks as numbers."""
    return np.frombuffer(marks.encode("utf-32-le"), dtype=np.uint32)
