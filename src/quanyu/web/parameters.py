"""Query parameters of the standards, parsed by hand: strict, with the field and the mend named.

OGC API – Features Part 1 7.15 (bbox, datetime, limit; an unknown parameter is an error), Part 2
(crs, bbox-crs), Part 3 (filter), Part 8 (sortby).
"""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, time
from functools import lru_cache
from math import isfinite
from urllib.parse import parse_qsl

from starlette.requests import HTTPConnection

from quanyu.kernel import Invalid
from quanyu.spacetime import BD09, CRS84, CRS84H, GCJ02, Interval

COMMON = frozenset({"f", "lang", "agreement", "purpose", "version", "as-of"})
"""Parameters that every data resource takes."""

MOST = 10_000
"""Most features on a page; a larger ``limit`` is taken as this (Features 7.15.3 C)."""

_MOST_PARAMETERS = 64
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})"
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WHOLE = re.compile(r"\d{1,12}")
_EPSG = re.compile(
    r"\[?EPSG:(\d{4,6})\]?|https?://www\.opengis\.net/def/crs/EPSG/[\d.]+/(\d{4,6})"
    r"|urn:ogc:def:crs:EPSG:[\d.]*:(\d{4,6})"
)


def read(request: HTTPConnection) -> dict[str, str]:
    """The query's parameters; :class:`Invalid` for one that comes twice or cannot be read."""
    query = request.scope["query_string"]
    if not query:
        return {}
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError as error:
        raise Invalid(
            "the query cannot be read", field="query", mend="percent-encode it as UTF-8"
        ) from error
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid("this parameter comes more than once", field=twice[:80], mend="give it once")
    if any("\0" in value for value in found.values()):
        raise Invalid("a parameter holds a null character", field="query", mend="leave it out")
    return found


def check_known(given: Mapping[str, str], allowed: Collection[str]) -> None:
    """Raise :class:`Invalid` for a parameter that the resource does not have (Features 7.6)."""
    for name in given:
        if name not in allowed:
            raise Invalid(
                "there is no such parameter",
                field=name[:80],
                mend="use these: {names}",
                names=", ".join(sorted(allowed)),
            )


def whole(given: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    """A whole number from ``least``; one above ``most`` is taken as ``most``."""
    text = given.get(name)
    if text is None:
        return default
    if not _WHOLE.fullmatch(text) or int(text) < least:
        raise Invalid(
            "“{text}” is not a whole number from {least}",
            field=name,
            mend="give a number from {least} to {most}",
            text=text[:40],
            least=least,
            most=most,
        )
    return min(int(text), most)


def version(given: Mapping[str, str]) -> int | None:
    """The version asked for; ``None`` is the newest."""
    return whole(given, "version", 0, least=1, most=2**31 - 1) if "version" in given else None


def as_of(given: Mapping[str, str]) -> datetime | None:
    """The instant whose knowledge is asked for (``as-of``); of a day its end. Never in the future:
    what will be known then is not known. ``None`` is now."""
    if "as-of" not in given:
        return None
    if "version" in given:
        raise Invalid(
            "a version and a time of knowledge are both given",
            field="as-of",
            mend="give one of them",
        )
    return min(_moment(given["as-of"], "as-of", end=True), datetime.now(UTC))


def bbox(text: str, name: str = "bbox") -> tuple[float, ...]:
    """Four or six numbers: west, south, (bottom,) east, north, (top)."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in {4, 6} or not all(map(isfinite, values)):
        raise Invalid(
            "a bounding box is four or six numbers with commas between",
            field=name,
            mend="give west,south,east,north such as 24.93,60.16,24.96,60.18",
        )
    half = len(values) // 2
    if any(low > high for low, high in zip(values[1:half], values[half + 1 :], strict=True)):
        raise Invalid(
            "the box's south is north of its north, or its bottom above its top",
            field=name,
            mend="give the lower number first",
        )
    return values


def interval(text: str, name: str = "datetime") -> Interval:
    """An instant, a day or an interval of them, open where ``..`` or nothing stands (RFC 3339)."""
    first, slash, second = text.partition("/")
    if not slash:
        return _moment(first, name, end=False), _moment(first, name, end=True)
    start = None if first in {"", ".."} else _moment(first, name, end=False)
    stop = None if second in {"", ".."} else _moment(second, name, end=True)
    if (start and stop and start > stop) or (not first and not second):
        raise Invalid(
            "the interval ends before it begins",
            field=name,
            mend="give the earlier time first",
        )
    return start, stop


def _moment(text: str, name: str, *, end: bool) -> datetime:
    try:
        if _DAY.fullmatch(text):
            day = datetime.fromisoformat(text)
            return datetime.combine(day, time.max if end else time.min, UTC)
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Invalid(
        "“{text}” is no time with an offset (RFC 3339)",
        field=name,
        mend="give such as 2026-03-01T08:30:00Z, 2026-03-01, or 2026-03-01T00:00:00Z/..",
        text=text[:60],
    )


@lru_cache(maxsize=512)
def crs(text: str, name: str = "crs") -> str:
    """The canonical URI of a CRS given as URI, URN or ``EPSG:code`` (safe CURIE or plain)."""
    match = _EPSG.fullmatch(text)
    if match:
        return f"http://www.opengis.net/def/crs/EPSG/0/{next(filter(None, match.groups()))}"
    bare = text.replace("https://", "http://", 1)
    if bare in {CRS84, "OGC:CRS84", "[OGC:CRS84]", "urn:ogc:def:crs:OGC:1.3:CRS84"}:
        return CRS84
    if bare in {CRS84H, "OGC:CRS84h", "[OGC:CRS84h]"}:
        return CRS84H
    if text in {GCJ02, BD09}:
        return text
    raise Invalid(
        "“{crs}” is no URI of a CRS",
        field=name,
        mend="use one of the list “crs” of the collection",
        crs=text[:120],
    )


def names(text: str) -> tuple[str, ...]:
    """Property names with commas between, each once; none when empty."""
    return tuple(dict.fromkeys(part for part in text.split(",") if part)) if text else ()


def sortby(text: str, name: str = "sortby") -> tuple[tuple[str, bool], ...]:
    """``+name`` or ``name`` rising, ``-name`` falling. A plus that arrived as a blank is a plus."""
    found: dict[str, bool] = {}
    for part in text.split(","):
        bare = part.lstrip("+ ") if part[:1] in "+ " else part.removeprefix("-")
        if not bare:
            raise Invalid("a name to sort by is missing", field=name, mend="give such as -name")
        found.setdefault(bare, part.startswith("-"))
    return tuple(found.items())
