"""From columns as they were seen to a proposal; from a confirmed proposal to a draft."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from quanyu.catalogue.codes import Sensitivity, UpdateCycle
from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.model import FieldMeaning, ResourceDraft
from quanyu.catalogue.probe.guessing import (
    cycle_of,
    dated,
    interval_of,
    slug_from,
    themes_of,
    title_of,
    unit_of,
)
from quanyu.catalogue.probe.model import Looked, Proposal, ProposedField
from quanyu.catalogue.probe.sensitivity import Judged, judge_fields
from quanyu.catalogue.probe.sketching import sketch
from quanyu.kernel import LocalText, PartyId

_SHOWN = 3
_LONGEST = 40
_MOST_SKETCHED = 12


def propose(
    *,
    source: str,
    name: str,
    looked: Sequence[Looked],
    comment: str = "",
    located: bool = False,
    **said: Any,
) -> Proposal:
    """The proposal for a table or file of these columns; ``said`` goes before what is guessed."""
    title = title_of(name, comment)
    judged = judge_fields([(c.name, c.comment, c.values) for c in looked], located=located)
    fields = tuple(_field(column, one) for column, one in zip(looked, judged, strict=True))
    cycle, why, interval = _history(looked)
    texts = (title.zh, title.en, comment, name.replace("_", " "))
    personal = [one.name for one in fields if one.sensitivity is not Sensitivity.PUBLIC]
    notes = list(said.pop("notes", ()))
    if personal:
        notes.append(
            because(
                "{count} fields may tell of persons or are internal: {names}",
                count=len(personal),
                names=", ".join(personal[:10]),
            )
        )
    reasons: dict[str, Mapping[str, Any]] = dict(said.pop("because", {}))
    if why is not None:
        reasons["update_cycle"] = why
    themes = themes_of((*texts, *texts, *(column.comment for column in looked)))
    if themes:
        reasons["themes"] = because("words in the title and the meanings of fields speak of it")
    guessed: dict[str, Any] = {
        "slug": slug_from(name, title.en, title.zh),
        "title": title,
        "themes": themes,
        "update_cycle": cycle,
        "interval": interval,
        "sketches": _sketches(looked, judged),
    }
    return Proposal(
        source=source, fields=fields, because=reasons, notes=tuple(notes), **(guessed | said)
    )


def draft_of_proposal(proposal: Proposal, provider: PartyId) -> ResourceDraft:
    """The draft of a proposal that a person has confirmed."""
    return ResourceDraft(
        slug=proposal.slug,
        kind=proposal.kind,
        title=proposal.title,
        abstract=proposal.abstract,
        provider=provider,
        licence=proposal.licence,
        access=proposal.access,
        keywords=proposal.keywords,
        themes=proposal.themes,
        update_cycle=proposal.update_cycle,
        bbox=proposal.bbox,
        interval=proposal.interval,
        fields=tuple(
            FieldMeaning(one.name, one.type, one.meaning, one.unit, one.sensitivity)
            for one in proposal.fields
        ),
        formats=proposal.formats,
        distributions=proposal.distributions,
        provenance=proposal.provenance,
        attribution=proposal.attribution,
    )


def confirmed(proposal: Proposal, said: Mapping[str, str]) -> Proposal:
    """The proposal with what a person typed over it: ``unit.NAME``, ``meaning_zh.NAME``,
    ``meaning_en.NAME``, ``sensitivity.NAME`` for fields."""
    fields = []
    for one in proposal.fields:
        zh = said.get(f"meaning_zh.{one.name}", one.meaning.zh if one.meaning else "").strip()
        en = said.get(f"meaning_en.{one.name}", one.meaning.en if one.meaning else "").strip()
        chosen = said.get(f"sensitivity.{one.name}", one.sensitivity.value)
        fields.append(
            replace(
                one,
                unit=said.get(f"unit.{one.name}", one.unit).strip(),
                meaning=LocalText(zh=zh, en=en) if zh or en else None,
                sensitivity=Sensitivity(chosen)
                if chosen in {s.value for s in Sensitivity}
                else one.sensitivity,
            )
        )
    return replace(proposal, fields=tuple(fields))


def _field(column: Looked, judged: Judged) -> ProposedField:
    meaning = None
    if column.comment:
        chinese = re.search(r"[\u3400-\u9fff]", column.comment)
        meaning = LocalText(zh=column.comment) if chinese else LocalText(en=column.comment)
    elif re.search(r"[\u3400-\u9fff]", column.name):
        meaning = LocalText(zh=column.name)
    hidden = judged.sensitivity in {Sensitivity.PERSONAL, Sensitivity.SENSITIVE}
    return ProposedField(
        name=column.name,
        type=column.type,
        meaning=meaning,
        unit=unit_of(column.name, column.comment, column.type),
        sensitivity=judged.sensitivity,
        why=judged.why,
        samples=() if hidden else _shown(column.values),
        nulls=column.nulls,
    )


def _shown(values: Iterable[Any]) -> tuple[str, ...]:
    texts = dict.fromkeys(str(value)[:_LONGEST] for value in values if value is not None)
    return tuple(texts)[:_SHOWN]


def _history(
    looked: Sequence[Looked],
) -> tuple[UpdateCycle, Mapping[str, Any] | None, tuple[datetime | None, datetime | None]]:
    """The update cycle and the time that the columns of dates tell."""
    columns = [column for column in looked if dated(column.name, column.type)]
    columns.sort(key=lambda c: not re.search(r"(?i)更新|修改|update|modif|chang", c.name))
    interval: tuple[datetime | None, datetime | None] = (None, None)
    for column in columns:
        moments = [v for v in column.values if isinstance(v, date)]
        if moments and interval == (None, None):
            interval = interval_of(moments)
    for column in columns:
        cycle, why = cycle_of(column.values, column.name)
        if why is not None:
            return cycle, why, interval
    return UpdateCycle.IRREGULAR, None, interval


def _sketches(looked: Sequence[Looked], judged: Sequence[Judged]) -> dict[str, tuple[int, ...]]:
    made: dict[str, tuple[int, ...]] = {}
    for column, one in zip(looked, judged, strict=True):
        if one.sensitivity is Sensitivity.PUBLIC and len(made) < _MOST_SKETCHED:
            found = sketch(column.values)
            if found is not None:
                made[column.name] = found
    return made
