"""A reviewer's word on a class and a grade, and what it changes in the entry."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.classifying.proposing import propose_grading
from quanyu.catalogue.codes import BY_AGREEMENT, LICENCES, THEMES, Access, Grade, State
from quanyu.catalogue.entries import amend, resource
from quanyu.catalogue.grading import (
    GradeConfirmed,
    GradeRow,
    Grading,
    GradingRow,
    Level,
    LevelMeaning,
    Subject,
    grading_table,
    to_grading,
)
from quanyu.catalogue.model import Resource, ResourceDraft
from quanyu.catalogue.registration import check_reviewer, the_node
from quanyu.catalogue.rows import draft_of
from quanyu.catalogue.tables import LineageRow, ResourceRow
from quanyu.catalogue.validate import check_line
from quanyu.kernel import (
    Conflict,
    Invalid,
    ResourceId,
    announce,
    blind,
    canonical,
    new_id,
    new_salt,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller

LONGEST_REASON = 2_000
_OPENEST = (Access.OPEN, Access.SHARED, Access.RESTRICTED, Access.CLOSED)


def confirm_grading(
    session: Session,
    resource_id: ResourceId,
    caller: Caller,
    *,
    level: Level,
    industry: str,
    subject: Subject,
    reason: str = "",
) -> Grading:
    """Confirm the class and level of an entry, as they are proposed or, with a reason, otherwise.

    The entry gets the grade of the level and, where its access is wider than the level allows, the
    widest that it does. What was made directly of it waits for another look where it was confirmed
    at a lower level. Owes ``grading.confirmed``. Raises :class:`Refused` (rule
    ``applications.review``), :class:`Invalid` on ``reason`` or ``industry``, :class:`Conflict` for
    what is withdrawn, :class:`NotFound`.
    """
    check_reviewer(caller)
    session.execute(select(ResourceRow.id).where(ResourceRow.id == resource_id).with_for_update())
    of = resource(session, resource_id)
    if of.state is State.WITHDRAWN:
        raise Conflict(
            "what is withdrawn is graded once it is back",
            field="state",
            mend="publish it first",
        )
    if industry and industry not in THEMES:
        raise Invalid("there is no such industry", field="industry", mend="choose one of the list")
    said = check_line(reason, "reason", LONGEST_REASON, lines=True)
    proposed = propose_grading(session, of)
    same = (level, industry, subject) == (proposed.level, proposed.industry, proposed.subject)
    if not same and not said:
        raise Invalid(
            "a reason is needed for what differs from the proposal",
            field="reason",
            mend="say why the rules are wrong here",
        )
    row = _keep(session, of, caller, proposed, (level, industry, subject), said)
    meaning = grading_table().levels[level]
    _put_grade(session, of, meaning, row.id)
    _ask_again(session, of, level)
    announce(session, GradeConfirmed(of.id, of.slug, level))
    return to_grading(row)


def _keep(  # noqa: PLR0917 - what, by whom, against what, what else, why
    session: Session,
    of: Resource,
    caller: Caller,
    proposed: Grading,
    said: tuple[Level, str, Subject],
    reason: str,
) -> GradingRow:
    level, industry, subject = said
    name, salt, digest = new_id("grading"), new_salt(), grading_table().digest
    leaf = owe(
        session,
        "grading.confirmed",
        name,
        {
            "resource": of.id,
            "level": level.value,
            "grade": grading_table().levels[level].grade.value,
            "industry": industry,
            "subject_class": subject.value,
            "proposed": proposed.level.value,
            "version": proposed.data_version or 0,
            "by": caller.party or "",
            "reason": blind(reason, salt) if reason else "",
            "rules_sha256": digest,
            "sha256": sha256_hex(canonical({"reasons": [dict(r) for r in proposed.reasons]})),
        },
    )
    row = GradingRow(
        id=name,
        resource=of.id,
        at=now(),
        confirmed=True,
        level=level.value,
        industry=industry,
        subject=subject.value,
        persons=proposed.persons,
        rows=proposed.rows,
        data_version=proposed.data_version,
        reasons=[dict(one) for one in proposed.reasons],
        table_digest=digest,
        party=caller.party,
        member=caller.member,
        reason=reason,
        leaf=leaf,
    )
    session.add(row)
    stands = session.get_one(GradeRow, of.id)
    stands.confirmed, stands.level, stands.waits = name, level.value, None
    session.flush()
    return row


def _put_grade(session: Session, of: Resource, meaning: LevelMeaning, note: str) -> None:
    draft = draft_of(of)
    access = _allowed(of.access, meaning)
    changed: ResourceDraft = replace(draft, grade=meaning.grade, access=access)
    if meaning.grade is not Grade.GENERAL and _is_open(draft.licence):
        changed = replace(changed, licence=BY_AGREEMENT)
    if changed != draft:
        amend(
            session, of.id, changed, the_node(session), revision=of.revision,
            note=f"grading {note}",
        )  # fmt: skip


def _ask_again(session: Session, of: Resource, level: Level) -> None:
    """Let what was made of an entry, and has a lower level, wait for reviewers."""
    made = select(GradeRow).join(LineageRow, LineageRow.resource == GradeRow.resource)
    for stands in session.scalars(made.where(LineageRow.source == of.id)):
        if stands.level is not None and Level(stands.level) < level:
            number = select(GradingRow.number).where(GradingRow.id == stands.proposed)
            stands.waits = session.scalar(number)


def _allowed(access: Access, meaning: LevelMeaning) -> Access:
    """The access as it is or, where the level forbids it, the next narrower one."""
    return next(one for one in _OPENEST[_OPENEST.index(access) :] if one in meaning.access)


def _is_open(licence: str) -> bool:
    known = LICENCES.get(licence)
    return known is not None and known.open
