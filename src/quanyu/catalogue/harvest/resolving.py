"""Conflicts: fields that were edited here and have changed at the source since."""

from dataclasses import replace
from typing import Any

from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.entries import amend, publish, register_draft, resource
from quanyu.catalogue.harvest.adding import writable_source
from quanyu.catalogue.harvest.model import HarvestConflict, RecordOutcome
from quanyu.catalogue.harvest.reports import run_row
from quanyu.catalogue.harvest.tables import ItemRow, RecordRow
from quanyu.catalogue.model import Resource
from quanyu.catalogue.rows import document, draft_from
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import Conflict, NotFound, ResourceId, owe
from quanyu.parties import Caller


def harvest_conflicts(
    session: Session, source_id: str | None = None, *, limit: int = 100
) -> list[HarvestConflict]:
    """Fields that wait for a choice, of one source or of all."""
    rows = select(RecordRow).where(
        RecordRow.resource.is_not(None), cast(RecordRow.conflicts, String) != "{}"
    )
    if source_id is not None:
        rows = rows.where(RecordRow.source == source_id)
    found = []
    for row in session.scalars(rows.order_by(RecordRow.number).limit(limit)):
        of = resource(session, row.resource or "")
        found += [_conflict(row, of, name, said) for name, said in row.conflicts.items()]
    return found


def resolve_conflict(
    session: Session, record: int, field: str, caller: Caller, *, theirs: bool
) -> Resource:
    """Choose a side of a conflict and owe ``harvest.resolved``.

    With ``theirs`` the entry is amended; without, it stays until the source changes again. Raises
    ``NotFound`` for no such conflict, and what :func:`amend` raises.
    """
    row = session.get(RecordRow, record)
    if row is None or row.resource is None:
        raise NotFound("there is no such conflict", field="record")
    writable_source(session, row.source, caller)
    if field not in row.conflicts:
        raise Conflict("somebody has chosen already", field="field", mend="open the page again")
    of = resource(session, row.resource)
    said = row.conflicts[field]
    row.conflicts = {name: other for name, other in row.conflicts.items() if name != field}
    if theirs:
        draft = draft_from({**document(of), field: said["theirs"]})
        of = amend(
            session, of.id, replace(draft, slug=of.slug), caller,
            revision=of.revision, note="the source's words were chosen",
        )  # fmt: skip
        row.kept = [name for name in row.kept if name != field]
    owe(
        session,
        "harvest.resolved",
        row.resource,
        {"source": row.source, "field": field, "theirs": theirs, "by": caller.party or ""},
    )
    session.flush()
    return of


def _conflict(row: RecordRow, of: Resource, name: str, said: dict[str, Any]) -> HarvestConflict:
    return HarvestConflict(
        record=row.number,
        source=row.source,
        resource=ResourceId(of.id),
        slug=of.slug,
        title=of.title,
        field=name,
        ours=said["ours"],
        theirs=said["theirs"],
    )


def publish_harvested(session: Session, run_id: str, caller: Caller, most: int = 500) -> int:
    """Register and publish what a run put down as drafts, at most so many; how many they were.

    Only who runs the node may: others apply for registration. Raises ``Refused``.
    """
    run = run_row(session, run_id)
    writable_source(session, run.source, caller)
    added = select(ItemRow.resource).where(
        ItemRow.run == run_id, ItemRow.outcome == RecordOutcome.ADDED.value
    )
    drafts = select(ResourceRow.id).where(
        ResourceRow.id.in_(added), ResourceRow.state == State.DRAFT.value
    )
    found = session.scalars(drafts.order_by(ResourceRow.number).limit(most)).all()
    for identifier in found:
        register_draft(session, ResourceId(identifier), caller)
        publish(session, ResourceId(identifier), caller, note=f"harvested: {run.source}")
    return len(found)
