"""What happened to entries: kept with them, owed to the log, told to whoever listens."""

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.model import CatalogueChange, ResourceChanged, Step, StepKind
from quanyu.catalogue.quality import put_care
from quanyu.catalogue.tables import ResourceRow, StepRow
from quanyu.catalogue.validate import check_line
from quanyu.kernel import (
    LocalText,
    PartyId,
    ResourceId,
    announce,
    canonical,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller

LONGEST_NOTE = 2_000


def record_step(
    session: Session,
    row: ResourceRow,
    kind: StepKind,
    caller: Caller,
    *,
    changed: tuple[str, ...] = (),
    note: str = "",
) -> None:
    """Note a step, owe ``resource.<step>`` for it and score the entry anew.

    The leaf commits to the description by its digest, the contact left out: that may be a person.
    """
    session.add(
        StepRow(
            resource=row.id,
            at=now(),
            kind=kind.value,
            state=row.state,
            revision=row.revision,
            party=caller.party,
            member=caller.member,
            changed=list(changed),
            note=check_line(note, "note", LONGEST_NOTE, lines=True),
        )
    )
    described = {name: value for name, value in row.body.items() if name != "contact"}
    owe(
        session,
        f"resource.{kind.value}",
        row.id,
        {
            "slug": row.slug,
            "code": row.code or "",
            "provider": row.provider,
            "by": caller.party or "",
            "state": row.state,
            "revision": row.revision,
            "changed": list(changed),
            "sha256": sha256_hex(canonical(described)),
        },
    )
    put_care(session, row)
    announce(
        session,
        ResourceChanged(id=ResourceId(row.id), slug=row.slug, state=State(row.state), step=kind),
    )


def catalogue_changes(
    session: Session, *, limit: int = 50, before: int | None = None
) -> list[CatalogueChange]:
    """What happened to entries that the public sees or saw, the latest first.

    Of one that is not public any more only its name is told, and that it was withdrawn.
    """
    public = (StepKind.PUBLISHED.value, StepKind.AMENDED.value)
    seen = and_(StepRow.kind.in_(public), StepRow.state == State.PUBLISHED.value)
    published = ResourceRow.state == State.PUBLISHED.value
    gone = and_(StepRow.kind == StepKind.WITHDRAWN.value, ResourceRow.published_at.is_not(None))
    query = (
        select(StepRow, ResourceRow)
        .join(ResourceRow, ResourceRow.id == StepRow.resource)
        .where(or_(and_(seen, published), gone))
        .order_by(StepRow.number.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(StepRow.number < before)
    found = []
    for step, row in session.execute(query):
        body = row.body["title"]
        shown = row.state == State.PUBLISHED.value
        found.append(
            CatalogueChange(
                number=step.number,
                at=step.at,
                kind=StepKind(step.kind),
                resource=ResourceId(row.id),
                slug=row.slug,
                title=LocalText(zh=body["zh"], en=body["en"]) if shown else None,
                revision=step.revision,
                changed=tuple(step.changed) if shown else (),
            )
        )
    return found


def history(session: Session, resource_id: ResourceId) -> list[Step]:
    """What happened to an entry, in order."""
    rows = session.scalars(
        select(StepRow).where(StepRow.resource == resource_id).order_by(StepRow.number)
    )
    return [
        Step(
            at=row.at,
            kind=StepKind(row.kind),
            state=State(row.state),
            revision=row.revision,
            party=None if row.party is None else PartyId(row.party),
            changed=tuple(row.changed),
            note=row.note,
        )
        for row in rows
    ]
