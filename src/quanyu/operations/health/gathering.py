"""Facts of many resources at once: a few questions for all of them, none for each."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from quanyu.catalogue import Kind, Resource, care_of, want_health
from quanyu.kernel import ControlStore, ResourceId, now
from quanyu.operations.health.checking import latest_results
from quanyu.operations.health.declaring import to_rule_set
from quanyu.operations.health.parts import Facts, Liveness
from quanyu.operations.health.probing import has_files, reach_by_probes
from quanyu.operations.health.tables import RuleSetRow, RunOutcomeRow

LivenessOf = Callable[[Session, Sequence[ResourceId]], dict[ResourceId, Liveness]]
LookAhead = Callable[[ControlStore, Sequence[Resource]], None]
RUNS_LATELY = timedelta(days=30)


def gather(session: Session, entries: Sequence[Resource], liveness: LivenessOf) -> list[Facts]:
    """What is known of each of these, in their order."""
    ids = [one.id for one in entries]
    cares = care_of(session, ids)
    rules = {
        ResourceId(row.resource): to_rule_set(row)
        for row in session.scalars(select(RuleSetRow).where(RuleSetRow.resource.in_(ids)))
    }
    results = latest_results(session, list(rules)) if rules else {}
    asked = [one.id for one in entries if one.distributions or has_files(one)]
    reach = reach_by_probes(session, asked)
    streams = [one.id for one in entries if one.kind is Kind.STREAM]
    live = liveness(session, streams) if streams else {}
    since = now() - RUNS_LATELY
    runs = {
        ResourceId(name): (count, failed, at)
        for name, count, failed, at in session.execute(
            select(
                RunOutcomeRow.resource,
                func.count(),
                func.sum(cast(RunOutcomeRow.failed, Integer)),
                func.max(RunOutcomeRow.at),
            )
            .where(RunOutcomeRow.resource.in_(ids), RunOutcomeRow.at >= since)
            .group_by(RunOutcomeRow.resource)
        )
    }
    return [
        Facts(
            of=one,
            care=cares.get(one.id),
            rules=rules.get(one.id),
            results=results.get(one.id, ()),
            reach=reach.get(one.id),
            liveness=live.get(one.id),
            runs=runs.get(one.id),
        )
        for one in entries
    ]


def no_streams(_session: Session, _ids: Sequence[ResourceId]) -> dict[ResourceId, Liveness]:
    """Where no stream is kept on this node."""
    return {}


def nothing_ahead(_control: ControlStore, _entries: Sequence[Resource]) -> None:
    """Where nothing is looked up before a figure is made."""


def note_run(session: Session, resource_id: ResourceId, *, failed: bool) -> None:
    """Keep how a run of an algorithm went, or whether a job could read these data."""
    session.add(RunOutcomeRow(resource=resource_id, at=now(), failed=failed))
    want_health(session, [resource_id])
