"""What strangers say of their data, taken only as far as it makes sense: addresses, texts, boxes,
times."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from quanyu.catalogue.harvest.mapping import plain
from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import Bbox, Interval
from quanyu.catalogue.probe.model import Proposal
from quanyu.catalogue.validate import is_web_address
from quanyu.kernel import LocalText

MOST = 200
"""How much of what an interface offers is proposed one by one."""


def line(value: object, longest: int = 200) -> str:
    """A text as one line of words; empty for what is no text or number."""
    said = str(value) if isinstance(value, str | int | float) else ""
    return " ".join(plain(said[: longest * 20]).split())[:longest].strip()


def abstract_of(value: object) -> LocalText | None:
    """A description in the language that it seems to be in."""
    said = plain(value[:100_000])[:20_000].strip() if isinstance(value, str) else ""
    if not said:
        return None
    chinese = any("\u4e00" <= c <= "\u9fff" for c in said)
    return LocalText(zh=said) if chinese else LocalText(en=said)


def words_of(values: object, most: int = 50) -> tuple[str, ...]:
    """Keywords: different, short, not too many; nothing of what is no list."""
    said = (line(one, 100) for one in values[: most * 4]) if isinstance(values, list) else ()
    return tuple(word for word in dict.fromkeys(said) if word)[:most]


def objects_of(values: object) -> list[dict[str, Any]]:
    """The objects of a list; none of what is no list."""
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def address_of(base: str, reference: object) -> str:
    """``reference`` as a web address; empty when it is none that may be shown as a link."""
    try:
        joined = urljoin(base, reference) if isinstance(reference, str) and reference else ""
    except ValueError:  # such as a broken IPv6 address
        return ""
    return joined if is_web_address(joined) else ""


def without_sign_in(url: str) -> str:
    """``url`` without user and password; its query is kept, since interfaces may need it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def signed_in(url: str, asked: str) -> str:
    """``url`` with user and password of ``asked`` when it lies at the same host and port."""
    there, here = urlsplit(url), urlsplit(asked)
    host = here.netloc.rpartition("@")[2]
    same = (there.scheme, there.netloc) == (here.scheme, host)
    return urlunsplit(there._replace(netloc=here.netloc)) if same else url


def box_of(values: object) -> Bbox | None:
    """West, south, east, north in degrees, of four numbers or six; ``None`` for anything else."""
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) not in {4, 6}:
        return None
    half = len(values) // 2
    try:
        west, south, east, north = (
            float(values[at]) for at in (0, 1, half, half + 1)
        )  # NaN is beyond every bound
    except (TypeError, ValueError, OverflowError):
        return None
    good = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
    return (west, south, east, north) if good else None


def interval_of(first: object, last: object) -> Interval:
    """Two instants with their offsets, in order; what is no instant is open."""
    start, end = _moment(first), _moment(last)
    return (None, None) if start and end and start > end else (start, end)


def apart(offered: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """The same proposals, each with a name in addresses of its own."""
    taken: set[str] = set()
    found = []
    for one in offered:
        slug, number = one.slug, 1
        while slug in taken:
            number += 1
            slug = f"{one.slug[:54]}-{number}"
        taken.add(slug)
        found.append(one if slug == one.slug else replace(one, slug=slug))
    return tuple(found)


def cut(count: object) -> tuple[Mapping[str, Any], ...]:
    """That there is more than what is shown, when there is."""
    if not isinstance(count, int) or count <= MOST:
        return ()
    return (
        because(
            "only the first {most} of {count} are shown; harvest it as a source",
            most=MOST,
            count=count,
        ),
    )


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
