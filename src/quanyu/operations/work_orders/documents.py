"""Work orders as JSON and as CSV, in one form for the interface, the pages and the commands."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from quanyu.kernel import Language, iso
from quanyu.operations.work_orders.csv_lines import BEGINNING, csv_line
from quanyu.operations.work_orders.model import OrderStep, Photo, WorkOrder, WorkOrderFigures
from quanyu.operations.work_orders.photos import photos_of
from quanyu.operations.work_orders.reading import work_order_steps
from quanyu.operations.work_orders.service_levels import service_levels
from quanyu.operations.work_orders.transitions import moves_of
from quanyu.parties import Caller, parties

CSV_COLUMNS = (
    "id", "category", "title", "priority", "state", "source", "resource", "thing", "lon", "lat",
    "address", "division", "raiser", "party", "opened_at", "promised_at", "due_at", "done_at",
    "closed_at", "late", "reopened", "repeats",
)  # fmt: skip


def order_document(one: WorkOrder, moment: datetime) -> dict[str, Any]:
    """An order; members of parties are not named."""
    return {
        "id": one.id,
        "category": one.category,
        "title": {"zh": one.title.zh, "en": one.title.en},
        "text": one.text,
        "priority": one.priority.value,
        "state": one.state.value,
        "source": {"kind": one.source.kind.value, "id": one.source.id},
        "resource": one.resource,
        "thing": one.thing,
        "place": {
            "lon": one.place.lon,
            "lat": one.place.lat,
            "address": one.place.address,
            "division": one.place.division,
        },
        "raiser": one.raiser,
        "party": one.party,
        "opened_at": iso(one.opened_at),
        "promised_at": iso(one.promised_at),
        "due_at": iso(one.due_at),
        "accepted_at": _iso(one.accepted_at),
        "done_at": _iso(one.done_at),
        "closed_at": _iso(one.closed_at),
        "late": one.late_at(moment),
        "escalated": one.escalated,
        "reopened": one.reopened,
        "repeats": one.repeats,
        "revision": one.revision,
    }


def whole_order_document(
    session: Session, one: WorkOrder, caller: Caller, moment: datetime
) -> dict[str, Any]:
    """An order with what happened to it, its photos, and what the caller may do now."""
    return order_document(one, moment) | {
        "steps": [step_document(step) for step in work_order_steps(session, one.id)],
        "photos": [photo_document(one.id, photo) for photo in photos_of(session, one.id)],
        "moves": [row.move.value for row in moves_of(caller, one)],
    }


def step_document(step: OrderStep) -> dict[str, Any]:
    """One step; its leaf is in the evidence log."""
    return {
        "move": step.move.value,
        "state": step.state.value,
        "at": iso(step.at),
        "party": step.party,
        "to_party": step.to_party,
        "note": step.note,
        "leaf": step.leaf,
    }


def photo_document(order: str, photo: Photo) -> dict[str, Any]:
    """One photo, with the address of its JPEG."""
    return {
        "id": photo.id,
        "href": f"/work-orders/{order}/photos/{photo.id}",
        "width": photo.width,
        "height": photo.height,
        "bytes": photo.size,
        "sha256": photo.sha256,
    }


def figures_document(one: WorkOrderFigures) -> dict[str, Any]:
    """Figures; shares are from 0 to 1."""
    return {
        "key": one.key,
        "opened": one.opened,
        "done": one.done,
        "closed": one.closed,
        "overdue": one.overdue,
        "reopened": one.reopened,
        "on_time": one.on_time,
        "repeated": one.repeated,
        "mean_hours": one.mean_hours,
    }


def orders_csv(
    session: Session, orders: Iterable[WorkOrder], moment: datetime, language: Language
) -> Iterator[bytes]:
    """The orders as CSV, parties and categories by their names."""
    names = {one.id: one.name.to(language) for one in parties(session)}
    categories = service_levels().categories
    yield BEGINNING + csv_line(CSV_COLUMNS)
    for one in orders:
        said = order_document(one, moment)
        known = categories.get(one.category)
        said |= {
            "category": known.name.to(language) if known else one.category,
            "title": one.title.to(language),
            "source": one.source.kind.value,
            "raiser": names.get(one.raiser or "", ""),
            "party": names.get(one.party or "", ""),
            **said["place"],
        }
        yield csv_line([said[name] for name in CSV_COLUMNS])


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
