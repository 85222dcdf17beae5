"""The applicant's part: apply, revise, take in what changed meanwhile, submit, recall."""

from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import Grade, State
from quanyu.catalogue.entries import FIXED, resource
from quanyu.catalogue.kinds import check_attributes
from quanyu.catalogue.lineage import check_lineage
from quanyu.catalogue.model import Resource, ResourceDraft
from quanyu.catalogue.property_rights import Right, rights_documents, rights_from
from quanyu.catalogue.registration.asking import (
    check_applies,
    check_asked,
    put_rights,
    rights_clash,
)
from quanyu.catalogue.registration.course import (
    EDITABLE,
    check_move,
    check_reason,
    check_revision,
    locked,
    record_move,
)
from quanyu.catalogue.registration.listing import to_application
from quanyu.catalogue.registration.merge import Merged, clash, merge
from quanyu.catalogue.registration.model import (
    Application,
    ApplicationKind,
    ApplicationState,
    Move,
)
from quanyu.catalogue.registration.publicity import lapse
from quanyu.catalogue.registration.rights import check_applicant
from quanyu.catalogue.registration.rules import Registration
from quanyu.catalogue.registration.tables import ApplicationRow
from quanyu.catalogue.registration.telling import tell_reviewers
from quanyu.catalogue.rights import check_writes
from quanyu.catalogue.rows import changed_fields, document, draft_of, undocument
from quanyu.catalogue.validate import check_draft
from quanyu.kernel import (
    Conflict,
    Invalid,
    Refused,
    ResourceId,
    add_working_days,
    new_id,
    new_salt,
    now,
)
from quanyu.parties import Caller

_K = ApplicationKind
SUITS: dict[ApplicationKind, frozenset[State]] = {
    _K.FIRST: frozenset({State.DRAFT, State.REGISTERED, State.WITHDRAWN}),
    _K.CHANGE: frozenset({State.PUBLISHED}),
    _K.CORRECTION: frozenset({State.PUBLISHED}),
    _K.CANCELLATION: frozenset({State.PUBLISHED, State.REGISTERED}),
}
"""What may be asked for an entry, by the state it is in."""

_NOT_A_FAULT = ("access", "licence", "grade")
"""What a correction cannot touch: it changes what others may do, not what is true."""


def apply(
    session: Session,
    resource_id: ResourceId,
    kind: ApplicationKind,
    caller: Caller,
    *,
    proposed: ResourceDraft | None = None,
    rights: Sequence[Right] | None = None,
    reason: str = "",
    revision: int | None = None,
) -> Application:
    """Begin an application for an entry; it is a draft until it is submitted.

    ``proposed`` is the description that is asked for; the entry as it is when left out. ``rights``
    are those that are to stand in the register; they stay as they are when left out. A party that
    has a right on the resource may apply for rights alone.
    ``revision`` is that of the entry when it was read, if it matters. The entry
    stays as it is until the application is registered. Raises :class:`Refused` (rule
    ``catalogue.write``, ``rights.…``) or :class:`Unauthenticated` when the caller may not write for
    its provider, :class:`Conflict` when the entry's state does not allow the kind or another
    application for it is under way, :class:`Invalid` for faults of the description,
    :class:`NotFound`.
    """
    entry = resource(session, resource_id, visible_to=caller)
    check_applies(session, entry, rights, caller)
    if revision is not None and revision != entry.revision:
        raise Conflict(
            "the resource has been changed since you read it: it is at revision {revision}",
            field="revision",
            mend="read it again and repeat your change",
            revision=entry.revision,
        )
    if entry.state not in SUITS[kind]:
        raise Conflict(
            "a resource in the state “{state}” cannot be put in for “{kind}”",
            field="kind",
            mend="possible from: {states}",
            state=entry.state.value,
            kind=kind.value,
            states=", ".join(sorted(SUITS[kind])),
        )
    if session.scalar(select(exists().where(ApplicationRow.open_of == entry.id))):
        raise _under_way()
    base = draft_of(entry)
    asked = _checked(session, entry, kind, base if proposed is None else proposed, caller)
    wanted = None if rights is None else check_asked(session, entry, asked, kind, rights, caller)
    moment = now()
    assert caller.party is not None  # noqa: S101 - check_writes lets nobody else pass
    row = ApplicationRow(
        id=new_id("application"),
        resource=entry.id,
        open_of=entry.id,
        kind=kind.value,
        state=ApplicationState.DRAFT.value,
        provider=entry.provider,
        party=caller.party,
        member=caller.member,
        revision=0,
        base_revision=entry.revision,
        base=document(base),
        proposed=document(asked),
        reason=check_reason(reason, needed=False),
        comments={},
        approvals=[],
        approvals_needed=0,
        created_at=moment,
        updated_at=moment,
        reminded=0,
        salt=new_salt(),
    )
    session.add(row)
    try:
        put_rights(session, row, wanted)
        session.flush()
    except IntegrityError as error:  # begun between the look and the write
        raise _under_way() from error
    record_move(session, row, Move.DRAFTED, caller, reason=row.reason)
    return to_application(row)


def revise_application(
    session: Session,
    application_id: str,
    proposed: ResourceDraft,
    caller: Caller,
    *,
    revision: int | None,
    rights: Sequence[Right] | None = None,
    reason: str | None = None,
) -> Application:
    """Put down another description, and another reason when one is given, as a draft.

    ``rights`` are asked for instead of those before; those stay when left out. Raises as
    :func:`apply` does, and :class:`Conflict` when the application is not at ``revision`` or not the
    applicant's to change now.
    """
    row = _editable(session, application_id, caller)
    check_revision(row, revision)
    entry = resource(session, row.resource)
    draft = _checked(session, entry, _K(row.kind), proposed, caller)
    if rights is not None:
        wanted = check_asked(session, entry, draft, _K(row.kind), rights, caller)
        put_rights(session, row, wanted)
        row.revision += 1
    asked = document(draft)
    said = row.reason if reason is None else check_reason(reason, needed=False)
    if (asked, said) != (row.proposed, row.reason):
        row.proposed, row.reason = asked, said
        row.revision += 1
        row.updated_at = now()
        session.flush()
    return to_application(row)


def rebase_application(
    session: Session, application_id: str, caller: Caller, *, revision: int | None = None
) -> Application:
    """Take in what others have changed in the entry; what the applicant changed is kept."""
    row = _editable(session, application_id, caller)
    check_revision(row, revision)
    entry = resource(session, row.resource)
    _rebase(row, entry, meanwhile(session, row, entry))
    if row.rights is not None and rights_clash(session, row):
        put_rights(session, row, rights_from(row.rights))
        row.revision += 1
    session.flush()
    return to_application(row)


def meanwhile(session: Session, row: ApplicationRow, entry: Resource | None = None) -> Merged:
    """What has happened to the entry since the application was written, merged with it."""
    entry = entry or resource(session, row.resource)
    return merge(undocument(row.base), draft_of(entry), undocument(row.proposed))


def submit_application(
    session: Session,
    application_id: str,
    caller: Caller,
    rules: Registration,
    *,
    revision: int | None = None,
) -> Application:
    """Send an application in, or send it in again after it was returned.

    Raises :class:`Conflict` when the entry has meanwhile been changed in the same fields (rebase
    first), :class:`Invalid` when nothing is proposed, and :class:`Refused` by rule
    ``applications.core`` for core data, which are never offered.
    """
    row = locked(session, application_id, caller)
    check_applicant(caller, row)
    check_move(row, Move.SUBMITTED)
    check_revision(row, revision)
    entry = resource(session, row.resource)
    found = meanwhile(session, row, entry)
    if found.clashes:
        raise clash(found.clashes)
    _rebase(row, entry, found)
    asked = _checked(session, entry, _K(row.kind), found.draft, caller)
    if row.rights is not None:
        if rights_clash(session, row):
            raise clash(("rights",))
        check_asked(session, entry, asked, _K(row.kind), rights_from(row.rights), caller)
    _check_worth(row, entry, asked)
    row.proposed = document(asked)
    row.submitter, row.submitted_at = caller.member, now()
    row.approvals, row.comments = [], {}
    row.approvals_needed = rules.approvals_for(asked, entry)
    deadline = add_working_days(row.submitted_at, rules.acceptance_days, rules.calendar)
    record_move(session, row, Move.SUBMITTED, caller, deadline=deadline, reason=row.reason)
    tell_reviewers(session, row, Move.SUBMITTED)
    return to_application(row)


def recall_application(
    session: Session,
    application_id: str,
    caller: Caller,
    *,
    reason: str = "",
    revision: int | None = None,
) -> Application:
    """Take an application back; the entry stays as it is."""
    row = locked(session, application_id, caller)
    check_applicant(caller, row)
    check_move(row, Move.RECALLED)
    check_revision(row, revision)
    lapse(session, row)
    record_move(session, row, Move.RECALLED, caller, reason=check_reason(reason, needed=False))
    return to_application(row)


def _editable(session: Session, application_id: str, caller: Caller) -> ApplicationRow:
    row = locked(session, application_id, caller)
    check_applicant(caller, row)
    if ApplicationState(row.state) not in EDITABLE:
        raise Conflict(
            "an application in the state “{state}” cannot be changed",
            field="state",
            mend="recall it, or wait until it is returned",
            state=row.state,
        )
    return row


def _rebase(row: ApplicationRow, entry: Resource, found: Merged) -> None:
    if row.base_revision == entry.revision:
        return
    row.base, row.base_revision = document(draft_of(entry)), entry.revision
    row.proposed = document(found.draft)
    row.revision += 1
    row.updated_at = now()


def _checked(
    session: Session,
    entry: Resource,
    kind: ApplicationKind,
    proposed: ResourceDraft,
    caller: Caller,
) -> ResourceDraft:
    """The description, faultless and within what this kind of application may change."""
    asked = check_draft(draft_of(proposed))
    changed = changed_fields(draft_of(entry), asked)
    if changed:
        check_writes(caller, entry.provider)
    for name in FIXED:
        if name in changed:
            raise Invalid(
                "this cannot change once the resource is there",
                field=name,
                mend="register another resource and withdraw this one",
            )
    if kind is _K.CANCELLATION and changed:
        raise Invalid(
            "a cancellation changes nothing in the description",
            field=changed[0],
            mend="apply for a change instead",
        )
    for name in _NOT_A_FAULT:
        if kind is _K.CORRECTION and name in changed:
            raise Invalid(
                "a correction mends what is wrong; it cannot change this",
                field=name,
                mend="apply for a change instead",
            )
    if "lineage" in changed:
        check_lineage(session, entry.id, asked.lineage, caller)
    return asked


def _check_worth(row: ApplicationRow, entry: Resource, asked: ResourceDraft) -> None:
    kind, nothing = ApplicationKind(row.kind), changed_fields(draft_of(entry), asked) == ()
    if row.rights is not None:
        nothing = nothing and row.rights == rights_documents(rights_from(row.rights_base or ()))
    if asked.attributes and kind is not _K.CANCELLATION:
        check_attributes(asked.kind, asked.attributes, whole=True)
    if kind is not _K.CANCELLATION and asked.grade is Grade.CORE:
        raise Refused(
            "core data are not offered: they stay with their holder",
            mend="keep the entry as a draft, or put its grade right",
            rule="applications.core",
        )
    if kind in {_K.CHANGE, _K.CORRECTION} and nothing:
        raise Invalid(
            "nothing is proposed: the description is as it was",
            field="proposed",
            mend="change something, or recall the application",
        )
    if kind is not _K.FIRST:
        check_reason(row.reason, needed=True)


def _under_way() -> Conflict:
    return Conflict(
        "another application for this resource is under way",
        field="resource",
        mend="open that one, or recall it first",
    )
