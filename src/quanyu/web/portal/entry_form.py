"""An entry as a form, and the description that such a form sends."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from quanyu.catalogue import (
    Access,
    Bbox,
    Contact,
    FieldMeaning,
    Grade,
    Interval,
    ResourceDraft,
    Sensitivity,
    Source,
    UpdateCycle,
    resource,
)
from quanyu.kernel import Invalid, LocalText, NotFound, ResourceId, iso
from quanyu.parties import Caller
from quanyu.web.choices import one_of
from quanyu.web.portal.attribute_form import read_attributes

Code = TypeVar("Code", bound=StrEnum)
TEXTS = ("title", "abstract", "provenance")
SIDES = ("west", "south", "east", "north")
SPARE = 2
MOST_INPUTS = 20_000


def form_of(draft: ResourceDraft, slugs: Mapping[str, str]) -> dict[str, Any]:
    """The values that the form shows; ``slugs`` names resources by their ids."""
    said: dict[str, Any] = {}
    for name in TEXTS:
        text: LocalText | None = getattr(draft, name)
        said[f"{name}_zh"], said[f"{name}_en"] = (text.zh, text.en) if text else ("", "")
    contact = draft.contact or Contact("")
    said |= {
        "keywords": "\n".join(draft.keywords),
        "themes": list(draft.themes),
        "licence": draft.licence,
        "access": draft.access.value,
        "grade": draft.grade.value,
        "source": draft.source.value,
        "update_cycle": draft.update_cycle.value,
        "attribution": draft.attribution,
        "lineage": "\n".join(slugs.get(one, one) for one in draft.lineage),
        "contact_name": contact.name,
        "contact_email": contact.email,
        "contact_phone": contact.phone,
        "contact_url": contact.url,
        "fields": [_field_said(field) for field in draft.fields],
        "begin": _day(draft.interval[0]),
        "end": _day(draft.interval[1]),
    }
    for name, side in zip(SIDES, draft.bbox or ("",) * 4, strict=True):
        said[name] = side
    return said


def read_entry(
    session: Session, form: FormData, known: ResourceDraft, caller: Caller
) -> ResourceDraft:
    """``known`` with what the form says of it.

    Raises :class:`Invalid` for what cannot be read; the catalogue checks the rest.
    """
    title = _text(form, "title")
    if title is None:
        raise Invalid("a title is needed", field="title", mend="give one in Chinese or English")
    return replace(
        known,
        title=title,
        abstract=_text(form, "abstract"),
        provenance=_text(form, "provenance"),
        keywords=_words(form, "keywords"),
        themes=tuple(str(theme) for theme in form.getlist("themes")),
        licence=_line(form, "licence"),
        access=_choice(Access, form, "access"),
        grade=_choice(Grade, form, "grade"),
        source=_choice(Source, form, "source"),
        update_cycle=_choice(UpdateCycle, form, "update_cycle"),
        attribution=_line(form, "attribution"),
        contact=_contact(form),
        lineage=_lineage(session, form, caller),
        fields=_fields(form),
        bbox=_bbox(form, known.bbox),
        interval=_interval(form, known.interval),
        attributes=read_attributes(known.kind, form),
    )


def _field_said(field: FieldMeaning) -> dict[str, str]:
    meaning = field.meaning
    return {
        "name": field.name,
        "type": field.type,
        "unit": field.unit,
        "zh": meaning.zh if meaning else "",
        "en": meaning.en if meaning else "",
        "sensitivity": field.sensitivity.value,
        "person": "yes" if field.person else "",
    }


def _fields(form: FormData) -> tuple[FieldMeaning, ...]:
    columns = [
        [str(one).strip() for one in form.getlist(f"field_{name}")]
        for name in ("name", "type", "unit", "zh", "en", "sensitivity", "person")
    ]
    if len({len(column) for column in columns}) != 1:
        raise Invalid("the form is incomplete", field="fields", mend="open the page again")
    return tuple(
        FieldMeaning(
            name,
            kind or "string",
            meaning=LocalText(zh=zh, en=en) if zh or en else None,
            unit=unit,
            sensitivity=one_of(Sensitivity, sensitivity, "fields.sensitivity"),
            person=person == "yes",
        )
        for name, kind, unit, zh, en, sensitivity, person in zip(*columns, strict=True)
        if name
    )


def _line(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


def _text(form: FormData, name: str) -> LocalText | None:
    zh, en = _line(form, f"{name}_zh"), _line(form, f"{name}_en")
    return LocalText(zh=zh, en=en) if zh or en else None


def _words(form: FormData, name: str) -> tuple[str, ...]:
    text = _line(form, name)
    for mark in "，,、;；":
        text = text.replace(mark, "\n")
    return tuple(word.strip() for word in text.splitlines() if word.strip())


def _choice(table: type[Code], form: FormData, name: str) -> Code:
    return one_of(table, _line(form, name), name)


def _contact(form: FormData) -> Contact | None:
    parts = [_line(form, f"contact_{name}") for name in ("name", "email", "phone", "url")]
    return Contact(*parts) if any(parts) else None


def _lineage(session: Session, form: FormData, caller: Caller) -> tuple[ResourceId, ...]:
    found = []
    for name in _words(form, "lineage"):
        try:
            found.append(resource(session, name, visible_to=caller).id)
        except NotFound as error:
            raise Invalid(
                "there is no resource {id}",
                field="lineage",
                mend="name resources of this catalogue, each on its own line",
                id=name[:80],
            ) from error
    return tuple(found)


def _bbox(form: FormData, known: Bbox | None) -> Bbox | None:
    sides = [_line(form, name) for name in SIDES]
    if "west" not in form:
        return known
    if not any(sides):
        return None
    try:
        west, south, east, north = map(float, sides)
    except ValueError as error:
        raise Invalid(
            "{bbox} is no extent",
            field="bbox",
            mend="give west, south, east, north in degrees, west ≤ east and south ≤ north",
            bbox=[side[:30] for side in sides],
        ) from error
    return west, south, east, north


def _interval(form: FormData, known: Interval) -> Interval:
    """The days of the form as instants; an end that reads as before keeps its hour."""
    ends = []
    for name, before in zip(("begin", "end"), known, strict=True):
        text = _line(form, name) if name in form else _day(before)
        ends.append(before if text == _day(before) else _moment(text))
    return ends[0], ends[1]


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            "“{text}” is no date",
            field="interval",
            mend="write it as 2026-03-01",
            text=text[:40],
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(moment: datetime | None) -> str:
    return iso(moment)[:10] if moment else ""
