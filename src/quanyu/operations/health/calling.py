"""What follows from another state of health: who is called and told, what is offered."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from sqlalchemy.orm import Session

from quanyu.agreements import offer_again, users_of, withhold
from quanyu.catalogue import HealthState, Kind, Resource, State
from quanyu.kernel import (
    LANGUAGES,
    Conflict,
    LocalText,
    NotFound,
    announce,
    iso,
    now,
    owe,
    translate,
)
from quanyu.operations.health.model import HealthChanged, Part, part_of, state_of
from quanyu.operations.health.tables import HealthRow
from quanyu.operations.work_orders import (
    Priority,
    Source,
    SourceKind,
    WorkOrderDraft,
    close_work_order,
    open_work_order,
)
from quanyu.parties import Role, notify

FAILING, RECOVERED = "health.failing", "health.recovered"
NO_FIGURE = -1
_DESK = frozenset({Role.SUPPLIER, Role.STEWARD})
_CATEGORIES: Mapping[Kind, str] = {
    Kind.SERVICE: "service",
    Kind.FACILITY: "facility",
    Kind.STREAM: "sensor",
}


def follow(session: Session, of: Resource, row: HealthRow, before: HealthState | None) -> None:
    """What follows from another state."""
    state = HealthState(row.state)
    bad, was_bad = state is HealthState.BAD, before is HealthState.BAD
    if bad or was_bad:
        body: dict[str, str | int] = {"state": state.value, "since": iso(row.since)}
        if row.score != NO_FIGURE:
            body["score"] = row.score
        owe(session, FAILING if bad else RECOVERED, of.id, body)
    if bad:
        worst = _worst(row)
        withhold(session, of.id, worst.message, worst.params)
    elif was_bad:
        offer_again(session, of.id)
        tell(session, "“{title}” is well again", of, row)
    if before is not None or bad:
        announce(session, HealthChanged(of.id, of.provider, state, before or HealthState.UNKNOWN))


def call(session: Session, of: Resource, row: HealthRow, parts: Sequence[Part]) -> None:
    """Call those concerned of a resource that is bad, unless it is silenced; when it is bad no
    more, let the order go."""
    if row.state != HealthState.BAD.value:
        if row.order is not None:
            with suppress(Conflict, NotFound):  # somebody has closed or cancelled it already
                close_work_order(session, row.order, note=_mended())
            row.order = None
        return
    silent = row.silent_until is not None and row.silent_until > now()
    if silent or of.state is not State.PUBLISHED or row.order is not None:
        return
    worst = _worst(row)
    title = _title(of)
    draft = WorkOrderDraft(
        category=_CATEGORIES.get(of.kind, "data"),
        title=LocalText(zh=f"资源健康状况差：{title.zh}", en=f"Not well: {title.en}"),
        text=_listed(parts),
        priority=Priority.HIGH if worst.score == 0 else Priority.NORMAL,
        source=Source(SourceKind.HEALTH, of.id),
        resource=of.id,
        party=of.provider,
    )
    row.order = open_work_order(session, draft).id
    tell(session, "“{title}” is not well: a work order is open", of, row)
    for party in users_of(session, of.id):
        notify(
            session,
            to=party,
            topic="quality",
            message="“{title}”, which you use under an agreement, is not well; its provider knows",
            params={"title": of.title},
            link=f"/resources/{of.slug}/health",
            key=f"health:{of.id}:{iso(row.since)}",
        )


def tell(session: Session, message: str, of: Resource, row: HealthRow) -> None:
    """Tell the desk of the provider, once for each time that it came into this state."""
    notify(
        session,
        to=of.provider,
        topic="quality",
        message=message,
        params={"title": of.title},
        link=f"/resources/{of.slug}/health",
        roles=_DESK,
        key=f"health:{of.id}:{row.state}:{iso(row.since)}",
    )


def _mended() -> str:
    """What the closing check notes, for readers of either language."""
    return " · ".join(
        translate(language, "the check finds nothing wrong any more") for language in LANGUAGES
    )


def _worst(row: HealthRow) -> Part:
    known = [part for part in map(part_of, row.parts) if part.score is not None]
    return min(known, key=lambda part: part.score or 0)


def _title(of: Resource) -> LocalText:
    return LocalText(zh=of.title.zh or of.title.en, en=of.title.en or of.title.zh)


def _listed(parts: Sequence[Part]) -> str:
    """The parts that are not good, in both languages, for whoever is to mend it."""
    lines = []
    for part in parts:
        if state_of(part.score) in (HealthState.BAD, HealthState.WARNING):
            chinese = translate("zh", part.message, **part.params)
            english = translate("en", part.message, **part.params)
            lines.append(f"{chinese} · {english}")
    return "\n".join(lines)
