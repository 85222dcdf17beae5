"""Registration: what was applied for is entered in the catalogue, all of it or nothing."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.entries import amend, publish, register_draft, resource, withdraw
from quanyu.catalogue.model import Resource, ResourceDraft
from quanyu.catalogue.property_rights import enter_rights, rights_from
from quanyu.catalogue.registration.asking import check_bindings, rights_clash
from quanyu.catalogue.registration.certifying import certify
from quanyu.catalogue.registration.course import record_move
from quanyu.catalogue.registration.merge import clash, merge
from quanyu.catalogue.registration.model import ApplicationKind, Move
from quanyu.catalogue.registration.rights import the_node
from quanyu.catalogue.registration.tables import ApplicationRow
from quanyu.catalogue.rows import draft_of, undocument
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import LANGUAGES, PartyId, QuanyuError, explain
from quanyu.parties import Caller


def enter(session: Session, row: ApplicationRow) -> Resource:
    """Do to the entry what the application asks for.

    Fields that others changed since are kept when the application does not touch them. Raises
    :class:`Conflict` when it does, and whatever the catalogue itself raises.
    """
    session.execute(select(ResourceRow.id).where(ResourceRow.id == row.resource).with_for_update())
    entry, node = resource(session, row.resource), the_node(session)
    id_, note = entry.id, f"application {row.id}"
    if ApplicationKind(row.kind) is ApplicationKind.CANCELLATION:
        enter_rights(session, id_, (), row.id)
        return withdraw(session, id_, node, note=note)
    found = merge(undocument(row.base), draft_of(entry), undocument(row.proposed))
    if found.clashes:
        raise clash(found.clashes)
    if entry.state is State.WITHDRAWN:  # what is withdrawn cannot be amended: it comes back first
        entry = publish(session, id_, node, note=note)
    _enter_rights(session, row, entry, found.draft)
    entry = amend(session, id_, found.draft, node, revision=entry.revision, note=note)
    if entry.state is State.DRAFT:
        entry = register_draft(session, id_, node)
    if entry.state is State.REGISTERED:
        entry = publish(session, id_, node, note=note)
    return entry


def _enter_rights(
    session: Session, row: ApplicationRow, entry: Resource, draft: ResourceDraft
) -> None:
    if row.rights is None:
        return
    if rights_clash(session, row):
        raise clash(("rights",))
    rights = rights_from(row.rights)
    applied = PartyId(row.party)
    asks = entry.provider if applied == the_node(session).party else applied
    check_bindings(session, entry, draft, rights, asks)
    enter_rights(session, entry.id, rights, row.id)


def settle(session: Session, row: ApplicationRow, caller: Caller | None) -> bool:
    """Register; when the catalogue will not have it, return the application with its reason."""
    before = len(session.info.get("events", ()))
    try:
        with session.begin_nested():
            enter(session, row)
    except QuanyuError as error:
        del session.info.get("events", [])[before:]
        said = "\n".join(" ".join(filter(None, explain(error, tag)[1:])) for tag in LANGUAGES)
        comments = {error.field: said} if error.field else {}
        row.comments = comments
        record_move(session, row, Move.RETURNED, caller, reason=said[:2_000], comments=comments)
        return False
    record_move(session, row, Move.REGISTERED, caller)
    certify(session, row)
    return True
