"""Looking again because somebody asks, or says that it is mended: the check that raised a work
order runs again, and the order is closed or reopened with the reason.
"""

from datetime import timedelta

from quanyu.catalogue import HealthState, Resource
from quanyu.kernel import Conflict, ControlStore, NotFound, ResourceId, translate
from quanyu.operations.health.checking import check_rules
from quanyu.operations.health.figures import Looking, entry_named, health_row, put_health
from quanyu.operations.health.model import Health, state_of
from quanyu.operations.health.probing import has_files, look_at_files, probe_now, probed
from quanyu.operations.work_orders import SourceKind, WorkOrderDone, reopen_work_order
from quanyu.spacetime import Store


def recheck(
    control: ControlStore,
    store: Store,
    of: Resource,
    looking: Looking,
    *,
    every: timedelta,
    allow_private: bool = False,
) -> Health:
    """Run every check of a resource now: its rules, its service; then make its figure."""
    if has_files(of):
        look_at_files(control, store, of)
        check_rules(control, store, of)
    if probed(of):
        probe_now(control, of, every, allow_private=allow_private)
    looking.ahead(control, [of])
    with control.begin() as session:
        return put_health(session, [of], looking)[0]


def answer_done(
    control: ControlStore,
    store: Store,
    done: WorkOrderDone,
    looking: Looking,
    *,
    every: timedelta,
    allow_private: bool = False,
) -> Health | None:
    """Somebody says that a resource is mended: look, and close the order or open it again.

    ``None`` for orders that health did not raise.
    """
    if done.source.kind is not SourceKind.HEALTH:
        return None
    with control.read() as session:
        of = entry_named(session, ResourceId(done.source.id))
    if of is None:
        return None
    found = recheck(control, store, of, looking, every=every, allow_private=allow_private)
    if found.state is not HealthState.BAD:
        return found  # putting the figure has closed the order
    with control.begin() as session:
        row = health_row(session, of.id)
        if row is not None and row.order == done.work_order:
            try:
                reopen_work_order(session, done.work_order, _why(found))
            except (Conflict, NotFound):  # somebody else has dealt with it meanwhile
                return found
    return found


def _why(found: Health) -> str:
    worst = min(
        (part for part in found.parts if part.score is not None), key=lambda part: part.score or 0
    )
    lines = [translate(language, worst.message, **worst.params) for language in ("zh", "en")]
    return " · ".join(lines) if state_of(worst.score) is HealthState.BAD else lines[0]
