"""From what a source says to a description of ours: texts made plain, codes mapped, limits kept.

A record that lacks what an entry needs is rejected with the reason; what is merely too long, too
many or no web address is cut or left out.
"""

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from quanyu.catalogue.codes import (
    BY_AGREEMENT,
    GRADE_ACCESS,
    LICENCES,
    THEMES,
    Access,
    Grade,
    UpdateCycle,
)
from quanyu.catalogue.exchange import Entry
from quanyu.catalogue.harvest.model import HarvestSource, SourceSettings
from quanyu.catalogue.model import Contact, Distribution, FieldMeaning, Interval, ResourceDraft
from quanyu.catalogue.validate import (
    LONGEST_ADDRESS,
    LONGEST_LINE,
    LONGEST_TEXT,
    LONGEST_TITLE,
    MOST_DISTRIBUTIONS,
    MOST_FIELDS,
    MOST_WORDS,
    check_draft,
    is_web_address,
)
from quanyu.kernel import LocalText, PartyId, sha256_hex

_BREAKS = re.compile(r"(?i)<\s*(?:br|/p|/li|/h[1-6]|/div|/tr)\s*/?\s*>")
_HIDDEN = re.compile(
    r"(?is)<(script|style|template|iframe|object|svg)\b.*?(?:</\1\s*>|\Z)|<!--.*?-->"
)
_TAGS = re.compile(r"</?[a-zA-Z][^<>]*>")
_LONGEST_WORD = 100


def draft_of_entry(entry: Entry, source: HarvestSource, slug: str) -> ResourceDraft:
    """The description of ``entry`` as the source's settings want it; raises ``Invalid``."""
    said = source.settings
    licence, access = _terms(entry, said)
    title = _text(entry.title, LONGEST_TITLE, lines=False)
    return check_draft(
        ResourceDraft(
            slug=slug,
            kind=entry.kind,
            title=title or LocalText(en=_line(entry.identifier, LONGEST_TITLE) or "untitled"),
            abstract=_text(entry.abstract, LONGEST_TEXT),
            keywords=_words(entry.keywords),
            themes=_themes(entry, said),
            provider=provider_of(entry, source),
            licence=licence,
            access=access,
            grade=_grade(entry, access),
            update_cycle=entry.update_cycle or UpdateCycle.IRREGULAR,
            bbox=entry.bbox,
            interval=_interval(entry.interval),
            fields=_fields(entry.fields),
            formats=_words(entry.formats or (one.format for one in entry.distributions)),
            provenance=_text(entry.provenance, LONGEST_TEXT),
            contact=_contact(entry),
            version=_line(entry.version, 64) or "1",
            attribution=_line(entry.attribution, LONGEST_LINE) or _publisher(entry),
            distributions=_distributions(entry.distributions),
        )
    )


def provider_of(entry: Entry, source: HarvestSource) -> PartyId:
    """The party that stands for the record's publisher, else the source's own."""
    if entry.publisher is not None:
        names = (entry.publisher.name.zh, entry.publisher.name.en, entry.publisher.identifier)
        for name in names:
            if name and name in source.settings.publishers:
                return source.settings.publishers[name]
    return source.provider


def slug_of(entry: Entry, taken: Iterable[str] = ()) -> str:
    """A name in addresses that stays the same: words of the title, and a part of the identifier's
    digest so that no two records want the same."""
    words = re.sub(r"[^a-z0-9]+", "-", _ascii(entry.title.to("en")).lower()).strip("-")[:40]
    mark = sha256_hex(entry.identifier.encode())[:10]
    slug = f"{words.strip('-')}-{mark}" if words.strip("-") else f"harvested-{mark}"
    return slug if slug not in set(taken) else f"{slug}-2"


def plain(text: str) -> str:
    """``text`` without markup, scripts and what cannot be printed: only words are kept."""
    if "<" in text:
        text = _TAGS.sub(" ", _BREAKS.sub("\n", _HIDDEN.sub(" ", text)))
    if "&" in text:
        text = html.unescape(text)
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    lines = (re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in kept.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _line(text: str, longest: int) -> str:
    return " ".join(plain(text).split())[:longest].strip()


def _text(text: LocalText | None, longest: int, *, lines: bool = True) -> LocalText | None:
    if text is None:
        return None
    zh, en = (
        plain(part)[:longest].strip() if lines else _line(part, longest)
        for part in (text.zh, text.en)
    )
    return LocalText(zh=zh, en=en) if zh or en else None


def _words(words: Iterable[str]) -> tuple[str, ...]:
    found = dict.fromkeys(_line(word, _LONGEST_WORD) for word in words)
    return tuple(word for word in found if word)[:MOST_WORDS]


def _terms(entry: Entry, said: SourceSettings) -> tuple[str, Access]:
    """Licence and access: open where the licence is, else as the source's settings say."""
    known = entry.licence in LICENCES or is_web_address(entry.licence)
    licence = entry.licence if known else said.licence
    is_open = licence in LICENCES and LICENCES[licence].open
    access = entry.access or (Access.OPEN if is_open and known else said.access)
    if access is Access.OPEN and licence == BY_AGREEMENT:
        access = said.access if said.access is not Access.OPEN else Access.RESTRICTED
    return licence, access


def _grade(entry: Entry, access: Access) -> Grade:
    """The grade said, where it goes with the access; else the highest that does."""
    said = entry.grade or Grade.GENERAL
    return said if access in GRADE_ACCESS[said] else Grade.GENERAL


def _themes(entry: Entry, said: SourceSettings) -> tuple[str, ...]:
    folded = {word.casefold(): theme for word, theme in said.themes.items()}
    words = (*entry.foreign_themes, *entry.keywords)
    mapped = (folded[word.casefold()] for word in words if word.casefold() in folded)
    return tuple(dict.fromkeys(t for t in (*entry.themes, *mapped) if t in THEMES))


def _interval(interval: Interval) -> Interval:
    start, end = interval
    return (None, None) if start and end and start > end else interval


def _fields(fields: tuple[FieldMeaning, ...]) -> tuple[FieldMeaning, ...]:
    found: dict[str, FieldMeaning] = {}
    for one in fields:
        name = _line(one.name, LONGEST_LINE)
        if name and name not in found:
            found[name] = replace(
                one,
                name=name,
                type=_line(one.type, LONGEST_LINE) or "string",
                unit=_line(one.unit, LONGEST_LINE),
                meaning=_text(one.meaning, LONGEST_TEXT),
            )
    return tuple(found.values())[:MOST_FIELDS]


def _contact(entry: Entry) -> Contact | None:
    said = entry.contact
    name = _line(said.name, LONGEST_LINE) if said else ""
    if said is None or not name:
        return None
    email = _line(said.email, LONGEST_LINE).removeprefix("mailto:")
    return Contact(
        name=name,
        email=email if re.fullmatch(r"[^@\s]+@[^@\s]+", email) else "",
        phone=_line(said.phone, LONGEST_LINE),
        url=said.url if is_web_address(said.url) else "",
    )


def _publisher(entry: Entry) -> str:
    """Who is to be named where the data are shown, when the source does not say it outright."""
    return _line(entry.publisher.name.to("zh"), LONGEST_LINE) if entry.publisher else ""


def _distributions(given: tuple[Distribution, ...]) -> tuple[Distribution, ...]:
    kept = (
        replace(
            one,
            title=_text(one.title, LONGEST_LINE, lines=False),
            format=_line(one.format, 100),
            media_type=_line(one.media_type, 200),
            bytes=one.bytes if one.bytes is not None and 0 <= one.bytes < 1 << 53 else None,
        )
        for one in given
        if is_web_address(one.url, LONGEST_ADDRESS)
    )
    return tuple(dict.fromkeys(kept))[:MOST_DISTRIBUTIONS]
