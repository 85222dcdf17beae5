"""Assets as JSON, in one form for the interface, the pages and the commands."""

from typing import Any

from quanyu.operations.assets.model import ENTRY_UNITS, Asset, Entry, EntryKind, Plan


def asset_document(one: Asset) -> dict[str, Any]:
    """An asset; ``id`` is that of its thing and of its object on the map."""
    return {
        "id": one.id,
        "resource": one.resource,
        "name": one.name,
        "template": one.template,
        "parent": one.parent,
        "state": one.state.value,
        "lon": one.lon,
        "lat": one.lat,
        "address": one.address,
        "division": one.division,
        "since": one.since.isoformat() if one.since else None,
        "party": one.party,
        "attributes": dict(one.attributes),
        "depth": one.depth,
        "parts": one.parts,
        "hours": one.hours,
        "revision": one.revision,
    }


def plan_document(one: Plan) -> dict[str, Any]:
    """A plan of maintenance; ``order`` is its work order that is not over."""
    return {
        "id": one.id,
        "asset": one.asset,
        "title": one.title,
        "category": one.category,
        "every_days": one.every_days,
        "every_hours": one.every_hours,
        "due_on": one.due_on.isoformat() if one.due_on else None,
        "due_hours": one.due_hours,
        "order": one.order,
    }


def entry_document(one: Entry) -> dict[str, Any]:
    """An entry, in whole units of its kind."""
    return {
        "id": one.id,
        "asset": one.asset,
        "kind": one.kind.value,
        "since": one.since.isoformat(),
        "until": one.until.isoformat(),
        "amount": one.amount,
        "unit": ENTRY_UNITS[one.kind],
        "note": one.note,
    }


def sums_document(sums: dict[tuple[int, EntryKind], int]) -> list[dict[str, Any]]:
    """Sums by year and kind, the latest year first."""
    return [
        {"year": year, "kind": kind.value, "amount": total, "unit": ENTRY_UNITS[kind]}
        for (year, kind), total in sorted(sums.items(), key=lambda one: (-one[0][0], one[0][1]))
    ]
