"""From what a document says to an :class:`Entry`: one judgement for every form.

What cannot be right is left out and noted; texts are cut to the lengths of the catalogue and noted;
nothing in a text is executed or unescaped. Times without an offset are taken as UTC.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import TypeVar
from urllib.parse import unquote, urljoin

from quanyu.catalogue.codes import ACCESSES, THEMES, Access, Grade, Sensitivity, UpdateCycle
from quanyu.catalogue.exchange.model import Entry, Publisher, Remark
from quanyu.catalogue.exchange.said import (
    Said,
    SaidContact,
    SaidDistribution,
    SaidField,
    SaidPublisher,
    Tagged,
)
from quanyu.catalogue.exchange.terms import (
    ACCESS_READ,
    API_FORMATS,
    AUTHORITY,
    EU_THEMES,
    EU_THEMES_READ,
    FILE_TYPES,
    FOREIGN_THEMES_URI,
    FREQUENCY_READ,
    THEMES_URI,
    licence_key,
)
from quanyu.catalogue.model import Bbox, Contact, Distribution, FieldMeaning, Interval
from quanyu.catalogue.validate import (
    LONGEST_ADDRESS,
    LONGEST_LINE,
    LONGEST_TEXT,
    LONGEST_TITLE,
    MOST_DISTRIBUTIONS,
    MOST_FIELDS,
    MOST_SOURCES,
    MOST_WORDS,
    is_web_address,
)
from quanyu.kernel import Invalid, LocalText

Item = TypeVar("Item")

_HAN = re.compile(r"[㐀-鿿豈-﫿]")
_YEAR = re.compile(r"(\d{4})(?:-(\d{2}))?Z?")
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})Z?")
_LONGEST_WORD = 100
_EU_THEME = f"{AUTHORITY}data-theme/"
_THEME_NAMES = {
    name.casefold(): key
    for key, code in THEMES.items()
    for name in (key, code.name.zh, code.name.en)
}
_ACCESS_NAMES = {
    **{access.value: access for access in Access},
    **{code.name.en.casefold(): access for access, code in ACCESSES.items()},
    **ACCESS_READ,
}


class Notes:
    """Remarks gathered on the way through one entry."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.remarks: list[Remark] = []

    def add(self, error: Invalid) -> None:
        """Note what was left out, and how the source could mend it."""
        self.remarks.append(Remark(self.place, error))


def entry_of_said(said: Said, notes: Notes, base: str = "") -> Entry:
    """The entry; raises :class:`Invalid` when it has no name or no title.

    ``base`` is the address that the document came from, against which its links are read.
    """
    identifier = _line(said.identifier or said.uri, "identifier", notes)
    if not identifier:
        raise Invalid(
            "this entry has no identifier",
            field="identifier",
            mend="give each entry a stable name of its own",
        )
    title = local(said.title, "title", notes, LONGEST_TITLE)
    if title is None:
        raise Invalid("this entry has no title", field="title", mend="give each entry a title")
    themes, foreign = _themes(said.themes)
    kept = [d for d in (_distribution(d, notes, base) for d in said.distributions) if d]
    distributions = _most(dict.fromkeys(kept), MOST_DISTRIBUTIONS, "distributions", notes)
    formats = said.formats or [one.format for one in distributions]
    licence = _line(licence_key(said.licence), "licence", notes)
    return Entry(
        identifier=identifier,
        title=title,
        kind=said.kind,
        uri=_line(said.uri, "uri", notes),
        other_identifiers=_words(said.other_identifiers, "other_identifiers", notes, LONGEST_LINE),
        abstract=local(said.abstract, "abstract", notes, LONGEST_TEXT),
        keywords=_words(said.keywords, "keywords", notes),
        themes=themes,
        foreign_themes=_words(foreign, "themes", notes, LONGEST_LINE),
        licence=licence,
        access=access_of(said.access),
        grade=_grade(said.grade, notes),
        update_cycle=cycle_of(said.update_cycle, notes),
        bbox=_bbox(said.bbox, notes),
        interval=_interval(said.interval, notes),
        fields=_fields(said.fields, notes),
        formats=_words(formats, "formats", notes),
        lineage=_most(dict.fromkeys(filter(None, said.lineage)), MOST_SOURCES, "lineage", notes),
        provenance=local(said.provenance, "provenance", notes, LONGEST_TEXT),
        contact=_contact(said.contact, notes, base),
        publisher=_publisher(said.publisher, notes, base),
        issued=moment(said.issued, "issued", notes),
        modified=moment(said.modified, "modified", notes),
        version=_line(said.version, "version", notes, 64),
        attribution=_line(said.attribution, "attribution", notes),
        landing_page=address(said.landing_page, "landing_page", notes, base),
        policy=address(said.policy, "policy", notes, base),
        language=tuple(dict.fromkeys(filter(None, said.language))),
        distributions=distributions,
        attributes=said.attributes,
    )


def plain(text: str) -> str:
    """``text`` without control characters and lone surrogates, blanks around it cut."""
    kept = (c for c in text if c in "\n\r\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept).strip()


def local(said: Iterable[Tagged], field: str, notes: Notes, longest: int) -> LocalText | None:
    """Chinese and English out of tagged texts; other languages stand in where English is not.

    A text without a tag is Chinese when it has Chinese characters.
    """
    found: dict[str, str] = {}
    for tag, text in said:
        words = plain(text)
        if not words:
            continue
        short = tag.lower().replace("_", "-").partition("-")[0]
        if short in {"zh", "zho", "chi"} or (not short and _HAN.search(words)):
            found.setdefault("zh", words)
        elif short in {"en", "eng"}:
            found.setdefault("en", words)
        else:
            found.setdefault("", words)
    zh, en = found.get("zh", ""), found.get("en") or found.get("", "")
    if not (zh or en):
        return None
    return LocalText(zh=_cut(zh, field, notes, longest), en=_cut(en, field, notes, longest))


def address(said: str, field: str, notes: Notes, base: str = "") -> str:
    """``said`` as an http(s) address; empty and noted when it is none."""
    if not said:
        return ""
    try:
        whole = urljoin(base, said.strip()) if base else said.strip()
    except ValueError:
        whole = ""
    if is_web_address(whole, LONGEST_ADDRESS):
        return whole
    notes.add(
        Invalid(
            "“{url}” is no web address, and was left out",
            field=field,
            mend="give one that begins with https://",
            url=said[:80],
        )
    )
    return ""


def moment(said: str, field: str, notes: Notes, *, end: bool = False) -> datetime | None:
    """An instant from ISO 8601, a day or a year; with ``end`` the last instant of it."""
    text = said.strip()
    if not text or text in {"..", "unknown", "now"}:
        return None
    try:
        year, day = _YEAR.fullmatch(text), _DAY.fullmatch(text)
        if day:
            first = datetime(int(day[1]), int(day[2]), int(day[3]), tzinfo=UTC)
            return datetime.combine(first, time.max, UTC) if end else first
        if year:
            return _of_year(int(year[1]), int(year[2] or 0), end=end)
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        notes.add(
            Invalid(
                "“{text}” is no time (ISO 8601), and was left out",
                field=field,
                mend="write such as 2026-03-01T08:30:00+08:00",
                text=text[:60],
            )
        )
        return None


def _of_year(year: int, month: int, *, end: bool) -> datetime:
    if not end:
        return datetime(year, month or 1, 1, tzinfo=UTC)
    after = (year + 1, 1) if month in {0, 12} else (year, month + 1)
    return datetime(*after, 1, tzinfo=UTC) - timedelta(microseconds=1)


def access_of(said: Iterable[str]) -> Access | None:
    """The access that words or URIs stand for; the first that is known."""
    for word in said:
        folded = word.strip().casefold()
        found = _ACCESS_NAMES.get(folded) or _ACCESS_NAMES.get(_last(folded))
        if found is not None:
            return found
    return None


def cycle_of(said: str, notes: Notes) -> UpdateCycle | None:
    """The update cycle that a word or URI stands for."""
    folded = said.strip().casefold()
    if not folded or _last(folded) in {"unknown", "other", "op_datpro"}:
        return None
    found = FREQUENCY_READ.get(folded) or FREQUENCY_READ.get(_last(folded))
    if found is None:
        notes.add(
            Invalid(
                "“{word}” is no update cycle known here, and was left out",
                field="update_cycle",
                mend="use a code of the EU frequency table",
                word=said[:80],
            )
        )
    return found


def _last(uri: str) -> str:
    return (
        re.split(r"[/#:]", uri.rstrip("/"))[-1] if "://" in uri or uri.startswith("urn:") else uri
    )


def _themes(said: Iterable[str]) -> tuple[tuple[str, ...], list[str]]:
    """Ours and the others. An EU theme is taken for ours where no theme of ours is named."""
    ours: dict[str, None] = {}
    eu: list[str] = []
    foreign: list[str] = []
    for theme in said:
        if theme.startswith(f"{THEMES_URI}:") and theme.rpartition(":")[2] in THEMES:
            ours[theme.rpartition(":")[2]] = None
        elif theme.strip().casefold() in _THEME_NAMES:
            ours[_THEME_NAMES[theme.strip().casefold()]] = None
        elif theme.startswith(_EU_THEME):
            eu.append(theme.removeprefix(_EU_THEME))
        else:
            bare = theme.removeprefix(f"{FOREIGN_THEMES_URI}:")
            foreign.append(unquote(bare) if bare != theme else theme)
    images = {EU_THEMES[key] for key in ours}
    for code in eu:
        if code in images:
            continue
        if not images and code in EU_THEMES_READ:
            ours[EU_THEMES_READ[code]] = None
        else:
            foreign.append(_EU_THEME + code)
    return tuple(ours), foreign


def _grade(said: str, notes: Notes) -> Grade | None:
    if not said:
        return None
    try:
        return Grade(said)
    except ValueError:
        notes.add(
            Invalid(
                "“{word}” is no grade (GB/T 43697), and was left out",
                field="grade",
                mend="use core, important or general",
                word=said[:80],
            )
        )
        return None


def _bbox(said: Sequence[float] | None, notes: Notes) -> Bbox | None:
    if said is None:
        return None
    box = tuple(said)
    if len(box) == 6:
        box = (box[0], box[1], box[3], box[4])
    if len(box) == 4 and all(map(math.isfinite, box)):
        xmin, ymin, xmax, ymax = box
        if -180 <= xmin <= xmax <= 180 and -90 <= ymin <= ymax <= 90:
            return (xmin, ymin, xmax, ymax)
    notes.add(
        Invalid(
            "{bbox} is no extent, and was left out",
            field="bbox",
            mend="give west, south, east, north in degrees, west ≤ east and south ≤ north",
            bbox=str(list(said))[:120],
        )
    )
    return None


def _interval(said: tuple[str, str], notes: Notes) -> Interval:
    start = moment(said[0], "interval", notes)
    end = moment(said[1], "interval", notes, end=True)
    if start and end and start > end:
        notes.add(
            Invalid(
                "the interval ends before it begins, and was left out",
                field="interval",
                mend="exchange its two ends",
            )
        )
        return (None, None)
    return (start, end)


def _fields(said: Iterable[SaidField], notes: Notes) -> tuple[FieldMeaning, ...]:
    found: dict[str, FieldMeaning] = {}
    for one in said:
        name = _line(one.name, "fields.name", notes)
        if not name or name in found:
            notes.add(
                Invalid(
                    "a field without a name of its own was left out",
                    field="fields",
                    mend="give each field its own name",
                )
            )
            continue
        words = one.sensitivity
        known = words in Sensitivity.__members__.values()
        found[name] = FieldMeaning(
            name,
            _line(one.type, "fields.type", notes) or "string",
            meaning=local(one.meaning, "fields.meaning", notes, LONGEST_TEXT),
            unit=_line(one.unit, "fields.unit", notes),
            sensitivity=Sensitivity(words) if known else Sensitivity.PUBLIC,
            person=one.person,
        )
    return _most(found.values(), MOST_FIELDS, "fields", notes)


def _contact(said: SaidContact | None, notes: Notes, base: str) -> Contact | None:
    if said is None:
        return None
    email = _line(said.email.removeprefix("mailto:"), "contact.email", notes)
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        notes.add(
            Invalid(
                "“{email}” is no e-mail address, and was left out",
                field="contact.email",
                mend="write it as name@example.org",
                email=email[:80],
            )
        )
        email = ""
    phone = _line(said.phone.removeprefix("tel:"), "contact.phone", notes)
    url = address(said.url, "contact.url", notes, base)
    name = _line(said.name, "contact.name", notes) or email or phone
    return Contact(name, email=email, phone=phone, url=url) if name else None


def _publisher(said: SaidPublisher | None, notes: Notes, base: str) -> Publisher | None:
    if said is None:
        return None
    name = local(said.name, "publisher", notes, LONGEST_TITLE)
    if name is None:
        return None
    url = address(said.url, "publisher.url", notes, base)
    return Publisher(name, _line(said.identifier, "publisher.identifier", notes), url)


def _distribution(said: SaidDistribution, notes: Notes, base: str) -> Distribution | None:
    url = address(said.url, "distributions.url", notes, base)
    if not url:
        return None
    form = _line(said.format, "distributions.format", notes, _LONGEST_WORD)
    media_type = _line(said.media_type, "distributions.media_type", notes, 200)
    if not form and media_type:
        bare = media_type.partition(";")[0].strip().lower()
        form = next((name for name, (kind, _) in FILE_TYPES.items() if kind == bare), "")
    api = said.api if said.api is not None else form.casefold() in API_FORMATS
    return Distribution(
        url,
        title=local(said.title, "distributions.title", notes, LONGEST_LINE),
        format=form,
        media_type=media_type,
        bytes=_size(said.bytes),
        api=api,
        checksum=said.checksum.lower()[:200],
    )


def _size(said: object) -> int | None:
    try:
        size = int(float(str(said))) if said not in (None, "") else -1
    except (ValueError, OverflowError):
        return None
    return size if 0 <= size < 1 << 62 else None


def _line(text: str, field: str, notes: Notes, longest: int = LONGEST_LINE) -> str:
    return _cut(" ".join(plain(text).split()), field, notes, longest)


def _cut(text: str, field: str, notes: Notes, longest: int) -> str:
    if len(text) <= longest:
        return text
    notes.add(
        Invalid(
            "this text was cut to {longest} characters",
            field=field,
            mend="make it shorter",
            longest=longest,
        )
    )
    return text[:longest].rstrip()


def _words(
    said: Iterable[str], field: str, notes: Notes, longest: int = _LONGEST_WORD
) -> tuple[str, ...]:
    lines = (_line(word, field, notes, longest) for word in said)
    return _most(dict.fromkeys(filter(None, lines)), MOST_WORDS, field, notes)


def _most(said: Iterable[Item], most: int, field: str, notes: Notes) -> tuple[Item, ...]:
    found = tuple(said)
    if len(found) <= most:
        return found
    notes.add(
        Invalid("only the first {most} were taken", field=field, mend="leave some out", most=most)
    )
    return found[:most]
