"""What happened to entries: kept with them, owed to the log, told to whoever listens."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import State
from quanyu.catalogue.model import ResourceChanged, Step, StepKind
from quanyu.catalogue.quality import put_care
from quanyu.catalogue.tables import ResourceRow, StepRow
from quanyu.catalogue.validate import check_line
from quanyu.kernel import (
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
