"""What a reader gives."""

from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urljoin, urlsplit

from quanyu.catalogue.exchange import Entry, Parsed, Remark
from quanyu.catalogue.harvest.fetch import odd_answer

Cursor: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SourcePage:
    """Some records of a source.

    next   the cursor of the page after this one, ``None`` after the last.
    total  how many records there are on all pages, as the source says.
    node   the name of the node asked, when the source is one.
    """

    entries: tuple[Entry, ...]
    rejects: tuple[Remark, ...] = ()
    next: Cursor | None = None
    total: int | None = None
    node: str = ""


def page_of(parsed: Parsed, onward: Cursor | None, total: int | None = None) -> SourcePage:
    """A page with what a reader of :mod:`exchange` found."""
    said = total if total is not None else parsed.total
    return SourcePage(parsed.entries, parsed.rejects, onward, said)


def onward_to(link: str, here: str) -> str:
    """The absolute address of the next page; :class:`Invalid` when it is none of the web."""
    there = urljoin(here, link)
    if urlsplit(there).scheme not in {"http", "https"}:
        raise odd_answer(f"the next page is said to be at {link[:120]}")
    return there


def whole_number(value: object) -> int | None:
    """A count as a source wrote it, ``None`` for what is none."""
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if number >= 0 else None
