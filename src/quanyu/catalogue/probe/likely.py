"""Is this collection here already? Candidates by words and by values, compared in four ways."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.entries import resource
from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import Bbox, Resource, Search
from quanyu.catalogue.probe.model import Likely, Proposal
from quanyu.catalogue.probe.sketching import alike, overlap, sketches_of
from quanyu.catalogue.rights import may_see
from quanyu.kernel import LocalText, QuanyuError
from quanyu.parties import Caller

_ENOUGH = 0.45
_MOST_ASKED = 40


def likely_duplicates(
    session: Session, proposal: Proposal, caller: Caller, *, limit: int = 5
) -> tuple[Likely, ...]:
    """Resources that may be the same collection, the likeliest first, each with its reasons.

    Titles, sets of fields, extents, and sampled values (by MinHash) are compared. Only what the
    caller may see is told of.
    """
    found = []
    for candidate in _candidates(session, proposal, caller):
        likely = _compared(session, proposal, candidate)
        if likely is not None:
            found.append(likely)
    return tuple(sorted(found, key=lambda one: -one.score)[:limit])


def _candidates(session: Session, proposal: Proposal, caller: Caller) -> Iterable[Resource]:
    from quanyu.catalogue import search

    known: dict[str, Resource] = {}
    for words in _questions(proposal):
        page = search(
            session,
            Search(q=words, limit=_MOST_ASKED // 2, facets=False),
            visible_to=caller,
        )
        known.update({hit.id: hit for hit in page.hits})
    for identifier in alike(session, proposal.sketches):
        if identifier not in known:
            try:
                known[identifier] = resource(session, identifier)
            except QuanyuError:
                continue
    return [
        one for one in known.values() if one.state is not State.WITHDRAWN and may_see(caller, one)
    ]


def _questions(proposal: Proposal) -> list[str]:
    texts = [proposal.title.zh, proposal.title.en, proposal.slug.replace("-", " ")]
    said = [" ".join(re.findall(r"[\w\u3400-\u9fff]+", text))[:80] for text in texts if text]
    # Commas mean “or”: any word of the title may be the one they share.
    return list(dict.fromkeys(", ".join(text.split()) for text in said if text))


def _compared(session: Session, proposal: Proposal, other: Resource) -> Likely | None:
    parts: list[tuple[float, float, Mapping[str, Any]]] = []
    title = _title_likeness(proposal.title, other.title)
    parts.append((title, 1.0, because("titles are alike by {share}%", share=_percent(title))))
    if proposal.fields and other.fields:
        ours = {_plain(one.name) for one in proposal.fields}
        theirs = {_plain(one.name) for one in other.fields}
        share = len(ours & theirs) / len(ours | theirs)
        said = because("{both} of {all} fields have the same name",
                       both=len(ours & theirs), all=len(ours | theirs))  # fmt: skip
        parts.append((share, 1.5, said))
    if proposal.bbox and other.bbox:
        share = _shared_extent(proposal.bbox, other.bbox)
        said = because("extents overlap by {share}%", share=_percent(share))
        parts.append((share, 0.5, said))
    values = _shared_values(session, proposal, other)
    if values is not None:
        share, field = values
        said = because("values of “{field}” overlap by about {share}%",
                       field=field, share=_percent(share))  # fmt: skip
        parts.append((share, 2.0, said))
    score = sum(share * weight for share, weight, _ in parts) / sum(w for _, w, _ in parts)
    if score < _ENOUGH:
        return None
    why = tuple(said for share, _, said in sorted(parts, key=lambda p: -p[0]) if share >= 0.2)
    return Likely(other.id, other.slug, other.title, round(score, 3), why)


def _shared_values(
    session: Session, proposal: Proposal, other: Resource
) -> tuple[float, str] | None:
    """The largest overlap between fields of the same name, else of any two."""
    if not proposal.sketches:
        return None
    kept = sketches_of(session, other.id)
    if not kept:
        return None
    best = (0.0, next(iter(proposal.sketches)))
    for name, made in proposal.sketches.items():
        for made_there in kept.values():
            best = max(best, (overlap(made, made_there), name))
    return best


def _title_likeness(one: LocalText, other: LocalText) -> float:
    pairs = ((one.zh, other.zh), (one.en, other.en), (one.to("zh"), other.to("zh")))
    return max((_dice(_pairs(a), _pairs(b)) for a, b in pairs if a and b), default=0.0)


def _pairs(text: str) -> set[str]:
    plain = _plain(text)
    return {plain[i : i + 2] for i in range(len(plain) - 1)} or {plain}


def _dice(one: set[str], other: set[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _shared_extent(one: Bbox, other: Bbox) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide < 0 or high < 0:
        return 0.0
    shared, areas = wide * high, [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    whole = sum(areas) - shared
    return shared / whole if whole > 0 else 1.0


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


def _percent(share: float) -> int:
    return round(share * 100)
