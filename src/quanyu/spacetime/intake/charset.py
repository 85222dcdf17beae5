"""Character sets of text that does not say its own."""

import codecs

from charset_normalizer import from_bytes

from quanyu.kernel import Invalid

MARK = "\ufdd0"
"""Stands for a byte that the character set does not have (a Unicode noncharacter)."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return MARK * (error.end - error.start), error.end


codecs.register_error("quanyu.mark", _mark)


def check_charset(name: str) -> str:
    """Python's name of a character set; raises ``Invalid`` (``encoding``)."""
    try:
        found = codecs.lookup(name).name
    except LookupError as error:
        raise Invalid(
            "“{name}” is not a character set known here",
            field="encoding",
            mend="use UTF-8, GB18030, Big5 or another name that IANA lists",
            name=name,
        ) from error
    return "gb18030" if found in {"gbk", "gb2312"} else found


def charset_of(sample: bytes) -> str:
    """The character set of the beginning of a text.

    GB 18030 is asked before the statistics, which take short Chinese texts for Korean or Big5: a
    text that decodes strictly as GB 18030 and gives mostly common Chinese characters is that.
    """
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    if _decodes(sample, "utf-8"):
        return "utf-8"
    if _decodes(sample, "gb18030") and _common(sample.decode("gb18030", "ignore")):
        return "gb18030"
    best = from_bytes(sample[: 64 << 10]).best()
    if best is not None and _decodes(sample, best.encoding):
        return check_charset(best.encoding)
    # Neither is whole: the nearer of the two, and the rows with strays are rejected by number.
    return min(("utf-8", "gb18030"), key=lambda name: _strays(sample, name))


def _decodes(sample: bytes, charset: str) -> bool:
    decoder = codecs.getincrementaldecoder(charset)("strict")
    try:
        decoder.decode(sample)  # not final: the sample may end inside a character
    except UnicodeDecodeError:
        return False
    return True


def _common(text: str) -> bool:
    """Whether most of what is not ASCII is in the first level of GB 2312 (or its punctuation)."""
    strange = [character for character in text if ord(character) > 127]
    known = 0
    for character in strange:
        code = character.encode("gb18030")
        known += len(code) == 2 and 0xA1 <= code[0] <= 0xD7 and code[1] >= 0xA1
    return bool(strange) and known / len(strange) > 0.8


def _strays(sample: bytes, charset: str) -> int:
    return sample.decode(charset, "quanyu.mark").count(MARK)
