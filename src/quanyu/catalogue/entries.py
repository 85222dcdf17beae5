"""The life of an entry: drafted, registered, amended, published, withdrawn, step by step."""

import re

from sqlalchemy import delete, exists, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import KINDS, Kind, State
from quanyu.catalogue.grading import check_graded
from quanyu.catalogue.identifier import make_identifier
from quanyu.catalogue.lineage import put_lineage
from quanyu.catalogue.model import Resource, ResourceDraft, StepKind
from quanyu.catalogue.rights import check_review, check_writes, may_see
from quanyu.catalogue.rows import changed_fields, draft_of, fill_row, to_resource
from quanyu.catalogue.steps import record_step
from quanyu.catalogue.tables import ResourceRow, SerialRow, ThemeRow
from quanyu.catalogue.validate import check_draft
from quanyu.kernel import Conflict, Invalid, NotFound, PartyId, ResourceId, new_id, now
from quanyu.parties import Caller, Party, party

_FROM: dict[StepKind, frozenset[State]] = {
    StepKind.REGISTERED: frozenset({State.DRAFT}),
    StepKind.AMENDED: frozenset({State.DRAFT, State.REGISTERED, State.PUBLISHED}),
    StepKind.PUBLISHED: frozenset({State.REGISTERED, State.WITHDRAWN}),
    StepKind.WITHDRAWN: frozenset({State.REGISTERED, State.PUBLISHED}),
}
"""From which states each step may be taken."""

FIXED = ("slug", "kind", "provider")
"""What cannot change: addresses, tables and the published identifier are made from it."""


def save_draft(
    session: Session,
    draft: ResourceDraft,
    caller: Caller,
    *,
    area: str = "000000",
    code: str | None = None,
) -> Resource:
    """Put down an entry that only its provider and the node see; it has no identifier yet, except
    the ``code`` that it has from another node.

    ``area`` is the division code (GB/T 2260) that its identifier will begin with. Raises
    :class:`Invalid` for faults of the draft, :class:`Conflict` when the slug is taken,
    :class:`Refused` or :class:`Unauthenticated` when the caller may not write for that party.
    """
    row = _create(session, draft, caller, area, State.DRAFT, code)
    record_step(session, row, StepKind.DRAFTED, caller)
    return to_resource(row)


def register(
    session: Session,
    draft: ResourceDraft,
    caller: Caller,
    *,
    area: str = "000000",
    code: str | None = None,
) -> Resource:
    """Put down an entry and give it its published identifier at once.

    ``code`` is the identifier that it has already, from another node. Raises as
    :func:`save_draft` does. It becomes visible to others with :func:`publish`.
    """
    row = _create(session, draft, caller, area, State.REGISTERED, code)
    record_step(session, row, StepKind.REGISTERED, caller)
    return to_resource(row)


def register_draft(session: Session, resource_id: ResourceId, caller: Caller) -> Resource:
    """Give a draft its published identifier; it keeps that for ever."""
    row = _writable(session, resource_id, caller, StepKind.REGISTERED)
    row.code = row.code or _new_code(session, row.area, Kind(row.kind), PartyId(row.provider))
    _index(session, row)
    return _step(session, row, StepKind.REGISTERED, State.REGISTERED, caller)


def amend(
    session: Session,
    resource_id: ResourceId,
    draft: ResourceDraft,
    caller: Caller,
    *,
    revision: int,
    note: str = "",
    reviewed: bool = True,
) -> Resource:
    """Replace the description of an entry that stood at ``revision`` when it was read.

    ``reviewed`` says whether what the public sees changes only after a review: then a published
    entry is amended by the node alone (:class:`Refused`, rule ``catalogue.review``). Raises
    :class:`Conflict` when somebody has changed it since, :class:`Invalid` for faults of the
    draft and when slug, kind or provider differ. A draft equal to what is there changes nothing.
    """
    row = _writable(session, resource_id, caller, StepKind.AMENDED)
    if row.revision != revision:
        raise Conflict(
            "the resource has been changed since you read it: it is at revision {revision}",
            field="revision",
            mend="read it again and repeat your change",
            revision=row.revision,
        )
    before = to_resource(row)
    checked = check_draft(draft_of(draft))
    changed = changed_fields(before, checked)
    for name in FIXED:
        if name in changed:
            raise Invalid(
                "this cannot change once the resource is there",
                field=name,
                mend="register another resource and withdraw this one",
            )
    if not changed:
        return before
    check_graded(session, resource_id, checked)
    if before.state is State.PUBLISHED:
        check_review(caller, reviewed=reviewed)
    fill_row(row, checked)
    if "lineage" in changed:
        put_lineage(session, resource_id, checked.lineage, caller)
    session.flush()
    _index(session, row)
    return _step(session, row, StepKind.AMENDED, before.state, caller, changed=changed, note=note)


def publish(
    session: Session,
    resource_id: ResourceId,
    caller: Caller,
    *,
    note: str = "",
    reviewed: bool = True,
) -> Resource:
    """Let everybody see an entry that is registered (or was withdrawn).

    Where entries are ``reviewed`` only the node's own party may do so by hand: others apply for
    registration (:class:`Refused`, rule ``catalogue.review``).
    """
    row = _writable(session, resource_id, caller, StepKind.PUBLISHED)
    check_review(caller, reviewed=reviewed)
    check_graded(session, resource_id, to_resource(row))
    row.published_at = now()
    return _step(session, row, StepKind.PUBLISHED, State.PUBLISHED, caller, note=note)


def withdraw(
    session: Session,
    resource_id: ResourceId,
    caller: Caller,
    *,
    note: str = "",
    reviewed: bool = True,
) -> Resource:
    """Take an entry back from sight. It keeps its identifier and history.

    Where entries are ``reviewed`` others than the node apply for cancellation of what is published.
    """
    row = _writable(session, resource_id, caller, StepKind.WITHDRAWN)
    if State(row.state) is State.PUBLISHED:
        check_review(caller, reviewed=reviewed)
    return _step(session, row, StepKind.WITHDRAWN, State.WITHDRAWN, caller, note=note)


def resource(session: Session, id_or_slug: str, *, visible_to: Caller | None = None) -> Resource:
    """The entry with that id, slug or published identifier.

    Raises :class:`NotFound` when there is none, or when ``visible_to`` may not know of it;
    ``None`` asks for the program itself, which may.
    """
    named = or_(*(c == id_or_slug for c in (ResourceRow.id, ResourceRow.slug, ResourceRow.code)))
    # PostgreSQL takes no NUL and no lone surrogate, not even in a question.
    row = session.scalar(select(ResourceRow).where(named)) if id_or_slug.isprintable() else None
    found = to_resource(row) if row else None
    if found is None or not (visible_to is None or may_see(visible_to, found)):
        raise NotFound("there is no resource {id}", id=id_or_slug[:80])
    return found


def org_code(provider: Party) -> str:
    """An organisation's part of identifiers: its code within the credit code (GB 11714, characters
    9 to 17), else ``P`` and the end of its party id: ten characters, so it cannot be one."""
    if provider.credit_code:
        return provider.credit_code[8:17]
    return "P" + provider.id[-9:]


def _writable(
    session: Session, resource_id: ResourceId, caller: Caller, step: StepKind
) -> ResourceRow:
    row = session.scalar(
        select(ResourceRow)
        .where(ResourceRow.id == resource_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or not may_see(caller, to_resource(row)):
        raise NotFound("there is no resource {id}", id=resource_id[:80])
    check_writes(caller, PartyId(row.provider))
    if State(row.state) not in _FROM[step]:
        raise Conflict(
            "a resource in the state “{state}” cannot be {step}",
            field="state",
            mend="possible from: {states}",
            state=row.state,
            step=step.value,
            states=", ".join(sorted(_FROM[step])),
        )
    return row


def _step(
    session: Session,
    row: ResourceRow,
    kind: StepKind,
    state: State,
    caller: Caller,
    *,
    changed: tuple[str, ...] = (),
    note: str = "",
) -> Resource:
    row.state = state.value
    row.revision += 1
    row.updated_at = now()
    session.flush()
    record_step(session, row, kind, caller, changed=changed, note=note)
    return to_resource(row)


def _create(  # noqa: PLR0917 - one way in
    session: Session,
    draft: ResourceDraft,
    caller: Caller,
    area: str,
    state: State,
    code: str | None = None,
) -> ResourceRow:
    check_writes(caller, draft.provider)
    checked = check_draft(draft)
    if not re.fullmatch(r"[0-9]{6}", area):
        raise Invalid(
            "“{area}” is no division code", field="area", mend="give six digits", area=area[:80]
        )
    _provider(session, checked.provider)
    if session.scalar(select(exists().where(ResourceRow.slug == checked.slug))):
        raise _taken(checked.slug)
    moment = now()
    row = ResourceRow(
        id=new_id("resource"),
        code=code,
        state=state.value,
        area=area,
        revision=1,
        created_at=moment,
        updated_at=moment,
        published_at=None,
    )
    fill_row(row, checked)
    if state is not State.DRAFT and code is None:
        row.code = _new_code(session, area, checked.kind, checked.provider)
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:  # taken between the look and the write
        raise _taken(checked.slug) from error
    if checked.lineage:
        put_lineage(session, ResourceId(row.id), checked.lineage, caller)
    _index(session, row)
    return row


def _new_code(session: Session, area: str, kind: Kind, provider: PartyId) -> str:
    org, letter = org_code(_provider(session, provider)), KINDS[kind].code
    return make_identifier(area, org, letter, next_serial(session, area, org, letter))


def _index(session: Session, row: ResourceRow) -> None:
    entry = to_resource(row)
    session.execute(delete(ThemeRow).where(ThemeRow.number == row.number))
    if entry.themes:
        session.execute(
            insert(ThemeRow), [{"number": row.number, "theme": theme} for theme in entry.themes]
        )


def _taken(slug: str) -> Conflict:
    return Conflict(
        "the name “{slug}” is taken",
        field="slug",
        mend="choose another name, or amend the resource that has it",
        slug=slug,
    )


def _provider(session: Session, provider: PartyId) -> Party:
    try:
        return party(session, provider)
    except NotFound as error:
        raise Invalid(
            "there is no party {id}",
            field="provider",
            mend="name a registered party by its id",
            id=provider[:80],
        ) from error


def next_serial(session: Session, area: str, org: str, letter: str) -> int:
    """The next serial of an organisation for a type of resource or product."""
    upsert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = (
        upsert(SerialRow)
        .values(prefix=f"{area}{org}/{letter}", last=1)
        .on_conflict_do_update(index_elements=[SerialRow.prefix], set_={"last": SerialRow.last + 1})
        .returning(SerialRow.last)
    )
    return session.execute(statement).scalar_one()
