"""The rights that an application asks for: allowed to who asks, and still the same beneath."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from quanyu.catalogue.entries import resource
from quanyu.catalogue.model import Resource, ResourceDraft
from quanyu.catalogue.property_rights import (
    Beneath,
    Right,
    check_beneath,
    check_change,
    check_rights,
    plain,
    rights_beneath,
    rights_documents,
    rights_from,
    rights_of_sources,
    rights_on,
    standing_documents,
)
from quanyu.catalogue.registration.model import ApplicationKind
from quanyu.catalogue.registration.tables import ApplicationRow
from quanyu.catalogue.rights import check_writes
from quanyu.kernel import Invalid, NotFound, PartyId, ResourceId, now
from quanyu.parties import Caller


def check_applies(
    session: Session, entry: Resource, rights: Sequence[Right] | None, caller: Caller
) -> None:
    """Raise unless ``caller`` writes for the provider or, for rights alone, for a party that has
    one of those that stand in the register."""
    holders = {right.holder for right in standing(session, entry.id)}
    if rights is not None and caller.party in holders:
        check_writes(caller, PartyId(str(caller.party)))
    else:
        check_writes(caller, entry.provider)


def check_asked(  # noqa: PLR0917 - what, of what, by whom
    session: Session,
    entry: Resource,
    asked: ResourceDraft,
    kind: ApplicationKind,
    rights: Sequence[Right],
    caller: Caller,
) -> tuple[Right, ...]:
    """The rights with blanks cut, faultless and within what this kind of application may change.

    The node applies for the provider. Raises :class:`Invalid` on ``rights``, and :class:`Refused`
    by the rules ``rights.…``.
    """
    checked = check_rights(session, rights)
    party = entry.provider if caller.runs_node else caller.party
    _check_kind(kind, standing(session, entry.id), checked)
    check_bindings(session, entry, asked, checked, party, caller)
    return checked


def check_bindings(  # noqa: PLR0917 - what, of what, for whom, told to whom
    session: Session,
    entry: Resource,
    asked: ResourceDraft,
    rights: Sequence[Right],
    party: PartyId | None,
    caller: Caller | None = None,
) -> None:
    """Raise :class:`Refused` when rights go against those that stand, or those beneath.

    A refusal names no source that ``caller`` may not know of.
    """
    moment = now()
    check_change(rights_on(session, entry.id, moment), rights, asked, party)
    beneath = (
        rights_beneath(session, entry.id, moment)
        if asked.lineage == entry.lineage
        else rights_of_sources(session, asked.lineage, moment)
    )
    check_beneath([_told(session, one, caller) for one in beneath], rights, asked)


def _told(session: Session, one: Beneath, caller: Caller | None) -> Beneath:
    try:
        resource(session, one.resource, visible_to=caller)
    except NotFound:
        return replace(one, slug="…")
    return one


def standing(session: Session, resource_id: ResourceId) -> tuple[Right, ...]:
    """The rights that stand in the register now, whether or not their term has begun or ended."""
    return rights_from(standing_documents(session, resource_id))


def put_rights(session: Session, row: ApplicationRow, rights: Sequence[Right] | None) -> None:
    """Note what is asked for, and what stands now."""
    row.rights = None if rights is None else rights_documents(rights)
    row.rights_base = (
        None if rights is None else rights_documents(standing(session, ResourceId(row.resource)))
    )


def rights_clash(session: Session, row: ApplicationRow) -> bool:
    """Whether the register says something else than when the application was written."""
    now_there = rights_documents(standing(session, ResourceId(row.resource)))
    return row.rights is not None and now_there != (row.rights_base or [])


def _check_kind(kind: ApplicationKind, before: Sequence[Right], after: Sequence[Right]) -> None:
    if kind is ApplicationKind.CANCELLATION:
        raise Invalid(
            "a cancellation ends every right; it asks for none",
            field="rights",
            mend="leave them out, or apply for a change",
        )
    if kind is ApplicationKind.CORRECTION and _bones(before) != _bones(after):
        raise Invalid(
            "a correction mends what is wrong; it gives no right another holder, term or condition",
            field="rights",
            mend="apply for a change instead",
        )


def _bones(rights: Sequence[Right]) -> set[tuple[object, ...]]:
    return {(r.kind, r.holder, r.term, r.conditions) for r in map(plain, rights)}
