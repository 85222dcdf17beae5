"""Proposals on pages: shown with their reasons, and what a person typed over them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.orm import Session
from starlette.requests import Request

from quanyu.catalogue import (
    ACCESSES,
    EDITABLE,
    LICENCES,
    SENSITIVITIES,
    THEMES,
    UPDATE_CYCLES,
    Access,
    ApplicationKind,
    Description,
    Likely,
    Proposal,
    ResourceDraft,
    Sensitivity,
    UpdateCycle,
    apply,
    confirmed,
    publish,
    register_draft,
    registration_rules,
    save_draft,
    submit_application,
)
from quanyu.kernel import Invalid, LocalText, PartyId
from quanyu.parties import Caller
from quanyu.web.node import Node
from quanyu.web.portal.harvest_words import explained

MOST_FIELDS = 200
_PROPOSAL = TypeAdapter(Proposal)
_LIKELY = TypeAdapter(tuple[Likely, ...])


def proposal_context(
    request: Request,
    proposal: Proposal,
    likely: tuple[Likely, ...],
    typed: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What ``parts/proposal.html`` shows of a proposal."""
    return {
        "proposal": proposal,
        "proposed": proposed(proposal) | dict(typed or {}),
        "field_reasons": {
            one.name: [explained(request, why)["detail"] for why in one.why]
            for one in proposal.fields
        },
        "notes": [explained(request, note)["detail"] for note in proposal.notes],
        "because": {
            name: explained(request, why)["detail"] for name, why in proposal.because.items()
        },
        "likely": [(one, [explained(request, why)["detail"] for why in one.why]) for one in likely],
        "shown_fields": proposal.fields[:MOST_FIELDS],
        "licences": LICENCES,
        "accesses": ACCESSES,
        "themes": THEMES,
        "cycles": UPDATE_CYCLES,
        "sensitivities": SENSITIVITIES,
    }


def proposal_json(proposal: Proposal) -> Any:
    """A proposal as JSON, for the state of a job."""
    return _PROPOSAL.dump_python(proposal, mode="json")


def proposal_from(document: Any) -> Proposal:
    """The proposal that such JSON is."""
    return _PROPOSAL.validate_python(document)


def likely_json(likely: tuple[Likely, ...]) -> Any:
    """What may be the same collection, as JSON."""
    return _LIKELY.dump_python(likely, mode="json")


def likely_from(document: Any) -> tuple[Likely, ...]:
    """What such JSON says."""
    return _LIKELY.validate_python(document)


def proposed(proposal: Proposal) -> dict[str, str]:
    """A proposal as its form begins."""
    about = proposal.abstract
    return {
        "slug": proposal.slug,
        "title_zh": proposal.title.zh,
        "title_en": proposal.title.en,
        "abstract_zh": about.zh if about else "",
        "abstract_en": about.en if about else "",
        "licence": proposal.licence,
        "access": proposal.access.value,
        "theme": proposal.themes[0] if proposal.themes else "",
        "update_cycle": proposal.update_cycle.value,
        "attribution": proposal.attribution,
        "keywords": ", ".join(proposal.keywords),
    }


def taken_over(proposal: Proposal, typed: Mapping[str, str]) -> Proposal:
    """The proposal with what was typed; raises ``Invalid`` for what cannot be."""
    said = proposed(proposal) | dict(typed)
    if not (said["title_zh"] or said["title_en"]):
        raise Invalid("a title is needed", field="title", mend="give one in Chinese or English")
    try:
        access, cycle = Access(said["access"]), UpdateCycle(said["update_cycle"])
    except ValueError as error:
        raise Invalid("choose who may have it", field="access") from error
    zh, en = said["abstract_zh"], said["abstract_en"]
    words = (word.strip() for word in said["keywords"].replace("，", ",").split(","))
    themes = tuple(filter(None, (said["theme"], *proposal.themes[1:])))
    return replace(
        confirmed(proposal, typed),
        slug=said["slug"],
        title=LocalText(zh=said["title_zh"], en=said["title_en"]),
        abstract=LocalText(zh=zh, en=en) if zh or en else None,
        licence=said["licence"],
        access=access,
        themes=tuple(dict.fromkeys(themes)),
        update_cycle=cycle,
        keywords=tuple(word for word in words if word),
        attribution=said["attribution"],
    )


def description_of(proposal: Proposal, provider: PartyId) -> Description:
    """What the proposal says of a dataset that is brought in."""
    return Description(
        title=proposal.title,
        abstract=proposal.abstract,
        provider=provider,
        licence=proposal.licence,
        access=proposal.access,
        keywords=proposal.keywords,
        themes=proposal.themes,
        update_cycle=proposal.update_cycle,
        provenance=proposal.provenance,
        attribution=proposal.attribution,
        meanings={one.name: one.meaning for one in proposal.fields if one.meaning},
        sensitivities={
            one.name: one.sensitivity
            for one in proposal.fields
            if one.sensitivity is not Sensitivity.PUBLIC
        },
    )


def register_proposed(
    session: Session, node: Node, caller: Caller, draft: ResourceDraft
) -> tuple[str, str]:
    """Put the entry down; publish it where no review comes first, else submit an application.

    Returns the id of the entry and of the application, which may be empty.
    """
    made = save_draft(session, draft, caller, area=node.settings.area_code)
    if node.settings.registration == "reviewed" and not caller.runs_node:
        under_way = apply(session, made.id, ApplicationKind.FIRST, caller)
        if under_way.state in EDITABLE:
            rules = registration_rules(node.settings)
            under_way = submit_application(session, under_way.id, caller, rules)
        return made.id, under_way.id
    register_draft(session, made.id, caller)
    publish(session, made.id, caller, reviewed=False)
    return made.id, ""
