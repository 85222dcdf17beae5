"""Two or three resources side by side: what is said of each, and where they differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import (
    ACCESSES,
    GRADES,
    KINDS,
    LICENCES,
    THEMES,
    UPDATE_CYCLES,
    FieldMeaning,
    FreshnessState,
    MetadataQuality,
    Resource,
    Sensitivity,
    quality_of,
    resource,
)
from quanyu.kernel import Invalid, PartyId, day_in_zone
from quanyu.parties import Party, parties
from quanyu.web.node import node_of
from quanyu.web.portal.find import fresh_states
from quanyu.web.portal.plots import plot_extents
from quanyu.web.portal.quality_words import LABELS
from quanyu.web.portal.visit import TheNode, Visitor, local, reading, say, show

router = APIRouter(include_in_schema=False)
MOST = 3
_MOST_FIELDS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One thing said of each; ``differs`` when they do not say the same."""

    name: str
    cells: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether they do not say the same."""
        return len(set(self.cells)) > 1


@router.get("/compare")
async def compare(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Those that ``r`` names, at most three."""
    wanted = list(dict.fromkeys(request.query_params.getlist("r")))
    if len(wanted) > MOST:
        raise Invalid(
            "at most {most} resources stand side by side",
            field="r",
            mend="leave some out",
            most=MOST,
        )

    def read(session: Session) -> dict[str, Any]:
        found = tuple(resource(session, name, visible_to=caller) for name in wanted)
        return {
            "items": found,
            "providers": {party.id: party for party in parties(session)},
            "quality": [quality_of(session, one) for one in found],
            "fresh": fresh_states(session, found),
        }

    known = await reading(node, read)
    items: Sequence[Resource] = known["items"]
    rows = _rows(request, items, known["providers"], known["quality"], known["fresh"])
    fields = _fields(request, items)
    context = {"items": items, "rows": rows, "fields": fields, "plot": plot_extents(items)}
    twin = {
        "resources": items,
        "differ": [row.name for row in rows if row.differs],
        "rows": [{"name": r.name, "cells": r.cells, "differs": r.differs} for r in rows],
        "fields": [{"name": r.name, "cells": r.cells} for r in fields],
    }
    return show(request, "compare.html", context, twin=twin)


def _rows(
    request: Request,
    items: Sequence[Resource],
    providers: Mapping[PartyId, Party],
    quality: Sequence[MetadataQuality],
    fresh: Mapping[str, str],
) -> list[Row]:
    def row(name: str, tell: Callable[[Resource], str]) -> Row:
        return Row(name, tuple(tell(one) or "—" for one in items))

    def licence(one: Resource) -> str:
        known = LICENCES.get(one.licence)
        return local(request, known.name) if known else one.licence

    zone = node_of(request).settings.time_zone
    scores = {one.id: f"{q.score} / {q.of}" for one, q in zip(items, quality, strict=True)}
    return [
        row(say(request, "Abstract"), lambda r: local(request, r.abstract)),
        row(say(request, "Kind"), lambda r: local(request, KINDS[r.kind].name)),
        row(
            say(request, "Provider"),
            lambda r: local(request, providers[r.provider].name) if r.provider in providers else "",
        ),
        row(say(request, "Access"), lambda r: local(request, ACCESSES[r.access].name)),
        row(say(request, "Licence"), licence),
        row(say(request, "Themes"), lambda r: _themes(request, r)),
        row(say(request, "Keywords"), lambda r: ", ".join(r.keywords)),
        row(say(request, "Formats"), lambda r: ", ".join(r.formats)),
        row(
            say(request, "Update cycle"),
            lambda r: local(request, UPDATE_CYCLES[r.update_cycle].name),
        ),
        row(say(request, "Freshness"), lambda r: say(request, LABELS[FreshnessState(fresh[r.id])])),
        row(say(request, "Updated"), lambda r: day_in_zone(r.updated_at, zone).isoformat()),
        row(say(request, "Extent"), _extent),
        row(say(request, "Time"), _time),
        row(say(request, "Grade"), lambda r: local(request, GRADES[r.grade].name)),
        row(say(request, "Metadata quality"), lambda r: scores[r.id]),
        row(say(request, "Provenance"), lambda r: local(request, r.provenance)),
        row(say(request, "Version"), lambda r: r.version),
    ]


def _fields(request: Request, items: Sequence[Resource]) -> list[Row]:
    """Fields by name, those that all have before others."""
    each = [_public(one) for one in items]
    names: dict[str, str] = {}
    for fields in each:
        for key, field in fields.items():
            names.setdefault(key, field.name)
    rows = [
        Row(name, tuple(_field(request, fields.get(key)) for fields in each))
        for key, name in list(names.items())[:_MOST_FIELDS]
    ]
    return sorted(rows, key=lambda row: row.cells.count("—"))


def _public(one: Resource) -> dict[str, FieldMeaning]:
    return {
        field.name.casefold(): field
        for field in one.fields
        if field.sensitivity is Sensitivity.PUBLIC
    }


def _field(request: Request, field: FieldMeaning | None) -> str:
    if field is None:
        return "—"
    kind = f"{field.type} ({field.unit})" if field.unit else field.type
    meaning = local(request, field.meaning)
    return f"{kind}: {meaning}" if meaning else kind


def _themes(request: Request, one: Resource) -> str:
    return ", ".join(local(request, THEMES[t].name) if t in THEMES else t for t in one.themes)


def _extent(one: Resource) -> str:
    return ", ".join(f"{number:.4f}" for number in one.bbox) if one.bbox else ""


def _time(one: Resource) -> str:
    first, last = one.interval
    if first is None and last is None:
        return ""
    return " – ".join(f"{moment:%Y-%m-%d}" if moment else "…" for moment in (first, last))
