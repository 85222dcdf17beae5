"""Figures made and kept: a round looks at what is due, and a change of state has its consequences.

A resource that becomes bad is called: a work order to its provider, a notice to it and once to
those who use it under an agreement, a leaf; it is not offered. When it is well again the order is
closed, it is offered, and a leaf says so. While it is silenced (planned maintenance) it is neither
called nor are users told; the figure and the offer follow all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue import (
    HealthFigure,
    HealthState,
    Kind,
    Resource,
    health_due,
    note_health,
    resource,
)
from quanyu.kernel import (
    ControlStore,
    Invalid,
    NotFound,
    ResourceId,
    now,
)
from quanyu.operations.health.calling import NO_FIGURE, call, follow
from quanyu.operations.health.gathering import LivenessOf, LookAhead, gather, nothing_ahead
from quanyu.operations.health.model import (
    Aspect,
    Health,
    HealthSilence,
    Part,
    part_of,
    said,
)
from quanyu.operations.health.parts import Facts, combined, parts_of
from quanyu.operations.health.probing import want_probe
from quanyu.operations.health.tables import HealthChangeRow, HealthRow

_AT_ONCE = 100
_LATEST = timedelta(days=1)
_STREAMS = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Looking:
    """How a node looks: what counts how much, where liveness of streams is known from, and what is
    looked up before anything is written."""

    weights: Mapping[Aspect, int]
    liveness: LivenessOf
    ahead: LookAhead = nothing_ahead


def looking_by(
    weights: Mapping[str, int], liveness: LivenessOf, ahead: LookAhead = nothing_ahead
) -> Looking:
    """How a node with these weights looks; raises :class:`Invalid` for a part that there is not."""
    unknown = sorted(weights.keys() - set(Aspect))
    if unknown or any(weight < 0 for weight in weights.values()):
        raise Invalid(
            "the weights of health name parts that there are not, or are below nought",
            field="health_weights",
            mend="use: {words}",
            words=", ".join(Aspect),
        )
    return Looking({Aspect(name): weight for name, weight in weights.items()}, liveness, ahead)


def look_at_health(control: ControlStore, looking: Looking, most: int = 2_000) -> int:
    """Look at the health of resources that are due, up to ``most``; how many."""
    done = 0
    while done < most:
        with control.read() as session:
            entries = health_due(session, now(), _AT_ONCE)
        if not entries:
            return done
        looking.ahead(control, entries)
        with control.begin() as session:
            entries = health_due(session, now(), _AT_ONCE)
            put_health(session, entries, looking)
        done += len(entries)
        if len(entries) < _AT_ONCE:
            return done
    return done


def put_health(session: Session, entries: Sequence[Resource], looking: Looking) -> list[Health]:
    """Make and keep the figures of these entries now, with all that follows."""
    moment = now()
    rows = {
        row.resource: row
        for row in session.scalars(
            select(HealthRow).where(HealthRow.resource.in_([one.id for one in entries]))
        )
    }
    found = []
    for facts in gather(session, entries, looking.liveness):
        row = rows.get(facts.of.id)
        parts = parts_of(facts, moment)
        state, score = combined(parts, looking.weights)
        row = _keep(session, row, facts, (state, score, parts), moment)
        want_probe(session, facts.of)
        figure = HealthFigure(state, score)
        note_health(session, facts.of.id, figure, _again(facts, row, moment))
        found.append(to_health(row))
    return found


def to_health(row: HealthRow) -> Health:
    """The health that a row keeps."""
    silence = None
    if row.silent_until is not None and row.silent_until > now():
        silence = HealthSilence(row.silent_until, row.silent_reason, None)
    return Health(
        resource=ResourceId(row.resource),
        state=HealthState(row.state),
        score=None if row.score == NO_FIGURE else row.score,
        parts=tuple(map(part_of, row.parts)),
        since=row.since,
        at=row.at,
        silence=silence,
        order=row.order,
    )


def _keep(
    session: Session,
    row: HealthRow | None,
    facts: Facts,
    figure: tuple[HealthState, int | None, tuple[Part, ...]],
    moment: datetime,
) -> HealthRow:
    """Write the figure; where it is another than before into the history too."""
    state, score, parts = figure
    kept, number = [said(part) for part in parts], NO_FIGURE if score is None else score
    before = None if row is None else HealthState(row.state)
    if row is None:
        row = HealthRow(
            resource=facts.of.id, state=state.value, score=number, parts=kept, since=moment,
            at=moment, silent_reason="",
        )  # fmt: skip
        session.add(row)
    same = before is not None and row.score == number and _alike(row.parts, kept)
    if before is not state:
        row.since = moment
    row.state, row.score, row.parts, row.at = state.value, number, kept, moment
    if not same:
        session.add(
            HealthChangeRow(
                resource=facts.of.id, at=moment, state=state.value, score=number, parts=kept
            )
        )
    if before is not state:
        follow(session, facts.of, row, before)
    call(session, facts.of, row, parts)
    session.flush()
    return row


def _alike(one: Sequence[Mapping[str, object]], other: Sequence[Mapping[str, object]]) -> bool:
    """Whether parts say the same, however often they were looked at and whatever figures fill
    their reasons."""

    def short(parts: Sequence[Mapping[str, object]]) -> list[tuple[object, ...]]:
        return [(part["aspect"], part["score"], part["message"]) for part in parts]

    return short(one) == short(other)


def _again(facts: Facts, row: HealthRow, moment: datetime) -> datetime:
    """When the figure changes of itself, a day at most."""
    care = facts.care
    times = [moment + _LATEST]
    if care is not None and care.due_at is not None and care.data_at is not None:
        period = care.due_at - care.data_at
        times += [care.due_at, care.data_at + 3 * period]
        times += [] if care.overdue_at is None else [care.overdue_at]
    if row.silent_until is not None:
        times.append(row.silent_until)
    if facts.of.kind is Kind.STREAM and not facts.of.distributions:
        times.append(moment + _STREAMS)
    return min(time for time in times if time > moment)


def health_row(session: Session, resource_id: ResourceId) -> HealthRow | None:
    """The row of a resource, locked for a change."""
    return session.scalar(
        select(HealthRow).where(HealthRow.resource == resource_id).with_for_update()
    )


def entry_named(session: Session, resource_id: ResourceId) -> Resource | None:
    """The entry, ``None`` when there is none any more."""
    try:
        return resource(session, resource_id)
    except NotFound:
        return None
