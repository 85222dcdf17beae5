"""Proposals kept: from the description, and from data as they come in."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.classifying.judging import judge
from quanyu.catalogue.classifying.sensing import facts_of_data, facts_of_description
from quanyu.catalogue.codes import Grade
from quanyu.catalogue.grading import (
    Facts,
    GradedSource,
    GradeRow,
    Grading,
    GradingRow,
    Level,
    Proposal,
    Subject,
    grading_of,
    grading_table,
    to_grading,
)
from quanyu.catalogue.model import Resource
from quanyu.catalogue.registration import ApplicationRow, ApplicationState
from quanyu.catalogue.rows import to_resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import ControlStore, ResourceId, new_id, now
from quanyu.spacetime import View

_AT_ONCE = 50
_DECLARED = {Grade.GENERAL: Level.L1, Grade.IMPORTANT: Level.L5, Grade.CORE: Level.CORE}


def propose_grading(session: Session, of: Resource) -> Grading:
    """Propose a class and level by the description, unless data were looked at before.

    A proposal like the one before adds nothing.
    """
    latest, _ = grading_of(session, of.id)
    if latest is not None and latest.data_version is not None:
        return latest
    return _keep(session, of, facts_of_description(of), None)


def propose_by_data(control: ControlStore, of: Resource, version: int, view: View) -> Grading:
    """Propose a class and level by the rows of a version, which ``view`` shows whole."""
    facts = facts_of_data(of, view)
    with control.begin() as session:
        return _keep(session, of, facts, version)


def propose_missing(control: ControlStore) -> int:
    """Propose by their descriptions for entries whose registration is under way and that nothing
    was proposed for, a bounded number; how many."""
    wanted = (
        select(ResourceRow)
        .join(ApplicationRow, ApplicationRow.open_of == ResourceRow.id)
        .outerjoin(GradeRow, GradeRow.resource == ResourceRow.id)
        .where(GradeRow.resource.is_(None), ApplicationRow.state != ApplicationState.DRAFT.value)
        .order_by(ResourceRow.number)
        .limit(_AT_ONCE)
    )
    with control.read() as session:
        if session.scalar(wanted.with_only_columns(ResourceRow.id).limit(1)) is None:
            return 0
    with control.begin() as session:
        rows = list(session.scalars(wanted))
        for row in rows:
            propose_grading(session, to_resource(row))
        return len(rows)


def _keep(session: Session, of: Resource, facts: Facts, version: int | None) -> Grading:
    table = grading_table()
    proposal = judge(facts, _sources(session, of), table)
    latest, confirmed = grading_of(session, of.id)
    if latest is not None and _alike(latest, proposal):
        return latest
    row = GradingRow(
        id=new_id("grading"),
        resource=of.id,
        at=now(),
        confirmed=False,
        level=proposal.level.value,
        industry=proposal.industry,
        subject=proposal.subject.value,
        persons=proposal.persons,
        rows=facts.rows,
        data_version=version,
        reasons=[dict(reason) for reason in proposal.reasons],
        table_digest=table.digest,
        party=None,
        member=None,
        reason="",
        leaf=None,
    )
    session.add(row)
    session.flush()
    stands = session.get(GradeRow, of.id)
    if stands is None:
        stands = GradeRow(resource=of.id, proposed=row.id, confirmed=None, level=None)
        session.add(stands)
    stands.proposed = row.id
    answered = confirmed is not None and _said(confirmed) == _said(proposal)
    stands.waits = None if answered else row.number
    session.flush()
    return to_grading(row)


def _alike(before: Grading, proposal: Proposal) -> bool:
    """Whether the same rules say the same: how many rows they saw makes no difference."""
    return _said(before) == _said(proposal) and _rules(before.reasons) == _rules(proposal.reasons)


def _said(one: Grading | Proposal) -> tuple[Level, str, Subject]:
    return one.level, one.industry, one.subject


def _rules(reasons: tuple[object, ...]) -> list[tuple[object, ...]]:
    named = (dict(reason) for reason in reasons)  # type: ignore[call-overload]
    return [(one.get("rule"), one.get("of"), one.get("level")) for one in named]


def _sources(session: Session, of: Resource) -> list[GradedSource]:
    """What it was made from directly: confirmed levels before proposed before declared ones."""
    rows = session.scalars(select(ResourceRow).where(ResourceRow.id.in_(list(of.lineage))))
    found = []
    for source in sorted(map(to_resource, rows), key=lambda one: one.slug):
        proposed, confirmed = grading_of(session, ResourceId(source.id))
        level = _DECLARED[source.grade]
        if confirmed or proposed:
            level = max(level, (confirmed or proposed).level)  # type: ignore[union-attr]
        found.append(
            GradedSource(
                slug=source.slug,
                level=level,
                rows=proposed.rows if proposed else None,
                persons=proposed is not None and proposed.persons,
            )
        )
    return found
