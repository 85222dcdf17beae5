"""What is like an entry, and why: words, themes, fields and places that both share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import Sensitivity
from quanyu.catalogue.finding.candidates import numbers_found
from quanyu.catalogue.finding.find import sight_of
from quanyu.catalogue.finding.listed import among
from quanyu.catalogue.finding.question import Form, Term, form_of
from quanyu.catalogue.finding.tables import TextRow
from quanyu.catalogue.finding.text_index import Sought
from quanyu.catalogue.finding.words import segments, stem
from quanyu.catalogue.letters import is_han, runs
from quanyu.catalogue.model import Bbox, Resource
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import LocalText, NotFound, ResourceId
from quanyu.parties import Caller

_MOST_WORDS = 12
_MOST_WEIGHED, _MOST_READ = 600, 60
_WORD, _THEME, _FIELD, _PLACE, _PROVIDER = 2.0, 1.5, 1.0, 2.0, 0.5
_MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Similar:
    """An entry that is like another: what both share.

    overlap  the share of the two extents together that both cover, 0 to 1.
    """

    resource: Resource
    score: float
    words: tuple[str, ...]
    themes: tuple[str, ...]
    fields: tuple[str, ...]
    overlap: float
    same_provider: bool


def similar(
    session: Session, resource_id: ResourceId, *, visible_to: Caller, limit: int = 5
) -> list[Similar]:
    """Entries that ``visible_to`` may know of and that are like this one, the most alike first.

    Raises :class:`NotFound` for an unknown entry.
    """
    row = session.scalar(select(ResourceRow).where(ResourceRow.id == resource_id))
    if row is None:
        raise NotFound("there is no resource {id}", id=resource_id[:80])
    source = to_resource(row)
    words, seen = _telling_words(source), sight_of(session, visible_to)
    if not words or seen is None:
        return []
    question = tuple((Term(word, (Form(form_of((word,)).words),)),) for word in words[:_MOST_WORDS])
    numbers = numbers_found(session, Sought(question), seen, _MOST_WEIGHED).tolist()
    best = _nearest(session, words, [number for number in numbers if number != row.number])
    rows = session.scalars(select(ResourceRow).where(ResourceRow.number.in_(best)))
    compared = [_compare(source, to_resource(other), words) for other in rows]
    alike = [one for one in compared if one.words or one.fields]
    return sorted(alike, key=lambda one: (-one.score, one.resource.id))[:limit]


def _nearest(session: Session, words: Sequence[str], numbers: Sequence[int]) -> list[int]:
    """Those that share most words in titles and keywords, rare words before frequent ones."""
    texts = TextRow.__table__.c
    wanted = select(texts.number, texts.title, texts.keywords)
    rows = session.execute(wanted.where(among(session, texts.number, numbers))).all()
    parts = {word: form_of((word,)).words for word in words}
    having = {
        number: [
            word for word in words if {*title.split(), *keywords.split()}.issuperset(parts[word])
        ]
        for number, title, keywords in rows
    }
    times: dict[str, int] = {}
    for word in chain.from_iterable(having.values()):
        times[word] = times.get(word, 0) + 1
    scored = sorted(
        (
            (sum(1 / times[word] ** 0.5 for word in shared), number)
            for number, shared in having.items()
        ),
        reverse=True,
    )
    return [number for _, number in scored[:_MOST_READ]]


def _compare(source: Resource, other: Resource, words: Sequence[str]) -> Similar:
    own = set(_telling_words(other))
    shared = tuple(word for word in words if word in own)
    themes = tuple(theme for theme in source.themes if theme in other.themes)
    names = {name.casefold() for name in _field_names(other)}
    fields = tuple(name for name in _field_names(source) if name.casefold() in names)
    overlap = _overlap(source.bbox, other.bbox)
    score = (
        _WORD * len(shared)
        + _THEME * len(themes)
        + _FIELD * min(len(fields), _MOST_SHOWN)
        + _PLACE * overlap
        + _PROVIDER * (source.provider == other.provider)
    )
    return Similar(
        other, score, shared[:_MOST_SHOWN], themes, fields[:_MOST_SHOWN], overlap,
        source.provider == other.provider,
    )  # fmt: skip


def _telling_words(entry: Resource) -> list[str]:
    """Words of title and keywords, English by their stems; numbers and letters say little."""
    texts = (_both(entry.title), *entry.keywords)
    words = (word for text in texts for run in runs(text) for word in _cut(run))
    return list(dict.fromkeys(word for word in words if len(word) > 1 and not word.isdigit()))


def _cut(run: tuple[str, str]) -> Iterable[str]:
    han, latin = run
    return segments(han) if han else (stem(latin),) if len(latin) > 2 or is_han(latin) else ()


def _field_names(entry: Resource) -> list[str]:
    return [field.name for field in entry.fields if field.sensitivity is Sensitivity.PUBLIC]


def _overlap(a: Bbox | None, b: Bbox | None) -> float:
    """Area of both over area of either, in degrees; small points count as a little area."""
    if a is None or b is None:
        return 0.0
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width < 0 or height < 0:
        return 0.0
    least = 1e-6
    both = (width + least) * (height + least)
    areas = [(box[2] - box[0] + least) * (box[3] - box[1] + least) for box in (a, b)]
    return round(min(1.0, both / (sum(areas) - both)), 3)


def _both(text: LocalText) -> str:
    return f"{text.zh} {text.en}"
