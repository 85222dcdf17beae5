"""Byte ranges of downloads (RFC 9110, clause 14): one range at a time, so that a resume works."""

import re
from datetime import datetime
from email.utils import format_datetime

from starlette.requests import Request

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def wanted(request: Request, tag: str, changed: datetime) -> tuple[int | None, int | None] | None:
    """First and last byte asked for; ``None`` for all: no range, several, or of something else.

    A suffix (``bytes=-500``) has no first. ``If-Range`` holds when it names the same entity tag or
    the time of the last change.
    """
    found = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    condition = request.headers.get("if-range")
    if condition is not None and condition.strip() not in (tag, http_date(changed)):
        return None
    return (int(found[1]) if found[1] else None, int(found[2]) if found[2] else None)


def part_of(asked: tuple[int | None, int | None], size: int) -> tuple[int, int] | None:
    """The range as ``(start, end)``, the end left out; ``None`` when it lies outside."""
    first, last = asked
    if first is None:
        start, end = max(size - (last or 0), 0), size
    else:
        start, end = first, size if last is None else min(last + 1, size)
    return (start, end) if start < end else None


def http_date(moment: datetime) -> str:
    """A time as HTTP writes it."""
    return format_datetime(moment.replace(microsecond=0), usegmt=True)
