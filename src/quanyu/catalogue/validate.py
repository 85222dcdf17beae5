"""What an entry must satisfy by itself. Every complaint names the field and how to mend it."""

import math
import re
import unicodedata
from collections import Counter
from dataclasses import replace
from urllib.parse import urlsplit

from quanyu.catalogue.codes import BY_AGREEMENT, GRADE_ACCESS, LICENCES, THEMES, Access
from quanyu.catalogue.kinds import check_attributes
from quanyu.catalogue.model import (
    Bbox,
    Contact,
    Distribution,
    FieldMeaning,
    Interval,
    ResourceDraft,
)
from quanyu.kernel import Invalid, LocalText

LONGEST_TITLE, LONGEST_TEXT, LONGEST_LINE, LONGEST_ADDRESS = 300, 20_000, 500, 2_000
MOST_FIELDS, MOST_WORDS, MOST_SOURCES, MOST_DISTRIBUTIONS = 2_000, 50, 200, 200
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


def check_draft(draft: ResourceDraft) -> ResourceDraft:
    """The draft with blanks cut and doubles removed; raises :class:`Invalid` at the first fault."""
    check_slug(draft.slug)
    _check_bbox(draft.bbox)
    _check_interval(draft.interval)
    _check_licence(draft.licence, draft.access)
    _check_themes(draft.themes)
    if draft.access not in GRADE_ACCESS[draft.grade]:
        raise Invalid(
            "{grade} data may not be “{access}”",
            field="access",
            mend="choose one of: {choices}",
            grade=draft.grade.value,
            access=draft.access.value,
            choices=", ".join(sorted(GRADE_ACCESS[draft.grade])),
        )
    if len(draft.lineage) > MOST_SOURCES:
        raise _too_many("lineage", MOST_SOURCES)
    if not draft.version.strip():
        raise Invalid("a version needs a label", field="version", mend="give one such as 1 or 2026")
    return replace(
        draft,
        title=check_text(draft.title, "title", LONGEST_TITLE),
        abstract=draft.abstract and check_text(draft.abstract, "abstract", LONGEST_TEXT),
        keywords=_check_words(draft.keywords, "keywords"),
        themes=tuple(dict.fromkeys(draft.themes)),
        fields=check_fields(draft.fields),
        formats=_check_words(draft.formats, "formats"),
        lineage=tuple(dict.fromkeys(draft.lineage)),
        provenance=draft.provenance and check_text(draft.provenance, "provenance", LONGEST_TEXT),
        contact=draft.contact and _check_contact(draft.contact),
        version=check_line(draft.version, "version", 64),
        attribution=check_line(draft.attribution, "attribution"),
        attributes=check_attributes(draft.kind, draft.attributes),
        distributions=_check_distributions(draft.distributions),
    )


def check_slug(slug: str) -> None:
    """Raise :class:`Invalid` unless ``slug`` can be a name in URLs and of a table."""
    if not _SLUG.fullmatch(slug):
        raise Invalid(
            "“{slug}” cannot be a name in an address",
            field="slug",
            mend="use 1 to 64 small letters, digits, - and _, a letter or digit first and last",
            slug=slug[:80],
        )


def _check_bbox(bbox: Bbox | None) -> None:
    if bbox is None:
        return
    xmin, ymin, xmax, ymax = bbox
    if not (
        all(map(math.isfinite, bbox)) and -180 <= xmin <= xmax <= 180 and -90 <= ymin <= ymax <= 90
    ):
        raise Invalid(
            "{bbox} is no extent",
            field="bbox",
            mend="give west, south, east, north in degrees, west ≤ east and south ≤ north",
            bbox=list(bbox),
        )


def _check_interval(interval: Interval) -> None:
    start, end = interval
    if any(moment is not None and moment.tzinfo is None for moment in interval):
        raise Invalid(
            "a time without an offset names no instant", field="interval", mend="add Z or +08:00"
        )
    if start is not None and end is not None and start > end:
        raise Invalid(
            "the interval ends before it begins", field="interval", mend="exchange its two ends"
        )


def _check_licence(licence: str, access: Access) -> None:
    known = LICENCES.get(licence)
    if known is None and not is_web_address(licence):
        raise Invalid(
            "“{licence}” is no licence that this node knows",
            field="licence",
            mend="give its URL, or one of: {choices}",
            licence=licence[:80],
            choices=", ".join(LICENCES),
        )
    if known and access is Access.OPEN and not known.open:
        raise Invalid(
            "open data cannot be “{licence}”",
            field="licence",
            mend="choose an open licence, or another access",
            licence=BY_AGREEMENT,
        )


def _check_themes(themes: tuple[str, ...]) -> None:
    for theme in themes:
        if theme not in THEMES:
            raise Invalid(
                "“{theme}” is no theme",
                field="themes",
                mend="choose among: {choices}",
                theme=theme[:80],
                choices=", ".join(THEMES),
            )


def check_fields(fields: tuple[FieldMeaning, ...]) -> tuple[FieldMeaning, ...]:
    """Descriptions of fields, each name once; :class:`Invalid` at the first fault."""
    if len(fields) > MOST_FIELDS:
        raise _too_many("fields", MOST_FIELDS)
    for name, times in Counter(field.name for field in fields).items():
        if times > 1:
            raise Invalid(
                "the field “{name}” stands twice",
                field="fields",
                mend="give each field its own name",
                name=name[:80],
            )
    if sum(field.person for field in fields) > 1:
        raise Invalid(
            "only one field can stand for a person",
            field="fields.person",
            mend="mark the one by which persons are counted",
        )
    return tuple(
        replace(
            field,
            name=_required(field.name, "fields.name"),
            type=_required(field.type, "fields.type"),
            unit=check_line(field.unit, "fields.unit"),
            meaning=field.meaning and check_text(field.meaning, "fields.meaning", LONGEST_TEXT),
        )
        for field in fields
    )


def _check_contact(contact: Contact) -> Contact:
    if contact.email and not re.fullmatch(r"[^@\s]+@[^@\s]+", contact.email):
        raise Invalid(
            "“{email}” is no e-mail address",
            field="contact.email",
            mend="write it as name@example.org",
            email=contact.email[:80],
        )
    if contact.url and not is_web_address(contact.url):
        raise Invalid(
            "“{url}” is no web address",
            field="contact.url",
            mend="give one that begins with https://",
            url=contact.url[:80],
        )
    return replace(
        contact,
        name=_required(contact.name, "contact.name"),
        email=check_line(contact.email, "contact.email"),
        phone=check_line(contact.phone, "contact.phone"),
    )


def _check_distributions(given: tuple[Distribution, ...]) -> tuple[Distribution, ...]:
    if len(given) > MOST_DISTRIBUTIONS:
        raise _too_many("distributions", MOST_DISTRIBUTIONS)
    for one in given:
        if not is_web_address(one.url, LONGEST_ADDRESS):
            raise Invalid(
                "“{url}” is no web address",
                field="distributions.url",
                mend="give one that begins with https://",
                url=one.url[:80],
            )
        if one.bytes is not None and one.bytes < 0:
            raise Invalid(
                "a size is not negative", field="distributions.bytes", mend="leave it out"
            )
    return tuple(
        replace(
            one,
            title=one.title and check_text(one.title, "distributions.title", LONGEST_LINE),
            format=check_line(one.format, "distributions.format", 100),
            media_type=check_line(one.media_type, "distributions.media_type", 200),
        )
        for one in dict.fromkeys(given)
    )


def _check_words(words: tuple[str, ...], field: str) -> tuple[str, ...]:
    if len(words) > MOST_WORDS:
        raise _too_many(field, MOST_WORDS)
    return tuple(dict.fromkeys(_required(word, field, 100) for word in words))


def is_web_address(text: str, longest: int = LONGEST_LINE) -> bool:
    """Whether ``text`` is an http(s) URL that may be shown as a link."""
    if len(text) > longest or " " in text or not text.isprintable():
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def check_text(text: LocalText, field: str, longest: int) -> LocalText:
    """``text``, blanks cut, as :func:`check_line` wants each of its languages."""
    zh, en = (check_line(part, field, longest, lines=True) for part in (text.zh, text.en))
    if not (zh or en):
        raise Invalid(
            "this text is empty in both languages",
            field=field,
            mend="write it in Chinese or in English, best in both",
        )
    return LocalText(zh=zh, en=en)


def _required(text: str, field: str, longest: int = LONGEST_LINE) -> str:
    line = check_line(text, field, longest)
    if not line:
        raise Invalid("this text is empty", field=field, mend="write something or leave it out")
    return line


def check_line(text: str, field: str, longest: int = LONGEST_LINE, *, lines: bool = False) -> str:
    """``text``, blanks around it cut; :class:`Invalid` when it is too long or cannot be printed.

    Line breaks pass only with ``lines``.
    """
    if len(text) > longest:
        raise Invalid(
            "this text has more than {longest} characters",
            field=field,
            mend="make it shorter",
            longest=longest,
        )
    allowed = "\n\r\t" if lines else ""
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in allowed for c in text):
        raise Invalid(
            "this text has control characters", field=field, mend="remove what cannot be printed"
        )
    return text.strip()


def _too_many(field: str, most: int) -> Invalid:
    return Invalid("at most {most} are allowed here", field=field, mend="leave some out", most=most)
