"""Documents of strangers made into trees: bounded, decoded, without entities or network."""

import codecs
import re
from typing import Any

import orjson
from lxml import etree

from quanyu.kernel import Invalid, TooLarge

MOST_BYTES = 64 << 20
_DEEPEST = 120
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_PROLOG = re.compile(r"\s*(?:(?:<!--.*?-->|<\?.*?\?>)\s*)*", re.DOTALL)
_CHINESE = frozenset({"gb2312", "gbk", "cp936", "gb_2312-80", "euc-cn", "euccn", "hz", "x-gbk"})
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def loads(data: bytes, most: int = MOST_BYTES) -> Any:
    """JSON of at most ``most`` bytes, in UTF-8 or else GB 18030.

    Raises :class:`TooLarge`; :class:`Invalid` with the line for broken JSON and for nesting deeper
    than any catalogue's.
    """
    text = decoded(data, most)
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid(
            "this is no JSON: {why} at line {line}, column {column}",
            field="document",
            mend="correct it there, or check that the address gives JSON",
            why=error.msg.partition(":")[0],
            line=error.lineno,
            column=error.colno,
        ) from error
    check_depth(document)
    return document


def check_depth(document: Any) -> None:
    """Raise :class:`Invalid` for JSON that is nested deeper than any catalogue's."""
    layer, depth = [document], 0
    while layer:
        depth += 1
        if depth > _DEEPEST:
            raise _too_deep()
        layer = [
            inner
            for one in layer
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]


def read_xml(data: bytes, most: int = MOST_BYTES) -> etree._Element:
    """The root of an XML document of at most ``most`` bytes.

    Raises :class:`TooLarge`; :class:`Invalid` with the line for broken XML, and for documents that
    declare entities: those can be made to swell, and to name files.
    """
    match = _DECLARED.match(data[:400])
    text = decoded(data, most, match[1].decode().lower() if match else "")
    text = _DECLARATION.sub("", text, count=1)
    begins = _PROLOG.match(text)
    rest = text[begins.end() : begins.end() + (1 << 16)] if begins else text
    if rest[:9].upper() == "<!DOCTYPE" and "[" in rest.partition(">")[0]:
        raise Invalid(
            "this XML declares its own entities, which are not read",
            field="document",
            mend="write it without a document type",
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line, column = getattr(error, "position", (0, 0))
        raise Invalid(
            "this is no sound XML: {why} (line {line}, column {column})",
            field="document",
            mend="correct it there, or check that the address gives XML",
            why=re.sub(r",? ?line \d+.*", "", str(error))[:200],
            line=line,
            column=column,
        ) from error


def decoded(data: bytes, most: int, declared: str = "") -> str:
    """The text of a document: by its mark, its declaration, as UTF-8, else as GB 18030."""
    if len(data) > most:
        raise TooLarge(
            "the document is larger than {limit} bytes",
            field="document",
            mend="serve it in pages",
            limit=most,
        )
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], encoding)
    if declared in _CHINESE:
        return _strict(data, "gb18030")
    if declared and declared not in {"utf-8", "utf8", "us-ascii", "ascii"}:
        return _strict(data, declared)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _strict(data, "gb18030")


def _strict(data: bytes, encoding: str) -> str:
    try:
        text, _ = codecs.lookup(encoding).decode(data)
    except (LookupError, ValueError) as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise Invalid(
            "the bytes are not text in {encoding} (byte {at})",
            field="document",
            mend="write it in UTF-8",
            encoding=encoding[:40],
            at=at,
        ) from error
    if not isinstance(text, str):  # such as base64: from bytes to bytes
        raise Invalid(
            "“{encoding}” is no encoding of texts",
            field="document",
            mend="write it in UTF-8",
            encoding=encoding[:40],
        )
    return text


def _too_deep() -> Invalid:
    return Invalid(
        "this is nested deeper than {most} levels",
        field="document",
        mend="check that the address gives a catalogue",
        most=_DEEPEST,
    )
